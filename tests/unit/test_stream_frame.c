/* Framing: each clause of WHATWG HTML section 9.2.6 that concerns what we write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stream/frame.h"

static void assert_framed(const char *id, const char *type, struct tg_str data, const char *expected)
{
    struct frame frame;
    size_t head;
    char *wire;

    assert_int_equal(frame_measure(tg_str_from(id), tg_str_from(type), data, &frame), TG_OK);
    wire = malloc(frame.wire_length);
    frame_write(&frame, wire);
    head = frame_head_length(wire);
    assert_int_equal(strtoul(wire, NULL, 16), frame.body_length);
    assert_int_equal(frame.wire_length, head + frame.body_length + 2);
    assert_int_equal(frame.body_length, strlen(expected));
    assert_memory_equal(wire + head, expected, frame.body_length);
    assert_memory_equal(wire + frame.wire_length - 2, "\r\n", 2);
    free(wire);
}

static void frame_has_id_type_and_data(void **state)
{
    (void)state;
    assert_framed("e-1", "quote", TG_STR("x"), "event: quote\ndata: x\nid: e-1\n\n");
}

static void frame_leaves_out_the_default_type_and_the_id_of_control_events(void **state)
{
    (void)state;
    assert_framed("e-1", NULL, TG_STR("x"), "data: x\nid: e-1\n\n");
    assert_framed(NULL, "tidegate.upstream", TG_STR("{}"), "event: tidegate.upstream\ndata: {}\n\n");
}

static void frame_splits_data_at_lf_cr_and_crlf(void **state)
{
    (void)state;
    assert_framed("1", NULL, TG_STR("a\nb\rc\r\nd"), "data: a\ndata: b\ndata: c\ndata: d\nid: 1\n\n");
    assert_framed("1", NULL, TG_STR("\n\r"), "data: \ndata: \ndata: \nid: 1\n\n");
    assert_framed("1", NULL, TG_STR("a\r\r\nb"), "data: a\ndata: \ndata: b\nid: 1\n\n");
}

static void frame_keeps_a_line_break_at_the_end_as_an_empty_line(void **state)
{
    (void)state;
    assert_framed("1", NULL, TG_STR("a\n"), "data: a\ndata: \nid: 1\n\n");
    assert_framed("1", NULL, TG_STR("a\r\n"), "data: a\ndata: \nid: 1\n\n");
    assert_framed("1", NULL, TG_STR("a\r"), "data: a\ndata: \nid: 1\n\n");
}

static void frame_keeps_leading_spaces_and_colons(void **state)
{
    (void)state;
    assert_framed("1", NULL, TG_STR("  a"), "data:   a\nid: 1\n\n");
    assert_framed("1", NULL, TG_STR(":a"), "data: :a\nid: 1\n\n");
}

static void frame_makes_one_empty_line_of_empty_data(void **state)
{
    (void)state;
    assert_framed("1", NULL, TG_STR(""), "data: \nid: 1\n\n");
}

static void frame_carries_nul_and_bom_in_data(void **state)
{
    struct frame frame;
    char wire[64];
    (void)state;

    assert_int_equal(frame_measure(TG_STR("1"), TG_STR(""), TG_STR("a\0b"), &frame), TG_OK);
    frame_write(&frame, wire);
    assert_memory_equal(wire + frame_head_length(wire), "data: a\0b\nid: 1\n\n", frame.body_length);
    assert_framed("1", NULL, TG_STR("\xEF\xBB\xBFx"), "data: \xEF\xBB\xBFx\nid: 1\n\n");
}

static void frame_refuses_line_breaks_and_nul_in_type_and_id(void **state)
{
    static const struct tg_str bad[] = { { "a\nb", 3 }, { "a\rb", 3 }, { "a\0b", 3 } };
    struct frame frame;
    (void)state;

    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        assert_int_equal(frame_measure(TG_STR("1"), bad[i], TG_STR("x"), &frame), TG_ERR_INVALID);
        assert_int_equal(frame_measure(bad[i], TG_STR(""), TG_STR("x"), &frame), TG_ERR_INVALID);
    }
}

static void frame_finds_the_id_again(void **state)
{
    struct frame frame;
    char wire[64];
    (void)state;

    assert_int_equal(frame_measure(TG_STR("abc-12"), TG_STR("t"), TG_STR("x"), &frame), TG_OK);
    frame_write(&frame, wire);
    assert_true(tg_str_equals(frame_find_id(wire, frame.wire_length), TG_STR("abc-12")));
}

static void frame_takes_a_megabyte_of_carriage_returns_in_linear_time(void **state)
{
    size_t length = 1024 * 1024;
    char *data = malloc(length);
    struct frame frame;
    (void)state;

    memset(data, '\r', length);
    assert_int_equal(frame_measure(TG_STR("1"), TG_STR(""), (struct tg_str){ data, length }, &frame), TG_OK);
    assert_int_equal(frame.body_length, 6 + (length + 1) * 7 + 1);
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frame_has_id_type_and_data),
        cmocka_unit_test(frame_leaves_out_the_default_type_and_the_id_of_control_events),
        cmocka_unit_test(frame_splits_data_at_lf_cr_and_crlf),
        cmocka_unit_test(frame_keeps_a_line_break_at_the_end_as_an_empty_line),
        cmocka_unit_test(frame_keeps_leading_spaces_and_colons),
        cmocka_unit_test(frame_makes_one_empty_line_of_empty_data),
        cmocka_unit_test(frame_carries_nul_and_bom_in_data),
        cmocka_unit_test(frame_refuses_line_breaks_and_nul_in_type_and_id),
        cmocka_unit_test(frame_finds_the_id_again),
        cmocka_unit_test(frame_takes_a_megabyte_of_carriage_returns_in_linear_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
