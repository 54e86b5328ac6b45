/* Cursors against eviction: random interleavings of appending, retention, slow and fast subscribers, checked
 * against the plainest model there is: a list of all events ever appended. Whatever happens, a subscriber
 * must get every event in order, or a gap that counts exactly what it did not get.
 *
 * Each seed is one run; a failure names it. Seeds may be given as arguments: FIRST COUNT. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tidegate/stream.h"

enum { SUBSCRIBERS = 6, STEPS = 3000, RECEIVED_MOST = 1 << 24, APPENDS_MOST = STEPS * 20, INDEX_BYTES = 16 };

/* It has only one thread: the sanitizer for threads finds little here, and takes its time. */
static uint64_t first_seed = 1, seed_count = TG_HAS_THREAD_SANITIZER ? 10 : 150;

struct random {
    uint64_t state;
};

static uint64_t random_below(struct random *random, uint64_t bound)
{
    random->state ^= random->state << 13;
    random->state ^= random->state >> 7;
    random->state ^= random->state << 17;
    return random->state % bound;
}

/* One client: what it has received, and where Tidegate's side of it stands. */
struct subscriber {
    bool is_bare;
    struct tg_cursor cursor;
    struct tg_buffer received;
    bool has_left;
    struct tg_departure departure;
    struct tg_buffer rest; /* of a half-sent event */
    uint64_t next_seq;     /* what the client must get next */
};

/* What retention is to keep, by the plainest means: a list, of which the oldest goes while there is too much. */
struct kept {
    bool is_control;
    uint64_t bytes, at_ms;
};

struct retention {
    struct tg_stream_options options;
    struct kept *list; /* APPENDS_MOST of them */
    size_t first, count;
    uint64_t events, bytes, control_bytes; /* of those that are kept */
};

struct world {
    struct random random;
    struct retention retention;
    uint64_t control_percent;
    struct tg_stream *stream;
    struct tg_reader *reader;
    struct subscriber subscribers[SUBSCRIBERS];
    uint64_t last_seq;
    uint64_t now_ms;
};

static void on_wake(void *arg)
{
    (void)arg;
}

static void take(struct subscriber *subscriber, const char *bytes, size_t length)
{
    assert_int_equal(tg_buffer_append(&subscriber->received, bytes, length), TG_OK);
}

static void on_evict(void *arg, uint64_t position)
{
    struct world *world = arg;

    for (int i = 0; i < SUBSCRIBERS; i++) {
        struct subscriber *subscriber = &world->subscribers[i];
        if (subscriber->has_left || subscriber->cursor.position >= position)
            continue;
        tg_reader_leave(world->reader, subscriber->cursor, &subscriber->departure);
        struct tg_str rest = subscriber->departure.rest;
        /* A bare client does not get the chunk's tail, but may have stopped inside or before it. */
        size_t tail = subscriber->is_bare ? 2 : 0;
        tg_buffer_clear(&subscriber->rest);
        if (rest.length > tail)
            tg_buffer_append(&subscriber->rest, rest.data, rest.length - tail);
        subscriber->departure.rest = (struct tg_str){ NULL, 0 };
        subscriber->has_left = true;
    }
}

/* Checks and removes the complete events that a client has received. */
static void check_received(struct subscriber *subscriber)
{
    struct tg_buffer *in = &subscriber->received;
    size_t used = 0;

    while (used < in->length) {
        const char *at = in->data + used;
        size_t left = in->length - used, head = 0, body;
        const char *end;
        if (subscriber->is_bare) {
            end = memmem(at, left, "\n\n", 2);
            if (!end)
                break;
            body = (size_t)(end - at) + 2;
        } else {
            end = memmem(at, left, "\r\n", 2);
            if (!end)
                break;
            body = strtoul(at, NULL, 16);
            head = (size_t)(end - at) + 2;
            if (left < head + body + 2)
                break;
            assert_memory_equal(at + head + body, "\r\n", 2);
        }
        const char *id = memmem(at + head, body, "\nid: ", 5);
        if (id) {
            uint64_t seq = strtoull(id + 5 + 11, NULL, 10);
            assert_int_equal(seq, subscriber->next_seq);
            subscriber->next_seq = seq + 1;
        }
        used += head + body + (subscriber->is_bare ? 0 : 2);
    }
    if (used)
        tg_buffer_consume(in, used);
}

