/* `tidegate jq-filter`: the process in which a filter runs, from inside. It answers what jq_frame.h says, and ends when
 * the socket is closed. Whatever a filter does can only hurt this process, which has little to hurt itself with.
 *
 *     gives up     environment, files, core dumps, new privileges, its standard error (jq has a function for it)
 *     limits       memory; time by a timer, in case there is no parent any more to end it
 *
 * Messages are read by the block, and their answers sent when there is none left to be read. A message that takes long
 * does not keep back the answers before it, nor does one that ends the process: a timer sends them each millisecond, the
 * handler of a fatal signal at the end. So the first message that has no answer is the one that is being run. */
#include "jq_frame.h"
#include "jq_program.h"
#include "tidegate/translate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    MEMORY_MAX_BYTES = 512 << 20,
    KEEP_BYTES = 1 << 20,    /* a larger buffer is given back after its message */
    BLOCK_BYTES = 64 * 1024, /* read or sent at a time */
    TICK_US = 1000,
    GRACE_NS = 2000 * 1000 * 1000, /* after the parent should have ended it */
};

/* ---- what the process gives up ----------------------------------------------------------------- */

static void limit(__rlimit_resource_t resource, rlim_t most)
{
    struct rlimit now;
    if (getrlimit(resource, &now) == 0 && now.rlim_max < most)
        most = now.rlim_max;
    setrlimit(resource, &(struct rlimit){ most, most });
}

/* When the machine is out of memory, this is the process to end. */
static void volunteer_for_oom(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t ignored = write(fd, "1000", 4);
    (void)ignored;
    close(fd);
}

static void give_up_rights(void)
{
    static char *no_variables[] = { NULL }; /* jq cannot cope with none at all, as after clearenv() */
    environ = no_variables;
    prctl(PR_SET_NAME, "tidegate-jq");
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    volunteer_for_oom();
    tzset(); /* while its file can be read */

    /* Sent to all processes of a service or a terminal; but Tidegate drains, and needs the filter until it closes the
     * socket. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);

    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NOFILE, TG_JQ_DESCRIPTOR + 1);
#if !TG_HAS_SHADOW_MEMORY
    limit(RLIMIT_AS, MEMORY_MAX_BYTES);
#endif
    dup2(STDOUT_FILENO, STDERR_FILENO); /* which is /dev/null */
}

/* ---- answers ----------------------------------------------------------------------------------- */

/* What is complete, and not yet sent. The handlers of signals send from it, too, but for the time when it is just being
 * sent by others. */
static struct {
    char bytes[BLOCK_BYTES];
    volatile size_t length, sent;
    volatile sig_atomic_t is_sending;
    uint64_t limit_ns;            /* for a message */
    volatile uint64_t started_ns; /* the message at hand; 0: none */
} answers;

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Within a handler of a signal. */
static void send_some(int flags)
{
    while (!answers.is_sending && answers.sent < answers.length) {
        ssize_t count = send(TG_JQ_DESCRIPTOR, answers.bytes + answers.sent, answers.length - answers.sent,
                             MSG_NOSIGNAL | flags);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return;
        answers.sent += (size_t)count;
    }
}

static void on_tick(int number)
{
    int error = errno;

    (void)number;
    send_some(MSG_DONTWAIT);
    if (answers.started_ns != 0 && now_ns() - answers.started_ns > answers.limit_ns)
        _exit(EXIT_FAILURE);
    errno = error;
}

/* A bug, of jq's most likely. */
static void on_fatal(int number)
{
    (void)number;
    send_some(0);
    _exit(EXIT_FAILURE);
}

static void handle_signals(void)
{
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
    static char stack[BLOCK_BYTES]; /* a filter may have used up the other */

    sigaltstack(&(stack_t){ .ss_sp = stack, .ss_size = sizeof(stack) }, NULL);
    for (size_t i = 0; i < TG_COUNT_OF(fatal); i++)
        sigaction(fatal[i],
                  &(struct sigaction){ .sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND | SA_ONSTACK },
                  NULL);
    sigaction(SIGALRM, &(struct sigaction){ .sa_handler = on_tick, .sa_flags = SA_RESTART }, NULL);
}

static void set_ticks(bool is_on)
{
    static bool was_on;
    const struct timeval every = { .tv_usec = is_on ? TICK_US : 0 };

    if (was_on == is_on)
        return;
    was_on = is_on;
    setitimer(ITIMER_REAL, &(struct itimerval){ every, every }, NULL);
}

