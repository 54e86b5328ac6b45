/* What time brings to subscribers: heartbeats, and the end of those who are gone or take nothing. */
#include "fanout.h"
#include "peer.h"

#include <utlist.h>

static uint32_t on_beat(void *arg, struct tg_wheel_entry *entry)
{
    struct tg_connection *connection = TG_CONTAINER_OF(entry, struct tg_connection, beat);
    struct tg_shard *shard = arg;
    uint32_t every_s = shard->server->heartbeat_s;
    if (tg_peer_is_lost(connection->socket.fd, (uint64_t)shard->server->options.sse->heartbeat_ms)) {
        tg_connection_close(connection, TG_CLOSE_CLIENT);
        return 0;
    }
    uint32_t due = connection->last_write_s + every_s;
    if (connection->is_behind)
        return shard->now_s + every_s;
    if ((int32_t)(due - shard->now_s) > 0)
        return due;
    if (connection->subscriber.cursor.position == tg_reader_end(connection->tap->feed.reader))
        tg_fanout_write_heartbeat(connection);
    return connection->phase == TG_PHASE_STREAM ? shard->now_s + every_s : 0;
}

/* A unix socket cannot tell: what it took, then. */
static uint32_t count_acked(const struct tg_connection *connection)
{
    uint32_t acked;
    if (!tg_peer_count_acked(connection->socket.fd, &acked))
        return (uint32_t)connection->subscriber.bytes;
    return acked;
}

/* What counts is what the client has taken: it may read so slowly that for a long time the kernel takes nothing
 * from us, and the kernel may take a little for a client that is frozen. Not before a last try: it may be us who
 * did nothing for so long, when the process was stopped meanwhile. */
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

void tg_beat_begin(struct tg_connection *connection)
{
    struct tg_shard *shard = connection->shard;
    tg_wheel_add(&shard->wheel, &connection->beat, shard->now_s + shard->server->heartbeat_s);
}

void tg_beat_tick(struct tg_shard *shard)
{
    tg_wheel_turn(&shard->wheel, shard->now_s, on_beat, shard);
    tg_taps_check(shard, close_stalled);
}
