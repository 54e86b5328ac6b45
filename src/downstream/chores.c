/* A turn's time for what can wait; see chores.h. */
#include "chores.h"
#include "connection.h"
#include "fanout.h"

#include <utlist.h>
#include <uv.h>

enum {
    BUDGET_NS =
        300 * 1000,  /* of a turn, at least; half of it may be spent at once, before what is new goes out */
    OTHER_SHARE = 3, /* or this part of what all else took: a quarter of the turn */
};

static bool is_any_left(const struct tg_chores *chores)
{
    for (int chore = 0; chore < TG_CHORE_HELD; chore++)
        if (chores->lists[chore])
            return true;
    return false;
}

/* One slice. It may be up to date then, or closed. */
static void write_backlog(struct tg_connection *connection)
{
    uint64_t written = tg_fanout_write(connection);
    if (connection->phase != TG_PHASE_STREAM || !connection->is_behind)
        return;
    if (written >= TG_SLICE_BYTES_MAX)
        (void)tg_chores_add(connection, TG_CHORE_BACKLOG);
    else
        tg_connection_watch(connection, TG_WATCH_BEHIND);
}

static void serve(struct tg_connection *connection, enum tg_chore chore)
{
    tg_chores_remove(connection);
    if (chore == TG_CHORE_INPUT || chore == TG_CHORE_HANDSHAKE)
        tg_connection_take_input(connection);
    else if (chore == TG_CHORE_BACKLOG)
        write_backlog(connection);
    else
        tg_connection_close(connection, TG_CLOSE_CLIENT);
}

static void serve_one_of_each(struct tg_chores *chores)
{
    for (int chore = 0; chore < TG_CHORE_HELD; chore++)
        if (chores->lists[chore])
            serve(chores->lists[chore], (enum tg_chore)chore);
}

/* How long the turn has taken is known only if the loop has not slept. */
static uint64_t budget_of(const struct tg_chores *chores, uint64_t now_ns)
{
    uint64_t share_ns = chores->ended_ns ? (now_ns - chores->ended_ns) / OTHER_SHARE : 0;
    return share_ns > BUDGET_NS ? share_ns : BUDGET_NS;
}

static void on_turn_end(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct tg_chores *chores = TG_CONTAINER_OF(hook, struct tg_chores, hook);
    uint64_t now_ns = chores->clock_ns();
    uint64_t budget_ns = budget_of(chores, now_ns);
    uint64_t end_ns = now_ns + budget_ns - (chores->spent_ns < budget_ns ? chores->spent_ns : budget_ns);
    while (is_any_left(chores)) {
        serve_one_of_each(chores);
        now_ns = chores->clock_ns();
        if (now_ns >= end_ns)
            break;
    }
    bool goes_on = chores->is_short || is_any_left(chores);
    /* The loop may run hooks twice without any I/O in between: that a turn was long is forgotten by and by. */
    uint64_t half_ns = (budget_ns > chores->at_once_ns ? budget_ns : chores->at_once_ns) / 2;
    chores->at_once_ns = goes_on ? half_ns : BUDGET_NS / 2;
    chores->ended_ns = goes_on ? now_ns : 0;
    chores->spent_ns = 0;
    chores->is_short = false;
    if (goes_on)
        tg_worker_run_at_turn_end(worker, TG_TURN_CATCH_UP, hook);
}

void tg_chores_init(struct tg_chores *chores)
{
    *chores =
        (struct tg_chores){ .hook.run = on_turn_end, .clock_ns = uv_hrtime, .at_once_ns = BUDGET_NS / 2 };
}

static void make_due(struct tg_shard *shard)
{
    tg_worker_run_at_turn_end(shard->worker, TG_TURN_CATCH_UP, &shard->chores.hook);
}

bool tg_chores_add(struct tg_connection *connection, enum tg_chore chore)
{
    struct tg_shard *shard = connection->shard;
    if (connection->chore == chore)
        return false;
    tg_chores_remove(connection);
    connection->chore = (uint8_t)chore;
    DL_APPEND2(shard->chores.lists[chore], connection, chore_prev, chore_next);
    make_due(shard);
    return true;
}

void tg_chores_remove(struct tg_connection *connection)
{
    if (connection->chore == TG_CHORE_COUNT)
        return;
    DL_DELETE2(connection->shard->chores.lists[connection->chore], connection, chore_prev, chore_next);
    connection->chore = TG_CHORE_COUNT;
}

bool tg_chores_have_time(struct tg_shard *shard)
{
    struct tg_chores *chores = &shard->chores;
    if (chores->spent_ns < chores->at_once_ns)
        return true;
    chores->is_short = true;
    make_due(shard);
    return false;
}

void tg_chores_spend(struct tg_shard *shard, uint64_t start_ns)
{
    shard->chores.spent_ns += shard->chores.clock_ns() - start_ns;
    make_due(shard);
}

bool tg_chores_hold_input(const struct tg_connection *connection)
{
    return connection->chore == TG_CHORE_INPUT || connection->chore == TG_CHORE_HANDSHAKE ||
           connection->chore == TG_CHORE_HELD;
}

void tg_chores_on_input(struct tg_connection *connection)
{
    struct tg_shard *shard = connection->shard;
    bool is_under_way = connection->phase == TG_PHASE_HANDSHAKE && !connection->tls;
    enum tg_chore chore = is_under_way ? TG_CHORE_HANDSHAKE : TG_CHORE_INPUT;
    if (shard->chores.lists[chore] || !tg_chores_have_time(shard)) {
        if (!tg_chores_add(connection, chore))
            tg_connection_watch(connection, TG_WATCH_NOTHING);
        return;
    }
    uint64_t start_ns = shard->chores.clock_ns();
    tg_connection_take_input(connection);
    tg_chores_spend(shard, start_ns);
}
