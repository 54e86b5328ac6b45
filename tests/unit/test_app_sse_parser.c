/* The parser of text/event-stream, fed whole, byte by byte, and with every line ending. */
#include "app/sse_parser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Each event as "type|id|data;" */
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

static void expect_in_steps(const char *text, size_t length, size_t step, const char *expected)
{
    struct tg_buffer seen = { 0 };
    struct tg_sse_parser parser = { .on_event = on_event, .arg = &seen };
    for (size_t at = 0; at < length; at += step)
        assert_int_equal(tg_sse_parser_feed(&parser, text + at, length - at < step ? length - at : step),
                         TG_OK);
    assert_string_equal(tg_text_or_empty(seen.data), expected);
    tg_sse_parser_deinit(&parser);
    tg_buffer_deinit(&seen);
}

static void expect_bytes(const char *text, size_t length, const char *expected)
{
    for (size_t step = 1; step <= length; step++)
        expect_in_steps(text, length, step, expected);
}

static void expect(const char *text, const char *expected)
{
    expect_bytes(text, strlen(text), expected);
}

static void an_event_ends_at_an_empty_line(void **state)
{
    (void)state;
    expect("data: one\n\ndata: two\n", "message||one;");
}

static void all_line_ends_are_alike(void **state)
{
    (void)state;
    expect("event: a\rdata: 1\r\rdata: 2\r\n\r\ndata: 3\n\n", "a||1;message||2;message||3;");
}

static void several_data_lines_are_joined(void **state)
{
    (void)state;
    expect("data: a\ndata\ndata: b\n\n", "message||a\n\nb;");
}

static void one_space_after_the_colon_goes(void **state)
{
    (void)state;
    expect("data:  a\n\ndata:b\n\n", "message|| a;message||b;");
}

static void a_byte_order_mark_is_skipped_at_the_start_only(void **state)
{
    (void)state;
    expect("\xef\xbb\xbf"
           "data: a\n\n\xef\xbb\xbf"
           "data: b\n\n",
           "message||a;");
}

static void comments_and_unknown_fields_are_ignored(void **state)
{
    (void)state;
    expect(": hello\nfoo: bar\n:\ndata: a\n: there\n\n", "message||a;");
}

static void an_event_without_data_is_none_but_its_id_counts(void **state)
{
    (void)state;
    expect("id: 7\nevent: x\n\ndata: a\n\n", "message|7|a;");
}

static void an_id_stays_until_the_next(void **state)
{
    (void)state;
    expect("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "message|1!|a;message|1|b;message|!|c;");
}

static void an_id_with_nul_is_ignored(void **state)
{
    (void)state;
    static const char text[] = "id: 1\ndata: a\n\nid: 2\0z\ndata: b\n\n";
    expect_bytes(text, sizeof(text) - 1, "message|1!|a;message|1|b;");
}

static void retry_takes_digits_alone(void **state)
{
    (void)state;
    struct tg_buffer seen = { 0 };
    struct tg_sse_parser parser = { .on_event = on_event, .arg = &seen };
    static const char text[] = "retry: 250\nretry: 3s\nretry:\nretry: -1\n";
    assert_int_equal(tg_sse_parser_feed(&parser, text, sizeof(text) - 1), TG_OK);
    assert_int_equal(parser.retry_ms, 250);
    static const char huge[] = "retry: 99999999999999999999999999\n";
    assert_int_equal(tg_sse_parser_feed(&parser, huge, sizeof(huge) - 1), TG_OK);
    assert_int_equal(parser.retry_ms, 24 * 3600 * 1000);
    tg_sse_parser_deinit(&parser);
}

static void a_restart_drops_what_is_incomplete_and_keeps_the_id(void **state)
{
    (void)state;
    struct tg_buffer seen = { 0 };
    struct tg_sse_parser parser = { .on_event = on_event, .arg = &seen };
    static const char before[] = "id: 1\ndata: a\n\nid: 2\nevent: x\ndata: lost\r", after[] = "\ndata: b\n\n";
    assert_int_equal(tg_sse_parser_feed(&parser, before, sizeof(before) - 1), TG_OK);
    tg_sse_parser_restart(&parser);
    assert_string_equal(parser.last_id.data, "1");
    assert_int_equal(tg_sse_parser_feed(&parser, after, sizeof(after) - 1), TG_OK);
    assert_string_equal(seen.data, "message|1!|a;message|1|b;");
    tg_sse_parser_deinit(&parser);
    tg_buffer_deinit(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_ends_at_an_empty_line),
        cmocka_unit_test(all_line_ends_are_alike),
        cmocka_unit_test(several_data_lines_are_joined),
        cmocka_unit_test(one_space_after_the_colon_goes),
        cmocka_unit_test(a_byte_order_mark_is_skipped_at_the_start_only),
        cmocka_unit_test(comments_and_unknown_fields_are_ignored),
        cmocka_unit_test(an_event_without_data_is_none_but_its_id_counts),
        cmocka_unit_test(an_id_stays_until_the_next),
        cmocka_unit_test(an_id_with_nul_is_ignored),
        cmocka_unit_test(retry_takes_digits_alone),
        cmocka_unit_test(a_restart_drops_what_is_incomplete_and_keeps_the_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
