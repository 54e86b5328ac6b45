/* A writer and readers on threads of their own: what readers see is whole, in order, and counted where it is
 * gone. Worth most under the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "tidegate/stream.h"

enum { READERS = 3, EVENTS = 60000 };

struct shared {
    struct tg_stream *stream;
    atomic_bool is_done;
};

struct seen {
    struct shared *shared;
    uint64_t next_seq;
    uint64_t missed;
    bool is_broken;
};

static void on_wake(void *arg)
{
    atomic_fetch_add((atomic_int *)arg, 1);
}

static void *write_events(void *arg)
{
    struct shared *shared = arg;
    char data[600];

    memset(data, 'x', sizeof data);
    for (int i = 0; i < EVENTS; i++) {
        const struct tg_event event = { .data = { data, (size_t)(i * 7 % 600) }, .is_control = i % 50 == 0 };
        tg_stream_append(shared->stream, &event, (uint64_t)i);
        if (i % 10 == 0)
            tg_stream_flush(shared->stream);
    }
    tg_stream_flush(shared->stream);
    atomic_store(&shared->is_done, true);
    return NULL;
}

static void check_event(struct seen *seen, struct tg_str body)
{
    const char *id = body.length ? memmem(body.data, body.length, "\nid: ", 5) : NULL;

    if (!id)
        return;
    uint64_t seq = strtoull(id + 5 + 11, NULL, 10);
    if (seq != seen->next_seq || body.data[body.length - 1] != '\n')
        seen->is_broken = true;
    seen->next_seq = seq + 1;
}

static void read_all(struct seen *seen, struct tg_reader *reader, struct tg_cursor *cursor)
{
    while (cursor->position < tg_reader_end(reader)) {
        struct tg_cursor next;
        check_event(seen, tg_reader_peek_bare(reader, cursor, &next));
        *cursor = next;
    }
}

static void *read_events(void *arg)
{
    struct seen *seen = arg;
    atomic_int wakes = 0;
    struct tg_reader *reader = tg_reader_new(seen->shared->stream, on_wake, &wakes);
    struct tg_cursor cursor = { 0 };
    struct tg_departure departure = { 0 };
    struct tg_gap gap;
    bool is_done;

    cursor = tg_reader_return(reader, &departure, false, &gap);
    seen->next_seq = 1 + gap.missed;
    do {
        is_done = atomic_load(&seen->shared->is_done);
        if (!is_done && atomic_exchange(&wakes, 0) == 0)
            continue;
        tg_reader_sync(reader, NULL, NULL);
        if (cursor.position < tg_reader_first(reader)) {
            departure.seq = seen->next_seq - 1;
            cursor = tg_reader_return(reader, &departure, false, &gap);
            seen->next_seq += gap.missed;
            seen->missed += gap.missed;
        }
        read_all(seen, reader, &cursor);
    } while (!is_done);
    tg_reader_free(reader);
    return NULL;
}

static void readers_on_other_threads_get_every_event_or_a_gap(void **state)
{
    const struct tg_stream_options options = { "s", 2000, 256 * 1024, 0, "epochepoch" };
    struct shared shared = { .stream = tg_stream_new(&options) };
    pthread_t writer, threads[READERS];
    struct seen seen[READERS];
    struct tg_stream_stats stats;
    (void)state;

    for (int i = 0; i < READERS; i++) {
        seen[i] = (struct seen){ .shared = &shared };
        pthread_create(&threads[i], NULL, read_events, &seen[i]);
    }
    pthread_create(&writer, NULL, write_events, &shared);
    pthread_join(writer, NULL);
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    tg_stream_get_stats(shared.stream, &stats);
    for (int i = 0; i < READERS; i++) {
        assert_false(seen[i].is_broken);
        assert_int_equal(seen[i].next_seq, stats.last_seq + 1);
    }
    tg_stream_unref(shared.stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_on_other_threads_get_every_event_or_a_gap),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
