/* Segments: see segment.h for the structure. */
#include "segment.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void *(*segment_allocate)(size_t size) = malloc;

struct segment *segment_new(uint32_t capacity, uint64_t base, uint64_t seq_before)
{
    struct segment *segment = segment_allocate(sizeof *segment + capacity);

    assert(capacity % sizeof(uint64_t) == 0);
    if (!segment)
        return NULL;
    memset(segment, 0, sizeof *segment);
    atomic_init(&segment->refs, 1);
    segment->base = base;
    segment->seq_before = seq_before;
    segment->capacity = capacity;
    return segment;
}

struct segment *segment_ref(struct segment *segment)
{
    atomic_fetch_add_explicit(&segment->refs, 1, memory_order_relaxed);
    return segment;
}

/* A loop, not recursion: the last holder of an old segment may free a chain of any length. */
void segment_unref(struct segment *segment)
{
    while (segment && atomic_fetch_sub_explicit(&segment->refs, 1, memory_order_acq_rel) == 1) {
        struct segment *next = atomic_load_explicit(&segment->next, memory_order_acquire);
        free(segment);
        segment = next;
    }
}

size_t segment_size(const struct segment *segment)
{
    return sizeof *segment + segment->capacity;
}

static struct index_entry *entry_slot(const struct segment *segment, uint32_t event)
{
    const char *end = segment->block + segment->capacity;

    return (struct index_entry *)(void *)(end - (size_t)(event + 1) * sizeof(struct index_entry));
}

/* Of an event that comes now, as its index entry has it. */
static uint64_t age_of(const struct segment *segment, uint64_t now_ms)
{
    return segment->events > 0 && now_ms > segment->born_ms ? now_ms - segment->born_ms : 0;
}

bool segment_has_room(const struct segment *segment, const struct frame *frame, uint64_t seq, uint64_t now_ms)
{
    uint64_t used = segment->bytes + (uint64_t)segment->events * sizeof(struct index_entry);

    return used + frame->wire_length + sizeof(struct index_entry) <= segment->capacity &&
           seq - segment->seq_before <= SEGMENT_SEQ_MAX && age_of(segment, now_ms) <= UINT32_MAX;
}

void segment_append(struct segment *segment, const struct frame *frame, uint64_t seq, uint32_t id_hash,
                    bool is_control, uint64_t now_ms)
{
    struct index_entry *entry = entry_slot(segment, segment->events);

    assert(segment_has_room(segment, frame, seq, now_ms));
    if (segment->events == 0)
        segment->born_ms = now_ms;
    frame_write(frame, segment->block + segment->bytes);
    entry->offset = segment->bytes;
    entry->id_hash = id_hash;
    entry->age_ms = (uint32_t)age_of(segment, now_ms);
    entry->seq_delta = (uint32_t)(seq - segment->seq_before) & SEGMENT_SEQ_MAX;
    entry->has_no_id = frame->id.length == 0;
    entry->is_control = is_control;
    segment->bytes += (uint32_t)frame->wire_length;
    segment->events++;
    atomic_store_explicit(&segment->published, (uint64_t)segment->events << 32 | segment->bytes,
                          memory_order_release);
}

struct extent segment_extent(const struct segment *segment)
{
    uint64_t published = atomic_load_explicit(&segment->published, memory_order_acquire);

    return (struct extent){ .bytes = (uint32_t)published, .events = (uint32_t)(published >> 32) };
}

const struct index_entry *segment_entry(const struct segment *segment, uint32_t event)
{
    return entry_slot(segment, event);
}

uint64_t segment_seq(const struct segment *segment, uint32_t event)
{
    return segment->seq_before + segment_entry(segment, event)->seq_delta;
}

uint32_t segment_event_end(const struct segment *segment, struct extent extent, uint32_t event)
{
    return event + 1 < extent.events ? segment_entry(segment, event + 1)->offset : extent.bytes;
}

uint32_t segment_event_at(const struct segment *segment, struct extent extent, uint32_t offset)
{
    uint32_t low = 0, high = extent.events; /* the answer is in [low, high] */

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (segment_event_end(segment, extent, middle) <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t segment_event_with_seq(const struct segment *segment, struct extent extent, uint64_t seq)
{
    uint32_t low = 0, high = extent.events;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (segment_seq(segment, middle) < seq)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct tg_str segment_event_id(const struct segment *segment, struct extent extent, uint32_t event)
{
    const struct index_entry *entry = segment_entry(segment, event);

    if (entry->has_no_id)
        return (struct tg_str){ NULL, 0 };
    return frame_find_id(segment->block + entry->offset,
                         segment_event_end(segment, extent, event) - entry->offset);
}
