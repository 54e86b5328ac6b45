/* The subscriber's stages; see subscriber.h for the picture, and beginning.c for how it comes to its first cursor. */
#include "subscriber.h"
#include "notice.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_TAIL_LENGTH = 2 };

struct tg_pending {
    size_t length, offset;
    bool is_rescue; /* counts against the feed's rescued_bytes */
    char bytes[];
};

struct tg_away {
    struct tg_departure departure; /* without its rest */
};

static void drop_pending(struct tg_subscriber *subscriber, struct tg_feed *feed)
{
    if (subscriber->pending && subscriber->pending->is_rescue)
        feed->rescued_bytes -= subscriber->pending->length;
    free(subscriber->pending);
    subscriber->pending = NULL;
}

void tg_subscriber_deinit(struct tg_subscriber *subscriber, struct tg_feed *feed)
{
    drop_pending(subscriber, feed);
    free(subscriber->away);
    subscriber->away = NULL;
}

/* Puts bytes behind those that are pending already. */
static enum tg_err add_pending(struct tg_subscriber *subscriber, struct tg_feed *feed, const char *bytes,
                               size_t length)
{
    struct tg_pending *old = subscriber->pending;
    size_t old_left = old ? old->length - old->offset : 0;
    struct tg_pending *pending = malloc(sizeof(*pending) + old_left + length);
    if (!pending)
        return TG_ERR_MEMORY;
    *pending = (struct tg_pending){ .length = old_left + length };
    if (old)
        memcpy(pending->bytes, old->bytes + old->offset, old_left);
    memcpy(pending->bytes + old_left, bytes, length);
    drop_pending(subscriber, feed);
    subscriber->pending = pending;
    return TG_OK;
}

bool tg_subscriber_is_away(const struct tg_subscriber *subscriber)
{
    return subscriber->away != NULL;
}

/* ---- writing ------------------------------------------------------------------------------------------ */

/* One call of the socket, counted. TG_ERR_AGAIN: it took less than all. */
static enum tg_err hand_over(struct tg_subscriber *subscriber, struct tg_feed *feed, struct tg_socket *socket,
                             struct tg_str bytes, size_t *ret_taken, uint64_t *written)
{
    size_t taken = 0;
    enum tg_err err = socket->ops->write(socket, bytes.data, bytes.length, &taken);
    if (err)
        return err;
    tg_counter_add(&feed->counters->writes, 1);
    tg_counter_add(&feed->counters->bytes_out, taken);
    subscriber->bytes += taken;
    *written += taken;
    *ret_taken = taken;
    return taken < bytes.length ? TG_ERR_AGAIN : TG_OK;
}

static enum tg_err write_pending(struct tg_subscriber *subscriber, struct tg_feed *feed,
                                 struct tg_socket *socket, uint64_t *written)
{
    struct tg_pending *pending = subscriber->pending;
    size_t taken = 0;
    enum tg_err err =
        hand_over(subscriber, feed, socket,
                  (struct tg_str){ pending->bytes + pending->offset, pending->length - pending->offset },
                  &taken, written);
    pending->offset += taken;
    if (!err)
        drop_pending(subscriber, feed);
    return err;
}

static enum tg_err come_back(struct tg_subscriber *subscriber, struct tg_feed *feed)
{
    struct tg_gap gap;
    if (tg_feed_is_plain(feed)) /* it has missed something, and cannot be told */
        return TG_ERR_LIMIT;
    bool live_after_gap = feed->stream_config->after_gap == TG_AFTER_GAP_LIVE;
    subscriber->cursor = tg_reader_return(feed->reader, &subscriber->away->departure, live_after_gap, &gap);
    free(subscriber->away);
    subscriber->away = NULL;
    if (gap.reason == TG_GAP_NONE)
        return TG_OK;
    tg_counter_add(&feed->counters->gaps[gap.reason], 1);
    struct tg_buffer notice = { 0 };
    enum tg_err err = tg_notice_append_gap(&notice, subscriber->is_bare, feed->sse, &gap, NULL);
    if (!err)
        err = add_pending(subscriber, feed, notice.data, notice.length);
    tg_buffer_deinit(&notice);
    return err;
}

