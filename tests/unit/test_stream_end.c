/* The end of a stream, and that a stream costs nothing before its first event. */
#include "reader_fixture.h"

#include <pthread.h>

enum { ROUNDS = 400, EVENTS_MOST = 40 };

static const struct tg_event event = { .data = { "x", 1 } };
static const struct tg_event farewell = { .type = { "bye", 3 }, .data = { "{}", 2 }, .is_control = true };

static int set_up(void **state)
{
    static struct fixture f;

    begin(&f, "e", 100, 0);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    end(*state);
    return 0;
}

/* What a client that starts at the beginning gets, without chunk frames. */
static const char *read_all(const struct tg_reader *reader)
{
    static char text[4096];
    struct tg_cursor cursor = tg_reader_seek_oldest(reader), next;
    size_t length = 0;

    while (cursor.position < tg_reader_end(reader)) {
        struct tg_str body = tg_reader_peek_bare(reader, &cursor, &next);
        assert_true(length + body.length < sizeof text);
        memcpy(text + length, body.data, body.length);
        length += body.length;
        cursor = next;
    }
    text[length] = '\0';
    return text;
}

static void the_farewell_is_the_last_event(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tg_stream_append(f->stream, &event, 1), TG_OK);
    assert_int_equal(tg_stream_end(f->stream, &farewell, 1), TG_OK);
    assert_int_equal(tg_stream_append(f->stream, &event, 1), TG_ERR_CLOSED);
    tg_reader_sync(f->reader, NULL, NULL);
    assert_string_equal(read_all(f->reader), "data: x\nid: e-1\n\nevent: bye\ndata: {}\n\n");
}

static void a_stream_has_not_ended_before(void **state)
{
    struct fixture *f = *state;

    tg_stream_append(f->stream, &event, 1);
    tg_reader_sync(f->reader, NULL, NULL);
    assert_false(tg_stream_has_ended(f->stream));
    assert_false(tg_reader_has_ended(f->reader));
    tg_stream_end(f->stream, NULL, 1);
    assert_true(tg_stream_has_ended(f->stream));
}

static void a_reader_knows_of_the_end_when_it_has_synced(void **state)
{
    struct fixture *f = *state;

    tg_stream_end(f->stream, &farewell, 1);
    assert_false(tg_reader_has_ended(f->reader));
    tg_reader_sync(f->reader, NULL, NULL);
    assert_true(tg_reader_has_ended(f->reader));
}

static void a_reader_that_comes_later_knows_at_once(void **state)
{
    struct fixture *f = *state;

    tg_stream_end(f->stream, &farewell, 1);
    struct tg_reader *late = tg_reader_new(f->stream, on_wake, f);
    assert_true(tg_reader_has_ended(late));
    assert_string_equal(read_all(late), "event: bye\ndata: {}\n\n");
    tg_reader_free(late);
}

static void the_end_wakes_the_readers(void **state)
{
    struct fixture *f = *state;

    tg_stream_end(f->stream, &farewell, 1);
    assert_int_equal(f->wakes, 1);
    tg_stream_flush(f->stream);
    assert_int_equal(f->wakes, 1);
}

static void an_end_without_a_farewell_wakes_them_too(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tg_stream_end(f->stream, NULL, 1), TG_OK);
    assert_int_equal(f->wakes, 1);
    tg_reader_sync(f->reader, NULL, NULL);
    assert_true(tg_reader_has_ended(f->reader));
    assert_int_equal(tg_reader_end(f->reader), 0);
}

static void a_stream_ends_once(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tg_stream_end(f->stream, &farewell, 1), TG_OK);
    assert_int_equal(tg_stream_end(f->stream, &farewell, 1), TG_ERR_CLOSED);
    tg_reader_sync(f->reader, NULL, NULL);
    assert_string_equal(read_all(f->reader), "event: bye\ndata: {}\n\n");
}

