/* Ids, replay, gaps, retention: what DESIGN promises of them, one promise a test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tidegate/stream.h"

struct fixture {
    struct tg_stream *stream;
    struct tg_reader *reader;
    int wakes;
};

static void on_wake(void *arg)
{
    ((struct fixture *)arg)->wakes++;
}

static void begin(struct fixture *fixture, uint64_t events, uint64_t bytes, uint64_t age_ms)
{
    const struct tg_stream_options options = { "s", events, bytes, age_ms, "epochepoch" };

    *fixture = (struct fixture){ 0 };
    fixture->stream = tg_stream_new(&options);
    fixture->reader = tg_reader_new(fixture->stream, on_wake, fixture);
}

static void end(struct fixture *fixture)
{
    tg_reader_free(fixture->reader);
    tg_stream_unref(fixture->stream);
}

static void append(struct fixture *fixture, const char *id, const char *data, bool is_control)
{
    const struct tg_event event = { .id = tg_str_from(id),
                                    .data = tg_str_from(data),
                                    .is_control = is_control };

    assert_int_equal(tg_stream_append(fixture->stream, &event, 1000), TG_OK);
    tg_stream_flush(fixture->stream);
    tg_reader_sync(fixture->reader, NULL, NULL);
}

static void append_many(struct fixture *fixture, int count)
{
    for (int i = 0; i < count; i++)
        append(fixture, NULL, "x", false);
}

static struct tg_gap seek(struct fixture *fixture, const char *id, struct tg_cursor *ret_cursor)
{
    struct tg_gap gap;

    *ret_cursor = tg_reader_seek_id(fixture->reader, id, strlen(id), false, &gap);
    return gap;
}

/* The first id that a client at the cursor gets; "" at the end, "control" for a control event. */
static const char *next_id(struct fixture *fixture, struct tg_cursor cursor)
{
    static char id[TG_ID_MAX + 1];
    struct tg_cursor next;
    struct tg_str body = tg_reader_peek_bare(fixture->reader, &cursor, &next);

    if (!body.length)
        return "";
    const char *line = memmem(body.data, body.length, "\nid: ", 5);
    if (!line)
        return "control";
    size_t length = body.length - (size_t)(line + 5 - body.data) - 2;
    memcpy(id, line + 5, length);
    id[length] = '\0';
    return id;
}

static void seek_known_id_goes_right_after_it(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 100, 1 << 20, 0);
    append_many(&f, 10);
    assert_int_equal(seek(&f, "epochepoch-4", &cursor).reason, TG_GAP_NONE);
    assert_string_equal(next_id(&f, cursor), "epochepoch-5");
    assert_int_equal(seek(&f, "epochepoch-10", &cursor).reason, TG_GAP_NONE);
    assert_string_equal(next_id(&f, cursor), "");
    end(&f);
}

static void seek_evicted_id_tells_exactly_what_is_missing(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 5, 1 << 20, 0);
    append_many(&f, 20);
    struct tg_gap gap = seek(&f, "epochepoch-3", &cursor);
    assert_int_equal(gap.reason, TG_GAP_EVICTED);
    assert_true(gap.is_counted);
    assert_int_equal(gap.missed, 12);
    assert_string_equal(gap.after, "epochepoch-3");
    assert_string_equal(gap.before, "epochepoch-16");
    assert_string_equal(next_id(&f, cursor), "epochepoch-16");
    end(&f);
}

static void seek_id_right_before_the_oldest_retained_has_no_gap(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 5, 1 << 20, 0);
    append_many(&f, 20);
    assert_int_equal(seek(&f, "epochepoch-15", &cursor).reason, TG_GAP_NONE);
    assert_string_equal(next_id(&f, cursor), "epochepoch-16");
    end(&f);
}

static void seek_with_live_after_gap_counts_up_to_the_end(void **state)
{
    struct fixture f;
    struct tg_gap gap;
    (void)state;

    begin(&f, 5, 1 << 20, 0);
    append_many(&f, 20);
    struct tg_cursor cursor = tg_reader_seek_id(f.reader, "epochepoch-3", 12, true, &gap);
    assert_int_equal(gap.missed, 17);
    assert_string_equal(gap.before, "");
    assert_int_equal(cursor.position, tg_reader_end(f.reader));
    end(&f);
}

static void seek_id_of_another_epoch_says_so_and_starts_at_the_oldest(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 5, 1 << 20, 0);
    append_many(&f, 7);
    struct tg_gap gap = seek(&f, "abcdefgh23-4", &cursor);
    assert_int_equal(gap.reason, TG_GAP_EPOCH);
    assert_false(gap.is_counted);
    assert_string_equal(gap.after, "abcdefgh23-4");
    assert_string_equal(gap.before, "epochepoch-3");
    assert_string_equal(next_id(&f, cursor), "epochepoch-3");
    end(&f);
}

static void seek_takes_only_the_one_spelling_that_was_sent(void **state)
{
    static const char *const strange[] = { "epochepoch-0",
                                           "epochepoch-04",
                                           "epochepoch-8",
                                           "epochepoch-",
                                           "epochepoch-+4",
                                           "epochepoch-4 ",
                                           "epochepoch",
                                           "-4",
                                           "epochepoch-99999999999999999999999",
                                           "\xff\xfe",
                                           "a\nb" };
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 100, 1 << 20, 0);
    append_many(&f, 7);
    for (size_t i = 0; i < TG_COUNT_OF(strange); i++) {
        assert_int_equal(seek(&f, strange[i], &cursor).reason, TG_GAP_UNKNOWN);
        assert_string_equal(next_id(&f, cursor), "epochepoch-1");
    }
    end(&f);
}

