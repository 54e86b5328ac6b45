/* A segment: one block of a stream's events, framed for the wire, with their index.
 *
 *      0                     bytes                          events                capacity
 *      ├── wire bytes ───────►│            free            │◄─── index entries ───┤
 *        event 0  event 1  …                                  …  entry 1  entry 0
 *
 * Events grow from the front, their index entries from the back, until the next event fits no more. The pair
 * (events, bytes) is published as one 64-bit number with release order: a reader that has seen it may read
 * all bytes and entries it covers without a lock, for they never change again.
 *
 * Reference counts: a segment's successor is held by the segment, the oldest segment by the stream; a reader
 * holds the oldest segment that it still reads and so everything after it. */
#ifndef TIDEGATE_STREAM_SEGMENT_H
#define TIDEGATE_STREAM_SEGMENT_H

#include <stdatomic.h>

#include "frame.h"
#include "tidegate/stream.h"

#define SEGMENT_SEQ_MAX 0x3fffffffu

struct index_entry {
    uint32_t offset;         /* of the event's chunk head in the block */
    uint32_t id_hash;        /* of the backend's own id; 0 for <epoch>-<seq> and without an id */
    uint32_t age_ms;         /* when it was appended, counted from the segment's first event */
    uint32_t seq_delta : 30; /* its seq (without an id: the last seq before it) less seq_before */
    uint32_t has_no_id : 1;
    uint32_t is_control : 1; /* has no id either, and an allowance of its own */
};

struct segment {
    atomic_size_t refs;
    struct segment *_Atomic next;   /* a reference; set once, when this one is full */
    atomic_uint_fast64_t published; /* events << 32 | bytes */
    uint64_t base;                  /* the stream's position of byte 0 */
    uint64_t seq_before;            /* the last seq before this segment */
    uint32_t capacity;
    /* the writer's own */
    uint64_t born_ms; /* when the first event came */
    uint32_t bytes;
    uint32_t events;
    _Alignas(8) char block[];
};

/* Where blocks come from: malloc. Tests put their own in its place, to have memory run out. */
extern void *(*segment_allocate)(size_t size);

/* NULL when memory is out. One reference. */
struct segment *segment_new(uint32_t capacity, uint64_t base, uint64_t seq_before);
struct segment *segment_ref(struct segment *segment);
void segment_unref(struct segment *segment);
size_t segment_size(const struct segment *segment); /* as allocated */

/* The writer. `frame` says how large the event will be. A segment has no room for what comes 49 days after its first
 * event either. */
bool segment_has_room(const struct segment *segment, const struct frame *frame, uint64_t seq,
                      uint64_t now_ms);
void segment_append(struct segment *segment, const struct frame *frame, uint64_t seq, uint32_t id_hash,
                    bool is_control, uint64_t now_ms);

/* Readers, and the writer. What a reader has seen of a segment: */
struct extent {
    uint32_t bytes;
    uint32_t events;
};
struct extent segment_extent(const struct segment *segment);
const struct index_entry *segment_entry(const struct segment *segment, uint32_t event);
uint64_t segment_seq(const struct segment *segment, uint32_t event);
/* Where the event ends: where the next one begins. */
uint32_t segment_event_end(const struct segment *segment, struct extent extent, uint32_t event);
/* The event whose bytes hold `offset`, or extent.events at its end. */
uint32_t segment_event_at(const struct segment *segment, struct extent extent, uint32_t offset);
/* The first event whose seq is at least `seq`, or extent.events. */
uint32_t segment_event_with_seq(const struct segment *segment, struct extent extent, uint64_t seq);
/* The id on the wire; empty for events without one. */
struct tg_str segment_event_id(const struct segment *segment, struct extent extent, uint32_t event);

#endif
