/* JSON texts of an answer that goes on and on: each test in one piece, in two that are cut anywhere, and byte by byte. */
#include "upstream/json_framer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tg_buffer told;

static void on_text(void *arg, struct tg_str text, bool is_cut)
{
    (void)arg;
    tg_buffer_append(&told, text.data, text.length);
    tg_buffer_append_str(&told, is_cut ? "(cut)|" : "|");
}

static void on_dropped(void *arg, bool is_oversize)
{
    (void)arg;
    tg_buffer_append_str(&told, is_oversize ? "oversize|" : "memory|");
}

/* In blocks of their own, so that reading past their ends is seen. */
static enum tg_err feed(struct tg_json_framer *framer, const char *bytes, size_t length)
{
    char *copy = calloc(length ? length : 1, 1);

    memcpy(copy, bytes, length);
    enum tg_err err = tg_json_framer_feed(framer, copy, length);
    free(copy);
    return err;
}

static void expect_cut_at(enum tg_config_framing framing, const char *text, size_t cut, size_t step,
                          const char *expected)
{
    struct tg_json_framer framer = {
        .on_text = on_text, .on_dropped = on_dropped, .max_bytes = 20, .framing = framing
    };
    enum tg_err err = feed(&framer, text, cut);
    size_t length = strlen(text);

    for (size_t at = cut; at < length; at += step)
        err = feed(&framer, text + at, step < length - at ? step : length - at);
    tg_buffer_append_str(&told, err < 0 ? "lost" : ".");
    tg_json_framer_finish(&framer);
    assert_string_equal(told.data, expected);
    tg_buffer_clear(&told);
    tg_json_framer_deinit(&framer);
}

/* "." where the bytes have come: what is after that is told by the end of the answer. */
static void expect(enum tg_config_framing framing, const char *text, const char *expected)
{
    for (size_t cut = 0; cut <= strlen(text); cut++)
        expect_cut_at(framing, text, cut, strlen(text) + 1, expected);
    expect_cut_at(framing, text, 0, 1, expected);
}

static int forget(void **state)
{
    (void)state;
    tg_buffer_deinit(&told);
    return 0;
}

/* ---- json --------------------------------------------------------------------------------------- */

static void texts_need_nothing_between_them(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON, "{\"a\":1}{\"a\":2}", "{\"a\":1}|{\"a\":2}|.");
    expect(TG_FRAMING_JSON, "[1][[2]]\"a\"{}", "[1]|[[2]]|\"a\"|{}|.");
    expect(TG_FRAMING_JSON, "1{}2\"a\"true[3]", "1|{}|2|\"a\"|true|[3]|.");
    expect(TG_FRAMING_JSON, " \t\r\n", ".");
    expect(TG_FRAMING_JSON, "", ".");
}

static void texts_may_have_lines(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON, "{\n \"a\": 1\r\n}\n\n{\n}\n", "{\n \"a\": 1\r\n}|{\n}|.");
    expect(TG_FRAMING_JSON, "{\"a\":1},\n{\"a\":2},\n", "{\"a\":1}|{\"a\":2}|.");
    expect(TG_FRAMING_JSON, "\x1e{}\n\x1e{}\n", "{}|{}|.");
}

static void what_is_in_strings_does_not_count(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON, "{\"}\":\"]\\\"}\"}[\"\\\\\"]", "{\"}\":\"]\\\"}\"}|[\"\\\\\"]|.");
    expect(TG_FRAMING_JSON, "\"\\u0022\"\"\xc3\xa4{\"", "\"\\u0022\"|\"\xc3\xa4{\"|.");
}

static void a_number_ends_with_what_follows(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON, "1 2 3", "1|2|.3|");
    expect(TG_FRAMING_JSON, "-1.5e+3\nnull\n", "-1.5e+3|null|.");
    expect(TG_FRAMING_JSON, "truefalse 1,2", "truefalse|1|.2|");
}

static void what_is_left_at_the_end_is_cut(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON, "{}{\"a\":", "{}|.{\"a\":(cut)|");
    expect(TG_FRAMING_JSON, "\"a", ".\"a(cut)|");
}

static void a_byte_order_mark_is_no_text(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON, "\xef\xbb\xbf{}", "{}|.");
    expect(TG_FRAMING_ARRAY, "\xef\xbb\xbf[1]", "1|.");
    expect(TG_FRAMING_JSON, "{}\xef\xbb\xbf ", "{}|\xef\xbb\xbf|.");
}

static void a_text_that_is_too_large_is_dropped(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON, "{\"123456789012345\":}{}", "{\"123456789012345\":}|{}|.");
    expect(TG_FRAMING_JSON, "{\"1234567890123456\":}{}", "oversize|{}|.");
    expect(TG_FRAMING_JSON, "[[[[[[[[[[[]]]]]]]]]]] 1 ", "oversize|1|.");
    expect(TG_FRAMING_JSON, "123456789012345678901 1 ", "oversize|1|.");
    expect(TG_FRAMING_JSON, "[\"12345678901234567890", "oversize|.");
}

