/* `tidegate jq-filter`: the process in which a filter runs, from inside. It answers what jq_frame.h says, and ends when
 * the socket is closed. Whatever a filter does can only hurt this process, which has little to hurt itself with.
 *
 *     gives up     environment, files, core dumps, new privileges, its standard error (jq has a function for it)
 *     limits       memory; time by an alarm, in case there is no parent any more to end it */
#include "jq_frame.h"
#include "jq_program.h"
#include "tidegate/translate.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    MEMORY_MAX_BYTES = 512 << 20,
    KEEP_BYTES = 1 << 20, /* a larger buffer is given back after its message */
    ALARM_GRACE_S = 2,    /* after the parent should have ended it */
    ALARM_MAX_S = 24 * 3600,
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

static void set_alarm(uint64_t timeout_ms)
{
    uint64_t seconds = timeout_ms / 1000 + ALARM_GRACE_S;
    alarm(seconds < ALARM_MAX_S ? (unsigned)seconds : ALARM_MAX_S);
}

/* ---- the socket -------------------------------------------------------------------------------- */

static bool read_all(void *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t count = read(TG_JQ_DESCRIPTOR, (char *)bytes + at, length - at);
        if (count == 0 || (count < 0 && errno != EINTR))
            return false;
        at += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool write_all(const void *bytes, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t count = send(TG_JQ_DESCRIPTOR, (const char *)bytes + at, length - at, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR)
            return false;
        at += count > 0 ? (size_t)count : 0;
    }
    return true;
}

static bool answer(enum tg_jq_kind kind, struct tg_str bytes)
{
    struct tg_jq_head head = { .kind = kind, .length = (uint32_t)bytes.length };
    return write_all(&head, sizeof(head)) && write_all(bytes.data, bytes.length);
}

/* jq cannot go on from here. */
static void end_without_memory(void)
{
    answer(TG_JQ_MEMORY, TG_STR(""));
    _exit(EXIT_FAILURE);
}

/* A frame of this kind; false: the other side is gone, or is no Tidegate. */
static bool read_frame(enum tg_jq_kind kind, size_t max_bytes, struct tg_buffer *ret_bytes)
{
    struct tg_jq_head head;
    if (!read_all(&head, sizeof(head)) || head.kind != (uint32_t)kind || head.length > max_bytes)
        return false;
    tg_buffer_clear(ret_bytes);
    if (tg_buffer_reserve(ret_bytes, head.length))
        end_without_memory();
    if (!read_all(ret_bytes->data, head.length))
        return false;
    ret_bytes->length = head.length;
    ret_bytes->data[head.length] = '\0';
    return true;
}

/* ---- the conversation -------------------------------------------------------------------------- */

static void give_back(struct tg_buffer *buffer)
{
    if (buffer->capacity > KEEP_BYTES)
        tg_buffer_deinit(buffer);
}

static bool answer_message(struct tg_jq_program *program, const struct tg_jq_limits *limits,
                           struct tg_str json, struct tg_buffer *out)
{
    tg_buffer_clear(out);
    set_alarm(limits->timeout_ms);
    enum tg_err err = tg_jq_program_run(program, json, (size_t)limits->max_output_bytes, out);
    alarm(0);
    switch (err) {
    case TG_OK:
        return answer(TG_JQ_DONE, (struct tg_str){ out->data, out->length });
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
    struct tg_buffer json = { 0 }, out = { 0 };
    while (read_frame(TG_JQ_MESSAGE, TG_JQ_MESSAGE_MAX_BYTES, &json) &&
           answer_message(program, limits, (struct tg_str){ json.data, json.length }, &out)) {
        give_back(&json);
        give_back(&out);
    }
    tg_buffer_deinit(&json);
    tg_buffer_deinit(&out);
}

static enum tg_err read_hello(struct tg_jq_limits *ret_limits, struct tg_buffer *ret_filter)
{
    if (!read_frame(TG_JQ_HELLO, sizeof(*ret_limits) + TG_JQ_FILTER_MAX_BYTES, ret_filter) ||
        ret_filter->length < sizeof(*ret_limits))
        return TG_ERR_PROTOCOL;
    memcpy(ret_limits, ret_filter->data, sizeof(*ret_limits));
    tg_buffer_consume(ret_filter, sizeof(*ret_limits));
    return TG_OK;
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
    struct tg_jq_limits limits;
    struct tg_buffer filter = { 0 }, error = { 0 };
    struct tg_jq_program *program = NULL;
    int code = EXIT_FAILURE;
    if (!read_hello(&limits, &filter)) {
        enum tg_err err = tg_jq_program_new(filter.data, end_without_memory, &program, &error);
        if (err)
            answer(TG_JQ_INVALID, (struct tg_str){ error.data, error.length < TG_JQ_ERROR_MAX_BYTES
                                                                   ? error.length
                                                                   : TG_JQ_ERROR_MAX_BYTES });
        else if (answer(TG_JQ_DONE, TG_STR("")))
            converse(program, &limits);
        code = EXIT_SUCCESS;
    }
    tg_jq_program_free(program);
    tg_buffer_deinit(&filter);
    tg_buffer_deinit(&error);
    return code;
}
