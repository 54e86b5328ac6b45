/* A reader: one thread's view of a stream, from the oldest segment it holds to the newest it has seen. */
#include "stream.h"

#include <assert.h>
#include <stdlib.h>

struct tg_reader *tg_reader_new(struct tg_stream *stream, void (*wake)(void *arg), void *arg)
{
    struct tg_reader *reader = tg_alloc(sizeof *reader);

    reader->stream = tg_stream_ref(stream);
    reader->wake = wake;
    reader->wake_arg = arg;
    pthread_mutex_lock(&stream->lock);
    reader->head = segment_ref(stream->head);
    reader->next = stream->readers;
    if (reader->next)
        reader->next->prev = reader;
    stream->readers = reader;
    pthread_mutex_unlock(&stream->lock);
    reader->tail = reader->head;
    tg_reader_sync(reader, NULL, NULL);
    return reader;
}

void tg_reader_free(struct tg_reader *reader)
{
    struct tg_stream *stream = reader->stream;

    pthread_mutex_lock(&stream->lock);
    if (reader->prev)
        reader->prev->next = reader->next;
    else
        stream->readers = reader->next;
    if (reader->next)
        reader->next->prev = reader->prev;
    pthread_mutex_unlock(&stream->lock);
    segment_unref(reader->head);
    free(reader);
    tg_stream_unref(stream);
}

struct tg_stream *tg_reader_peek_stream(const struct tg_reader *reader)
{
    return reader->stream;
}

static struct segment *next_segment(const struct segment *segment)
{
    return atomic_load_explicit(&segment->next, memory_order_acquire);
}

void tg_reader_sync(struct tg_reader *reader, void (*on_evict)(void *arg, uint64_t position), void *arg)
{
    struct tg_stream *stream = reader->stream;
    uint64_t first;

    /* Before looking: what is published after this wakes the reader again. */
    atomic_exchange_explicit(&reader->is_woken, false, memory_order_acq_rel);
    /* The mark before what it covers: whoever sees it sees all that was appended. */
    reader->has_ended = atomic_load_explicit(&stream->has_ended, memory_order_acquire);
    first = atomic_load_explicit(&stream->first_position, memory_order_acquire);
    reader->retained_position = atomic_load_explicit(&stream->retained_position, memory_order_acquire);
    /* A segment is full once it has a successor: look for that first, then for how full it is. */
    for (struct segment *next = next_segment(reader->tail); next; next = next_segment(next))
        reader->tail = next;
    reader->tail_extent = segment_extent(reader->tail);

    if (on_evict && reader->head->base < first)
        on_evict(arg, first);
    while (reader->head->base < first) {
        struct segment *old = reader->head;
        reader->head = segment_ref(next_segment(old));
        segment_unref(old);
    }
}

struct extent reader_extent(const struct tg_reader *reader, const struct segment *segment)
{
    return segment == reader->tail ? reader->tail_extent : segment_extent(segment);
}

struct segment *reader_find(const struct tg_reader *reader, uint64_t position)
{
    struct segment *segment = reader->head;

    if (position >= reader->tail->base)
        return reader->tail;
    assert(position >= segment->base);
    while (position >= segment->base + segment_extent(segment).bytes)
        segment = next_segment(segment);
    return segment;
}

uint64_t reader_last_seq(const struct tg_reader *reader)
{
    uint32_t events = reader->tail_extent.events;

    return events ? segment_seq(reader->tail, events - 1) : reader->tail->seq_before;
}

uint64_t tg_reader_end(const struct tg_reader *reader)
{
    return reader->tail->base + reader->tail_extent.bytes;
}

bool tg_reader_has_ended(const struct tg_reader *reader)
{
    return reader->has_ended;
}

bool tg_reader_is_broken_off(const struct tg_reader *reader)
{
    return reader->has_ended && reader->stream->is_broken_off;
}

uint64_t tg_reader_first(const struct tg_reader *reader)
{
    return reader->head->base;
}

struct tg_str tg_reader_peek(const struct tg_reader *reader, struct tg_cursor cursor)
{
    const struct segment *segment = reader_find(reader, cursor.position);
    uint64_t offset = cursor.position - segment->base;

    return (struct tg_str){ segment->block + offset, reader_extent(reader, segment).bytes - offset };
}

struct tg_str tg_reader_peek_bare(const struct tg_reader *reader, struct tg_cursor *cursor,
                                  struct tg_cursor *ret_next)
{
    const struct segment *segment = reader_find(reader, cursor->position);
    struct extent extent = reader_extent(reader, segment);
    uint32_t offset = (uint32_t)(cursor->position - segment->base);
    uint32_t event = segment_event_at(segment, extent, offset);

    if (event == extent.events) {
        *ret_next = *cursor;
        return (struct tg_str){ NULL, 0 };
    }
    uint32_t start = segment_entry(segment, event)->offset;
    uint32_t end = segment_event_end(segment, extent, event);
    uint32_t body = start + (uint32_t)frame_head_length(segment->block + start);
    if (offset < body)
        offset = body;
    cursor->position = segment->base + offset;
    ret_next->position = segment->base + end;
    if (offset >= end - FRAME_TAIL_LENGTH)
        return (struct tg_str){ NULL, 0 };
    return (struct tg_str){ segment->block + offset, end - FRAME_TAIL_LENGTH - offset };
}
