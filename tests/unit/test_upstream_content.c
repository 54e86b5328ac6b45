/* Media types: what is text, and what is the type that was asked for. */
#include "upstream/content.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <string.h>

static enum tg_content content_of(const char *type)
{
    return tg_content_of(tg_str_from(type));
}

static void text_is_text(void **state)
{
    static const char *const types[] = {
        "text/plain",
        "text/html; charset=utf-8",
        "TEXT/csv",
        "application/json",
        "Application/JSON;charset=UTF-8",
        " application/json ;v=1",
        "application/problem+json",
        "application/xml",
        "application/atom+xml; type=feed",
        "image/svg+xml",
        "application/javascript",
        "text/javascript",
        "application/x-ndjson",
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(types); i++)
        assert_int_equal(content_of(types[i]), TG_CONTENT_TEXT);
}

static void what_is_not_text_is_binary(void **state)
{
    static const char *const types[] = {
        "application/octet-stream",
        "image/png",
        "application/x-protobuf",
        "application/jsonx",
        "application/json+zip",
        "textual/x",
        "x/json",
        "application/grpc; x=+json",
        ";charset=utf-8",
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(types); i++)
        assert_int_equal(content_of(types[i]), TG_CONTENT_BINARY);
    assert_int_equal(content_of(""), TG_CONTENT_UNKNOWN);
}

static void a_type_is_compared_without_its_parameters(void **state)
{
    (void)state;
    assert_true(tg_content_is(tg_str_from("text/event-stream"), "text/event-stream"));
    assert_true(tg_content_is(tg_str_from("Text/Event-Stream ; charset=utf-8"), "text/event-stream"));
    assert_false(tg_content_is(tg_str_from("text/event-streams"), "text/event-stream"));
    assert_false(tg_content_is(tg_str_from("text/event"), "text/event-stream"));
    assert_false(tg_content_is(tg_str_from("text/plain; x=text/event-stream"), "text/event-stream"));
    assert_false(tg_content_is(tg_str_from(""), "text/event-stream"));
    assert_false(tg_content_is((struct tg_str){ NULL, 0 }, "text/event-stream"));
}

static void expect_without_mark(struct tg_str text, const char *expected)
{
    text = tg_content_without_mark(text);
    assert_int_equal(text.length, strlen(expected));
    assert_memory_equal(text.data, expected, text.length);
}

static void a_byte_order_mark_is_no_text(void **state)
{
    (void)state;
    expect_without_mark(TG_STR("\xef\xbb\xbf{}"), "{}");
    expect_without_mark(TG_STR("\xef\xbb\xbf\xef\xbb\xbf"), "\xef\xbb\xbf");
    expect_without_mark(TG_STR("\xef\xbb\xbf"), "");
    expect_without_mark(TG_STR("\xef\xbb"), "\xef\xbb");
    expect_without_mark(TG_STR("{}\xef\xbb\xbf"), "{}\xef\xbb\xbf");
    expect_without_mark(TG_STR(""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_text),
        cmocka_unit_test(what_is_not_text_is_binary),
        cmocka_unit_test(a_type_is_compared_without_its_parameters),
        cmocka_unit_test(a_byte_order_mark_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
