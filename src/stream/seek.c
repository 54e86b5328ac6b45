/* Seeking: from an id, or from where a client left, to a cursor and the gap that lies before it. */
#include "stream.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* An event in a reader's view. */
struct place {
    const struct segment *segment;
    struct extent extent;
    uint32_t event; /* extent.events: after the last */
};

static uint64_t place_position(struct place place)
{
    if (place.event == place.extent.events)
        return place.segment->base + place.extent.bytes;
    return place.segment->base + segment_entry(place.segment, place.event)->offset;
}

static uint64_t place_end(struct place place)
{
    return place.segment->base + segment_event_end(place.segment, place.extent, place.event);
}

static struct place place_at(const struct tg_reader *reader, uint64_t position)
{
    const struct segment *segment = reader_find(reader, position);
    struct extent extent = reader_extent(reader, segment);

    return (struct place){ segment, extent,
                           segment_event_at(segment, extent, (uint32_t)(position - segment->base)) };
}

/* The last seq before the event at this place. */
static uint64_t seq_before(struct place place)
{
    return place.event ? segment_seq(place.segment, place.event - 1) : place.segment->seq_before;
}

/* The event with this seq, which must be retained. */
static struct place place_of_seq(const struct tg_reader *reader, uint64_t seq)
{
    struct place place = place_at(reader, reader->retained_position);

    for (;;) {
        uint32_t event = segment_event_with_seq(place.segment, place.extent, seq);
        if (event < place.extent.events)
            return (struct place){ place.segment, place.extent, event };
        assert(place.segment != reader->tail);
        place.segment = atomic_load_explicit(&place.segment->next, memory_order_acquire);
        place.extent = reader_extent(reader, place.segment);
    }
}

static void copy_id(struct tg_str id, char *ret_id)
{
    size_t length = id.length <= TG_ID_MAX ? id.length : 0;

    if (length)
        memcpy(ret_id, id.data, length);
    ret_id[length] = '\0';
}

/* The id of the event with this seq; empty when there is none, or when only the backend could tell. */
static void id_of_seq(const struct tg_reader *reader, uint64_t seq, char *ret_id)
{
    const struct segment *segment = reader->head;

    ret_id[0] = '\0';
    if (seq == 0)
        return;
    if (!atomic_load_explicit(&reader->stream->has_own_ids, memory_order_relaxed)) {
        snprintf(ret_id, TG_ID_MAX + 1, "%s-%" PRIu64, reader->stream->epoch, seq);
        return;
    }
    for (;;) {
        struct extent extent = reader_extent(reader, segment);
        uint32_t event = segment_event_with_seq(segment, extent, seq);
        if (event < extent.events) {
            if (segment_seq(segment, event) == seq)
                copy_id(segment_event_id(segment, extent, event), ret_id);
            return;
        }
        if (segment == reader->tail)
            return;
        segment = atomic_load_explicit(&segment->next, memory_order_acquire);
    }
}

struct tg_cursor tg_reader_seek_live(const struct tg_reader *reader)
{
    return (struct tg_cursor){ tg_reader_end(reader) };
}

struct tg_cursor tg_reader_seek_oldest(const struct tg_reader *reader)
{
    uint64_t end = tg_reader_end(reader);

    return (struct tg_cursor){ reader->retained_position < end ? reader->retained_position : end };
}

/* The seq of the oldest retained event; one more than the last seq when none is retained. */
static uint64_t oldest_seq(const struct tg_reader *reader)
{
    return seq_before(place_at(reader, tg_reader_seek_oldest(reader).position)) + 1;
}

struct tg_cursor tg_reader_seek_last(const struct tg_reader *reader, uint64_t count)
{
    uint64_t last = reader_last_seq(reader), oldest = oldest_seq(reader);

    if (count == 0 || oldest > last)
        return tg_reader_seek_live(reader);
    if (count >= last - oldest + 1)
        return tg_reader_seek_oldest(reader);
    return (struct tg_cursor){ place_position(place_of_seq(reader, last - count + 1)) };
}

/* The cursor after the event with this seq (at most the last one), or the gap that lies there. */
static struct tg_cursor seek_after_seq(const struct tg_reader *reader, uint64_t seq,
                                       enum tg_gap_reason reason, bool live_after_gap, struct tg_gap *ret_gap)
{
    uint64_t oldest = oldest_seq(reader);

    *ret_gap = (struct tg_gap){ .reason = TG_GAP_NONE };
    if (seq >= oldest)
        return (struct tg_cursor){ place_end(place_of_seq(reader, seq)) };
    if (seq + 1 == oldest)
        return tg_reader_seek_oldest(reader);

    uint64_t next = live_after_gap ? reader_last_seq(reader) + 1 : oldest;
    ret_gap->reason = reason;
    ret_gap->is_counted = true;
    ret_gap->missed = next - seq - 1;
    if (next <= reader_last_seq(reader))
        id_of_seq(reader, next, ret_gap->before);
    return live_after_gap ? tg_reader_seek_live(reader) : tg_reader_seek_oldest(reader);
}

/* Reads <epoch>-<seq>. Only the one spelling that was sent counts: no leading zeros, no sign. */
static bool parse_seq(const char *text, size_t length, uint64_t *ret_seq)
{
    uint64_t seq = 0;

    if (length == 0 || length > 19 || text[0] == '0')
        return false;
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        seq = seq * 10 + (uint64_t)(text[i] - '0');
    }
    *ret_seq = seq;
    return true;
}

