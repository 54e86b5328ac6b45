/* Sending: at a rate, in a closed loop, or as fast as it goes. */
#ifndef FEED_RUN_H
#define FEED_RUN_H

#include "common/progress.h"
#include "output.h"
#include "schedule.h"

enum feed_mode { FEED_RATE, FEED_CLOSED, FEED_FLOOD };

struct feed_run_options {
    enum feed_mode mode;
    size_t size_bytes;
    uint64_t events; /* for each stream; 0: no end */
    double rate;     /* messages a second on each stream */
    uint64_t burst;
    uint64_t window; /* closed loop: messages ahead of the slowest client */
    struct bench_progress *progress;
};

struct feed_run {
    struct feed_output *output;
    struct feed_run_options options;
    bool is_sending;
    uint64_t started_ns;
    uint64_t *first_seqs; /* the last one of each stream before this run */
    struct feed_schedule schedule;
    uint64_t wake_ns;  /* at a rate: the least time between two steps */
    uint64_t sleep_ns; /* closed loop: how long to wait for room next time */
    size_t turn;       /* the stream that comes first in the next step */
};

struct feed_result {
    uint64_t sent, bytes, late, last_seq;
    double seconds;
};

void feed_run_start(struct feed_run *run, struct feed_output *output, const struct feed_run_options *options);
void feed_run_stop(struct feed_run *run);

/* Sends what is to be sent now. Gives when it wants to be called again at the latest: a time that has
 * passed for "at once", UINT64_MAX for when something was read or could be written. */
uint64_t feed_run_step(struct feed_run *run);

/* All events were sent and written. */
bool feed_run_is_done(const struct feed_run *run);

struct feed_result feed_run_result(const struct feed_run *run);

#endif
