/* The parser of text/event-stream: WHATWG HTML section 9.2.6, clause by clause. Each text is fed whole, in steps of each
 * size, and in two parts cut at each place. */
#include "tidegate/stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_BYTES = 40 };

/* Each event as "type|id|data;", an id of its own with a "!" */
static void on_event(void *arg, const struct tg_sse_event *event)
{
    struct tg_buffer *out = arg;
    tg_buffer_append(out, event->type.data, event->type.length);
    tg_buffer_append_str(out, "|");
    tg_buffer_append(out, event->id.data, event->id.length);
    tg_buffer_append_str(out, event->has_own_id ? "!|" : "|");
    tg_buffer_append(out, event->data.data, event->data.length);
    tg_buffer_append_str(out, ";");
}

static void on_oversize(void *arg)
{
    tg_buffer_append_str(arg, "oversize;");
}

static struct tg_sse_parser make(struct tg_buffer *seen)
{
    return (struct tg_sse_parser){
        .on_event = on_event, .on_oversize = on_oversize, .arg = seen, .max_bytes = MAX_BYTES
    };
}

/* The block is a copy of its own, so that reading past its end is seen. */
static void feed(struct tg_sse_parser *parser, const char *bytes, size_t length)
{
    char *copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    assert_int_equal(tg_sse_parser_feed(parser, copy, length), TG_OK);
    free(copy);
}

static void feed_text(struct tg_sse_parser *parser, const char *text)
{
    feed(parser, text, strlen(text));
}

static void expect_seen(const struct tg_buffer *seen, const char *expected, size_t expected_length)
{
    assert_int_equal(seen->length, expected_length);
    assert_memory_equal(tg_text_or_empty(seen->data), expected, expected_length);
}

/* The first part ends at `cut`; then comes step after step. */
static void expect_in_steps(struct tg_str text, size_t cut, size_t step, struct tg_str expected)
{
    struct tg_buffer seen = { 0 };
    struct tg_sse_parser parser = make(&seen);
    feed(&parser, text.data, cut);
    for (size_t at = cut; at < text.length; at += step)
        feed(&parser, text.data + at, text.length - at < step ? text.length - at : step);
    expect_seen(&seen, expected.data, expected.length);
    tg_sse_parser_deinit(&parser);
    tg_buffer_deinit(&seen);
}

static void expect_bytes(struct tg_str text, struct tg_str expected)
{
    for (size_t step = 1; step <= text.length; step++)
        expect_in_steps(text, 0, step, expected);
    for (size_t cut = 0; cut <= text.length; cut++)
        expect_in_steps(text, cut, text.length, expected);
}

static void expect(const char *text, const char *expected)
{
    expect_bytes(tg_str_from(text), tg_str_from(expected));
}

/* ---- lines ------------------------------------------------------------------------------------- */

static void all_line_ends_are_alike(void **state)
{
    (void)state;
    expect("event: a\rdata: 1\r\rdata: 2\r\n\r\ndata: 3\n\n", "a||1;||2;||3;");
    expect("data: 1\r\n\ndata: 2\n\r\ndata: 3\r\r\ndata: 4\n\r", "||1;||2;||3;||4;");
}

static void a_line_feed_after_a_carriage_return_is_no_line(void **state)
{
    (void)state;
    expect("data: a\r\ndata: b\r\n\r\n", "||a\nb;");
}

static void an_event_that_ends_with_a_carriage_return_does_not_wait(void **state)
{
    (void)state;
    struct tg_buffer seen = { 0 };
    struct tg_sse_parser parser = make(&seen);
    feed_text(&parser, "data: a\r\n\r");
    expect_seen(&seen, "||a;", 4);
    feed_text(&parser, "\ndata: b\n\n");
    expect_seen(&seen, "||a;||b;", 8);
    tg_sse_parser_deinit(&parser);
    tg_buffer_deinit(&seen);
}

