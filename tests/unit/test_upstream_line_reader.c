/* Lines of an answer, fed whole, in steps of each size, and in two parts cut at each place. */
#include "upstream/line_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MAX_BYTES = 5 };

static void on_line(void *arg, struct tg_str line)
{
    tg_buffer_append(arg, line.data, line.length);
    tg_buffer_append_str(arg, ";");
}

static void on_dropped(void *arg, bool is_oversize)
{
    tg_buffer_append_str(arg, is_oversize ? "oversize;" : "memory;");
}

static void feed(struct tg_line_reader *reader, const char *bytes, size_t length)
{
    char *copy = tg_alloc(length ? length : 1); /* so that reading past its end is seen */

    memcpy(copy, bytes, length);
    tg_line_reader_feed(reader, copy, length);
    free(copy);
}

static void expect_in_steps(struct tg_str text, size_t cut, size_t step, struct tg_str expected)
{
    struct tg_buffer seen = { 0 };
    struct tg_line_reader reader = {
        .on_line = on_line, .on_dropped = on_dropped, .arg = &seen, .max_bytes = MAX_BYTES
    };

    feed(&reader, text.data, cut);
    for (size_t at = cut; at < text.length; at += step)
        feed(&reader, text.data + at, text.length - at < step ? text.length - at : step);
    tg_buffer_append_str(&seen, ".");
    tg_line_reader_finish(&reader);
    assert_int_equal(seen.length, expected.length);
    assert_memory_equal(seen.data, expected.data, expected.length);
    tg_line_reader_deinit(&reader);
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

static void lines_end_with_lf_or_crlf(void **state)
{
    (void)state;
    expect("a\nbc\r\nd\n", "a;bc;d;.");
}

static void a_cr_elsewhere_is_part_of_the_line(void **state)
{
    (void)state;
    expect("a\rb\n\rc\r\r\n", "a\rb;\rc\r;.");
}

static void empty_lines_are_passed_over(void **state)
{
    (void)state;
    expect("\n\r\n\na\n\n\r\nb\n\n", "a;b;.");
    expect("", ".");
}

static void the_last_line_needs_no_end(void **state)
{
    (void)state;
    expect("a\nb", "a;.b;");
    expect("a\nb\r", "a;.b;");
    expect("a\n\r", "a;.");
}

static void any_bytes_are_a_line(void **state)
{
    (void)state;
    expect_bytes(TG_STR("a\0b\n\xff\n"), TG_STR("a\0b;\xff;."));
}

static void a_line_of_just_the_limit_fits(void **state)
{
    (void)state;
    expect("12345\n12345\r\n12345", "12345;12345;.12345;");
    expect("12345\r", ".12345;");
}

static void a_longer_line_is_passed_over_once(void **state)
{
    (void)state;
    expect("a\n123456\nb\n", "a;oversize;b;.");
    expect("1234567890123456789\r\nb\n123456\r\nc\n", "oversize;b;oversize;c;.");
    expect("12345\r\r\nb\n", "oversize;b;.");
}

static void a_longer_last_line_is_dropped_too(void **state)
{
    struct tg_buffer seen = { 0 };
    struct tg_line_reader reader = {
        .on_line = on_line, .on_dropped = on_dropped, .arg = &seen, .max_bytes = MAX_BYTES
    };

    (void)state;
    feed(&reader, "123456", 6);
    tg_line_reader_finish(&reader);
    assert_string_equal(seen.data, "oversize;");
    tg_line_reader_deinit(&reader);
    tg_buffer_deinit(&seen);
}

static void what_is_passed_over_takes_no_memory(void **state)
{
    struct tg_buffer seen = { 0 };
    struct tg_line_reader reader = {
        .on_line = on_line, .on_dropped = on_dropped, .arg = &seen, .max_bytes = MAX_BYTES
    };

    (void)state;
    for (int i = 0; i < 10000; i++)
        feed(&reader, "0123456789", 10);
    assert_true(reader.line.capacity < 1000);
    feed(&reader, "\na\n", 3);
    assert_string_equal(seen.data, "oversize;a;");
    tg_line_reader_deinit(&reader);
    tg_buffer_deinit(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_end_with_lf_or_crlf),
        cmocka_unit_test(a_cr_elsewhere_is_part_of_the_line),
        cmocka_unit_test(empty_lines_are_passed_over),
        cmocka_unit_test(the_last_line_needs_no_end),
        cmocka_unit_test(any_bytes_are_a_line),
        cmocka_unit_test(a_line_of_just_the_limit_fits),
        cmocka_unit_test(a_longer_line_is_passed_over_once),
        cmocka_unit_test(a_longer_last_line_is_dropped_too),
        cmocka_unit_test(what_is_passed_over_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
