/* Unit tests: the growable byte buffer. */
#include "tidegate/base.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void empty_buffer_is_valid(void **state)
{
    (void)state;
    struct tg_buffer buffer = { 0 };
    tg_buffer_clear(&buffer);
    tg_buffer_consume(&buffer, 0);
    assert_int_equal(tg_buffer_append(&buffer, NULL, 0), TG_OK);
    assert_int_equal(buffer.length, 0);
    assert_string_equal(buffer.data, "");
    tg_buffer_deinit(&buffer);
    assert_null(buffer.data);
}

static void bytes_are_followed_by_nul(void **state)
{
    (void)state;
    struct tg_buffer buffer = { 0 };
    for (size_t i = 0; i < 1000; i++) {
        assert_int_equal(tg_buffer_append(&buffer, "x", 1), TG_OK);
        assert_int_equal(strlen(buffer.data), i + 1);
    }
    tg_buffer_clear(&buffer);
    assert_string_equal(buffer.data, "");
    tg_buffer_deinit(&buffer);
}

static void appendf_formats_long_texts(void **state)
{
    (void)state;
    struct tg_buffer buffer = { 0 };
    assert_int_equal(tg_buffer_append_str(&buffer, "a="), TG_OK);
    assert_int_equal(tg_buffer_appendf(&buffer, "%0500d", 7), TG_OK);
    assert_int_equal(buffer.length, 502);
    assert_int_equal(buffer.data[501], '7');
    tg_buffer_deinit(&buffer);
}

static void consume_removes_the_front(void **state)
{
    (void)state;
    struct tg_buffer buffer = { 0 };
    tg_buffer_append_str(&buffer, "hello world");
    tg_buffer_consume(&buffer, 6);
    assert_string_equal(buffer.data, "world");
    tg_buffer_consume(&buffer, 5);
    assert_int_equal(buffer.length, 0);
    tg_buffer_deinit(&buffer);
}

static void impossible_reserve_leaves_buffer(void **state)
{
    (void)state;
    struct tg_buffer buffer = { 0 };
    tg_buffer_append_str(&buffer, "abc");
    assert_int_equal(tg_buffer_reserve(&buffer, SIZE_MAX), TG_ERR_MEMORY);
    assert_int_equal(tg_buffer_reserve(&buffer, SIZE_MAX - 3), TG_ERR_MEMORY);
    assert_string_equal(buffer.data, "abc");
    tg_buffer_deinit(&buffer);
}

static void assert_escaped(const char *text, size_t length, const char *expected)
{
    struct tg_buffer buffer = { 0 };
    assert_int_equal(tg_buffer_append_json(&buffer, text, length), TG_OK);
    assert_string_equal(buffer.data, expected);
    tg_buffer_deinit(&buffer);
}

static void json_escapes_what_rfc_8259_names(void **state)
{
    (void)state;
    assert_escaped("", 0, "");
    assert_escaped("plain", 5, "plain");
    assert_escaped("a\"b\\c/d", 7, "a\\\"b\\\\c/d");
    assert_escaped("\b\f\n\r\t", 5, "\\b\\f\\n\\r\\t");
    assert_escaped("\0\x1f\x7f", 3, "\\u0000\\u001f\\u007f");
    assert_escaped("grün €", 9, "grün €");
}

static void json_replaces_invalid_utf8(void **state)
{
    (void)state;
    assert_escaped("a\xff"
                   "b",
                   3,
                   "a\xef\xbf\xbd"
                   "b");
    assert_escaped("\xc3", 1, "\xef\xbf\xbd");
    assert_escaped("\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_buffer_is_valid),
        cmocka_unit_test(bytes_are_followed_by_nul),
        cmocka_unit_test(appendf_formats_long_texts),
        cmocka_unit_test(consume_removes_the_front),
        cmocka_unit_test(impossible_reserve_leaves_buffer),
        cmocka_unit_test(json_escapes_what_rfc_8259_names),
        cmocka_unit_test(json_replaces_invalid_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