/* *ret_is_end: the cursor is at the end. */
static enum tg_err write_from_cursor(struct tg_subscriber *subscriber, struct tg_feed *feed,
                                     struct tg_socket *socket, uint64_t *written, bool *ret_is_end)
{
    struct tg_cursor cursor = subscriber->cursor, next;
    struct tg_str bytes;
    if (subscriber->is_bare) {
        bytes = tg_reader_peek_bare(feed->reader, &cursor, &next);
    } else {
        bytes = tg_reader_peek(feed->reader, cursor);
        if (bytes.length > TG_SLICE_BYTES_MAX)
            bytes.length = TG_SLICE_BYTES_MAX;
        next.position = cursor.position + bytes.length;
    }
    if (bytes.length == 0) {
        *ret_is_end = next.position == cursor.position;
        subscriber->cursor = next;
        return TG_OK;
    }
    *ret_is_end = false;
    size_t taken = 0;
    enum tg_err err = hand_over(subscriber, feed, socket, bytes, &taken, written);
    if (!err) {
        subscriber->cursor = next;
        *ret_is_end = next.position == tg_reader_end(feed->reader);
    } else if (taken > 0) {
        subscriber->cursor.position = cursor.position + taken;
    }
    return err;
}

static bool is_closing(const struct tg_subscriber *subscriber)
{
    return subscriber->is_ending || subscriber->is_done;
}

static enum tg_err finish_body(struct tg_subscriber *subscriber, struct tg_feed *feed)
{
    struct tg_str end = tg_notice_body_end(subscriber->is_bare || tg_reader_is_broken_off(feed->reader));
    subscriber->is_done = true;
    return end.length ? add_pending(subscriber, feed, end.data, end.length) : TG_OK;
}

enum tg_err tg_subscriber_write(struct tg_subscriber *subscriber, struct tg_feed *feed,
                                struct tg_socket *socket, uint64_t *ret_written)
{
    enum tg_err err = TG_OK;
    uint64_t written = 0;
    if (socket->ops->has_leftover(socket))
        err = socket->ops->flush(socket);
    for (bool is_end = false; !err && !is_end;) {
        if (subscriber->pending)
            err = write_pending(subscriber, feed, socket, &written);
        else if (is_closing(subscriber))
            is_end = true;
        else if (subscriber->away)
            err = come_back(subscriber, feed);
        else if (written >= TG_SLICE_BYTES_MAX)
            err = TG_ERR_AGAIN;
        else
            err = write_from_cursor(subscriber, feed, socket, &written, &is_end);
        if (!err && is_end && tg_reader_has_ended(feed->reader) && !is_closing(subscriber)) {
            err = finish_body(subscriber, feed);
            is_end = false;
        }
    }
    if (!err && socket->ops->has_leftover(socket))
        err = TG_ERR_AGAIN;
    if (!err && is_closing(subscriber))
        err = TG_ERR_CLOSED;
    *ret_written = written;
    return err;
}

struct tg_news tg_feed_news(const struct tg_feed *feed, uint64_t position)
{
    return (struct tg_news){ .from = position,
                             .end = tg_reader_end(feed->reader),
                             .bytes = tg_reader_peek(feed->reader, (struct tg_cursor){ position }) };
}

bool tg_subscriber_write_news(struct tg_subscriber *subscriber, const struct tg_news *news,
                              struct tg_socket *socket, enum tg_err *ret_err, uint64_t *ret_written)
{
    size_t taken = 0;
    if (subscriber->cursor.position != news->from || news->from + news->bytes.length != news->end ||
        subscriber->is_bare || is_closing(subscriber) || subscriber->pending || subscriber->away ||
        socket->ops->has_leftover(socket))
        return false;
    enum tg_err err = socket->ops->write(socket, news->bytes.data, news->bytes.length, &taken);
    if (!err && (taken < news->bytes.length || socket->ops->has_leftover(socket)))
        err = TG_ERR_AGAIN;
    subscriber->cursor.position += taken;
    subscriber->bytes += taken;
    *ret_err = err;
    *ret_written = taken;
    return true;
}

