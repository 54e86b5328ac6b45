/* Taps and their subscribers: joining, delivering, lagging, leaving. */
#include "fanout.h"
#include "notice.h"
#include "peer.h"

#include <stdlib.h>
#include <utlist.h>

enum {
    DROPPED_BYTES_MAX = 64 * 1024,
    DROP_BYTES = 4096,
    DROPS_MAX = 8,
};

/* ---- taps --------------------------------------------------------------------------------------------- */

static void on_tap_mail(void *context, uint64_t id, uint64_t value)
{
    struct tg_shard *shard = context;
    struct tg_tap *tap;
    (void)value;
    HASH_FIND(hh_id, shard->taps_by_id, &id, sizeof(id), tap);
    if (tap)
        tg_worker_run_at_turn_end(shard->worker, TG_TURN_DELIVER, &tap->hook);
}

/* On the thread of the stream's owner. */
static void on_tap_wake(void *arg)
{
    struct tg_tap *tap = arg;
    if (tg_worker_is_current(tap->shard->worker))
        tg_worker_run_at_turn_end(tap->shard->worker, TG_TURN_DELIVER, &tap->hook);
    else
        tg_worker_post(tap->shard->worker, on_tap_mail, tap->shard, tap->id, 0);
}

static void free_tap(struct tg_tap *tap)
{
    struct tg_shard *shard = tap->shard;
    tg_reader_free(tap->feed.reader);
    tg_worker_cancel_turn_hook(shard->worker, TG_TURN_DELIVER, &tap->hook);
    HASH_DELETE(hh_id, shard->taps_by_id, tap);
    HASH_DELETE(hh_stream, shard->taps_by_stream, tap);
    free(tap);
}

void tg_fanout_free_taps(struct tg_shard *shard)
{
    struct tg_tap *tap, *next;
    HASH_ITER(hh_id, shard->taps_by_id, tap, next)
    {
        if (tap->count == 0)
            free_tap(tap);
    }
}

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

/* ---- what became of a write --------------------------------------------------------------------------- */

static void set_behind(struct tg_connection *connection, bool is_behind)
{
    struct tg_tap *tap = connection->tap;
    if (connection->is_behind == is_behind)
        return;
    if (is_behind) {
        DL_DELETE(tap->fresh, connection);
        DL_PREPEND(tap->behind, connection);
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
        tg_connection_finish(connection, TG_CLOSE_DRAIN);
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
    enum tg_err err = tg_subscriber_write(&connection->subscriber, &connection->tap->feed,
                                          &connection->transport, &written);
    settle(connection, err, written);
    return written;
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
        if (tg_subscriber_write_news(&connection->subscriber, &news, &connection->transport, &err,
                                     &written)) {
            writes++;
            bytes += written;
            settle(connection, err, written);
        } else {
            tg_fanout_write(connection);
        }
    }
    tg_counter_add(&tap->feed.counters->writes, writes);
    tg_counter_add(&tap->feed.counters->bytes_out, bytes);
}

/* ---- joining and leaving ------------------------------------------------------------------------------ */

static struct tg_tap *find_tap(struct tg_shard *shard, const struct tg_route *route)
{
    struct tg_tap *tap;
    HASH_FIND(hh_stream, shard->taps_by_stream, &route->stream, sizeof(route->stream), tap);
    if (tap) {
        /* The client may know an event that this worker has not been told of yet. */
        uint64_t end = tg_reader_end(tap->feed.reader);
        tg_reader_sync(tap->feed.reader, on_evict, tap);
        if (tg_reader_end(tap->feed.reader) != end)
            tg_worker_run_at_turn_end(shard->worker, TG_TURN_DELIVER, &tap->hook);
        return tap;
    }
    tap = tg_alloc(sizeof(*tap));
    tap->id = ++shard->next_tap_id;
    tap->stream = route->stream;
    tap->shard = shard;
    tap->hook.run = on_deliver;
    tap->feed.sse = shard->server->options.sse;
    tap->feed.stream_config = route->stream_config;
    tap->feed.counters = &shard->counters;
    HASH_ADD(hh_id, shard->taps_by_id, id, sizeof(tap->id), tap);
    HASH_ADD(hh_stream, shard->taps_by_stream, stream, sizeof(tap->stream), tap);
    tap->feed.reader = tg_reader_new(route->stream, on_tap_wake, tap);
    return tap;
}

void tg_fanout_subscribe(struct tg_connection *connection, const struct tg_route *route,
                         struct tg_str last_id, bool is_bare, struct tg_buffer *out)
{
    struct tg_shard *shard = connection->shard;
    struct tg_tap *tap = find_tap(shard, route);
    uint64_t written = 0;
    connection->tap = tap;
    connection->is_behind = false;
    connection->subscriber = (struct tg_subscriber){ .is_bare = is_bare };
    connection->start_s = connection->last_write_s = shard->now_s;
    enum tg_err err = tg_subscriber_begin(&connection->subscriber, &tap->feed, last_id, out);

    connection->dropped_bytes =
        (uint32_t)(connection->exchange->in.length - connection->exchange->head.length);
    tg_connection_unlist(connection);
    connection->phase = TG_PHASE_STREAM;
    tap->count++;
    DL_APPEND(tap->fresh, connection);
    tg_wheel_add(&shard->wheel, &connection->beat, shard->now_s + shard->server->heartbeat_s);
    tg_counter_add(&shard->counters.subscribers, 1);
    tg_counter_add(&shard->counters.subscribed, 1);
    tg_stream_subscriber_added(tap->stream);
    tg_connection_watch(connection, TG_WATCH_IDLE);
    if (!err)
        err = tg_subscriber_write_first(&connection->subscriber, &tap->feed, &connection->transport, out,
                                        &written);
    settle(connection, err, written);
    tg_exchange_drop(connection);
}

