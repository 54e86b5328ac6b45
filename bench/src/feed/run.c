#include "run.h"

#include "common/clock.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* Between two wake-ups at a rate: what falls due is sent together, but of one stream a single burst as
     * long as possible. */
    WAKE_MIN_NS = 100000,
    WAKE_MAX_NS = 1000000,
    /* Closed loop, while there is no room: short at first, then long enough not to take a core. */
    SLEEP_MIN_NS = 20000,
    SLEEP_MAX_NS = 400000,
};

static uint64_t least_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void feed_run_start(struct feed_run *run, struct feed_output *output, const struct feed_run_options *options)
{
    size_t seqs_bytes = output->stream_count * sizeof(*run->first_seqs);
    run->first_seqs = feed_realloc(run->first_seqs, seqs_bytes);
    memcpy(run->first_seqs, output->last_seqs, seqs_bytes);
    run->output = output;
    run->options = *options;
    run->is_sending = true;
    run->turn = 0;
    output->size_bytes = options->size_bytes;
    output->has_batch_time = options->mode == FEED_FLOOD;
    output->counts = (struct feed_counts){ 0 };
    output->ops->start(output);
    run->started_ns = bench_now_ns();
    run->schedule = (struct feed_schedule){ 0 };
    run->sleep_ns = SLEEP_MIN_NS;
    if (options->mode != FEED_RATE)
        return;
    double interval_ns = (double)BENCH_NS_PER_S * (double)options->burst / options->rate;
    run->wake_ns = interval_ns < WAKE_MIN_NS   ? WAKE_MIN_NS
                   : interval_ns > WAKE_MAX_NS ? WAKE_MAX_NS
                                               : (uint64_t)interval_ns;
    feed_schedule_start(&run->schedule, run->started_ns, interval_ns, output->stream_count);
}

void feed_run_stop(struct feed_run *run)
{
    if (run->is_sending)
        run->output->ops->stop(run->output);
    run->is_sending = false;
}

/* ---- at a rate --------------------------------------------------------------------------------- */

/* How many messages `bursts` bursts have for one stream, beginning with its burst `first`. */
static uint64_t count_messages(const struct feed_run_options *options, uint64_t first, uint64_t bursts)
{
    uint64_t before = first * options->burst, count = bursts * options->burst;
    if (options->events == 0)
        return count;
    return before < options->events ? least_of(count, options->events - before) : 0;
}

static void send_due(struct feed_run *run, uint64_t due)
{
    struct feed_output *output = run->output;
    uint64_t stream_count = output->stream_count, first = run->schedule.next;
    for (uint64_t i = 0; i < least_of(due, stream_count); i++) {
        uint64_t bursts = (due - i + stream_count - 1) / stream_count;
        uint64_t count = count_messages(&run->options, (first + i) / stream_count, bursts);
        if (count > 0)
            output->ops->send(output, (first + i) % stream_count, count);
    }
}

static uint64_t step_rate(struct feed_run *run)
{
    uint64_t now_ns = bench_now_ns();
    if (run->output->ops->is_busy(run->output))
        return UINT64_MAX;
    uint64_t due = feed_schedule_due(&run->schedule, now_ns);
    if (run->options.events > 0) {
        uint64_t bursts = (run->options.events + run->options.burst - 1) / run->options.burst;
        uint64_t left = bursts * run->output->stream_count - run->schedule.next;
        due = least_of(due, left);
        run->is_sending = due < left;
    }
    send_due(run, due);
    feed_schedule_take(&run->schedule, due, now_ns);
    if (!run->is_sending)
        return UINT64_MAX;
    uint64_t next_ns = feed_schedule_next_ns(&run->schedule);
    return next_ns > now_ns + run->wake_ns ? next_ns : now_ns + run->wake_ns;
}

/* ---- closed loop and flood --------------------------------------------------------------------- */

/* Sends what each stream takes of `allowed` messages since the start of the run. True: something was sent. */
static bool send_where_room_is(struct feed_run *run, uint64_t allowed)
{
    struct feed_output *output = run->output;
    size_t stream_count = output->stream_count;
    bool is_complete = true, has_sent = false;
    uint64_t end = run->options.events > 0 ? run->options.events : UINT64_MAX;
    for (size_t i = 0; i < stream_count; i++) {
        size_t stream = (run->turn + i) % stream_count;
        uint64_t done = output->last_seqs[stream] - run->first_seqs[stream];
        uint64_t wanted = least_of(allowed, end);
        uint64_t count = done < wanted ? least_of(output->ops->room(output, stream), wanted - done) : 0;
        if (count > 0) {
            output->ops->send(output, stream, count);
            has_sent = true;
        }
        is_complete = is_complete && done + count == end;
    }
    run->turn = (run->turn + 1) % stream_count;
    run->is_sending = !is_complete;
    return has_sent;
}

static uint64_t step_closed(struct feed_run *run)
{
    uint64_t least = bench_progress_least(run->options.progress);
    if (least != BENCH_PROGRESS_UNUSED) {
        /* Clients that have seen nothing of this run are where it began. All streams are at about the same
         * number. */
        uint64_t first = run->first_seqs[0];
        uint64_t behind = least > first ? least - first : 0;
        if (send_where_room_is(run, behind + run->options.window)) {
            run->sleep_ns = SLEEP_MIN_NS;
            return 0;
        }
    }
    uint64_t sleep_ns = run->sleep_ns;
    run->sleep_ns = least_of(2 * sleep_ns, SLEEP_MAX_NS);
    return bench_now_ns() + sleep_ns;
}

static uint64_t step_flood(struct feed_run *run)
{
    return send_where_room_is(run, UINT64_MAX) ? 0 : UINT64_MAX;
}

uint64_t feed_run_step(struct feed_run *run)
{
    if (!run->is_sending)
        return UINT64_MAX;
    switch (run->options.mode) {
    case FEED_RATE:
        return step_rate(run);
    case FEED_CLOSED:
        return step_closed(run);
    case FEED_FLOOD:
    default:
        return step_flood(run);
    }
}

/* ---- what it came to --------------------------------------------------------------------------- */

bool feed_run_is_done(const struct feed_run *run)
{
    return !run->is_sending && run->output->ops->is_written(run->output);
}

struct feed_result feed_run_result(const struct feed_run *run)
{
    const struct feed_output *output = run->output;
    struct feed_result result = {
        .sent = output->counts.sent,
        .bytes = output->counts.bytes,
        .late = run->schedule.late_count * run->options.burst,
        .last_seq = output->last_seqs[0],
    };
    if (output->counts.last_ns > run->started_ns)
        result.seconds = (double)(output->counts.last_ns - run->started_ns) / (double)BENCH_NS_PER_S;
    return result;
}
