#include "commands.h"

#include "common/payload.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

enum { SIZE_MAX_BYTES = 16 << 20 };
#define RATE_MAX 1e7
#define COUNT_MAX 1e15 /* exact in a double, and far from overflow in nanoseconds */

static void answer_result(const struct feed_commands *commands)
{
    struct feed_result result = feed_run_result(&commands->run);
    const struct feed_counts *counts = &commands->output->counts;
    bench_answer("{\"sent\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"seconds\":%.6f,\"late\":%" PRIu64
                 ",\"last_seq\":%" PRIu64 ",\"overflowed\":%" PRIu64 ",\"failed\":%" PRIu64 "}",
                 result.sent, result.bytes, result.seconds, result.late, result.last_seq, counts->overflowed,
                 counts->failed);
}

/* ---- start ------------------------------------------------------------------------------------- */

static bool is_count(double number, double least)
{
    return number >= least && number <= COUNT_MAX && number == (double)(uint64_t)number;
}

/* Reads a whole number of at least `least` (or the default 0, for "absent"). False: answered with an
 * error. */
static bool read_count(struct bench_command *command, const char *key, double by_default, double least,
                       uint64_t *ret_count)
{
    bool is_bad = false;
    double number = bench_command_number(command, key, by_default, &is_bad);
    if (is_bad)
        return false;
    if (!is_count(number, number == by_default ? 0 : least)) {
        bench_answer_error("%s is no whole number of at least %g", key, least);
        return false;
    }
    *ret_count = (uint64_t)number;
    return true;
}

static bool read_mode(struct bench_command *command, struct feed_run_options *options)
{
    uint64_t flood;
    bool is_bad = false;
    options->rate = bench_command_number(command, "rate", 0, &is_bad);
    if (is_bad || !read_count(command, "closed", 0, 1, &options->window) ||
        !read_count(command, "flood", 0, 1, &flood))
        return false;
    if (options->rate < 0 || options->rate > RATE_MAX) {
        bench_answer_error("rate is below 0 or above %g", RATE_MAX);
        return false;
    }
    if ((options->rate > 0) + (options->window > 0) + (flood > 0) != 1) {
        bench_answer_error("start takes one of rate=, closed= and flood=1");
        return false;
    }
    options->mode = options->rate > 0 ? FEED_RATE : options->window > 0 ? FEED_CLOSED : FEED_FLOOD;
    return true;
}

static bool read_options(struct bench_command *command, struct feed_run_options *options)
{
    uint64_t size_bytes;
    if (!read_mode(command, options) ||
        !read_count(command, "size", 200, BENCH_PAYLOAD_MIN_BYTES, &size_bytes) ||
        !read_count(command, "events", 0, 1, &options->events) ||
        (options->mode == FEED_RATE && !read_count(command, "burst", 1, 1, &options->burst)))
        return false;
    if (size_bytes > SIZE_MAX_BYTES) {
        bench_answer_error("size is above %d", SIZE_MAX_BYTES);
        return false;
    }
    options->size_bytes = (size_t)size_bytes;
    return true;
}

static bool open_progress(const char *path, struct feed_run_options *options)
{
    options->progress = path ? bench_progress_open(path) : NULL;
    if (options->progress)
        return true;
    bench_answer_error("progress=%s: %s", path ? path : "", path ? strerror(errno) : "it is needed");
    return false;
}

static void start(struct feed_commands *commands, struct bench_command *command)
{
    struct feed_run_options options = { .burst = 1 };
    if (!read_options(command, &options))
        return;
    const char *path = options.mode == FEED_CLOSED ? bench_command_text(command, "progress", NULL) : NULL;
    if (bench_command_has_unknown(command))
        return;
    if (commands->run.is_sending) {
        bench_answer_error("it is sending; stop it first");
        return;
    }
    if (options.mode == FEED_CLOSED && !open_progress(path, &options))
        return;
    feed_run_start(&commands->run, commands->output, &options);
    bench_answer("{}");
}

/* ---- the others -------------------------------------------------------------------------------- */

static void wait_for_end(struct feed_commands *commands)
{
    if (commands->run.is_sending && commands->run.options.events == 0) {
        bench_answer_error("it would wait forever: start had no events=");
        return;
    }
    commands->is_waiting = true;
    feed_commands_check_wait(commands);
}

static void execute(struct feed_commands *commands, struct bench_command *command)
{
    const char *name = command->name;
    if (strcmp(name, "start") == 0) {
        start(commands, command);
    } else if (bench_command_has_unknown(command)) {
        return;
    } else if (strcmp(name, "connections") == 0) {
        bench_answer("{\"connections\":%zu}", commands->output->ops->connection_count(commands->output));
    } else if (strcmp(name, "status") == 0) {
        answer_result(commands);
    } else if (strcmp(name, "stop") == 0) {
        feed_run_stop(&commands->run);
        answer_result(commands);
    } else if (strcmp(name, "wait") == 0) {
        wait_for_end(commands);
    } else {
        bench_answer_error("no such command: %s", name);
    }
}

void feed_commands_read(struct feed_commands *commands)
{
    struct bench_command command;
    while (!commands->is_waiting && !commands->is_ended) {
        int result = bench_command_next(&commands->reader, &command);
        if (result == 0)
            return;
        if (result > 0)
            execute(commands, &command);
        else
            commands->is_ended = true;
    }
}

/* True: whoever gave the commands has gone and left none. */
static bool is_abandoned(const struct feed_commands *commands)
{
    int fd = commands->reader.fd, unread = 0;
    struct pollfd state = { .fd = fd, .events = POLLRDHUP };
    return commands->reader.length == 0 && poll(&state, 1, 0) > 0 && state.revents & (POLLHUP | POLLRDHUP) &&
           (ioctl(fd, FIONREAD, &unread) != 0 || unread == 0);
}

void feed_commands_check_wait(struct feed_commands *commands)
{
    if (!commands->is_waiting)
        return;
    if (feed_run_is_done(&commands->run)) {
        answer_result(commands);
        commands->is_waiting = false;
    } else if (is_abandoned(commands)) {
        commands->is_ended = true;
    }
}
