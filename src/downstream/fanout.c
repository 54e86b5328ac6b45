/* Subscribers and their taps: joining, delivering, lagging, leaving. */
#include "fanout.h"
#include "notice.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    DROPPED_BYTES_MAX = 64 * 1024,
    DROP_BYTES = 4096,
    DROPS_MAX = 8,
};

size_t tg_fanout_count_staying(const struct tg_shard *shard)
{
    size_t count = 0;
    for (struct tg_tap *tap = shard->taps_by_id; tap; tap = tap->hh_id.next)
        count += tap->count - tap->ending_count;
    return count;
}

void tg_fanout_close_all(struct tg_shard *shard, enum tg_close_reason reason)
{
    for (struct tg_tap *tap = shard->taps_by_id; tap; tap = tap->hh_id.next) {
        while (tap->fresh)
            tg_connection_close(tap->fresh, reason);
        while (tap->behind)
            tg_connection_close(tap->behind, reason);
    }
}

static void on_events(struct tg_connection *connection, unsigned events);
static void on_close(struct tg_connection *connection, enum tg_close_reason reason);
static const struct tg_role subscriber_role = { .on_events = on_events, .on_close = on_close };

/* ---- what became of a write --------------------------------------------------------------------------- */

static void set_behind(struct tg_connection *connection, bool is_behind)
{
    struct tg_tap *tap = connection->tap;
    if (connection->is_behind == is_behind)
        return;
    if (is_behind) {
        DL_DELETE(tap->fresh, connection);
        DL_PREPEND(tap->behind, connection);
        tg_tap_watch(tap);
        connection->last_write_s = connection->shard->now_s; /* stalling counts from here */
    } else {
        DL_DELETE(tap->behind, connection);
        DL_APPEND(tap->fresh, connection);
    }
    connection->is_behind = is_behind;
    tg_connection_watch(connection, is_behind ? TG_WATCH_BEHIND : TG_WATCH_IDLE);
}

/* Nothing here is done for a subscriber that was up to date and still is, but for the stamp. */
static void settle(struct tg_connection *connection, enum tg_err err, uint64_t written)
{
    if (written > 0) {
        connection->last_write_s = connection->shard->now_s;
        connection->has_acked = false;
    }
    switch (err) {
    case TG_OK:
        set_behind(connection, false);
        return;
    case TG_ERR_AGAIN:
        set_behind(connection, true);
        return;
    case TG_ERR_CLOSED:
        tg_connection_finish(connection, connection->subscriber.is_done ? TG_CLOSE_DONE : TG_CLOSE_DRAIN);
        return;
    case TG_ERR_LIMIT:
        tg_connection_close(connection, TG_CLOSE_STALL);
        return;
    case TG_ERR_MEMORY:
        tg_connection_close(connection, TG_CLOSE_ERROR);
        return;
    default:
        tg_connection_close(connection, TG_CLOSE_CLIENT);
        return;
    }
}

uint64_t tg_fanout_write(struct tg_connection *connection)
{
    uint64_t written = 0;
    enum tg_err err =
        tg_subscriber_write(&connection->subscriber, &connection->tap->feed, &connection->socket, &written);
    settle(connection, err, written);
    return written;
}

void tg_fanout_write_heartbeat(struct tg_connection *connection)
{
    uint64_t written = 0;
    enum tg_err err = tg_subscriber_write_heartbeat(&connection->subscriber, &connection->tap->feed,
                                                    &connection->socket, &written);
    settle(connection, err, written);
}

/* ---- delivering --------------------------------------------------------------------------------------- */

/* A last try to get past what goes away; then what is left of a half-sent event is put aside. */
static void move_on(struct tg_connection *connection, uint64_t position)
{
    struct tg_subscriber *subscriber = &connection->subscriber;
    if (subscriber->is_ending || tg_subscriber_is_away(subscriber) || subscriber->cursor.position >= position)
        return;
    tg_fanout_write(connection);
    if (connection->phase == TG_PHASE_CLOSED || subscriber->cursor.position >= position)
        return;
    enum tg_err err = tg_subscriber_leave(subscriber, &connection->tap->feed);
    settle(connection, err ? err : TG_ERR_AGAIN, 0);
}

