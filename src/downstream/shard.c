/* A server's share on one worker: made and freed by the main thread, in between used by the worker's alone.
 */
#include "shard.h"
#include "connection.h"
#include "fanout.h"
#include "wait.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { REFUSED_TIMEOUT_MS = 5000, LINGER_TIMEOUT_MS = 2000 };

static void on_tick(struct tg_tick *tick, struct tg_worker *worker, uint64_t now_ms)
{
    struct tg_shard *shard = TG_CONTAINER_OF(tick, struct tg_shard, tick);
    (void)worker;
    shard->now_s = (uint32_t)(now_ms / 1000);
    tg_shard_expire(shard, now_ms);
    tg_beat_tick(shard);
    tg_accept_resume(shard);
}

static void on_closed_hook(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    (void)worker;
    tg_connection_free_closed(TG_CONTAINER_OF(hook, struct tg_shard, closed_hook));
}

struct tg_net *tg_shard_net(const struct tg_shard *shard)
{
    return tg_nets_get(shard->server->options.nets, shard->worker);
}

struct tg_shard *tg_shard_new(struct tg_server *server, struct tg_worker *worker)
{
    /* The counters have cache lines of their own. */
    size_t size = (sizeof(struct tg_shard) + 63) / 64 * 64;
    struct tg_shard *shard = aligned_alloc(64, size);
    if (!shard)
        abort();
    memset(shard, 0, size);
    shard->server = server;
    shard->worker = worker;
    shard->tick.on_tick = on_tick;
    shard->closed_hook.run = on_closed_hook;
    tg_chores_init(&shard->chores);
    shard->waits = tg_waits_new(worker);
    shard->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return shard;
}

void tg_shard_start(struct tg_shard *shard)
{
    shard->now_s = (uint32_t)(tg_worker_now_ms(shard->worker) / 1000);
    shard->wheel.now = shard->now_s;
    tg_worker_add_tick(shard->worker, &shard->tick);
    tg_accept_start(shard);
}

void tg_shard_free(struct tg_shard *shard)
{
    if (!shard)
        return;
    tg_accept_abandon(shard);
    for (int list = 0; list < TG_LIST_COUNT; list++) {
        while (shard->lists[list])
            tg_connection_close(shard->lists[list], TG_CLOSE_DRAIN);
    }
    tg_fanout_close_all(shard, TG_CLOSE_DRAIN);
    tg_taps_check(shard, NULL); /* nobody is behind any more */
    tg_waits_close(shard->waits);
    tg_connection_free_closed(shard);
    tg_worker_cancel_turn_hook(shard->worker, TG_TURN_CATCH_UP, &shard->closed_hook);
    tg_worker_cancel_turn_hook(shard->worker, TG_TURN_CATCH_UP, &shard->chores.hook);
    tg_timer_free(shard->drain_timer);
    tg_timer_free(shard->hello_timer);
    if (shard->reserve_fd >= 0)
        close(shard->reserve_fd);
    free(shard);
}

const char *tg_shard_date(struct tg_shard *shard)
{
    uint64_t wall_ms = tg_clock_wall_ms();
    if (wall_ms / 1000 != shard->date_ms / 1000)
        tg_response_format_date(wall_ms, shard->date);
    shard->date_ms = wall_ms;
    return shard->date;
}

/* Half of the head of a GET may be an EventSource's, which any status but 200 would stop for good; it comes back after a
 * connection that ends without an answer. */
static bool may_be_event_source(const struct tg_connection *connection)
{
    const struct tg_buffer *in = &connection->exchange->in;
    struct tg_str get = TG_STR("GET ");
    size_t length = in->length < get.length ? in->length : get.length;
    return connection->phase == TG_PHASE_HEAD && memcmp(in->data, get.data, length) == 0;
}

static void on_pending_timeout(struct tg_connection *connection)
{
    bool has_begun = connection->exchange && connection->exchange->in.length > 0;
    if (!has_begun || connection->phase == TG_PHASE_HANDSHAKE || may_be_event_source(connection)) {
        tg_connection_close(connection, TG_CLOSE_TIMEOUT);
        return;
    }
    tg_connection_unlist(connection);
    tg_request_reject(connection, 408, TG_CLOSE_TIMEOUT);
    tg_exchange_advance(connection);
}

void tg_shard_expire(struct tg_shard *shard, uint64_t now_ms)
{
    const struct tg_config_limits *limits = shard->server->options.limits;
    const uint64_t timeouts_ms[TG_LIST_COUNT] = {
        [TG_LIST_PENDING] = (uint64_t)limits->request_timeout_ms,
        [TG_LIST_REFUSED] = limits->request_timeout_ms < REFUSED_TIMEOUT_MS
                                ? (uint64_t)limits->request_timeout_ms
                                : REFUSED_TIMEOUT_MS,
        [TG_LIST_IDLE] = (uint64_t)limits->idle_timeout_ms,
        [TG_LIST_WAIT] = (uint64_t)limits->request_timeout_ms,
        [TG_LIST_ANSWER] = (uint64_t)shard->server->options.sse->stall_timeout_ms,
        [TG_LIST_LINGER] = LINGER_TIMEOUT_MS,
    };
    for (int list = 0; list < TG_LIST_COUNT; list++) {
        struct tg_connection *oldest;
        while ((oldest = tg_connection_oldest(shard, (enum tg_list)list)) &&
               now_ms - oldest->since_ms >= timeouts_ms[list]) {
            if (list == TG_LIST_PENDING)
                on_pending_timeout(oldest);
            else if (list == TG_LIST_WAIT)
                tg_wait_expire(oldest);
            else if (list == TG_LIST_LINGER)
                tg_connection_close(oldest, oldest->end_reason);
            else if (list == TG_LIST_REFUSED)
                tg_connection_close(oldest, TG_CLOSE_LIMIT);
            else
                tg_connection_close(oldest, list == TG_LIST_IDLE ? TG_CLOSE_TIMEOUT : TG_CLOSE_STALL);
        }
    }
}