static void a_stream_ends_also_when_its_farewell_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct tg_event bad = { .type = { "a\nb", 3 }, .is_control = true };

    assert_int_equal(tg_stream_end(f->stream, &bad, 1), TG_ERR_INVALID);
    tg_reader_sync(f->reader, NULL, NULL);
    assert_true(tg_reader_has_ended(f->reader));
    assert_int_equal(tg_reader_end(f->reader), 0);
}

static void what_is_retained_can_be_found_after_the_end(void **state)
{
    struct fixture *f = *state;
    struct tg_gap gap;

    for (int i = 0; i < 3; i++)
        tg_stream_append(f->stream, &event, 1);
    tg_stream_end(f->stream, &farewell, 1);
    tg_reader_sync(f->reader, NULL, NULL);
    struct tg_cursor cursor = tg_reader_seek_id(f->reader, "e-3", 3, false, &gap);
    assert_int_equal(gap.reason, TG_GAP_NONE);
    assert_true(cursor.position < tg_reader_end(f->reader)); /* the farewell comes again */
}

static void retention_by_age_goes_on_after_the_end(void **state)
{
    struct fixture *f = *state;
    struct tg_stream_stats stats;

    end(f);
    begin(f, "e", 100, 500);
    tg_stream_append(f->stream, &event, 1000);
    tg_stream_end(f->stream, &farewell, 1400);
    tg_stream_evict(f->stream, 1501);
    tg_reader_sync(f->reader, NULL, NULL);
    assert_string_equal(read_all(f->reader), "event: bye\ndata: {}\n\n");
    tg_stream_evict(f->stream, 2000);
    tg_reader_sync(f->reader, NULL, NULL);
    assert_string_equal(read_all(f->reader), "");
    assert_true(tg_reader_has_ended(f->reader));
    tg_stream_get_stats(f->stream, &stats);
    assert_int_equal(stats.retained_bytes, 0);
}

/* ---- a stream without events ------------------------------------------------------------------ */

static void a_stream_without_events_holds_next_to_no_memory(void **state)
{
    struct fixture *f = *state;
    struct tg_stream_stats stats;

    tg_stream_evict(f->stream, 1);
    tg_stream_get_stats(f->stream, &stats);
    assert_true(stats.memory_bytes <= 128);
    tg_stream_append(f->stream, &event, 1);
    tg_stream_get_stats(f->stream, &stats);
    assert_true(stats.memory_bytes <= 4096);
}

static void a_reader_from_before_the_first_event_gets_it(void **state)
{
    struct fixture *f = *state;
    struct tg_cursor live = tg_reader_seek_live(f->reader);
    tg_stream_append(f->stream, &event, 1);
    tg_reader_sync(f->reader, NULL, NULL);
    struct tg_str bytes = tg_reader_peek(f->reader, live);
    assert_int_equal(bytes.length, tg_reader_end(f->reader));
    assert_memory_equal(bytes.data, "11\r\ndata: x\nid: e-1\n\n\r\n", bytes.length);
}

static void a_first_event_of_any_size_fits(void **state)
{
    static char data[3 << 20];
    static const size_t sizes[] = { 0, 400, 500, 600, 1900, 2100, 16300, 16400, 300000, sizeof data };
    (void)state;

    memset(data, 'd', sizeof data);
    for (size_t i = 0; i < TG_COUNT_OF(sizes); i++) {
        const struct tg_event large = { .data = { data, sizes[i] } };
        struct tg_stream *stream = tg_stream_new(&(struct tg_stream_options){
            .name = "s", .retain_events = 10, .retain_bytes = 8 << 20, .epoch = "e" });
        struct tg_stream_stats stats;

        for (int j = 0; j < 4; j++)
            assert_int_equal(tg_stream_append(stream, &large, 1), TG_OK);
        tg_stream_get_stats(stream, &stats);
        assert_int_equal(stats.retained_events, sizes[i] < 2 << 20 ? 4 : 2);
        tg_stream_unref(stream);
    }
}

/* ---- threads ---------------------------------------------------------------------------------- */

struct race {
    struct tg_stream *stream;
    int events;
};

static void on_wake_nothing(void *arg)
{
    (void)arg;
}

