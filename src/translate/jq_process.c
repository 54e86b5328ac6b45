/* The process of a jq filter, from outside: see jq_process.h. */
#include "jq_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- start and end ----------------------------------------------------------------------------- */

/* Its end of the socket goes first: `theirs` may be one of the numbers that are opened after it. */
static int add_descriptors(posix_spawn_file_actions_t *actions, int theirs)
{
    int error = posix_spawn_file_actions_adddup2(actions, theirs, TG_JQ_DESCRIPTOR);
    if (!error)
        error = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (!error)
        error = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!error) /* libraries do not set close-on-exec everywhere */
        error = posix_spawn_file_actions_addclosefrom_np(actions, TG_JQ_DESCRIPTOR + 1);
    return error;
}

static int set_signals(posix_spawnattr_t *attributes)
{
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    int error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error)
        error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error)
        error = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    return error;
}

static int spawn(const char *program, int theirs, pid_t *ret_pid)
{
    char name[] = "tidegate", command[] = "jq-filter", variable[] = TG_JQ_VARIABLE "=1";
    char *arguments[] = { name, command, NULL }, *environment[] = { variable, NULL };
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error)
        return error;
    posix_spawnattr_t attributes;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = add_descriptors(&actions, theirs);
        if (!error)
            error = set_signals(&attributes);
        if (!error)
            error = posix_spawn(ret_pid, program, &actions, &attributes, arguments, environment);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

enum tg_err tg_jq_process_start(const char *program, struct tg_jq_process *ret_process)
{
    if (getenv(TG_JQ_VARIABLE)) {
        errno = ELOOP;
        return TG_ERR_IO;
    }
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return TG_ERR_IO;
    pid_t pid = 0;
    int error = spawn(program, ends[1], &pid);
    close(ends[1]);
    if (error) {
        close(ends[0]);
        errno = error;
        return TG_ERR_IO;
    }
    *ret_process = (struct tg_jq_process){ .pid = pid, .socket = ends[0] };
    return TG_OK;
}

bool tg_jq_process_reap(pid_t pid, bool may_wait)
{
    pid_t found;

    while ((found = waitpid(pid, NULL, may_wait ? 0 : WNOHANG)) < 0 && errno == EINTR)
        ;
    return found != 0;
}

bool tg_jq_process_end(struct tg_jq_process *process)
{
    if (process->socket >= 0)
        close(process->socket);
    process->socket = -1;
    kill(process->pid, SIGKILL);
    return tg_jq_process_reap(process->pid, false);
}
