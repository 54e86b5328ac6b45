/* A stream's life and its writer: append, flush, figures. */
#include "stream.h"
#include "family.h"
#include "id.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* The first one: most members of a family say little. Each further one may be twice as large … */
    SEGMENT_FIRST = 2 * 1024,
    SEGMENT_LEAST = 16 * 1024, /* … up to this at least … */
    /* … and up to this, or an eighth of retain_bytes: the allocator keeps such a block … */
    SEGMENT_USUAL = 240 * 1024,
    SEGMENT_MOST = 1024 * 1024, /* … or, where that would make too many, a 512th of it up to this */
};

static char *make_epoch(void)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char random[EPOCH_LENGTH];
    char *epoch = tg_alloc(EPOCH_LENGTH + 1);

    tg_random_bytes(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        epoch[i] = alphabet[random[i] % 32];
    return epoch;
}

struct tg_stream *tg_stream_new(const struct tg_stream_options *options)
{
    struct tg_stream *stream = tg_alloc(sizeof *stream);

    atomic_init(&stream->refs, 1);
    stream->name = tg_strdup(options->name);
    stream->epoch = options->epoch ? tg_strdup(options->epoch) : make_epoch();
    stream->epoch_length = strlen(stream->epoch);
    assert(stream->epoch_length <= EPOCH_MAX);
    stream->retain_events = options->retain_events;
    stream->retain_bytes = options->retain_bytes;
    stream->retain_age_ms = options->retain_age_ms;
    stream->control_bytes_max = retention_control_bytes_max(options->retain_bytes);
    pthread_mutex_init(&stream->lock, NULL);
    pthread_mutex_init(&stream->demand_lock, NULL);
    stream->next_capacity = SEGMENT_FIRST;
    /* Empty, so that a stream in which nothing happens holds no memory for events. */
    stream->head = segment_new(0, 0, 0);
    if (!stream->head) {
        tg_stream_unref(stream);
        return NULL;
    }
    stream->tail = stream->head;
    stream->edge.segment = stream->head;
    stream->memory_bytes = segment_size(stream->head);
    atomic_store_explicit(&stream->stats.memory_bytes, stream->memory_bytes, memory_order_relaxed);
    return stream;
}

struct tg_stream *tg_stream_ref(struct tg_stream *stream)
{
    atomic_fetch_add_explicit(&stream->refs, 1, memory_order_relaxed);
    return stream;
}

void tg_stream_unref(struct tg_stream *stream)
{
    if (!stream || atomic_fetch_sub_explicit(&stream->refs, 1, memory_order_acq_rel) != 1)
        return;
    assert(!stream->readers && !stream->member);
    outgoing_deinit(stream);
    segment_unref(stream->head);
    pthread_mutex_destroy(&stream->lock);
    pthread_mutex_destroy(&stream->demand_lock);
    free(stream->name);
    free(stream->epoch);
    free(stream);
}

const char *tg_stream_name(const struct tg_stream *stream)
{
    return stream->name;
}

const char *tg_stream_epoch(const struct tg_stream *stream)
{
    return stream->epoch;
}

static uint32_t segment_capacity_for(const struct tg_stream *stream, const struct frame *frame)
{
    uint64_t most = stream->retain_bytes / 8 < SEGMENT_USUAL ? stream->retain_bytes / 8 : SEGMENT_USUAL;
    uint64_t capacity = stream->next_capacity;
    uint64_t needed = frame->wire_length + sizeof(struct index_entry);

    if (most < stream->retain_bytes / 512)
        most = stream->retain_bytes / 512;
    if (most > SEGMENT_MOST)
        most = SEGMENT_MOST;
    if (most < SEGMENT_LEAST)
        most = SEGMENT_LEAST;
    if (capacity > most)
        capacity = most;
    /* A large event gets a segment of its own size, lest it leave a large hole in one of usual size. */
    if (needed > capacity / 4)
        capacity = needed;
    return (uint32_t)((capacity + 7) & ~UINT64_C(7));
}

static enum tg_err make_room(struct tg_stream *stream, const struct frame *frame, uint64_t seq,
                             uint64_t now_ms)
{
    struct segment *tail = stream->tail;
    struct segment *segment;

    if (segment_has_room(tail, frame, seq, now_ms))
        return TG_OK;
    uint32_t capacity = segment_capacity_for(stream, frame);
    segment = segment_new(capacity, tail->base + tail->bytes, stream->last_seq);
    if (!segment && retention_yield(stream, capacity))
        segment = segment_new(capacity, tail->base + tail->bytes, stream->last_seq);
    if (!segment)
        return TG_ERR_MEMORY;
    stream->memory_bytes += segment_size(segment);
    if (stream->next_capacity < SEGMENT_MOST)
        stream->next_capacity *= 2;
    if (stream->edge.segment == tail && stream->edge.event == tail->events)
        stream->edge = (struct retention_edge){ segment, 0 };
    stream->tail = segment;
    atomic_store_explicit(&tail->next, segment, memory_order_release);
    return TG_OK;
}

static void publish_stats(struct tg_stream *stream)
{
    atomic_store_explicit(&stream->stats.events, stream->appended_events, memory_order_relaxed);
    atomic_store_explicit(&stream->stats.bytes, stream->appended_bytes, memory_order_relaxed);
    atomic_store_explicit(&stream->stats.last_seq, stream->last_seq, memory_order_relaxed);
    atomic_store_explicit(&stream->stats.retained_events, stream->retained_events, memory_order_relaxed);
    atomic_store_explicit(&stream->stats.retained_bytes, stream->retained_bytes, memory_order_relaxed);
    atomic_store_explicit(&stream->stats.memory_bytes, stream->memory_bytes, memory_order_relaxed);
}

