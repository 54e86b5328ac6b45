/* When bursts are due. One sequence for all streams: burst n is for stream n % streams, so that the
 * streams' bursts are spread evenly over the time between two bursts of one stream. */
#ifndef FEED_SCHEDULE_H
#define FEED_SCHEDULE_H

#include <stddef.h>
#include <stdint.h>

struct feed_schedule {
    uint64_t origin_ns; /* when burst 0 was due; moves when time is skipped */
    double step_ns;     /* from one burst to the next, of whatever stream */
    uint64_t next;      /* number of the burst that comes next */
    uint64_t debt_ns;   /* what is late by as much is not caught up with */
    uint64_t late_ns;   /* what is late by more counts as late */
    uint64_t late_count;
};

/* interval_ns: between two bursts of one stream. */
void feed_schedule_start(struct feed_schedule *schedule, uint64_t now_ns, double interval_ns,
                         size_t stream_count);

/* The number of bursts that are due and not taken; time that cannot be caught up with is skipped. */
uint64_t feed_schedule_due(struct feed_schedule *schedule, uint64_t now_ns);

/* So many that are due are sent now. */
void feed_schedule_take(struct feed_schedule *schedule, uint64_t count, uint64_t now_ns);

uint64_t feed_schedule_next_ns(const struct feed_schedule *schedule);

#endif
