/* What is counted, and what is checked about the numbers of a stream's events. */
#ifndef LOAD_STATS_H
#define LOAD_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/histogram.h"

struct load_track {  /* embedded in each client */
    uint64_t seq;    /* of the last event; 0: none yet */
    bool is_started; /* since the last reset: the next event has an expected number */
};

struct load_stats {
    uint64_t since_ns;
    uint64_t events, bytes; /* bytes as they were read, HTTP and all, but out of TLS */
    uint64_t lost, duplicated, disordered;
    uint64_t closed; /* clients that the server left */
    struct bench_histogram latency_ns;
};

void load_stats_reset(struct load_stats *stats);
void load_stats_take(struct load_stats *stats, struct load_track *track, uint64_t seq, uint64_t latency_ns);

#endif
