/* Media types: what is text, what is a page, and what is the type that was asked for. */
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

#define IS(type, ...) tg_content_is_any(tg_str_from(type), (const char *const[]){ __VA_ARGS__, NULL })

static void a_type_is_compared_without_its_parameters(void **state)
{
    (void)state;
    assert_true(IS("text/event-stream", "text/event-stream"));
    assert_true(IS("Text/Event-Stream ; charset=utf-8", "text/event-stream"));
    assert_true(IS("text/event-stream charset=utf-8", "text/event-stream"));
    assert_false(IS("text/event-streams", "text/event-stream"));
    assert_false(IS("text/event", "text/event-stream"));
    assert_false(IS("text/plain; x=text/event-stream", "text/event-stream"));
    assert_false(IS("", "text/event-stream"));
    assert_false(IS("", "*/*"));
    assert_false(tg_content_is_any((struct tg_str){ NULL, 0 }, (const char *const[]){ "a/b", NULL }));
    assert_false(tg_content_is_any(TG_STR("a/b"), NULL));
}

static void a_star_stands_for_any_type(void **state)
{
    (void)state;
    assert_true(IS("image/png", "a/b", "image/*"));
    assert_true(IS("image/png", "*/*"));
    assert_false(IS("imager/png", "image/*"));
    assert_false(IS("image", "image/*"));
}

static void several_types_are_a_list(void **state)
{
    (void)state;
    assert_true(IS("a/b, c/d", "a/b"));
    assert_true(IS("a/b, c/d", "c/d"));
    assert_true(IS("a/b;x=\"1,\\\"2\" ,, c/d;y", "c/d"));
    assert_false(IS("a/b;x=\"c/d, c/d\"", "c/d"));
    assert_false(IS("a/b;x=\"\\", "c/d"));
    assert_int_equal(content_of("application/json, image/png"), TG_CONTENT_TEXT);
}

static bool is_page(const char *type)
{
    return tg_content_is_page(tg_str_from(type));
}

static void html_and_nothing_else_is_a_page(void **state)
{
    (void)state;
    assert_true(is_page("text/html"));
    assert_true(is_page("TEXT/HTML; charset=utf-8"));
    assert_true(is_page("application/xhtml+xml, text/html"));
    assert_false(is_page("text/html, text/event-stream"));
    assert_false(is_page("application/json"));
    assert_false(is_page(""));
    assert_true(tg_content_has_type(TG_STR("a/b")));
    assert_false(tg_content_has_type(TG_STR(" ,;")));
    assert_false(tg_content_has_type((struct tg_str){ NULL, 0 }));
}

static bool looks_like_page(const char *text)
{
    return tg_content_looks_like_page(tg_str_from(text));
}

static void a_page_begins_with_markup(void **state)
{
    (void)state;
    assert_true(looks_like_page("<!DOCTYPE html><html>"));
    assert_true(looks_like_page("\xef\xbb\xbf\r\n\t <html>"));
    assert_true(looks_like_page("<br />\n<b>Warning</b>: x"));
    assert_true(looks_like_page("<?xml version=\"1.0\"?>\n<!DOCTYPE html PUBLIC \"x\">\n<HTML>"));
    assert_false(looks_like_page("<?xml version=\"1.0\"?><orders/>"));
    assert_false(looks_like_page("{\"a\":\"<html>\"}"));
    assert_false(looks_like_page(" []"));
    assert_false(looks_like_page(" "));
    assert_false(looks_like_page(""));
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
        cmocka_unit_test(a_star_stands_for_any_type),
        cmocka_unit_test(several_types_are_a_list),
        cmocka_unit_test(html_and_nothing_else_is_a_page),
        cmocka_unit_test(a_page_begins_with_markup),
        cmocka_unit_test(a_byte_order_mark_is_no_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
