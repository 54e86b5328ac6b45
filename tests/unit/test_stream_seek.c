/* Ids, replay, gaps: what DESIGN promises of them, one promise a test. */
#include "reader_fixture.h"

static void seek_known_id_goes_right_after_it(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, "epochepoch", 100, 0);
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

    begin(&f, "epochepoch", 5, 0);
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

    begin(&f, "epochepoch", 5, 0);
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

    begin(&f, "epochepoch", 5, 0);
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

    begin(&f, "epochepoch", 5, 0);
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

    begin(&f, "epochepoch", 100, 0);
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

    begin(&f, "epochepoch", 100, 0);
    append_many(&f, 1);
    assert_string_equal(seek(&f, "a\"b", &cursor).after, "");
    end(&f);
}

static void seek_backend_id_goes_right_after_it(void **state)
{
    struct fixture f;
    struct tg_cursor cursor;
    (void)state;

    begin(&f, "epochepoch", 3, 0);
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

    begin(&f, "epochepoch", 10, 0);
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

    begin(&f, "epochepoch", 100, 0);
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

    begin(&f, "epochepoch", 100, 0);
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

    begin(&f, "epochepoch", 100, 0);
    assert_int_equal(tg_reader_seek_last(f.reader, 5).position, tg_reader_end(f.reader));
    assert_int_equal(tg_reader_seek_oldest(f.reader).position, tg_reader_end(f.reader));
    struct tg_gap gap = seek(&f, "abcdefgh23-4", &cursor);
    assert_int_equal(gap.reason, TG_GAP_EPOCH);
    assert_string_equal(gap.before, "");
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