static void a_byte_order_mark_is_skipped_at_the_start_only(void **state)
{
    (void)state;
    expect("\xef\xbb\xbf"
           "data: a\n\n\xef\xbb\xbf"
           "data: b\n\n",
           "||a;");
    expect("\xef\xbb\xbf\xef\xbb\xbf"
           "data: a\n\ndata: b\n\n",
           "||b;");
    expect("\n\xef\xbb\xbf"
           "data: a\n\ndata: b\n\n",
           "||b;");
}

static void half_a_byte_order_mark_is_none(void **state)
{
    (void)state;
    expect("\xef\xbb"
           "data: a\n\ndata: b\n\n",
           "||b;");
    expect("\xef\n\ndata: b\n\n", "||b;");
}

/* ---- fields ------------------------------------------------------------------------------------- */

static void an_event_ends_at_an_empty_line(void **state)
{
    (void)state;
    expect("data: one\n\ndata: two\n", "||one;");
    expect("\n\n\n\ndata: one\n\n\n\n", "||one;");
}

static void several_data_lines_are_joined(void **state)
{
    (void)state;
    expect("data: a\ndata\ndata: b\n\n", "||a\n\nb;");
    expect("data\ndata\n\n", "||\n;");
}

static void one_space_after_the_colon_goes(void **state)
{
    (void)state;
    expect("data:  a\n\ndata:b\n\ndata: \n\ndata:\tc\n\n", "|| a;||b;||;||\tc;");
}

static void empty_data_is_an_event_too(void **state)
{
    (void)state;
    expect("data\n\ndata:\n\n", "||;||;");
}

static void data_may_hold_colons_and_nul(void **state)
{
    (void)state;
    static const char text[] = "data: a:b: c\n\ndata:\0\n\n", expected[] = "||a:b: c;||\0;";
    expect_bytes(TG_STR(text), TG_STR(expected));
}

static void comments_and_unknown_fields_are_ignored(void **state)
{
    (void)state;
    expect(": hello\nfoo: bar\n:\n::\ndata: a\n: there\nData: b\n data: c\ndat: d\ndatas: e\nid : 7\n\n",
           "||a;");
    expect(":data: b\n::id: 7\n: :event: x\ndata: a\n:\n\n", "||a;"); /* wherever a comment is cut */
}

static void the_type_is_of_this_event_alone(void **state)
{
    (void)state;
    expect("event: x\ndata: a\n\ndata: b\n\n", "x||a;||b;");
    expect("event: x\nevent: y\ndata: a\n\nevent: x\nevent\ndata: b\n\n", "y||a;||b;");
    expect("event: x\n\ndata: a\n\n", "||a;");
}

static void retry_takes_digits_alone(void **state)
{
    (void)state;
    struct tg_buffer seen = { 0 };
    for (size_t step = 1; step < 20; step++) {
        struct tg_sse_parser parser = make(&seen);
        static const char text[] = "retry: 250\nretry: 3s\nretry:\nretry: -1\nretry:  7\nretry: 1.5\n";
        for (size_t at = 0; at < strlen(text); at += step)
            feed(&parser, text + at, strlen(text) - at < step ? strlen(text) - at : step);
        assert_int_equal(parser.retry_ms, 250); /* at once, without an empty line */
        feed_text(&parser, "retry: 99999999999999999999999999\n");
        assert_int_equal(parser.retry_ms, 24 * 3600 * 1000);
        feed_text(&parser, "retry:0005\n");
        assert_int_equal(parser.retry_ms, 5);
        tg_sse_parser_deinit(&parser);
    }
    assert_int_equal(seen.length, 0);
}

/* ---- ids ---------------------------------------------------------------------------------------- */

static void an_event_without_data_is_none_but_its_id_counts(void **state)
{
    (void)state;
    expect("id: 7\nevent: x\n\ndata: a\n\n", "|7|a;");
}

static void an_id_stays_until_the_next(void **state)
{
    (void)state;
    expect("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\ndata: d\n\n", "|1!|a;|1|b;|!|c;||d;");
}

