/* What a stream takes in, how long it keeps it, and whom it wakes. */
#include "reader_fixture.h"

#include <stdlib.h>

static void retaining_no_events_keeps_nothing_but_still_delivers(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, "epochepoch", 0, 0);
    struct tg_cursor live = tg_reader_seek_live(f.reader);
    append_many(&f, 3);
    assert_string_equal(next_id(&f, live), "epochepoch-1");
    assert_int_equal(seek(&f, "epochepoch-3", &cursor).reason, TG_GAP_NONE);
    assert_int_equal(seek(&f, "epochepoch-2", &cursor).missed, 1);
    assert_int_equal(cursor.position, tg_reader_end(f.reader));
    end(&f);
}

/* It says so little that all of it is in one segment: longer than 32 bits of milliseconds can count. */
static void an_event_of_a_stream_that_is_months_old_is_as_old_as_itself(void **state)
{
    const uint64_t month_ms = UINT64_C(30) * 24 * 3600 * 1000;
    const struct tg_event event = { .data = TG_STR("x") };
    struct tg_stream_stats stats;
    struct fixture f;
    (void)state;

    begin(&f, "epochepoch", 100, 500);
    for (uint64_t months = 0; months < 5; months++) {
        assert_int_equal(tg_stream_append(f.stream, &event, 1000 + months * month_ms), TG_OK);
        tg_stream_evict(f.stream, 1000 + months * month_ms + 400);
        tg_stream_get_stats(f.stream, &stats);
        assert_int_equal(stats.retained_events, 1);
        tg_stream_evict(f.stream, 1000 + months * month_ms + 600);
        tg_stream_get_stats(f.stream, &stats);
        assert_int_equal(stats.retained_events, 0);
    }
    end(&f);
}

static void events_older_than_the_age_are_evicted(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, "epochepoch", 100, 500);
    append_many(&f, 3);
    const struct tg_event event = { .data = TG_STR("late") };
    assert_int_equal(tg_stream_append(f.stream, &event, 1600), TG_OK);
    tg_stream_flush(f.stream);
    tg_reader_sync(f.reader, NULL, NULL);
    assert_int_equal(seek(&f, "epochepoch-1", &cursor).missed, 2);
    tg_stream_evict(f.stream, 2200);
    tg_reader_sync(f.reader, NULL, NULL);
    assert_int_equal(tg_reader_seek_oldest(f.reader).position, tg_reader_end(f.reader));
    end(&f);
}

static void a_reader_is_woken_once_until_it_syncs(void **state)
{
    struct fixture f;
    const struct tg_event event = { .data = TG_STR("x") };
    (void)state;

    begin(&f, "epochepoch", 100, 0);
    for (int i = 0; i < 3; i++) {
        tg_stream_append(f.stream, &event, 0);
        tg_stream_flush(f.stream);
    }
    assert_int_equal(f.wakes, 1);
    tg_reader_sync(f.reader, NULL, NULL);
    tg_stream_flush(f.stream);
    assert_int_equal(f.wakes, 1);
    tg_stream_append(f.stream, &event, 0);
    tg_stream_flush(f.stream);
    assert_int_equal(f.wakes, 2);
    end(&f);
}

static void invalid_ids_and_types_store_nothing(void **state)
{
    static const struct tg_event bad[] = {
        { .id = { "a b", 3 } },
        { .id = { "\xc3\xa4", 2 } },
        { .type = { "a\nb", 3 } },
    };
    struct tg_stream_stats stats;
    struct fixture f;
    (void)state;

    begin(&f, "epochepoch", 100, 0);
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++)
        assert_int_equal(tg_stream_append(f.stream, &bad[i], 0), TG_ERR_INVALID);
    tg_stream_get_stats(f.stream, &stats);
    assert_int_equal(stats.events, 0);
    assert_int_equal(stats.bytes, 0);
    end(&f);
}

static void memory_stays_within_retain_bytes_one_segment_and_one_message(void **state)
{
    const uint64_t retain = 1 << 20;
    char *data = malloc(300 * 1024);
    struct tg_stream_stats stats;
    struct fixture f;
    (void)state;

    memset(data, 'x', 300 * 1024);
    begin(&f, "epochepoch", 1000000, 0);
    for (int i = 0; i < 4000; i++) {
        size_t length = i % 50 == 0 ? 300 * 1024 : (size_t)(i % 2000);
        const struct tg_event event = { .data = { data, length } };
        assert_int_equal(tg_stream_append(f.stream, &event, 0), TG_OK);
        tg_stream_flush(f.stream);
        tg_reader_sync(f.reader, NULL, NULL);
        tg_stream_get_stats(f.stream, &stats);
        assert_true(stats.retained_bytes <= retain);
        assert_true(stats.memory_bytes <= retain + 128 * 1024 + 2 * 301 * 1024);
    }
    free(data);
    end(&f);
}

/* A marker costs some 90 bytes with its index entry: two thousand of them are 180 KB. */
static void control_events_evict_no_events(void **state)
{
    static char filler[10000];
    const struct tg_event marker = { .data = TG_STR("{\"state\":\"up\"}"), .is_control = true };
    const struct tg_event event = { .data = { filler, sizeof filler } };
    struct tg_stream_stats before, after;
    struct tg_cursor cursor;
    struct fixture f;
    (void)state;

    memset(filler, 'x', sizeof filler);
    begin(&f, "epochepoch", 100, 0);
    for (int i = 0; i < 150; i++)
        assert_int_equal(tg_stream_append(f.stream, &event, 0), TG_OK);
    tg_stream_get_stats(f.stream, &before);
    for (int i = 0; i < 2000; i++)
        assert_int_equal(tg_stream_append(f.stream, &marker, 0), TG_OK);
    tg_reader_sync(f.reader, NULL, NULL);
    tg_stream_get_stats(f.stream, &after);
    assert_int_equal(after.retained_events, 100);
    assert_int_equal(after.retained_bytes, before.retained_bytes);
    assert_int_equal(seek(&f, "epochepoch-50", &cursor).reason, TG_GAP_NONE);
    end(&f);
}

static void control_events_alone_take_no_more_memory_than_they_may(void **state)
{
    const struct tg_event marker = { .data = TG_STR("{\"state\":\"up\"}"), .is_control = true };
    struct tg_stream_stats stats;
    struct fixture f;
    (void)state;

    begin(&f, "epochepoch", 100, 0);
    for (int i = 0; i < 200000; i++) {
        assert_int_equal(tg_stream_append(f.stream, &marker, 0), TG_OK);
        tg_stream_flush(f.stream);
        tg_reader_sync(f.reader, NULL, NULL);
    }
    tg_stream_get_stats(f.stream, &stats);
    assert_int_equal(stats.retained_events, 0);
    assert_int_equal(stats.retained_bytes, 0);
    assert_true(stats.memory_bytes < (1 << 20) + 2 * 256 * 1024);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(retaining_no_events_keeps_nothing_but_still_delivers),
        cmocka_unit_test(events_older_than_the_age_are_evicted),
        cmocka_unit_test(an_event_of_a_stream_that_is_months_old_is_as_old_as_itself),
        cmocka_unit_test(a_reader_is_woken_once_until_it_syncs),
        cmocka_unit_test(invalid_ids_and_types_store_nothing),
        cmocka_unit_test(control_events_evict_no_events),
        cmocka_unit_test(control_events_alone_take_no_more_memory_than_they_may),
        cmocka_unit_test(memory_stays_within_retain_bytes_one_segment_and_one_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