static void on_evict(void *arg, uint64_t position)
{
    struct tg_tap *tap = arg;
    struct tg_connection *connection, *next;
    DL_FOREACH_SAFE(tap->behind, connection, next)
    {
        move_on(connection, position);
    }
    DL_FOREACH_SAFE(tap->fresh, connection, next)
    {
        move_on(connection, position);
    }
}

/* The stream has ended: whoever is up to date has all of it. */
static void finish_fresh(struct tg_tap *tap)
{
    struct tg_connection *connection, *next;
    DL_FOREACH_SAFE(tap->fresh, connection, next)
    {
        tg_fanout_write(connection);
    }
}

static void on_deliver(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct tg_tap *tap = TG_CONTAINER_OF(hook, struct tg_tap, hook);
    struct tg_connection *connection, *next;
    (void)worker;
    tg_reader_sync(tap->feed.reader, on_evict, tap);
    uint64_t end = tg_reader_end(tap->feed.reader);
    struct tg_news news = { 0 };
    uint64_t writes = 0, bytes = 0;
    DL_FOREACH_SAFE(tap->fresh, connection, next)
    {
        uint64_t position = connection->subscriber.cursor.position, written;
        enum tg_err err;
        __builtin_prefetch(next);
        if (position == end)
            continue;
        if (news.end != end || news.from != position)
            news = tg_feed_news(&tap->feed, position);
        if (tg_subscriber_write_news(&connection->subscriber, &news, &connection->socket, &err, &written)) {
            writes++;
            bytes += written;
            settle(connection, err, written);
        } else {
            tg_fanout_write(connection);
        }
    }
    tg_counter_add(&tap->feed.counters->writes, writes);
    tg_counter_add(&tap->feed.counters->bytes_out, bytes);
    if (tg_reader_has_ended(tap->feed.reader))
        finish_fresh(tap);
}

/* ---- joining and leaving ------------------------------------------------------------------------------ */

static struct tg_tap *need_tap(struct tg_shard *shard, const struct tg_subscription *subscription)
{
    struct tg_tap *tap = tg_tap_find(shard, subscription->stream);
    if (!tap)
        return tg_tap_new(shard, subscription->stream, subscription->family, subscription->config,
                          on_deliver);
    /* The client may know an event that this worker has not been told of yet. */
    uint64_t end = tg_reader_end(tap->feed.reader);
    tg_reader_sync(tap->feed.reader, on_evict, tap);
    if (tg_reader_end(tap->feed.reader) != end || tg_reader_has_ended(tap->feed.reader))
        tg_worker_run_at_turn_end(shard->worker, TG_TURN_DELIVER, &tap->hook);
    return tap;
}

static void join(struct tg_connection *connection, struct tg_tap *tap)
{
    struct tg_shard *shard = connection->shard;
    tg_connection_unlist(connection);
    connection->phase = TG_PHASE_STREAM;
    connection->role = &subscriber_role;
    connection->is_behind = false;
    connection->start_s = connection->last_write_s = shard->now_s;
    connection->dropped_bytes = (uint32_t)tg_exchange_count_ahead(connection);
    tap->count++;
    DL_APPEND(tap->fresh, connection);
    tg_beat_begin(connection);
    tg_counter_add(&shard->counters.subscribers, 1);
    tg_counter_add(&shard->counters.subscribed, 1);
    if (!tap->family)
        tg_stream_subscriber_added(tap->stream);
    tg_connection_watch(connection, TG_WATCH_IDLE);
}

enum tg_err tg_fanout_subscribe(struct tg_connection *connection, const struct tg_subscription *subscription,
                                struct tg_buffer *out)
{
    struct tg_tap *tap = need_tap(connection->shard, subscription);
    uint64_t written = 0;
    connection->tap = tap;
    connection->subscriber =
        (struct tg_subscriber){ .is_bare = subscription->is_bare, .is_first = subscription->is_first };
    enum tg_err err = tg_subscriber_begin(&connection->subscriber, &tap->feed, subscription->last_id, out);
    if (err == TG_ERR_CLOSED)
        return tap->family && tg_reader_end(tap->feed.reader) == 0 ? TG_ERR_IO : TG_ERR_CLOSED;

