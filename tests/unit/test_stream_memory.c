/* Unit tests: a stream when memory is out, and the id of its last event. */
#include "stream/segment.h"
#include "tidegate/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void *allocate_nothing(size_t size)
{
    (void)size;
    return NULL;
}

/* What was given back is there for the next one. */
static void *allocate_next_time(size_t size)
{
    (void)size;
    segment_allocate = malloc;
    return NULL;
}

static int prepare(void **state)
{
    const struct tg_stream_options options = {
        .name = "s", .retain_events = 1000000, .retain_bytes = 64 * 1024 * 1024, .epoch = "e"
    };

    *state = tg_stream_new(&options);
    return 0;
}

static int tear_down(void **state)
{
    tg_stream_unref(*state);
    segment_allocate = malloc;
    return 0;
}

static enum tg_err append(struct tg_stream *stream, size_t length)
{
    char *data = malloc(length + 1);

    memset(data, 'x', length);
    enum tg_err err = tg_stream_append(stream, &(struct tg_event){ .data = { data, length } }, 1);
    free(data);
    return err;
}

static struct tg_stream_stats stats_of(const struct tg_stream *stream)
{
    struct tg_stream_stats stats;

    tg_stream_get_stats(stream, &stats);
    return stats;
}

static void expect_last_id(const struct tg_stream *stream, const char *expected)
{
    char id[TG_ID_MAX + 1];

    memset(id, '?', sizeof(id));
    tg_stream_last_id(stream, id);
    assert_string_equal(id, expected);
}

static void the_oldest_makes_room_when_memory_is_out(void **state)
{
    struct tg_stream *stream = *state;

    for (int i = 0; i < 100; i++)
        assert_int_equal(append(stream, 10000), TG_OK);
    assert_int_equal(stats_of(stream).retained_events, 100);
    segment_allocate = allocate_next_time;
    assert_int_equal(append(stream, 400000), TG_OK);
    struct tg_stream_stats stats = stats_of(stream);
    assert_int_equal(stats.last_seq, 101);
    assert_in_range(stats.retained_events, 30, 80);
    assert_true(stats.retained_bytes >= 400000 + (stats.retained_events - 1) * 10000);
    assert_true(stats.memory_bytes >= stats.retained_bytes);
}

/* What was evicted is what a client misses, to the event. */
static void who_comes_back_is_told_what_was_given_up(void **state)
{
    struct tg_stream *stream = *state;
    struct tg_gap gap;

    for (int i = 0; i < 100; i++)
        assert_int_equal(append(stream, 10000), TG_OK);
    segment_allocate = allocate_next_time;
    assert_int_equal(append(stream, 400000), TG_OK);
    struct tg_reader *reader = tg_reader_new(stream, NULL, NULL);
    tg_reader_seek_id(reader, "e-1", 3, false, &gap);
    assert_int_equal(gap.reason, TG_GAP_EVICTED);
    assert_true(gap.is_counted);
    assert_int_equal(gap.missed, 100 - stats_of(stream).retained_events);
    tg_reader_free(reader);
}

static void what_does_not_fit_all_the_same_is_refused_and_leaves_no_hole(void **state)
{
    struct tg_stream *stream = *state;

    for (int i = 0; i < 20; i++)
        assert_int_equal(append(stream, 10000), TG_OK);
    segment_allocate = allocate_nothing;
    assert_int_equal(append(stream, 400000), TG_ERR_MEMORY);
    assert_int_equal(stats_of(stream).last_seq, 20);
    assert_true(stats_of(stream).retained_events < 20);
    segment_allocate = malloc;
    assert_int_equal(append(stream, 400000), TG_OK);
    assert_int_equal(stats_of(stream).last_seq, 21);
    expect_last_id(stream, "e-21");
}

static void an_empty_stream_has_nothing_to_give(void **state)
{
    struct tg_stream *stream = *state;

    segment_allocate = allocate_nothing;
    assert_int_equal(append(stream, 10), TG_ERR_MEMORY);
    segment_allocate = malloc;
    assert_int_equal(append(stream, 10), TG_OK);
}

/* ---- the last id --------------------------------------------------------------------------------- */

static void append_control(struct tg_stream *stream)
{
    assert_int_equal(
        tg_stream_append(stream, &(struct tg_event){ .data = TG_STR("c"), .is_control = true }, 1), TG_OK);
}

static void the_last_id_is_that_of_the_last_event_with_one(void **state)
{
    struct tg_stream *stream = *state;

    expect_last_id(stream, "");
    append_control(stream);
    expect_last_id(stream, "");
    assert_int_equal(append(stream, 1), TG_OK);
    append_control(stream);
    expect_last_id(stream, "e-1");
    assert_int_equal(
        tg_stream_append(stream, &(struct tg_event){ .id = TG_STR("own:7"), .data = TG_STR("d") }, 1), TG_OK);
    expect_last_id(stream, "own:7");
    for (int i = 0; i < 5000; i++) /* segments of control events alone */
        append_control(stream);
    expect_last_id(stream, "own:7");
    assert_int_equal(append(stream, 1), TG_OK);
    expect_last_id(stream, "e-3");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_oldest_makes_room_when_memory_is_out, prepare, tear_down),
        cmocka_unit_test_setup_teardown(who_comes_back_is_told_what_was_given_up, prepare, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_all_the_same_is_refused_and_leaves_no_hole, prepare,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_empty_stream_has_nothing_to_give, prepare, tear_down),
        cmocka_unit_test_setup_teardown(the_last_id_is_that_of_the_last_event_with_one, prepare, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