void tg_fanout_remove(struct tg_connection *connection, enum tg_close_reason reason)
{
    struct tg_tap *tap = connection->tap;
    struct tg_shard *shard = connection->shard;
    char id[20];
    if (connection->is_behind)
        DL_DELETE(tap->behind, connection);
    else
        DL_DELETE(tap->fresh, connection);
    tap->count--;
    tap->ending_count -= connection->subscriber.is_ending;
    tg_wheel_remove(&shard->wheel, &connection->beat);
    tg_subscriber_deinit(&connection->subscriber, &tap->feed);
    tg_counter_sub(&shard->counters.subscribers, 1);
    tg_stream_subscriber_removed(tap->stream);
    tg_connection_format_id(connection, id);
    tg_log(TG_LOG_INFO, "downstream", "subscriber_closed", TG_F_STR("id", id),
           TG_F_STR("reason", tg_close_reason_text(reason)), TG_F_STR("stream", tg_stream_name(tap->stream)),
           TG_F_INT("seconds", shard->now_s - connection->start_s),
           TG_F_INT("bytes", connection->subscriber.bytes));
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

/* A client of an event stream has nothing to say: what it says is dropped, and not without end. */
static void drop_input(struct tg_connection *connection)
{
    char dropped[DROP_BYTES];
    for (int drops = 0; drops < DROPS_MAX; drops++) {
        size_t length = 0;
        enum tg_err err =
            connection->transport.ops->read(&connection->transport, dropped, sizeof(dropped), &length);
        if (err == TG_ERR_AGAIN)
            return;
        connection->dropped_bytes += (uint32_t)length;
        if (err || connection->dropped_bytes > DROPPED_BYTES_MAX) {
            tg_connection_close(connection, err ? TG_CLOSE_CLIENT : TG_CLOSE_ERROR);
            return;
        }
    }
}

void tg_fanout_on_poll(struct tg_connection *connection, int status, int events)
{
    if (status < 0 || (events & UV_DISCONNECT)) {
        if (!tg_chores_add(connection, TG_CHORE_GONE))
            tg_connection_watch(connection, TG_WATCH_NOTHING);
        return;
    }
    if (events & UV_READABLE)
        drop_input(connection);
    if ((events & UV_WRITABLE) && connection->phase == TG_PHASE_STREAM &&
        !tg_chores_add(connection, TG_CHORE_BACKLOG))
        tg_connection_watch(connection, TG_WATCH_IDLE);
}

/* ---- time --------------------------------------------------------------------------------------------- */

static uint32_t on_beat(void *arg, struct tg_wheel_entry *entry)
{
    struct tg_connection *connection = TG_CONTAINER_OF(entry, struct tg_connection, beat);
    struct tg_shard *shard = arg;
    uint32_t every_s = shard->server->heartbeat_s;
    if (tg_peer_is_lost(connection->transport.fd, (uint64_t)shard->server->options.sse->heartbeat_ms)) {
        tg_connection_close(connection, TG_CLOSE_CLIENT);
        return 0;
    }
    uint32_t due = connection->last_write_s + every_s;
    if (connection->is_behind)
        return shard->now_s + every_s;
    if ((int32_t)(due - shard->now_s) > 0)
        return due;
    if (connection->subscriber.cursor.position == tg_reader_end(connection->tap->feed.reader)) {
        uint64_t written = 0;
        enum tg_err err = tg_subscriber_write_heartbeat(&connection->subscriber, &connection->tap->feed,
                                                        &connection->transport, &written);
        settle(connection, err, written);
    }
    return connection->phase == TG_PHASE_STREAM ? shard->now_s + every_s : 0;
}

/* A unix socket cannot tell: what it took, then. */
static uint32_t count_acked(const struct tg_connection *connection)
{
    uint32_t acked;
    if (!tg_peer_count_acked(connection->transport.fd, &acked))
        return (uint32_t)connection->subscriber.bytes;
    return acked;
}

/* What counts is what the client has taken: it may read so slowly that for a long time the kernel takes nothing from us,
 * and the kernel may take a little for a client that is frozen. Not before a last try: it may be us who did nothing for so
 * long, when the process was stopped meanwhile. */
static void close_if_stalled(struct tg_connection *connection)
{
    const struct tg_shard *shard = connection->shard;
    uint32_t acked_before = connection->acked;
    if (!connection->has_acked) {
        connection->acked = count_acked(connection);
        connection->has_acked = true;
    }
    if (shard->now_s - connection->last_write_s < shard->server->stall_s)
        return;
    tg_fanout_write(connection);
    if (connection->phase != TG_PHASE_STREAM || !connection->is_behind)
        return;
    if (count_acked(connection) == acked_before)
        tg_connection_close(connection, TG_CLOSE_STALL);
    else
        connection->last_write_s = shard->now_s;
}

static void close_stalled(struct tg_tap *tap)
{
    struct tg_connection *connection, *next;
    DL_FOREACH_SAFE(tap->behind, connection, next)
    {
        close_if_stalled(connection);
    }
}

void tg_fanout_tick(struct tg_shard *shard)
{
    struct tg_tap *tap, *next;
    tg_wheel_turn(&shard->wheel, shard->now_s, on_beat, shard);
    HASH_ITER(hh_id, shard->taps_by_id, tap, next)
    {
        close_stalled(tap);
        if (tap->count == 0)
            free_tap(tap);
    }
}