static void come_back(struct world *world, struct subscriber *subscriber)
{
    struct tg_gap gap;
    bool is_live = random_below(&world->random, 2) == 0;

    subscriber->cursor = tg_reader_return(world->reader, &subscriber->departure, is_live, &gap);
    subscriber->has_left = false;
    check_received(subscriber);
    if (gap.reason == TG_GAP_NONE)
        return;
    assert_int_equal(gap.reason, TG_GAP_LAGGED);
    assert_true(gap.is_counted);
    assert_true(gap.missed > 0);
    assert_int_equal(subscriber->received.length, 0);
    subscriber->next_seq += gap.missed;
    if (gap.before[0])
        assert_int_equal(strtoull(gap.before + 11, NULL, 10), subscriber->next_seq);
    else
        assert_true(subscriber->next_seq <= world->last_seq + 1);
}

/* Takes up to `most` bytes, as a client's socket would. */
static void deliver(struct world *world, struct subscriber *subscriber, size_t most)
{
    while (most > 0) {
        struct tg_cursor next;
        struct tg_str bytes;
        size_t length;

        if (subscriber->has_left && subscriber->rest.length) {
            length = subscriber->rest.length < most ? subscriber->rest.length : most;
            take(subscriber, subscriber->rest.data, length);
            tg_buffer_consume(&subscriber->rest, length);
            most -= length;
            continue;
        }
        if (subscriber->has_left)
            come_back(world, subscriber);
        if (subscriber->cursor.position == tg_reader_end(world->reader))
            break;
        if (subscriber->is_bare)
            bytes = tg_reader_peek_bare(world->reader, &subscriber->cursor, &next);
        else
            bytes = tg_reader_peek(world->reader, subscriber->cursor);
        length = bytes.length < most ? bytes.length : most;
        take(subscriber, bytes.data, length);
        subscriber->cursor.position += length;
        if (subscriber->is_bare && length == bytes.length)
            subscriber->cursor = next;
        most -= length;
    }
    check_received(subscriber);
}

static uint64_t appended_bytes(const struct world *world)
{
    struct tg_stream_stats stats;

    tg_stream_get_stats(world->stream, &stats);
    return stats.bytes;
}

static bool is_too_much(const struct retention *retention, uint64_t now_ms)
{
    const struct tg_stream_options *options = &retention->options;
    const struct kept *oldest = &retention->list[retention->first];
    uint64_t control_most = options->retain_bytes > 256 * 1024 ? options->retain_bytes : 256 * 1024;

    return retention->events > options->retain_events || retention->bytes > options->retain_bytes ||
           retention->control_bytes > control_most ||
           (options->retain_age_ms && oldest->at_ms + options->retain_age_ms < now_ms);
}

static void evict(struct retention *retention, uint64_t now_ms)
{
    while (retention->first < retention->count && is_too_much(retention, now_ms)) {
        const struct kept *oldest = &retention->list[retention->first++];
        retention->events -= oldest->is_control ? 0 : 1;
        *(oldest->is_control ? &retention->control_bytes : &retention->bytes) -= oldest->bytes;
    }
}

static void keep(struct retention *retention, bool is_control, uint64_t bytes, uint64_t now_ms)
{
    retention->list[retention->count++] = (struct kept){ is_control, bytes, now_ms };
    retention->events += is_control ? 0 : 1;
    *(is_control ? &retention->control_bytes : &retention->bytes) += bytes;
    evict(retention, now_ms);
}

static void append(struct world *world, char *data, size_t data_most)
{
    struct tg_event event = { .data = { data, random_below(&world->random, data_most) } };
    uint64_t before = appended_bytes(world);

    event.is_control = random_below(&world->random, 100) < world->control_percent;
    assert_int_equal(tg_stream_append(world->stream, &event, world->now_ms), TG_OK);
    world->last_seq += event.is_control ? 0 : 1;
    keep(&world->retention, event.is_control, appended_bytes(world) - before + INDEX_BYTES, world->now_ms);
}

/* Event by event what the model keeps, and no byte more. */
static void check_retention(const struct world *world)
{
    struct tg_stream_stats stats;

    tg_stream_get_stats(world->stream, &stats);
    assert_int_equal(stats.retained_events, world->retention.events);
    assert_int_equal(stats.retained_bytes, world->retention.bytes);
}