static bool write_all(const char *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t count = send(TG_JQ_DESCRIPTOR, bytes + at, length - at, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR)
            return false;
        at += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool flush(void)
{
    answers.is_sending = 1;
    bool is_sent = write_all(answers.bytes + answers.sent, answers.length - answers.sent);
    answers.sent = answers.length = 0;
    answers.is_sending = 0;
    return is_sent;
}

static void append(const void *bytes, size_t length)
{
    if (length > 0)
        memcpy(answers.bytes + answers.length, bytes, length);
    atomic_signal_fence(memory_order_release);
    answers.length += length;
}

static bool answer(enum tg_jq_kind kind, struct tg_str bytes)
{
    struct tg_jq_head head = { .kind = kind, .length = (uint32_t)bytes.length };
    bool is_long = sizeof(head) + bytes.length > BLOCK_BYTES;

    if (sizeof(head) + bytes.length > BLOCK_BYTES - answers.length && !flush())
        return false;
    if (is_long)
        return write_all((const char *)&head, sizeof(head)) && write_all(bytes.data, bytes.length);
    append(&head, sizeof(head));
    append(bytes.data, bytes.length);
    return true;
}

/* jq cannot go on from here. */
static void end_without_memory(void)
{
    if (answer(TG_JQ_MEMORY, TG_STR("")))
        flush();
    _exit(EXIT_FAILURE);
}

/* ---- messages ---------------------------------------------------------------------------------- */

/* What has been read, from `at` on. */
static struct tg_buffer input;
static size_t input_at;

/* Answers go out before there is a wait. False: the other side is gone. */
static bool read_block(size_t wanted)
{
    if (!flush())
        return false;
    set_ticks(false);
    tg_buffer_consume(&input, input_at);
    input_at = 0;
    if (input.length == 0 && input.capacity > KEEP_BYTES)
        tg_buffer_deinit(&input);
    if (tg_buffer_reserve(&input, wanted > BLOCK_BYTES ? wanted : BLOCK_BYTES))
        end_without_memory();
    ssize_t count;
    while ((count = read(TG_JQ_DESCRIPTOR, input.data + input.length, input.capacity - input.length - 1)) <
               0 &&
           errno == EINTR)
        ;
    input.length += count > 0 ? (size_t)count : 0;
    return count > 0;
}

/* A frame of this kind; false: the other side is gone, or is no Tidegate. */
static bool read_frame(enum tg_jq_kind kind, size_t max_bytes, struct tg_str *ret_bytes)
{
    struct tg_jq_head head;

    while (input.length - input_at < sizeof(head))
        if (!read_block(0))
            return false;
    memcpy(&head, input.data + input_at, sizeof(head));
    if (head.kind != (uint32_t)kind || head.length > max_bytes)
        return false;
    while (input.length - input_at < sizeof(head) + head.length)
        if (!read_block(sizeof(head) + head.length))
            return false;
    *ret_bytes = (struct tg_str){ input.data + input_at + sizeof(head), head.length };
    input_at += sizeof(head) + head.length;
    return true;
}

/* The byte behind it, which may be the next message's, is a NUL meanwhile. */
static enum tg_err run(struct tg_jq_program *program, const struct tg_jq_limits *limits, struct tg_str json,
                       struct tg_buffer *out)
{
    char *end = input.data + input_at, behind = *end;

    tg_buffer_clear(out);
    *end = '\0';
    answers.started_ns = now_ns();
    set_ticks(true);
    enum tg_err err = tg_jq_program_run(program, json, (size_t)limits->max_output_bytes, out);
    answers.started_ns = 0;
    *end = behind;
    return err;
}

static bool answer_message(struct tg_jq_program *program, const struct tg_jq_limits *limits,
                           struct tg_str json, struct tg_buffer *out)
{
    switch (run(program, limits, json, out)) {
    case TG_OK:
        return answer(TG_JQ_DONE, tg_buffer_view(out));
    case TG_ERR_INVALID:
        return answer(TG_JQ_INVALID, TG_STR(""));
    case TG_ERR_TOO_LARGE:
        return answer(TG_JQ_TOO_LARGE, TG_STR(""));
    default:
        end_without_memory();
        return false;
    }
}

static void converse(struct tg_jq_program *program, const struct tg_jq_limits *limits)
{
    struct tg_buffer out = { 0 };
    struct tg_str json;

    while (read_frame(TG_JQ_MESSAGE, TG_JQ_MESSAGE_MAX_BYTES, &json) &&
           answer_message(program, limits, json, &out))
        if (out.capacity > KEEP_BYTES)
            tg_buffer_deinit(&out);
    tg_buffer_deinit(&out);
}

static enum tg_err read_hello(struct tg_jq_limits *ret_limits, struct tg_buffer *ret_filter)
{
    struct tg_str hello;

    if (!read_frame(TG_JQ_HELLO, sizeof(*ret_limits) + TG_JQ_FILTER_MAX_BYTES, &hello) ||
        hello.length < sizeof(*ret_limits))
        return TG_ERR_PROTOCOL;
    memcpy(ret_limits, hello.data, sizeof(*ret_limits));
    answers.limit_ns = ret_limits->timeout_ms * 1000000 + GRACE_NS;
    return tg_buffer_append(ret_filter, hello.data + sizeof(*ret_limits), hello.length - sizeof(*ret_limits));
}

int tg_jq_filter_main(void)
{
    int type = 0;
    socklen_t length = sizeof(type);
    if (getsockopt(TG_JQ_DESCRIPTOR, SOL_SOCKET, SO_TYPE, &type, &length) < 0) {
        fputs("tidegate jq-filter: only Tidegate itself can use this command\n", stderr);
        return EXIT_FAILURE;
    }
    give_up_rights();
    handle_signals();
    struct tg_jq_limits limits;
    struct tg_buffer filter = { 0 }, error = { 0 };
    struct tg_jq_program *program = NULL;
    int code = EXIT_FAILURE;
    if (!read_hello(&limits, &filter)) {
        enum tg_err err =
            tg_jq_program_new(tg_text_or_empty(filter.data), end_without_memory, &program, &error);
        if (err)
            answer(TG_JQ_INVALID, (struct tg_str){ error.data, error.length < TG_JQ_ERROR_MAX_BYTES
                                                                   ? error.length
                                                                   : TG_JQ_ERROR_MAX_BYTES });
        else if (answer(TG_JQ_DONE, TG_STR("")))
            converse(program, &limits);
        flush();
        code = EXIT_SUCCESS;
    }
    tg_jq_program_free(program);
    tg_buffer_deinit(&filter);
    tg_buffer_deinit(&input);
    tg_buffer_deinit(&error);
    return code;
}
