/* Where a subscriber begins, and what it must be told first. */
#include "notice.h"
#include "subscriber.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* With 0 it is the id of a session before its first event. */
static void format_id(const struct tg_feed *feed, uint64_t seq, char ret_id[TG_ID_MAX + 1])
{
    const char *epoch = tg_stream_epoch(tg_reader_peek_stream(feed->reader));
    if (snprintf(ret_id, TG_ID_MAX + 1, "%s-%" PRIu64, epoch, seq) > TG_ID_MAX)
        ret_id[0] = '\0';
}

/* All that there is, and what of it retention has taken away already. */
static struct tg_cursor seek_start(const struct tg_feed *feed, bool live_after_gap, struct tg_gap *ret_gap)
{
    struct tg_departure departure = { .seq = 0 };
    struct tg_cursor cursor = tg_reader_return(feed->reader, &departure, live_after_gap, ret_gap);
    if (ret_gap->reason != TG_GAP_NONE)
        ret_gap->reason = TG_GAP_EVICTED;
    return cursor;
}

static struct tg_cursor seek_first(const struct tg_feed *feed, struct tg_str last_id, struct tg_gap *ret_gap)
{
    struct tg_cursor cursor = seek_start(feed, false, ret_gap);
    if (last_id.length > 0) {
        (void)tg_reader_seek_id(feed->reader, last_id.data, last_id.length, false, ret_gap);
        ret_gap->reason = TG_GAP_UNKNOWN;
    }
    return cursor;
}

static void seek(struct tg_subscriber *subscriber, const struct tg_feed *feed, struct tg_str last_id,
                 struct tg_gap *ret_gap)
{
    const struct tg_config_stream *config = feed->stream_config;
    char first_id[TG_ID_MAX + 1];
    if (subscriber->is_first) {
        subscriber->cursor = seek_first(feed, last_id, ret_gap);
        return;
    }
    format_id(feed, 0, first_id);
    if (last_id.length > 0 && tg_str_equals(last_id, tg_str_from(first_id))) {
        subscriber->cursor = seek_start(feed, config->after_gap == TG_AFTER_GAP_LIVE, ret_gap);
        if (ret_gap->reason != TG_GAP_NONE)
            memcpy(ret_gap->after, first_id, sizeof(ret_gap->after));
        return;
    }
    if (last_id.length > 0) {
        bool live_after_gap = config->after_gap == TG_AFTER_GAP_LIVE;
        subscriber->cursor =
            tg_reader_seek_id(feed->reader, last_id.data, last_id.length, live_after_gap, ret_gap);
        return;
    }
    ret_gap->reason = TG_GAP_NONE;
    if (config->initial == TG_INITIAL_ALL)
        subscriber->cursor = tg_reader_seek_oldest(feed->reader);
    else if (config->initial == TG_INITIAL_LAST)
        subscriber->cursor = tg_reader_seek_last(feed->reader, (uint64_t)config->initial_last);
    else
        subscriber->cursor = tg_reader_seek_live(feed->reader);
}

bool tg_feed_is_plain(const struct tg_feed *feed)
{
    return feed->stream_config->session.is_plain;
}

/* The last event with a seq before the cursor and before the end must be the same one. */
bool tg_feed_is_over(const struct tg_feed *feed, struct tg_cursor cursor)
{
    struct tg_departure here, end;
    if (!tg_reader_has_ended(feed->reader))
        return false;
    tg_reader_leave(feed->reader, cursor, &here);
    tg_reader_leave(feed->reader, tg_reader_seek_live(feed->reader), &end);
    return here.seq == end.seq;
}

/* A session always begins with its state, which has its first id: what else comes first may have none. What follows in
 * the replay says whether the upstream is up by now. */
static enum tg_err append_state(const struct tg_subscriber *subscriber, const struct tg_feed *feed,
                                struct tg_buffer *out)
{
    static const struct tg_stream_condition connecting = { .state = TG_STREAM_CONNECTING };
    struct tg_stream_condition condition = tg_stream_get_condition(tg_reader_peek_stream(feed->reader));
    bool is_replayed = !tg_reader_is_past_condition(feed->reader, subscriber->cursor);
    char first_id[TG_ID_MAX + 1];
    if (subscriber->is_first) {
        format_id(feed, 0, first_id);
        return tg_notice_append_state(out, subscriber->is_bare, feed->sse,
                                      is_replayed ? connecting : condition, first_id);
    }
    if (condition.state == TG_STREAM_UP || is_replayed || tg_reader_has_ended(feed->reader))
        return TG_OK;
    return tg_notice_append_state(out, subscriber->is_bare, feed->sse, condition, NULL);
}

/* No event with an id follows any more: with the last one's, the client does not come back for ever to hear the same. */
static enum tg_err append_gap(const struct tg_subscriber *subscriber, const struct tg_feed *feed,
                              const struct tg_gap *gap, bool is_over, struct tg_buffer *out)
{
    char last_id[TG_ID_MAX + 1];
    struct tg_departure end;
    tg_counter_add(&feed->counters->gaps[gap->reason], 1);
    if (is_over) {
        tg_reader_leave(feed->reader, tg_reader_seek_live(feed->reader), &end);
        format_id(feed, end.seq, last_id);
    }
    return tg_notice_append_gap(out, subscriber->is_bare, feed->sse, gap, is_over ? last_id : NULL);
}

/* A comment, so that proxies and clients see the stream begin, and all that there is. */
static enum tg_err begin_plain(struct tg_subscriber *subscriber, const struct tg_feed *feed,
                               struct tg_buffer *out)
{
    struct tg_gap gap;
    struct tg_str comment = tg_notice_heartbeat(subscriber->is_bare);
    subscriber->cursor = seek_start(feed, false, &gap);
    return tg_buffer_append(out, comment.data, comment.length);
}

enum tg_err tg_subscriber_begin(struct tg_subscriber *subscriber, struct tg_feed *feed, struct tg_str last_id,
                                struct tg_buffer *out)
{
    struct tg_gap gap;
    if (tg_feed_is_plain(feed))
        return begin_plain(subscriber, feed, out);
    seek(subscriber, feed, last_id, &gap);
    bool is_over = !subscriber->is_first && tg_feed_is_over(feed, subscriber->cursor);
    if (gap.reason == TG_GAP_NONE && is_over)
        return TG_ERR_CLOSED;
    enum tg_err err = tg_notice_append_hello(out, subscriber->is_bare, feed->sse);
    if (!err)
        err = append_state(subscriber, feed, out);
    if (!err && gap.reason != TG_GAP_NONE)
        err = append_gap(subscriber, feed, &gap, is_over, out);
    return err;
}
