/* Fan-out: who subscribes, what is new to whom, who leaves. The subscribers of a stream on this worker hang on its
 * tap. */
#ifndef TIDEGATE_DOWNSTREAM_FANOUT_H
#define TIDEGATE_DOWNSTREAM_FANOUT_H

#include "connection.h"
#include "tap.h"

enum { /* what is watched of a subscriber's socket */
       TG_WATCH_IDLE = TG_SOCKET_READABLE,
       TG_WATCH_BEHIND = TG_WATCH_BOTH,
};

struct tg_subscription {
    struct tg_stream *stream;
    struct tg_family
        *family; /* that the stream is a member of, already joined for this subscriber; or NULL */
    const struct tg_config_stream *config;
    struct tg_str last_id;
    bool is_first; /* of a session that was opened for it */
    bool is_bare;  /* HTTP/1.0 */
};

/* Makes the connection a subscriber, with the response head in `out` to be sent first. TG_OK: the family is left when it
 * is none any more (which may be at once). Else nothing has happened but to `out`, and the caller leaves the family:
 * TG_ERR_CLOSED, the stream has ended and the client has all of it; TG_ERR_IO, it was given up before it began. */
enum tg_err tg_fanout_subscribe(struct tg_connection *connection, const struct tg_subscription *subscription,
                                struct tg_buffer *out);
/* Goes on with what a subscriber is due: one slice at most. Returns how many bytes were taken; the connection may be
 * closed then. */
uint64_t tg_fanout_write(struct tg_connection *connection);
/* Of a subscriber that is up to date. */
void tg_fanout_write_heartbeat(struct tg_connection *connection);
/* How many subscribers have not been told to come back later. */
size_t tg_fanout_count_staying(const struct tg_shard *shard);
/* Tells so many of them. */
void tg_fanout_end_some(struct tg_shard *shard, size_t count);
void tg_fanout_close_all(struct tg_shard *shard, enum tg_close_reason reason);
/* beat.c: once a second: heartbeats, dead and stalled clients, taps that nobody needs. */
void tg_beat_tick(struct tg_shard *shard);
/* A subscriber's first heartbeat is due in its time. */
void tg_beat_begin(struct tg_connection *connection);

#endif