static void reconnect(struct world *world, struct subscriber *subscriber)
{
    char id[64];
    struct tg_gap gap;
    uint64_t last = subscriber->next_seq - 1;

    if (last == 0)
        return;
    int length = snprintf(id, sizeof id, "%s-%llu", tg_stream_epoch(world->stream), (unsigned long long)last);
    subscriber->cursor = tg_reader_seek_id(world->reader, id, (size_t)length, false, &gap);
    subscriber->has_left = false;
    tg_buffer_clear(&subscriber->rest);
    tg_buffer_clear(&subscriber->received);
    if (gap.reason == TG_GAP_NONE)
        return;
    assert_int_equal(gap.reason, TG_GAP_EVICTED);
    assert_string_equal(gap.after, id);
    subscriber->next_seq += gap.missed;
}

static void step(struct world *world, char *data, size_t data_most)
{
    struct subscriber *subscriber = &world->subscribers[random_below(&world->random, SUBSCRIBERS)];

    world->now_ms += random_below(&world->random, 20);
    switch (random_below(&world->random, 10)) {
    case 0:
    case 1:
    case 2:
    case 3:
        for (uint64_t i = random_below(&world->random, 20); i > 0; i--)
            append(world, data, data_most);
        break;
    case 4:
        tg_stream_flush(world->stream);
        break;
    case 5:
        tg_stream_evict(world->stream, world->now_ms);
        evict(&world->retention, world->now_ms);
        break;
    case 6:
        tg_reader_sync(world->reader, on_evict, world);
        break;
    case 7:
        tg_reader_sync(world->reader, on_evict, world);
        reconnect(world, subscriber);
        break;
    default:
        deliver(world, subscriber, 1 + random_below(&world->random, 3000));
    }
}

static void run_seed(uint64_t seed)
{
    static char data[40000];
    struct world world = { .random = { seed * 0x9E3779B97F4A7C15u + 1 } };

    memset(data, 'd', sizeof data);
    for (size_t i = 0; i < sizeof data; i += 997)
        data[i] = "\n\r"[i % 2];
    size_t data_most = 1 + random_below(&world.random, seed % 3 == 0 ? sizeof data : 300);
    const struct tg_stream_options options = { "model", random_below(&world.random, 400),
                                               1024 + random_below(&world.random, 200000),
                                               random_below(&world.random, 3) == 0 ? 500 : 0, "modelepoch" };
    /* In some runs next to nothing happens but outages. */
    world.control_percent = seed % 5 == 0 ? 99 : 5;
    world.retention.options = options;
    world.retention.list = calloc(APPENDS_MOST, sizeof world.retention.list[0]);
    world.stream = tg_stream_new(&options);
    world.reader = tg_reader_new(world.stream, on_wake, NULL);
    for (int i = 0; i < SUBSCRIBERS; i++)
        world.subscribers[i] = (struct subscriber){ .is_bare = i % 3 == 2, .next_seq = 1 };

    for (int i = 0; i < STEPS; i++) {
        step(&world, data, data_most);
        check_retention(&world);
    }
    tg_reader_sync(world.reader, on_evict, &world);
    for (int i = 0; i < SUBSCRIBERS; i++) {
        deliver(&world, &world.subscribers[i], RECEIVED_MOST);
        assert_int_equal(world.subscribers[i].next_seq, world.last_seq + 1);
        tg_buffer_deinit(&world.subscribers[i].received);
        tg_buffer_deinit(&world.subscribers[i].rest);
    }
    tg_reader_free(world.reader);
    tg_stream_unref(world.stream);
    free(world.retention.list);
}

static void every_subscriber_gets_every_event_or_a_gap_that_counts_it(void **state)
{
    (void)state;
    for (uint64_t seed = first_seed; seed < first_seed + seed_count; seed++) {
        if (getenv("TIDEGATE_TEST_VERBOSE"))
            fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_subscriber_gets_every_event_or_a_gap_that_counts_it),
    };

    if (argc == 3) {
        first_seed = strtoull(argv[1], NULL, 10);
        seed_count = strtoull(argv[2], NULL, 10);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
