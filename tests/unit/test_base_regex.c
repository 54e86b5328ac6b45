/* Unit tests: regular expressions, and that none takes long. */
#include "tidegate/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static struct tg_regex *make(const char *pattern)
{
    struct tg_regex *regex = NULL;
    struct tg_buffer error = { 0 };

    assert_int_equal(tg_regex_new(pattern, &regex, &error), TG_OK);
    assert_int_equal(error.length, 0);
    return regex;
}

static bool matches_bytes(const char *pattern, const char *bytes, size_t length)
{
    struct tg_regex *regex = make(pattern);
    bool matches = tg_regex_matches(regex, (struct tg_str){ bytes, length });
    tg_regex_free(regex);
    return matches;
}

static bool matches(const char *pattern, const char *text)
{
    return matches_bytes(pattern, text, strlen(text));
}

static void it_matches_anywhere_in_the_text(void **state)
{
    (void)state;
    assert_true(matches("b+", "abbc"));
    assert_false(matches("^b+", "abbc"));
    assert_true(matches("c$", "abbc"));
    assert_false(matches("d", "abbc"));
    assert_true(matches("", ""));
    assert_true(matches("^$", ""));
}

static void characters_are_those_of_utf8(void **state)
{
    (void)state;
    assert_true(matches("^.$", "€"));
    assert_true(matches("^[äöü]{3}$", "üöä"));
    assert_true(matches("(?i)^ÄÖ$", "äö"));
    assert_true(matches("^\\x{1f600}$", "😀"));
}

static void a_nul_is_a_character_of_the_text(void **state)
{
    (void)state;
    assert_true(matches_bytes("^a\\x00b$", "a\0b", 3));
    assert_false(matches_bytes("^a$", "a\0b", 3));
}

static void no_text_is_empty_text(void **state)
{
    (void)state;
    assert_true(matches_bytes("^$", NULL, 0));
    assert_false(matches_bytes("x", NULL, 0));
}

static void text_that_is_not_utf8_does_not_match(void **state)
{
    (void)state;
    assert_false(matches_bytes("a", "a\xff", 2));
    assert_false(matches_bytes(".*", "\xc3", 1));
    assert_false(matches_bytes("a", "a\xed\xa0\x80", 4));
}

static void one_expression_serves_many_texts(void **state)
{
    struct tg_regex *regex = make("^(a|b)*c$");

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_true(tg_regex_matches(regex, TG_STR("ababc")));
        assert_false(tg_regex_matches(regex, TG_STR("abab")));
    }
    tg_regex_free(regex);
}

static void assert_error(const char *pattern, const char *end)
{
    struct tg_regex *regex = NULL;
    struct tg_buffer error = { 0 };

    assert_int_equal(tg_regex_new(pattern, &regex, &error), TG_ERR_INVALID);
    assert_null(regex);
    assert_true(error.length > strlen(end));
    assert_string_equal(error.data + error.length - strlen(end), end);
    tg_buffer_deinit(&error);
}

static void errors_name_the_character(void **state)
{
    (void)state;
    assert_error("ab(", "at character 3");
    assert_error("äöü(", "at character 4");
    assert_error("*", "at character 1");
    assert_error("a\xff", " at character 1");
}

static void single_bytes_of_a_character_cannot_be_asked_for(void **state)
{
    (void)state;
    assert_error("a\\C", "at character 3");
}

static void nothing_is_freed_without_complaint(void **state)
{
    (void)state;
    tg_regex_free(NULL);
}

static struct tg_buffer repeated(const char *piece, size_t count)
{
    struct tg_buffer text = { 0 };

    for (size_t i = 0; i < count; i++)
        assert_int_equal(tg_buffer_append_str(&text, piece), TG_OK);
    return text;
}

/* Hostile pairs: left alone, each of them would go on for seconds to centuries. The bound is one that the slowest
 * machine under a sanitizer keeps. */
static void hostile_pairs_end_soon(void **state)
{
    static const struct {
        const char *pattern, *piece;
        size_t count;
    } pairs[] = {
        { "(a+)+$", "a", 64 },
        { "(a|aa)+$", "a", 1000 },
        { "^(([a-z])+.)+[A-Z]([a-z])+$", "a", 5000 },
        { "(?:a|b)*c[cd]", "a", 200000 },
        { "[ab]*c[cd]", "ab", 500000 },
        { "\\w+@[xx]*@", "a", 1000000 },
        { ".*.*.*.*=$", "x", 20000 },
        { "(.+)\\1\\1x", "ab", 5000 },
        { "(?=(a*)*b)a", "a", 3000 },
        { "(x+x+)+y", "x", 100000 },
        { "(?:(?:a?){9}){9}b!", "a", 500 },
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(pairs); i++) {
        struct tg_buffer text = repeated(pairs[i].piece, pairs[i].count);
        struct tg_regex *regex = make(pairs[i].pattern);
        clock_t start = clock();
        /* Each character that a pattern needs is there, else that alone would end the search. */
        assert_int_equal(tg_buffer_append_str(&text, "!c=@xyb"), TG_OK);
        assert_false(tg_regex_matches(regex, (struct tg_str){ text.data, text.length }));
        assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
        tg_regex_free(regex);
        tg_buffer_deinit(&text);
    }
}

static void long_texts_match_in_proportion(void **state)
{
    struct tg_buffer text = repeated("price of the item is 12.50 eur; ", 30000);

    (void)state;
    assert_int_equal(tg_buffer_append_str(&text, "mail to someone@example.org"), TG_OK);
    assert_true(matches("someone@example", text.data));
    assert_true(matches("\\bmail to \\w+@", text.data));
    assert_true(matches("org$", text.data));
    tg_buffer_deinit(&text);
}

static void a_text_after_a_hostile_one_has_its_full_effort(void **state)
{
    struct tg_buffer text = repeated("a", 64);
    struct tg_regex *regex = make("(a+)+$");

    (void)state;
    assert_int_equal(tg_buffer_append_str(&text, "!"), TG_OK);
    assert_false(tg_regex_matches(regex, (struct tg_str){ text.data, text.length }));
    assert_true(tg_regex_matches(regex, TG_STR("aaaa")));
    tg_regex_free(regex);
    tg_buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_matches_anywhere_in_the_text),
        cmocka_unit_test(characters_are_those_of_utf8),
        cmocka_unit_test(a_nul_is_a_character_of_the_text),
        cmocka_unit_test(no_text_is_empty_text),
        cmocka_unit_test(text_that_is_not_utf8_does_not_match),
        cmocka_unit_test(one_expression_serves_many_texts),
        cmocka_unit_test(errors_name_the_character),
        cmocka_unit_test(single_bytes_of_a_character_cannot_be_asked_for),
        cmocka_unit_test(nothing_is_freed_without_complaint),
        cmocka_unit_test(hostile_pairs_end_soon),
        cmocka_unit_test(long_texts_match_in_proportion),
        cmocka_unit_test(a_text_after_a_hostile_one_has_its_full_effort),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
