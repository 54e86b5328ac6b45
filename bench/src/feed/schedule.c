#include "schedule.h"

enum {
    DEBT_MIN_NS = 10000000, /* at high rates being off the CPU for a moment must not cost messages */
    LATE_MIN_NS = 1000000,
};

static uint64_t due_ns(const struct feed_schedule *schedule, uint64_t burst)
{
    return schedule->origin_ns + (uint64_t)((double)burst * schedule->step_ns);
}

/* How many of the bursts that are not taken are due at this time. */
static uint64_t count_due(const struct feed_schedule *schedule, uint64_t at_ns)
{
    if (at_ns < due_ns(schedule, schedule->next))
        return 0;
    uint64_t last = (uint64_t)((double)(at_ns - schedule->origin_ns) / schedule->step_ns);
    return last < schedule->next ? 1 : last + 1 - schedule->next;
}

void feed_schedule_start(struct feed_schedule *schedule, uint64_t now_ns, double interval_ns,
                         size_t stream_count)
{
    *schedule = (struct feed_schedule){
        .origin_ns = now_ns,
        .step_ns = interval_ns / (double)stream_count,
        /* Of each stream: the burst that is due now and the one before it. */
        .debt_ns = 2 * interval_ns > DEBT_MIN_NS ? (uint64_t)(2 * interval_ns) : DEBT_MIN_NS,
        .late_ns = interval_ns > LATE_MIN_NS ? (uint64_t)interval_ns : LATE_MIN_NS,
    };
}

uint64_t feed_schedule_due(struct feed_schedule *schedule, uint64_t now_ns)
{
    uint64_t next_ns = due_ns(schedule, schedule->next);
    if (now_ns < next_ns)
        return 0;
    uint64_t lag_ns = now_ns - next_ns;
    if (lag_ns >= schedule->debt_ns) {
        uint64_t missed = (uint64_t)((double)(lag_ns - schedule->debt_ns) / schedule->step_ns) + 1;
        schedule->late_count += missed;
        schedule->origin_ns += (uint64_t)((double)missed * schedule->step_ns);
    }
    return count_due(schedule, now_ns);
}

void feed_schedule_take(struct feed_schedule *schedule, uint64_t count, uint64_t now_ns)
{
    uint64_t late = now_ns > schedule->late_ns ? count_due(schedule, now_ns - schedule->late_ns) : 0;
    schedule->late_count += late < count ? late : count;
    schedule->next += count;
}

uint64_t feed_schedule_next_ns(const struct feed_schedule *schedule)
{
    return due_ns(schedule, schedule->next);
}