static void store(struct tg_stream *stream, const struct frame *frame, uint64_t seq, uint32_t id_hash,
                  bool is_control, uint64_t now_ms)
{
    segment_append(stream->tail, frame, seq, id_hash, is_control, now_ms);
    stream->has_news = true;
    stream->appended_bytes += frame->wire_length;
    stream->appended_events += is_control ? 0 : 1;
    retention_add(stream, frame->wire_length, seq != stream->last_seq, is_control);
    stream->last_seq = seq;
}

enum tg_err tg_stream_append(struct tg_stream *stream, const struct tg_event *event, uint64_t now_ms)
{
    char own_id[TG_ID_MAX];
    struct tg_str id = { NULL, 0 };
    bool has_id = !event->is_control && !event->has_no_id;
    uint64_t seq = stream->last_seq + (has_id ? 1 : 0);
    bool has_own_id = has_id && event->id.length > 0;
    struct frame frame;
    enum tg_err err;

    if (tg_stream_has_ended(stream))
        return TG_ERR_CLOSED;
    if (has_own_id) {
        if (!tg_id_is_valid(event->id.data, event->id.length))
            return TG_ERR_INVALID;
        id = event->id;
    } else if (has_id) {
        id = (struct tg_str){ own_id, id_write(own_id, stream->epoch, stream->epoch_length, seq) };
    }
    err = frame_measure(id, event->type, event->data, &frame);
    if (err != TG_OK)
        return err;
    err = make_room(stream, &frame, seq, now_ms);
    if (err != TG_OK) {
        publish_stats(stream); /* something may have been evicted */
        return err;
    }
    if (has_own_id)
        atomic_store_explicit(&stream->has_own_ids, true, memory_order_relaxed);
    store(stream, &frame, seq, has_own_id ? tg_hash32(id.data, id.length) : 0, event->is_control, now_ms);
    retention_apply(stream, now_ms);
    publish_stats(stream);
    return TG_OK;
}

static bool find_last_id(const struct segment *segment, struct tg_str *ret_id)
{
    struct extent extent = segment_extent(segment);

    for (uint32_t event = extent.events; event-- > 0;) {
        struct tg_str id = segment_event_id(segment, extent, event);
        if (id.length > 0) {
            *ret_id = id;
            return true;
        }
    }
    return false;
}

/* It is nearly always in the tail. */
void tg_stream_last_id(const struct tg_stream *stream, char ret_id[TG_ID_MAX + 1])
{
    struct tg_str id = { NULL, 0 };
    bool is_found = find_last_id(stream->tail, &id);
    const struct segment *segment = stream->head;

    for (; !is_found && segment != stream->tail;
         segment = atomic_load_explicit(&segment->next, memory_order_relaxed))
        (void)find_last_id(segment, &id);
    bool has_own_ids = atomic_load_explicit(&stream->has_own_ids, memory_order_relaxed);
    if (id.length > 0)
        memcpy(ret_id, id.data, id.length);
    else if (!has_own_ids && stream->last_seq > 0) /* it has been evicted */
        id.length = id_write(ret_id, stream->epoch, stream->epoch_length, stream->last_seq);
    ret_id[id.length] = '\0';
}

void tg_stream_evict(struct tg_stream *stream, uint64_t now_ms)
{
    stream->settled_position = stream->flushed_position;
    retention_apply(stream, now_ms);
    publish_stats(stream);
    tg_stream_flush(stream);
}

void tg_stream_flush(struct tg_stream *stream)
{
    if (!stream->has_news)
        return;
    stream->has_news = false;
    stream->settled_position = stream->flushed_position;
    stream->flushed_position = stream->tail->base + stream->tail->bytes;
    pthread_mutex_lock(&stream->lock);
    for (struct tg_reader *reader = stream->readers; reader; reader = reader->next)
        if (!atomic_exchange_explicit(&reader->is_woken, true, memory_order_acq_rel))
            reader->wake(reader->wake_arg);
    pthread_mutex_unlock(&stream->lock);
}

void tg_stream_on_demand(struct tg_stream *stream, tg_stream_demand_fn *fn, void *arg)
{
    stream->on_demand = fn;
    stream->on_demand_arg = arg;
}

static void count_subscribers(struct tg_stream *stream, bool is_added)
{
    pthread_mutex_lock(&stream->demand_lock);
    assert(is_added || stream->subscribers > 0);
    stream->subscribers = is_added ? stream->subscribers + 1 : stream->subscribers - 1;
    atomic_store_explicit(&stream->stats.subscribers, stream->subscribers, memory_order_relaxed);
    if (stream->on_demand && stream->subscribers == (is_added ? 1 : 0))
        stream->on_demand(stream->on_demand_arg, is_added);
    if (stream->member && stream->subscribers == (is_added ? 1 : 0))
        family_member_on_demand(stream->member, is_added);
    pthread_mutex_unlock(&stream->demand_lock);
}

void tg_stream_subscriber_added(struct tg_stream *stream)
{
    count_subscribers(stream, true);
}

void tg_stream_subscriber_removed(struct tg_stream *stream)
{
    count_subscribers(stream, false);
}

void tg_stream_get_stats(const struct tg_stream *stream, struct tg_stream_stats *ret_stats)
{
#define LOAD(field) atomic_load_explicit(&stream->stats.field, memory_order_relaxed)
    *ret_stats = (struct tg_stream_stats){
        .events = LOAD(events),
        .bytes = LOAD(bytes),
        .retained_events = LOAD(retained_events),
        .retained_bytes = LOAD(retained_bytes),
        .memory_bytes = LOAD(memory_bytes),
        .last_seq = LOAD(last_seq),
        .subscribers = LOAD(subscribers),
    };
#undef LOAD
}
