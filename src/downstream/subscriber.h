/* A subscriber: one client's place in a stream, and what it must be sent before it can go on from there.
 *
 *      socket ◄── leftover of a TLS record ◄── pending: own bytes ◄── cursor: bytes in the segments
 *
 * In this order, always: a stage is looked at when the one before it is empty. So there is no queue: a slow
 * client is a cursor further back. When eviction reaches the cursor the subscriber is `away`: the rest of a
 * half-sent event is rescued into `pending`, the cursor counts no more, and once the rest is sent the
 * subscriber returns to the oldest retained event, with a notice of the gap before it.
 *
 * No sockets and no loop in here: the socket is a table of functions. */
#ifndef TIDEGATE_DOWNSTREAM_SUBSCRIBER_H
#define TIDEGATE_DOWNSTREAM_SUBSCRIBER_H

#include "counters.h"
#include "tidegate/net.h"

enum {
    TG_SLICE_BYTES_MAX = 256 * 1024,   /* what one subscriber with backlog is given at a time */
    TG_RESCUE_BYTES_MAX = 1024 * 1024, /* of half-sent events, for each stream and worker */
    TG_FIRST_WRITE_BYTES = 16 * 1024,  /* of head, notices and first events together */
};

/* What the subscribers of one stream on one worker share. */
struct tg_feed {
    struct tg_reader *reader;
    const struct tg_config_sse *sse;
    const struct tg_config_stream *stream_config;
    struct tg_counters *counters;
    size_t rescued_bytes;
};

/* What everybody who has all before it is due: looked up once, handed out to many. */
struct tg_news {
    uint64_t from, end; /* positions; the bytes need not reach to the end */
    struct tg_str bytes;
};

struct tg_pending;
struct tg_away;

struct tg_subscriber { /* embedded; zeroed it is at the stream's start */
    struct tg_cursor cursor;
    struct tg_pending *pending;
    struct tg_away *away;
    uint64_t bytes; /* sent */
    bool is_bare;   /* HTTP/1.0: no chunks */
    bool is_first;  /* the first one of a new session, whatever id it came with */
    bool is_ending; /* told to come back later: nothing comes after `pending` */
    bool is_done;   /* the stream has ended and all of it was sent: nothing comes after `pending` */
};

void tg_subscriber_deinit(struct tg_subscriber *subscriber, struct tg_feed *feed);

/* Sets the cursor by the client's last id (may be empty), and appends to `out` what it must be told first. The first
 * one of a session is told its id, and gets all of it. TG_ERR_CLOSED: the stream has ended and the client has all of it;
 * nothing was appended. */
enum tg_err tg_subscriber_begin(struct tg_subscriber *subscriber, struct tg_feed *feed, struct tg_str last_id,
                                struct tg_buffer *out);

/* Sends `bytes`, and with them the first events if there is room. TG_ERR_AGAIN if there are more. */
enum tg_err tg_subscriber_write_first(struct tg_subscriber *subscriber, struct tg_feed *feed,
                                      struct tg_socket *socket, struct tg_buffer *bytes,
                                      uint64_t *ret_written);

/* Writes until the client is up to date (TG_OK), its socket is full or it has had its slice
 * (TG_ERR_AGAIN), or all is sent (TG_ERR_CLOSED): after tg_subscriber_end, or, with is_done, of a stream that has
 * ended. TG_ERR_IO, TG_ERR_MEMORY: give it
 * up. *ret_written says, with any result, how many bytes were taken. */
enum tg_err tg_subscriber_write(struct tg_subscriber *subscriber, struct tg_feed *feed,
                                struct tg_socket *socket, uint64_t *ret_written);

/* What begins at this position, for tg_subscriber_write_news. */
struct tg_news tg_feed_news(const struct tg_feed *feed, uint64_t position);
/* For a subscriber that was up to date until now. As tg_subscriber_write, but where the news are all that it needs they
 * go to its socket without a detour, and what is counted is left to the caller: one write of *ret_written bytes.
 * False: nothing was done, tg_subscriber_write it is. */
bool tg_subscriber_write_news(struct tg_subscriber *subscriber, const struct tg_news *news,
                              struct tg_socket *socket, enum tg_err *ret_err, uint64_t *ret_written);

/* For a subscriber that is up to date. Otherwise as tg_subscriber_write. */
enum tg_err tg_subscriber_write_heartbeat(struct tg_subscriber *subscriber, struct tg_feed *feed,
                                          struct tg_socket *socket, uint64_t *ret_written);

/* In tg_reader_sync's on_evict, for a subscriber whose cursor is below the position. TG_ERR_LIMIT: there is
 * no room for the rest of its half-sent event, so it must be closed. */
enum tg_err tg_subscriber_leave(struct tg_subscriber *subscriber, struct tg_feed *feed);
bool tg_subscriber_is_away(const struct tg_subscriber *subscriber);

/* Its subscribers get the backend's events alone; what they cannot be told ends their connection. */
bool tg_feed_is_plain(const struct tg_feed *feed);
/* The stream has ended, and no event but Tidegate's own, which have no id, comes after the cursor. */
bool tg_feed_is_over(const struct tg_feed *feed, struct tg_cursor cursor);

/* Tells it to come back later; nothing but the rest of a half-sent event comes before that. */
enum tg_err tg_subscriber_end(struct tg_subscriber *subscriber, struct tg_feed *feed, uint64_t retry_ms);

#endif