static void an_id_with_nul_is_ignored(void **state)
{
    (void)state;
    static const char text[] = "id: 1\ndata: a\n\nid: 2\0z\ndata: b\n\nid: 3\nid: \0\ndata: c\n\n";
    expect_bytes(TG_STR(text), TG_STR("|1!|a;|1|b;|3!|c;"));
}

static void an_id_counts_once_its_event_is_whole(void **state)
{
    (void)state;
    struct tg_buffer seen = { 0 };
    struct tg_sse_parser parser = make(&seen);
    feed_text(&parser, "id: 1\ndata: a\n\nid: 2\ndata: b\n");
    assert_string_equal(parser.last_id.data, "1");
    feed_text(&parser, "\n");
    assert_string_equal(parser.last_id.data, "2");
    feed_text(&parser, "id: 3\n");
    assert_string_equal(parser.last_id.data, "2");
    feed_text(&parser, "\r");
    assert_string_equal(parser.last_id.data, "3");
    expect_seen(&seen, "|1!|a;|2!|b;", 12);
    tg_sse_parser_deinit(&parser);
    tg_buffer_deinit(&seen);
}

static void a_restart_drops_what_is_incomplete_and_keeps_the_id(void **state)
{
    (void)state;
    struct tg_buffer seen = { 0 };
    struct tg_sse_parser parser = make(&seen);
    feed_text(&parser, "retry: 9\nid: 1\ndata: a\n\nid: 2\nevent: x\ndata: lost\r");
    tg_sse_parser_restart(&parser);
    assert_string_equal(parser.last_id.data, "1");
    feed_text(&parser, "\ndata: b\n\n: half a com");
    tg_sse_parser_restart(&parser);
    feed_text(&parser, "data: c\n\ndata: half a li");
    tg_sse_parser_restart(&parser);
    feed_text(&parser, "\xef\xbb\xbf"
                       "data: d\n\n");
    assert_int_equal(parser.retry_ms, 9);
    assert_string_equal(seen.data, "|1!|a;|1|b;|1|c;|1|d;");
    tg_sse_parser_deinit(&parser);
    tg_buffer_deinit(&seen);
}

/* ---- what is too large -------------------------------------------------------------------------- */

static void data_of_just_the_limit_fits(void **state)
{
    (void)state;
    expect("data: 0123456789012345678901234567890123456789\n\n",
           "||0123456789012345678901234567890123456789;");
    expect("data:0123456789012345678901234567890123456789\r\n\r\n",
           "||0123456789012345678901234567890123456789;");
    expect("data: 0123456789012345678\ndata: 01234567890123456789\n\n",
           "||0123456789012345678\n01234567890123456789;");
}

static void an_event_over_the_limit_is_passed_over_and_its_id_counts(void **state)
{
    (void)state;
    expect("data: x\n\nid: 7\ndata: 01234567890123456789012345678901234567890\n\ndata: y\n\n",
           "||x;oversize;|7|y;");
    expect("data:01234567890123456789012345678901234567890\nid: 7\n\ndata: y\n\n", "oversize;|7|y;");
}

static void the_lines_of_data_are_counted_together(void **state)
{
    (void)state;
    expect("data: 0123456789012345678\ndata: 01234567890123456789\ndata\nid: 7\n\ndata: y\n\n",
           "oversize;|7|y;");
    expect("event: x\ndata: 01234567890123456789\ndata: 01234567890123456789\ndata: z\n\ndata: y\n\n",
           "oversize;||y;");
}

static void an_event_is_oversize_once(void **state)
{
    (void)state;
    expect("data: 01234567890123456789012345678901234567890123456789\n"
           "data: 01234567890123456789012345678901234567890123456789\n"
           "event: 01234567890123456789012345678901234567890123456789\n\ndata: y\n\n",
           "oversize;||y;");
}

static void a_type_or_an_id_may_be_too_large_too(void **state)
{
    (void)state;
    expect("event: 01234567890123456789012345678901234567890123456789\ndata: x\n\ndata: y\n\n",
           "oversize;||y;");
    expect("id: 1\n\nid: 01234567890123456789012345678901234567890123456789\ndata: x\n\ndata: y\n\n",
           "oversize;|1|y;");
}