static bool is_own_id(const struct tg_reader *reader, const char *id, size_t length, uint64_t *ret_seq)
{
    size_t epoch_length = strlen(reader->stream->epoch);

    return length > epoch_length + 1 && memcmp(id, reader->stream->epoch, epoch_length) == 0 &&
           id[epoch_length] == '-' && parse_seq(id + epoch_length + 1, length - epoch_length - 1, ret_seq);
}

static bool is_digit_of_epoch(char byte, bool is_token)
{
    if (is_token)
        return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
    return (byte >= 'a' && byte <= 'z') || (byte >= '2' && byte <= '7');
}

/* A session takes what begins with a token for an id of another session, other streams what begins with an epoch
 * as they make them. */
static bool is_id_of_other_epoch(const struct tg_reader *reader, const char *id, size_t length)
{
    bool is_session = reader->stream->epoch_length == TOKEN_LENGTH;
    size_t epoch_length = is_session ? TOKEN_LENGTH : EPOCH_LENGTH;
    uint64_t seq;

    if (length < epoch_length + 2 || id[epoch_length] != '-')
        return false;
    if (strncmp(reader->stream->epoch, id, epoch_length) == 0)
        return false;
    for (size_t i = 0; i < epoch_length; i++)
        if (!is_digit_of_epoch(id[i], is_session))
            return false;
    return parse_seq(id + epoch_length + 1, length - epoch_length - 1, &seq);
}

/* Looks for a backend's id among the retained events, oldest first. The hashes of a segment lie close
 * together, so that this costs a few microseconds for ten thousand events. */
static bool find_backend_id(const struct tg_reader *reader, const char *id, size_t length,
                            struct place *ret_place)
{
    struct place place = place_at(reader, tg_reader_seek_oldest(reader).position);
    uint32_t hash = tg_hash32(id, length);

    for (;;) {
        for (; place.event < place.extent.events; place.event++) {
            const struct index_entry *entry = segment_entry(place.segment, place.event);
            if (entry->id_hash != hash || entry->has_no_id)
                continue;
            struct tg_str found = segment_event_id(place.segment, place.extent, place.event);
            if (found.length == length && memcmp(found.data, id, length) == 0) {
                *ret_place = place;
                return true;
            }
        }
        if (place.segment == reader->tail)
            return false;
        place.segment = atomic_load_explicit(&place.segment->next, memory_order_acquire);
        place.extent = reader_extent(reader, place.segment);
        place.event = 0;
    }
}

struct tg_cursor tg_reader_seek_id(const struct tg_reader *reader, const char *id, size_t length,
                                   bool live_after_gap, struct tg_gap *ret_gap)
{
    struct tg_cursor cursor;
    struct place place;
    uint64_t seq;

    if (is_own_id(reader, id, length, &seq) && seq <= reader_last_seq(reader)) {
        cursor = seek_after_seq(reader, seq, TG_GAP_EVICTED, live_after_gap, ret_gap);
        if (ret_gap->reason != TG_GAP_NONE)
            copy_id((struct tg_str){ id, length }, ret_gap->after);
        return cursor;
    }
    if (tg_id_is_valid(id, length) &&
        atomic_load_explicit(&reader->stream->has_own_ids, memory_order_relaxed) &&
        find_backend_id(reader, id, length, &place)) {
        *ret_gap = (struct tg_gap){ .reason = TG_GAP_NONE };
        return (struct tg_cursor){ place_end(place) };
    }

    uint64_t oldest = oldest_seq(reader);
    *ret_gap =
        (struct tg_gap){ .reason = is_id_of_other_epoch(reader, id, length) ? TG_GAP_EPOCH : TG_GAP_UNKNOWN };
    if (tg_id_is_valid(id, length))
        copy_id((struct tg_str){ id, length }, ret_gap->after);
    if (!live_after_gap && oldest <= reader_last_seq(reader))
        id_of_seq(reader, oldest, ret_gap->before);
    return live_after_gap ? tg_reader_seek_live(reader) : tg_reader_seek_oldest(reader);
}

void tg_reader_leave(const struct tg_reader *reader, struct tg_cursor cursor,
                     struct tg_departure *ret_departure)
{
    struct place place = place_at(reader, cursor.position);
    uint64_t start = place_position(place);

    *ret_departure = (struct tg_departure){ .seq = seq_before(place) };
    if (place.event < place.extent.events && cursor.position > start) {
        ret_departure->seq = segment_seq(place.segment, place.event);
        ret_departure->rest = (struct tg_str){ place.segment->block + (cursor.position - place.segment->base),
                                               place_end(place) - cursor.position };
    }
    id_of_seq(reader, ret_departure->seq, ret_departure->after);
}

struct tg_cursor tg_reader_return(const struct tg_reader *reader, const struct tg_departure *departure,
                                  bool live_after_gap, struct tg_gap *ret_gap)
{
    struct tg_cursor cursor = seek_after_seq(reader, departure->seq, TG_GAP_LAGGED, live_after_gap, ret_gap);

    if (ret_gap->reason != TG_GAP_NONE)
        memcpy(ret_gap->after, departure->after, sizeof ret_gap->after);
    return cursor;
}

const char *tg_gap_reason_text(enum tg_gap_reason reason)
{
    static const char *const texts[] = {
        [TG_GAP_NONE] = "none",         [TG_GAP_EVICTED] = "evicted", [TG_GAP_LAGGED] = "lagged",
        [TG_GAP_UNKNOWN] = "unknown",   [TG_GAP_EPOCH] = "epoch",     [TG_GAP_OVERSIZE] = "oversize",
        [TG_GAP_ENCODING] = "encoding", [TG_GAP_MEMORY] = "memory",
    };

    return texts[reason];
}