enum tg_err tg_subscriber_write_first(struct tg_subscriber *subscriber, struct tg_feed *feed,
                                      struct tg_socket *socket, struct tg_buffer *bytes,
                                      uint64_t *ret_written)
{
    size_t own_length = bytes->length, taken = 0;
    uint64_t written = 0, more = 0;
    if (!subscriber->is_bare && own_length < TG_FIRST_WRITE_BYTES) {
        struct tg_str events = tg_reader_peek(feed->reader, subscriber->cursor);
        size_t room = TG_FIRST_WRITE_BYTES - own_length;
        if (events.length > 0)
            (void)tg_buffer_append(bytes, events.data, events.length < room ? events.length : room);
    }
    enum tg_err err =
        hand_over(subscriber, feed, socket, (struct tg_str){ bytes->data, bytes->length }, &taken, &written);
    if (taken > own_length)
        subscriber->cursor.position += taken - own_length;
    else if (taken < own_length && err == TG_ERR_AGAIN &&
             add_pending(subscriber, feed, bytes->data + taken, own_length - taken))
        err = TG_ERR_MEMORY;
    bool is_end = subscriber->cursor.position == tg_reader_end(feed->reader);
    if (!err && (subscriber->is_bare || (is_end && tg_reader_has_ended(feed->reader))))
        err = tg_subscriber_write(subscriber, feed, socket, &more);
    else if (!err && (!is_end || socket->ops->has_leftover(socket)))
        err = TG_ERR_AGAIN;
    *ret_written = written + more;
    return err;
}

enum tg_err tg_subscriber_write_heartbeat(struct tg_subscriber *subscriber, struct tg_feed *feed,
                                          struct tg_socket *socket, uint64_t *ret_written)
{
    struct tg_str heartbeat = tg_notice_heartbeat(subscriber->is_bare);
    size_t taken = 0;
    uint64_t written = 0;
    enum tg_err err = hand_over(subscriber, feed, socket, heartbeat, &taken, &written);
    if (taken > 0 && taken < heartbeat.length &&
        add_pending(subscriber, feed, heartbeat.data + taken, heartbeat.length - taken))
        err = TG_ERR_MEMORY;
    if (!err && socket->ops->has_leftover(socket))
        err = TG_ERR_AGAIN;
    tg_counter_add(&feed->counters->heartbeats, taken > 0);
    *ret_written = written;
    return err;
}

/* ---- leaving ------------------------------------------------------------------------------------------ */

/* The rest lies in the segment as a chunk; a bare subscriber has no use for the chunk's tail. */
static struct tg_str rest_of(const struct tg_subscriber *subscriber, const struct tg_departure *departure)
{
    struct tg_str rest = departure->rest;
    if (subscriber->is_bare && rest.length >= CHUNK_TAIL_LENGTH)
        rest.length -= CHUNK_TAIL_LENGTH;
    return rest;
}

enum tg_err tg_subscriber_leave(struct tg_subscriber *subscriber, struct tg_feed *feed)
{
    struct tg_away *away = tg_alloc(sizeof(*away));
    tg_reader_leave(feed->reader, subscriber->cursor, &away->departure);
    struct tg_str rest = rest_of(subscriber, &away->departure);
    away->departure.rest = (struct tg_str){ NULL, 0 };
    subscriber->away = away;
    if (rest.length == 0)
        return TG_OK;
    if (feed->rescued_bytes + rest.length > TG_RESCUE_BYTES_MAX)
        return TG_ERR_LIMIT;
    enum tg_err err = add_pending(subscriber, feed, rest.data, rest.length);
    if (err)
        return err;
    subscriber->pending->is_rescue = true;
    feed->rescued_bytes += subscriber->pending->length;
    return TG_OK;
}

enum tg_err tg_subscriber_end(struct tg_subscriber *subscriber, struct tg_feed *feed, uint64_t retry_ms)
{
    struct tg_buffer farewell = { 0 };
    enum tg_err err = TG_OK;
    if (subscriber->is_done) { /* it has been told all */
        subscriber->is_ending = true;
        return TG_OK;
    }
    if (!subscriber->away) {
        struct tg_departure departure;
        tg_reader_leave(feed->reader, subscriber->cursor, &departure);
        struct tg_str rest = rest_of(subscriber, &departure);
        err = tg_buffer_append(&farewell, rest.data, rest.length);
    }
    if (!err && !tg_feed_is_plain(feed))
        err = tg_notice_append_farewell(&farewell, subscriber->is_bare, retry_ms);
    if (!err && farewell.length > 0)
        err = add_pending(subscriber, feed, farewell.data, farewell.length);
    tg_buffer_deinit(&farewell);
    subscriber->is_ending = true;
    return err;
}