static void a_long_comment_or_unknown_field_does_no_harm(void **state)
{
    (void)state;
    expect(":0123456789012345678901234567890123456789012345678901234567890123456789\ndata: a\n\n", "||a;");
    expect("data: a\nmore: 0123456789012345678901234567890123456789012345678901234567890123456789\n\n",
           "||a;");
    expect("data: a\n0123456789012345678901234567890123456789012345678901234567890123456789\n\n", "||a;");
    expect("data: a\ndatadata: 0123456789012345678901234567890123456789012345678901234567890\n\n", "||a;");
}

static void what_is_passed_over_takes_no_memory(void **state)
{
    (void)state;
    struct tg_buffer seen = { 0 };
    struct tg_sse_parser parser = make(&seen);
    feed_text(&parser, "data: ");
    for (int i = 0; i < 10000; i++)
        feed_text(&parser, "0123456789");
    feed_text(&parser, "\n:");
    for (int i = 0; i < 10000; i++)
        feed_text(&parser, "0123456789");
    feed_text(&parser, "\ndata: z\n\ndata: a\n\n");
    expect_seen(&seen, "oversize;||a;", 13);
    assert_true(parser.line.capacity + parser.data.capacity < 1000);
    tg_sse_parser_deinit(&parser);
    tg_buffer_deinit(&seen);
}

static void large_events_leave_no_memory_behind(void **state)
{
    (void)state;
    struct tg_buffer seen = { 0 }, text = { 0 };
    struct tg_sse_parser parser = make(&seen);
    parser.max_bytes = 1 << 20;
    tg_buffer_append_str(&text, "data: ");
    for (int i = 0; i < 100000; i++)
        tg_buffer_append_str(&text, "01234567");
    feed(&parser, text.data, text.length);
    feed_text(&parser, "\n\n");
    assert_int_equal(seen.length, 8 * 100000 + 3);
    assert_true(parser.line.capacity + parser.data.capacity < 1000);
    tg_sse_parser_deinit(&parser);
    tg_buffer_deinit(&seen);
    tg_buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_line_ends_are_alike),
        cmocka_unit_test(a_line_feed_after_a_carriage_return_is_no_line),
        cmocka_unit_test(an_event_that_ends_with_a_carriage_return_does_not_wait),
        cmocka_unit_test(a_byte_order_mark_is_skipped_at_the_start_only),
        cmocka_unit_test(half_a_byte_order_mark_is_none),
        cmocka_unit_test(an_event_ends_at_an_empty_line),
        cmocka_unit_test(several_data_lines_are_joined),
        cmocka_unit_test(one_space_after_the_colon_goes),
        cmocka_unit_test(empty_data_is_an_event_too),
        cmocka_unit_test(data_may_hold_colons_and_nul),
        cmocka_unit_test(comments_and_unknown_fields_are_ignored),
        cmocka_unit_test(the_type_is_of_this_event_alone),
        cmocka_unit_test(retry_takes_digits_alone),
        cmocka_unit_test(an_event_without_data_is_none_but_its_id_counts),
        cmocka_unit_test(an_id_stays_until_the_next),
        cmocka_unit_test(an_id_with_nul_is_ignored),
        cmocka_unit_test(an_id_counts_once_its_event_is_whole),
        cmocka_unit_test(a_restart_drops_what_is_incomplete_and_keeps_the_id),
        cmocka_unit_test(data_of_just_the_limit_fits),
        cmocka_unit_test(an_event_over_the_limit_is_passed_over_and_its_id_counts),
        cmocka_unit_test(the_lines_of_data_are_counted_together),
        cmocka_unit_test(an_event_is_oversize_once),
        cmocka_unit_test(a_type_or_an_id_may_be_too_large_too),
        cmocka_unit_test(a_long_comment_or_unknown_field_does_no_harm),
        cmocka_unit_test(what_is_passed_over_takes_no_memory),
        cmocka_unit_test(large_events_leave_no_memory_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