static void *write_and_end(void *arg)
{
    struct race *race = arg;

    for (int i = 0; i < race->events; i++) {
        tg_stream_append(race->stream, &event, 1);
        tg_stream_flush(race->stream);
    }
    tg_stream_end(race->stream, &farewell, 1);
    return NULL;
}

static void a_reader_that_has_ended_has_seen_everything(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct race race = { .stream = make_stream("e", 100, 0), .events = round % EVENTS_MOST };
        struct tg_reader *reader = tg_reader_new(race.stream, on_wake_nothing, NULL);
        struct tg_stream_stats stats;
        pthread_t writer;

        pthread_create(&writer, NULL, write_and_end, &race);
        while (!tg_reader_has_ended(reader))
            tg_reader_sync(reader, NULL, NULL);
        uint64_t seen = tg_reader_end(reader);
        pthread_join(writer, NULL);
        tg_stream_get_stats(race.stream, &stats);
        assert_int_equal(seen, stats.bytes);
        assert_int_equal(stats.last_seq, race.events);
        tg_reader_free(reader);
        tg_stream_unref(race.stream);
    }
}

static void what_was_broken_off_is_known_with_the_end(void **state)
{
    struct fixture *f = *state;

    assert_false(tg_reader_is_broken_off(f->reader));
    assert_int_equal(tg_stream_break_off(f->stream), TG_OK);
    assert_int_equal(f->wakes, 1);
    assert_false(tg_reader_is_broken_off(f->reader));
    tg_reader_sync(f->reader, NULL, NULL);
    assert_true(tg_reader_has_ended(f->reader));
    assert_true(tg_reader_is_broken_off(f->reader));
    assert_int_equal(tg_stream_break_off(f->stream), TG_ERR_CLOSED);
    assert_int_equal(tg_stream_end(f->stream, &farewell, 1), TG_ERR_CLOSED);
}

static void what_has_ended_whole_is_not_broken_off(void **state)
{
    struct fixture *f = *state;

    tg_stream_end(f->stream, NULL, 1);
    assert_int_equal(tg_stream_break_off(f->stream), TG_ERR_CLOSED);
    tg_reader_sync(f->reader, NULL, NULL);
    assert_false(tg_reader_is_broken_off(f->reader));
}

static void events_without_id_are_events_all_the_same(void **state)
{
    const struct tg_event plain = { .id = { "own", 3 }, .data = { "x", 1 }, .has_no_id = true };
    struct fixture *f = *state;
    struct tg_stream_stats stats;

    assert_int_equal(tg_stream_append(f->stream, &plain, 1), TG_OK);
    assert_int_equal(tg_stream_append(f->stream, &farewell, 1), TG_OK);
    tg_stream_flush(f->stream);
    tg_reader_sync(f->reader, NULL, NULL);
    assert_string_equal(read_all(f->reader), "data: x\n\nevent: bye\ndata: {}\n\n");
    tg_stream_get_stats(f->stream, &stats);
    assert_int_equal(stats.events, 1);
    assert_int_equal(stats.last_seq, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_farewell_is_the_last_event),
        TEST(a_stream_has_not_ended_before),
        TEST(a_reader_knows_of_the_end_when_it_has_synced),
        TEST(a_reader_that_comes_later_knows_at_once),
        TEST(the_end_wakes_the_readers),
        TEST(an_end_without_a_farewell_wakes_them_too),
        TEST(a_stream_ends_once),
        TEST(what_was_broken_off_is_known_with_the_end),
        TEST(what_has_ended_whole_is_not_broken_off),
        TEST(events_without_id_are_events_all_the_same),
        TEST(a_stream_ends_also_when_its_farewell_is_refused),
        TEST(what_is_retained_can_be_found_after_the_end),
        TEST(retention_by_age_goes_on_after_the_end),
        TEST(a_stream_without_events_holds_next_to_no_memory),
        TEST(a_reader_from_before_the_first_event_gets_it),
        cmocka_unit_test(a_first_event_of_any_size_fits),
        cmocka_unit_test(a_reader_that_has_ended_has_seen_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
