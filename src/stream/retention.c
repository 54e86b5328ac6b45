/* Retention: how the old end of a stream moves.
 *
 *      first_position          retained_position                    end
 *      ▼                       ▼                                    ▼
 *      [ segment ][ segment ][ segment ][ segment ][ segment  │ free ]
 *       └ still there ───────┘└ retained: exactly what retain.* says ┘
 *
 * The edge moves event by event, so that what is retained is exact. Segments wholly before the edge are given
 * back once the stream holds more than SLACK and their readers had two flushes' time to send them: so a
 * connected subscriber that is a moment behind finds its bytes also with a very small `retain`. A writer that
 * never pauses for a flush is held to what is retained and SLACK all the same.
 *
 * Control events do not count for `retain`, so that an outage, however it is told, takes no event away. They have an
 * allowance of their own, as large as retain_bytes and CONTROL_LEAST at least, that is thousands of markers: only beyond
 * it the oldest goes, whatever it is, since the edge is one for all. */
#include "stream.h"

enum { SLACK = 256 * 1024, CONTROL_LEAST = 256 * 1024 };

uint64_t retention_control_bytes_max(uint64_t retain_bytes)
{
    return retain_bytes > CONTROL_LEAST ? retain_bytes : CONTROL_LEAST;
}

static uint64_t cost(uint64_t wire_bytes)
{
    return wire_bytes + sizeof(struct index_entry);
}

void retention_add(struct tg_stream *stream, uint64_t wire_bytes, bool has_seq, bool is_control)
{
    if (is_control)
        stream->retained_control_bytes += cost(wire_bytes);
    else
        stream->retained_bytes += cost(wire_bytes);
    stream->retained_events += has_seq ? 1 : 0;
}

static bool is_over_limits(const struct tg_stream *stream, const struct index_entry *oldest, uint64_t now_ms)
{
    if (stream->retained_events > stream->retain_events || stream->retained_bytes > stream->retain_bytes ||
        stream->retained_control_bytes > stream->control_bytes_max)
        return true;
    return stream->retain_age_ms &&
           stream->edge.segment->born_ms + oldest->age_ms + stream->retain_age_ms < now_ms;
}

/* Moves the edge over one event. */
static void evict_oldest(struct tg_stream *stream, struct extent extent, const struct index_entry *oldest)
{
    struct retention_edge *edge = &stream->edge;
    uint32_t end = segment_event_end(edge->segment, extent, edge->event);

    if (oldest->is_control)
        stream->retained_control_bytes -= cost(end - oldest->offset);
    else
        stream->retained_bytes -= cost(end - oldest->offset);
    if (!oldest->has_no_id)
        stream->retained_events--;
    edge->event++;
}

static void move_edge(struct tg_stream *stream, uint64_t now_ms)
{
    struct retention_edge *edge = &stream->edge;

    for (;;) {
        struct extent extent = segment_extent(edge->segment);

        if (edge->event == extent.events) {
            struct segment *next = atomic_load_explicit(&edge->segment->next, memory_order_relaxed);
            if (!next)
                return;
            *edge = (struct retention_edge){ next, 0 };
            continue;
        }
        const struct index_entry *oldest = segment_entry(edge->segment, edge->event);
        if (!is_over_limits(stream, oldest, now_ms))
            return;
        evict_oldest(stream, extent, oldest);
    }
}

static uint64_t edge_position(const struct retention_edge *edge)
{
    struct extent extent = segment_extent(edge->segment);

    if (edge->event == extent.events)
        return edge->segment->base + extent.bytes;
    return edge->segment->base + segment_entry(edge->segment, edge->event)->offset;
}

/* Readers that hold old segments are told by the next flush, so that they let go of them. */
static void drop_head(struct tg_stream *stream)
{
    struct segment *old = stream->head;
    struct segment *next = atomic_load_explicit(&old->next, memory_order_relaxed);

    pthread_mutex_lock(&stream->lock);
    stream->head = segment_ref(next);
    pthread_mutex_unlock(&stream->lock);
    stream->memory_bytes -= segment_size(old);
    atomic_store_explicit(&stream->first_position, next->base, memory_order_release);
    segment_unref(old);
    stream->has_news = true;
}

static bool may_drop_head(const struct tg_stream *stream)
{
    uint64_t slack = stream->retain_bytes < SLACK ? stream->retain_bytes : SLACK;
    uint64_t head_end = stream->head->base + stream->head->bytes;

    if (stream->head == stream->edge.segment || stream->memory_bytes <= slack)
        return false;
    return head_end <= stream->settled_position ||
           stream->memory_bytes > stream->retain_bytes + stream->retained_control_bytes + SLACK;
}

void retention_apply(struct tg_stream *stream, uint64_t now_ms)
{
    move_edge(stream, now_ms);
    atomic_store_explicit(&stream->retained_position, edge_position(&stream->edge), memory_order_release);
    while (may_drop_head(stream))
        drop_head(stream);
}

/* Moves the edge to the next segment. */
static void evict_head(struct tg_stream *stream)
{
    struct retention_edge *edge = &stream->edge;

    while (edge->segment == stream->head) {
        struct extent extent = segment_extent(edge->segment);
        if (edge->event < extent.events)
            evict_oldest(stream, extent, segment_entry(edge->segment, edge->event));
        else
            *edge = (struct retention_edge){ atomic_load_explicit(&edge->segment->next, memory_order_relaxed),
                                             0 };
    }
}

bool retention_yield(struct tg_stream *stream, uint64_t bytes)
{
    uint64_t before = stream->memory_bytes;

    while (stream->head != stream->tail && before - stream->memory_bytes < bytes) {
        evict_head(stream);
        atomic_store_explicit(&stream->retained_position, edge_position(&stream->edge), memory_order_release);
        drop_head(stream);
    }
    return stream->memory_bytes < before;
}
