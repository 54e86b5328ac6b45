/* Draining: the listeners close, and the subscribers are told to come back later, evenly spread, so that they
 * do not all knock at the next door at once. What is under way then has a moment to end; who still waits for the backend
 * by then is told that it was too long. */
#include "connection.h"
#include "fanout.h"
#include "wait.h"

enum { STEP_MS = 20, GRACE_MS = 1000, WAIT_GRACE_MS = 500 };

static void close_list(struct tg_shard *shard, enum tg_list list)
{
    while (shard->lists[list])
        tg_connection_close(shard->lists[list], TG_CLOSE_DRAIN);
}

static void expire_waits(struct tg_shard *shard)
{
    while (shard->lists[TG_LIST_WAIT])
        tg_wait_expire(shard->lists[TG_LIST_WAIT]);
}

static void close_all(struct tg_shard *shard)
{
    for (int list = 0; list < TG_LIST_COUNT; list++)
        close_list(shard, list);
    tg_fanout_close_all(shard, TG_CLOSE_DRAIN);
}

static void on_step(void *arg)
{
    struct tg_shard *shard = arg;
    uint64_t now_ms = tg_worker_now_ms(shard->worker);
    close_list(shard, TG_LIST_IDLE);
    size_t steps = now_ms < shard->drain_end_ms ? (size_t)(shard->drain_end_ms - now_ms) / STEP_MS + 1 : 1;
    tg_fanout_end_some(shard, (tg_fanout_count_staying(shard) + steps - 1) / steps);
    if (now_ms >= shard->drain_end_ms + WAIT_GRACE_MS)
        expire_waits(shard);
    if (now_ms >= shard->drain_end_ms + GRACE_MS)
        close_all(shard);
    else
        tg_timer_start(shard->drain_timer, STEP_MS);
}

void tg_drain_begin(struct tg_shard *shard, uint64_t spread_ms)
{
    if (shard->is_draining)
        return;
    shard->is_draining = true;
    tg_accept_stop(shard);
    shard->drain_end_ms = tg_worker_now_ms(shard->worker) + spread_ms;
    shard->drain_timer = tg_timer_new(shard->worker, on_step, shard);
    on_step(shard);
}