    join(connection, tap);
    if (!err)
        err = tg_subscriber_write_first(&connection->subscriber, &tap->feed, &connection->socket, out,
                                        &written);
    settle(connection, err, written);
    tg_exchange_drop(connection);
    return TG_OK;
}

static void leave(struct tg_tap *tap)
{
    if (tap->family)
        tg_family_leave(tap->family, tap->stream);
    else
        tg_stream_subscriber_removed(tap->stream);
}

static void on_close(struct tg_connection *connection, enum tg_close_reason reason)
{
    struct tg_tap *tap = connection->tap;
    struct tg_shard *shard = connection->shard;
    char id[20];
    if (connection->is_behind)
        DL_DELETE(tap->behind, connection);
    else
        DL_DELETE(tap->fresh, connection);
    tap->ending_count -= connection->subscriber.is_ending;
    if (--tap->count == 0)
        tg_tap_watch(tap);
    tg_wheel_remove(&shard->wheel, &connection->beat);
    tg_subscriber_deinit(&connection->subscriber, &tap->feed);
    tg_counter_sub(&shard->counters.subscribers, 1);
    tg_connection_format_id(connection, id);
    tg_log(TG_LOG_INFO, "downstream", "subscriber_closed", TG_F_STR("id", id),
           TG_F_STR("reason", tg_close_reason_text(reason)), TG_F_STR("stream", tg_stream_name(tap->stream)),
           TG_F_INT("seconds", shard->now_s - connection->start_s),
           TG_F_INT("bytes", connection->subscriber.bytes));
    leave(tap);
    connection->tap = NULL;
}

static void end_one(struct tg_connection *connection)
{
    struct tg_tap *tap = connection->tap;
    uint64_t retry_ms = tg_notice_jittered_retry_ms(tap->feed.sse);
    enum tg_err err = tg_subscriber_end(&connection->subscriber, &tap->feed, retry_ms);
    tap->ending_count++;
    if (err)
        settle(connection, err, 0);
    else
        tg_fanout_write(connection);
}

void tg_fanout_end_some(struct tg_shard *shard, size_t count)
{
    for (struct tg_tap *tap = shard->taps_by_id; tap && count > 0; tap = tap->hh_id.next) {
        struct tg_connection *connection, *next;
        DL_FOREACH_SAFE(tap->behind, connection, next)
        {
            if (count == 0 || tap->count == tap->ending_count)
                break;
            if (connection->subscriber.is_ending)
                continue;
            end_one(connection);
            count--;
        }
        DL_FOREACH_SAFE(tap->fresh, connection, next)
        {
            if (count == 0)
                break;
            end_one(connection);
            count--;
        }
    }
}

/* ---- the client's side -------------------------------------------------------------------------------- */

/* A client of an event stream has nothing to say: what it says is dropped, and not without end. TG_ERR_AGAIN: it goes on. */
static enum tg_err drop_input(struct tg_connection *connection)
{
    char dropped[DROP_BYTES];
    for (int drops = 0; drops < DROPS_MAX; drops++) {
        size_t length = 0;
        enum tg_err err =
            connection->socket.ops->read(&connection->socket, dropped, sizeof(dropped), &length);
        if (err)
            return err;
        connection->dropped_bytes += (uint32_t)length;
        if (connection->dropped_bytes > DROPPED_BYTES_MAX)
            return TG_ERR_TOO_LARGE;
    }
    return TG_ERR_AGAIN;
}

static void on_gone(struct tg_connection *connection)
{
    if (!tg_chores_add(connection, TG_CHORE_GONE))
        tg_connection_watch(connection, TG_WATCH_NOTHING);
}

static void on_events(struct tg_connection *connection, unsigned events)
{
    enum tg_err err = TG_ERR_AGAIN;
    if (events & TG_SOCKET_READABLE)
        err = drop_input(connection);
    if (err == TG_ERR_TOO_LARGE)
        tg_connection_close(connection, TG_CLOSE_ERROR);
    else if (err != TG_ERR_AGAIN || (events & TG_SOCKET_BROKEN))
        on_gone(connection);
    else if (events & TG_SOCKET_WRITABLE)
        tg_chores_add(connection, TG_CHORE_BACKLOG);
}
