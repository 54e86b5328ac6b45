/* The table of waits of a worker. */
#include "wait.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <uthash.h>

struct tg_wait {
    uint64_t id;
    struct tg_connection *connection;
    const struct tg_route *route;
    struct tg_hold hold;
    UT_hash_handle hh;
};

struct tg_waits {
    atomic_size_t refs; /* the shard's, and one for each message that was not told about */
    atomic_bool is_closed;
    struct tg_worker *worker;
    struct tg_wait *table;
    uint64_t next_id;
};

struct tg_waits *tg_waits_new(struct tg_worker *worker)
{
    struct tg_waits *waits = tg_alloc(sizeof(*waits));
    atomic_store_explicit(&waits->refs, 1, memory_order_relaxed);
    waits->worker = worker;
    return waits;
}

static void unref(struct tg_waits *waits)
{
    if (atomic_fetch_sub_explicit(&waits->refs, 1, memory_order_acq_rel) == 1)
        free(waits);
}

void tg_waits_close(struct tg_waits *waits)
{
    if (!waits)
        return;
    atomic_store_explicit(&waits->is_closed, true, memory_order_release);
    unref(waits);
}

/* Takes the connection out of its wait. */
static void end_wait(struct tg_connection *connection)
{
    struct tg_wait *wait = connection->exchange->wait;
    struct tg_waits *waits = connection->shard->waits;
    HASH_DEL(waits->table, wait);
    connection->exchange->wait = NULL;
    connection->role = NULL;
    tg_hold_release(&wait->hold);
    free(wait);
}

static void on_close(struct tg_connection *connection, enum tg_close_reason reason)
{
    (void)reason;
    end_wait(connection);
}

/* Nothing is watched: further requests wait in the socket, and who has gone is noticed when the answer is sent. */
static void on_events(struct tg_connection *connection, unsigned events)
{
    if (events & TG_SOCKET_BROKEN)
        tg_connection_close(connection, TG_CLOSE_CLIENT);
}

static const struct tg_role waiting_role = { .on_events = on_events, .on_close = on_close };

static void answer(struct tg_connection *connection, int status)
{
    const struct tg_route *route = connection->exchange->wait->route;
    struct tg_reply reply;
    end_wait(connection);
    tg_connection_unlist(connection);
    tg_reply_init(&reply, connection);
    if (!tg_reply_set_route(&reply, route))
        tg_reply_status(&reply, status);
    tg_reply_deinit(&reply);
    tg_exchange_resume(connection);
}

void tg_wait_expire(struct tg_connection *connection)
{
    answer(connection, 504);
}

static int status_of(enum tg_err result)
{
    switch (result) {
    case TG_OK:
        return 202;
    case TG_ERR_CLOSED:
        return 409;
    case TG_ERR_INVALID:
        return 501;
    default:
        return 502;
    }
}

static void on_result_mail(void *context, uint64_t id, uint64_t value)
{
    struct tg_waits *waits = context;
    struct tg_wait *wait;
    HASH_FIND(hh, waits->table, &id, sizeof(id), wait);
    if (wait)
        answer(wait->connection, status_of((enum tg_err)(int)(int64_t)value));
}

/* The owner's thread, or, after the workers' time, the main thread. */
static void on_sent(void *context, uint64_t id, enum tg_err result)
{
    struct tg_waits *waits = context;
    if (!atomic_load_explicit(&waits->is_closed, memory_order_acquire))
        tg_worker_post(waits->worker, on_result_mail, waits, id, (uint64_t)(int64_t)result);
    unref(waits);
}

static void begin_wait(struct tg_connection *connection, struct tg_wait *wait)
{
    struct tg_waits *waits = connection->shard->waits;
    wait->connection = connection;
    HASH_ADD(hh, waits->table, id, sizeof(wait->id), wait);
    connection->exchange->wait = wait;
    connection->role = &waiting_role;
    connection->phase = TG_PHASE_WAIT;
    tg_connection_enlist(connection, TG_LIST_WAIT);
    tg_connection_watch(connection, TG_WATCH_NOTHING);
}

enum tg_err tg_wait_send(struct tg_connection *connection, const struct tg_route *route,
                         const struct tg_hold *hold, struct tg_str message)
{
    struct tg_waits *waits = connection->shard->waits;
    uint64_t id = ++waits->next_id;
    atomic_fetch_add_explicit(&waits->refs, 1, memory_order_relaxed);
    enum tg_err err = tg_stream_send(hold->stream, message, route->send->is_binary, on_sent, waits, id);
    if (err) {
        atomic_fetch_sub_explicit(&waits->refs, 1, memory_order_relaxed);
        return err;
    }
    struct tg_wait *wait = tg_alloc(sizeof(*wait));
    *wait = (struct tg_wait){ .id = id, .route = route, .hold = *hold };
    begin_wait(connection, wait);
    return TG_OK;
}