static void seek_does_not_repeat_an_unsafe_id(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 100, 1 << 20, 0);
    append_many(&f, 1);
    assert_string_equal(seek(&f, "a\"b", &cursor).after, "");
    end(&f);
}

static void seek_backend_id_goes_right_after_it(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 3, 1 << 20, 0);
    append(&f, "a", "1", false);
    append(&f, "b", "2", false);
    append(&f, "c", "3", false);
    append(&f, "d", "4", false);
    assert_int_equal(seek(&f, "c", &cursor).reason, TG_GAP_NONE);
    assert_string_equal(next_id(&f, cursor), "d");
    struct tg_gap gap = seek(&f, "a", &cursor);
    assert_int_equal(gap.reason, TG_GAP_UNKNOWN);
    assert_false(gap.is_counted);
    assert_string_equal(gap.before, "b");
    end(&f);
}

static void seek_repeated_backend_id_takes_the_oldest(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 10, 1 << 20, 0);
    append(&f, "a", "1", false);
    append(&f, "b", "2", false);
    append(&f, "a", "3", false);
    append(&f, "c", "4", false);
    assert_int_equal(seek(&f, "a", &cursor).reason, TG_GAP_NONE);
    assert_string_equal(next_id(&f, cursor), "b");
    end(&f);
}

static void control_events_are_replayed_at_their_place_and_take_no_seq(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 100, 1 << 20, 0);
    append_many(&f, 2);
    append(&f, NULL, "down", true);
    append_many(&f, 1);
    assert_int_equal(seek(&f, "epochepoch-2", &cursor).reason, TG_GAP_NONE);
    assert_string_equal(next_id(&f, cursor), "control");
    assert_int_equal(seek(&f, "epochepoch-3", &cursor).reason, TG_GAP_NONE);
    assert_string_equal(next_id(&f, cursor), "");
    end(&f);
}

static void seek_last_counts_events_with_a_seq(void **state)
{
    struct fixture f;
    (void)state;

    begin(&f, 100, 1 << 20, 0);
    append_many(&f, 3);
    append(&f, NULL, "down", true);
    append_many(&f, 2);
    assert_string_equal(next_id(&f, tg_reader_seek_last(f.reader, 3)), "epochepoch-3");
    assert_string_equal(next_id(&f, tg_reader_seek_last(f.reader, 0)), "");
    assert_string_equal(next_id(&f, tg_reader_seek_last(f.reader, 99)), "epochepoch-1");
    end(&f);
}

static void an_empty_stream_has_nothing_but_its_end(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 100, 1 << 20, 0);
    assert_int_equal(tg_reader_seek_last(f.reader, 5).position, tg_reader_end(f.reader));
    assert_int_equal(tg_reader_seek_oldest(f.reader).position, tg_reader_end(f.reader));
    struct tg_gap gap = seek(&f, "abcdefgh23-4", &cursor);
    assert_int_equal(gap.reason, TG_GAP_EPOCH);
    assert_string_equal(gap.before, "");
    end(&f);
}

static void retaining_no_events_keeps_nothing_but_still_delivers(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 0, 1 << 20, 0);
    struct tg_cursor live = tg_reader_seek_live(f.reader);
    append_many(&f, 3);
    assert_string_equal(next_id(&f, live), "epochepoch-1");
    assert_int_equal(seek(&f, "epochepoch-3", &cursor).reason, TG_GAP_NONE);
    assert_int_equal(seek(&f, "epochepoch-2", &cursor).missed, 1);
    assert_int_equal(cursor.position, tg_reader_end(f.reader));
    end(&f);
}

static void events_older_than_the_age_are_evicted(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, 100, 1 << 20, 500);
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

    begin(&f, 100, 1 << 20, 0);
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

    begin(&f, 100, 1 << 20, 0);
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
    begin(&f, 1000000, retain, 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seek_known_id_goes_right_after_it),
        cmocka_unit_test(seek_evicted_id_tells_exactly_what_is_missing),
        cmocka_unit_test(seek_id_right_before_the_oldest_retained_has_no_gap),
        cmocka_unit_test(seek_with_live_after_gap_counts_up_to_the_end),
        cmocka_unit_test(seek_id_of_another_epoch_says_so_and_starts_at_the_oldest),
        cmocka_unit_test(seek_takes_only_the_one_spelling_that_was_sent),
        cmocka_unit_test(seek_does_not_repeat_an_unsafe_id),
        cmocka_unit_test(seek_backend_id_goes_right_after_it),
        cmocka_unit_test(seek_repeated_backend_id_takes_the_oldest),
        cmocka_unit_test(control_events_are_replayed_at_their_place_and_take_no_seq),
        cmocka_unit_test(seek_last_counts_events_with_a_seq),
        cmocka_unit_test(an_empty_stream_has_nothing_but_its_end),
        cmocka_unit_test(retaining_no_events_keeps_nothing_but_still_delivers),
        cmocka_unit_test(events_older_than_the_age_are_evicted),
        cmocka_unit_test(a_reader_is_woken_once_until_it_syncs),
        cmocka_unit_test(invalid_ids_and_types_store_nothing),
        cmocka_unit_test(memory_stays_within_retain_bytes_one_segment_and_one_message),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
