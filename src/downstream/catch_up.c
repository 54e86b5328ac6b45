/* The list of those who are ready, and a turn's share of work on it; see catch_up.h. */
#include "catch_up.h"
#include "fanout.h"

#include <utlist.h>

#define BUDGET_NS UINT64_C(300000) /* of a turn */

/* One slice. It may be up to date then, or closed. */
static void serve(struct tg_connection *connection)
{
    if (connection->is_gone) {
        tg_connection_close(connection, TG_CLOSE_CLIENT);
        return;
    }
    uint64_t written = tg_fanout_write(connection);
    if (connection->phase != TG_PHASE_STREAM || !connection->is_behind)
        return;
    if (written >= TG_SLICE_BYTES_MAX)
        tg_catch_up_add(connection);
    else
        tg_connection_watch(connection, TG_WATCH_BEHIND);
}

static void on_turn(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct tg_shard *shard = TG_CONTAINER_OF(hook, struct tg_shard, catch_up_hook);
    uint64_t end_ns = uv_hrtime() + BUDGET_NS;
    do {
        struct tg_connection *connection = shard->ready;
        if (!connection)
            return;
        tg_catch_up_remove(connection);
        serve(connection);
    } while (uv_hrtime() < end_ns);
    if (shard->ready)
        tg_worker_run_at_turn_end(worker, TG_TURN_CATCH_UP, hook);
}

void tg_catch_up_init(struct tg_shard *shard)
{
    shard->catch_up_hook.run = on_turn;
}

static void append(struct tg_connection *connection)
{
    struct tg_shard *shard = connection->shard;
    if (connection->is_ready)
        return;
    connection->is_ready = true;
    DL_APPEND2(shard->ready, connection, ready_prev, ready_next);
    tg_worker_run_at_turn_end(shard->worker, TG_TURN_CATCH_UP, &shard->catch_up_hook);
}

void tg_catch_up_add(struct tg_connection *connection)
{
    append(connection);
    tg_connection_watch(connection, TG_WATCH_IDLE);
}

void tg_catch_up_add_gone(struct tg_connection *connection)
{
    connection->is_gone = true;
    append(connection);
    tg_connection_watch(connection, TG_WATCH_NOTHING);
}

void tg_catch_up_remove(struct tg_connection *connection)
{
    if (!connection->is_ready)
        return;
    connection->is_ready = false;
    DL_DELETE2(connection->shard->ready, connection, ready_prev, ready_next);
}
