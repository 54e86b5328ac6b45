/* What one worker counts for a server: written by its thread alone, read by any. */
#ifndef TIDEGATE_DOWNSTREAM_COUNTERS_H
#define TIDEGATE_DOWNSTREAM_COUNTERS_H

#include "tidegate/downstream.h"

#include <stdatomic.h>

typedef _Atomic uint64_t tg_counter; /* the one typedef of this layer: _Atomic reads badly in a struct */

struct tg_counters {
    _Alignas(64) tg_counter accepted; /* on cache lines of its own */
    tg_counter connections;
    tg_counter subscribers;
    tg_counter subscribed;
    tg_counter closed[TG_CLOSE_COUNT];
    tg_counter requests[6];
    tg_counter sends[TG_SEND_RESULT_COUNT];
    tg_counter bytes_out;
    tg_counter writes;
    tg_counter gaps[5];
    tg_counter heartbeats;
    tg_counter refused;
    tg_counter handshakes, handshakes_delayed, handshakes_refused;
};

/* One writer: no locked instruction is needed. */
static inline void tg_counter_add(tg_counter *counter, uint64_t amount)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + amount, memory_order_relaxed);
}

static inline void tg_counter_sub(tg_counter *counter, uint64_t amount)
{
    tg_counter_add(counter, (uint64_t)0 - amount);
}

/* Adds them to a sum. */
void tg_counters_sum(const struct tg_counters *counters, struct tg_server_stats *sum);

#endif
