/* The process of a jq filter, from outside: see jq_process.h. */
#include "jq_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
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

void tg_jq_process_end(struct tg_jq_process *process)
{
    if (process->pid == 0)
        return;
    close(process->socket);
    kill(process->pid, SIGKILL);
    while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    *process = (struct tg_jq_process){ 0 };
}

/* ---- the socket -------------------------------------------------------------------------------- */

bool tg_jq_process_is_silent(const struct tg_jq_process *process)
{
    char byte;
    return process->pid != 0 && recv(process->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           (errno == EAGAIN || errno == EINTR);
}

/* TG_OK also when the other side is gone: the call that follows will tell. */
static enum tg_err wait_for(int socket, short events, uint64_t deadline_ms)
{
    enum { POLL_MAX_MS = 60 * 1000 };
    for (;;) {
        uint64_t now_ms = tg_clock_now_ms();
        uint64_t left_ms = deadline_ms > now_ms ? deadline_ms - now_ms : 0;
        struct pollfd look = { .fd = socket, .events = events };
        int count = poll(&look, 1, left_ms < POLL_MAX_MS ? (int)left_ms : POLL_MAX_MS);
        if (count > 0)
            return TG_OK;
        if (count < 0 && errno != EINTR)
            return TG_ERR_IO;
        if (left_ms == 0)
            return TG_ERR_TIMEOUT;
    }
}

static void skip(struct iovec *parts, size_t count, size_t length)
{
    for (size_t i = 0; i < count && length > 0; i++) {
        size_t step = length < parts[i].iov_len ? length : parts[i].iov_len;
        if (step > 0)
            parts[i].iov_base = (char *)parts[i].iov_base + step;
        parts[i].iov_len -= step;
        length -= step;
    }
}

enum tg_err tg_jq_process_send(const struct tg_jq_process *process, enum tg_jq_kind kind, struct tg_str first,
                               struct tg_str second, uint64_t deadline_ms)
{
    struct tg_jq_head head = { .kind = kind, .length = (uint32_t)(first.length + second.length) };
    struct iovec parts[] = { { &head, sizeof(head) },
                             { (void *)(uintptr_t)first.data, first.length },
                             { (void *)(uintptr_t)second.data, second.length } };
    for (size_t left = sizeof(head) + head.length; left > 0;) {
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = TG_COUNT_OF(parts) };
        ssize_t sent = sendmsg(process->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            skip(parts, TG_COUNT_OF(parts), (size_t)sent);
            left -= (size_t)sent;
        } else if (errno == EAGAIN) {
            enum tg_err err = wait_for(process->socket, POLLOUT, deadline_ms);
            if (err)
                return err;
        } else if (errno != EINTR) {
            return TG_ERR_IO;
        }
    }
    return TG_OK;
}

enum tg_err tg_jq_process_wait(const struct tg_jq_process *process, uint64_t deadline_ms)
{
    return wait_for(process->socket, POLLIN, deadline_ms);
}

static enum tg_err receive_all(int socket, void *bytes, size_t length, uint64_t deadline_ms)
{
    for (size_t at = 0; at < length;) {
        enum tg_err err = wait_for(socket, POLLIN, deadline_ms);
        if (err)
            return err;
        ssize_t count = recv(socket, (char *)bytes + at, length - at, MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
            return TG_ERR_IO;
        at += count > 0 ? (size_t)count : 0;
    }
    return TG_OK;
}

enum tg_err tg_jq_process_receive(const struct tg_jq_process *process, size_t max_bytes,
                                  enum tg_jq_kind *ret_kind, struct tg_buffer *out, uint64_t deadline_ms)
{
    struct tg_jq_head head;
    enum tg_err err = receive_all(process->socket, &head, sizeof(head), deadline_ms);
    if (err)
        return err;
    if (head.length > max_bytes)
        return TG_ERR_IO;
    if (head.length > 0) {
        err = tg_buffer_reserve(out, head.length);
        if (!err)
            err = receive_all(process->socket, out->data + out->length, head.length, deadline_ms);
        if (!err)
            out->length += head.length;
        if (out->data)
            out->data[out->length] = '\0';
        if (err)
            return err;
    }
    *ret_kind = (enum tg_jq_kind)head.kind;
    return TG_OK;
}
