/* Inside the stream layer: the stream itself, its writer's part and what readers share. */
#ifndef TIDEGATE_STREAM_STREAM_H
#define TIDEGATE_STREAM_STREAM_H

#include <pthread.h>
#include <stdatomic.h>

#include "segment.h"
#include "tidegate/stream.h"

#define EPOCH_LENGTH 10 /* of an epoch made here: 50 random bits */
#define TOKEN_LENGTH 32 /* of a session's token, which is its epoch: 128 random bits in hexadecimal */

struct outbox;        /* outgoing.c */
struct family_member; /* family.h */

/* The oldest retained event, as the writer moves it on. */
struct retention_edge {
    struct segment *segment; /* borrowed: between the stream's head and its tail */
    uint32_t event;          /* may be the extent's end: nothing is retained */
};

struct tg_stream {
    atomic_size_t refs;
    char *name;
    char *epoch;
    size_t epoch_length;
    uint64_t retain_events, retain_bytes, retain_age_ms;
    uint64_t control_bytes_max; /* what control events may take beside the others */

    /* the writer's own */
    struct segment *tail;   /* borrowed */
    uint32_t next_capacity; /* of the next segment, unless its first event is large */
    struct retention_edge edge;
    uint64_t last_seq;
    uint64_t retained_events, retained_bytes, retained_control_bytes, memory_bytes;
    uint64_t appended_events, appended_bytes;    /* ever */
    bool has_news;                               /* since the last flush */
    uint64_t flushed_position, settled_position; /* the end at the last flush, and at the one before */

    /* shared */
    pthread_mutex_t lock;
    struct segment *head;                   /* a reference; changed by the writer, under the lock */
    struct tg_reader *readers;              /* under the lock */
    atomic_uint_fast64_t first_position;    /* whose bytes the stream still holds */
    atomic_uint_fast64_t retained_position; /* of the oldest retained event */
    atomic_bool has_own_ids;                /* some event had the backend's id */
    atomic_bool has_ended;                  /* stored after all that was appended, and after the next */
    bool is_broken_off;                     /* by tg_stream_break_off */
    _Atomic(struct tg_stream_condition) condition;
    atomic_uint_fast64_t condition_position; /* the end when it was set; condition.c */
    struct outbox *_Atomic outbox;           /* made by the first writer that takes messages, else NULL */

    pthread_mutex_t demand_lock;
    uint64_t subscribers;         /* under demand_lock */
    struct family_member *member; /* whose stream this is, or NULL; under demand_lock */
    tg_stream_demand_fn *on_demand;
    void *on_demand_arg;

    struct {
        atomic_uint_fast64_t events, bytes, retained_events, retained_bytes, memory_bytes, last_seq,
            subscribers;
    } stats;
};

struct tg_reader {
    struct tg_stream *stream; /* a reference */
    void (*wake)(void *arg);
    void *wake_arg;
    struct tg_reader *prev, *next; /* in stream->readers */
    atomic_bool is_woken;          /* and has not synced since */

    struct segment *head; /* a reference: the oldest this reader can reach */
    struct segment *tail; /* borrowed: the newest it has seen */
    struct extent tail_extent;
    uint64_t retained_position;
    bool has_ended;
};

/* What the reader has seen of a segment between its head and its tail. */
struct extent reader_extent(const struct tg_reader *reader, const struct segment *segment);
/* The segment with the byte at `position`; the tail for the end. */
struct segment *reader_find(const struct tg_reader *reader, uint64_t position);
uint64_t reader_last_seq(const struct tg_reader *reader);

/* Evicts what the limits no longer cover; retention.c. */
void retention_apply(struct tg_stream *stream, uint64_t now_ms);
/* Memory is out: gives back the oldest segments, with all that is retained in them, as far as they have so many bytes
 * and others are left. False: nothing could be given back. What readers hold stays in memory until they have moved on. */
bool retention_yield(struct tg_stream *stream, uint64_t bytes);
/* An event of this length on the wire has been stored. */
void retention_add(struct tg_stream *stream, uint64_t wire_bytes, bool has_seq, bool is_control);
/* What control events may take where events may take this much. */
uint64_t retention_control_bytes_max(uint64_t retain_bytes);
/* With the stream's last reference; outgoing.c. */
void outgoing_deinit(struct tg_stream *stream);

#endif