static void where_the_place_is_lost_it_ends(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON, "{}}{}", "{}|lost");
    expect(TG_FRAMING_JSON, "{}:{}", "{}|lost");
    expect(TG_FRAMING_JSON, "[\"a\nb\"]{}", "[\"a(cut)|lost");
    expect(TG_FRAMING_JSON, "{\"a\":\"x}{\"b\":1}{}", "{\"a\":\"x}{\"(cut)|lost");
    expect(TG_FRAMING_JSON, "{\"a\" {\"b\":1}{}", "{\"a\"(cut)|lost");
    expect(TG_FRAMING_JSON, "{\x01}{}", "{(cut)|lost");
    expect(TG_FRAMING_JSON, "\x01{}", "lost");
}

static void a_text_that_never_ends_is_given_up(void **state)
{
    enum { BLOCK = 1024 * 1024 };
    struct tg_json_framer framer = {
        .on_text = on_text, .on_dropped = on_dropped, .max_bytes = 20, .framing = TG_FRAMING_JSON
    };
    char *block = calloc(1, BLOCK);
    enum tg_err err = feed(&framer, "[", 1);

    (void)state;
    memset(block, ' ', BLOCK);
    for (size_t fed = 0; fed < TG_JSON_FRAMER_SKIPPED_MAX; fed += BLOCK) {
        assert_int_equal(err, TG_OK);
        err = tg_json_framer_feed(&framer, block, BLOCK);
    }
    err = tg_json_framer_feed(&framer, block, BLOCK);
    assert_int_equal(err, TG_ERR_PROTOCOL);
    assert_string_equal(told.data, "oversize|");
    free(block);
    tg_json_framer_deinit(&framer);
}

/* ---- json-seq ----------------------------------------------------------------------------------- */

static void records_are_texts(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON_SEQ, "\x1e{\"a\":1}\n\x1e{\n\"a\": 2}\n", "{\"a\":1}|{\n\"a\": 2}|.");
    expect(TG_FRAMING_JSON_SEQ,
           "\x1e"
           "1\n\x1e\x1e\n\x1e\"a\"\n",
           "1|\"a\"|.");
    expect(TG_FRAMING_JSON_SEQ, "{}\n\x1e{}{}", "{}|{}|{}|.");
}

/* RFC 7464, section 2.4. */
static void a_number_needs_white_space_after_it(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON_SEQ,
           "\x1e"
           "12\x1e"
           "3\n",
           "12(cut)|3|.");
    expect(TG_FRAMING_JSON_SEQ, "\x1etrue", ".true(cut)|");
}

static void a_record_ends_what_is_broken_before_it(void **state)
{
    (void)state;
    expect(TG_FRAMING_JSON_SEQ, "\x1e{\"a\":\x1e{}\n", "{\"a\":(cut)|{}|.");
    expect(TG_FRAMING_JSON_SEQ, "\x1e[\"a\x1e{}\n", "[\"a(cut)|{}|.");
    expect(TG_FRAMING_JSON_SEQ, "\x1e[\"a\nb\"]\n\x1e{}\n", "[\"a\nb\"](cut)|{}|.");
    expect(TG_FRAMING_JSON_SEQ, "\x1e{}}\n:\x1e{}\n", "{}|}\n:(cut)|{}|.");
    expect(TG_FRAMING_JSON_SEQ, "\x1e\x01 012345678901234567890\x1e{}", "oversize|{}|.");
    expect(TG_FRAMING_JSON_SEQ, "\x1e{\"a\":", ".{\"a\":(cut)|");
}

/* ---- array -------------------------------------------------------------------------------------- */

static void each_element_is_a_text(void **state)
{
    (void)state;
    expect(TG_FRAMING_ARRAY, " [ {\"a\":[1]} ,\n[2], \"a\",3 , null", "{\"a\":[1]}|[2]|\"a\"|3|.null(cut)|");
    expect(TG_FRAMING_ARRAY, "[]", ".");
    expect(TG_FRAMING_ARRAY, "[1]\n[2,3]", "1|2|3|.");
    expect(TG_FRAMING_ARRAY, "[{\"a\":1},", "{\"a\":1}|.");
}

static void what_is_no_array_is_not_read(void **state)
{
    (void)state;
    expect(TG_FRAMING_ARRAY, "{\"items\":[1]}", "lost");
    expect(TG_FRAMING_ARRAY, "[1],[2]", "1|lost");
    expect(TG_FRAMING_ARRAY, "[1}", "1|lost");
    expect(TG_FRAMING_ARRAY, "1", "lost");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, forget)
    const struct CMUnitTest tests[] = {
        TEST(texts_need_nothing_between_them),
        TEST(texts_may_have_lines),
        TEST(what_is_in_strings_does_not_count),
        TEST(a_number_ends_with_what_follows),
        TEST(what_is_left_at_the_end_is_cut),
        TEST(a_byte_order_mark_is_no_text),
        TEST(a_text_that_is_too_large_is_dropped),
        TEST(where_the_place_is_lost_it_ends),
        TEST(a_text_that_never_ends_is_given_up),
        TEST(records_are_texts),
        TEST(a_number_needs_white_space_after_it),
        TEST(a_record_ends_what_is_broken_before_it),
        TEST(each_element_is_a_text),
        TEST(what_is_no_array_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
