/* Fan-out: one tap for each stream with subscribers on this worker.
 *
 *      stream ──wake──► tap: reader ─┬─► fresh:  up to date; written to directly when something new is there, who has
 *                                    │           been so for longest first
 *                                    └─► behind: have backlog; written to when their socket is writable
 *
 * A wake makes the tap's hook due, so that all that a turn brings goes out in one write for each subscriber.
 */
#ifndef TIDEGATE_DOWNSTREAM_FANOUT_H
#define TIDEGATE_DOWNSTREAM_FANOUT_H

#include "connection.h"

#include <uthash.h>

enum { /* what the poll handle of a subscriber watches */
       TG_WATCH_NOTHING = 0,
       TG_WATCH_IDLE = UV_READABLE | UV_DISCONNECT,
       TG_WATCH_BEHIND = TG_WATCH_IDLE | UV_WRITABLE,
};

struct tg_tap {
    uint64_t id;
    struct tg_stream *stream;
    struct tg_shard *shard;
    struct tg_feed feed;
    struct tg_turn_hook hook;
    struct tg_connection *fresh;
    struct tg_connection *behind;
    size_t count;        /* of subscribers */
    size_t ending_count; /* of those who have been told to come back later */
    UT_hash_handle hh_id;
    UT_hash_handle hh_stream;
};

/* Makes the connection a subscriber of the route's stream, with the response head in `out` to be sent first.
 */
void tg_fanout_subscribe(struct tg_connection *connection, const struct tg_route *route,
                         struct tg_str last_id, bool is_bare, struct tg_buffer *out);
/* The connection is being closed: takes it off its tap and frees what the subscriber had. */
void tg_fanout_remove(struct tg_connection *connection, enum tg_close_reason reason);
/* Goes on with what a subscriber is due: one slice at most. Returns how many bytes were taken; the connection may be
 * closed then. */
uint64_t tg_fanout_write(struct tg_connection *connection);
/* Its socket is writable, or readable, or the client has closed, or, with status < 0, it has an error. */
void tg_fanout_on_poll(struct tg_connection *connection, int status, int events);
/* Heartbeats, dead and stalled clients, taps that nobody needs. */
void tg_fanout_tick(struct tg_shard *shard);
/* How many subscribers have not been told to come back later. */
size_t tg_fanout_count_staying(const struct tg_shard *shard);
/* Tells so many of them. */
void tg_fanout_end_some(struct tg_shard *shard, size_t count);
void tg_fanout_close_all(struct tg_shard *shard, enum tg_close_reason reason);
/* Frees the taps that have no subscribers. */
void tg_fanout_free_taps(struct tg_shard *shard);

#endif
