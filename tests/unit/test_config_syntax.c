/* Unit tests: what is said of a text that is no JSON, and where. */
#include "config/json_syntax.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* "^" in the text stands where the fault is to be found, and is no part of it. */
static void assert_fault(const char *marked, const char *expected)
{
    struct tg_json_fault fault;
    const char *mark = strchr(marked, '^');
    size_t at = (size_t)(mark - marked);
    char text[512];
    memcpy(text, marked, at);
    strcpy(text + at, mark + 1);
    if (!tg_json_find_fault(text, strlen(text), &fault))
        fail_msg("nothing is wrong with %s", text);
    assert_string_equal(fault.text, expected);
    if (fault.at != at)
        fail_msg("%s: at %zu, not %zu", marked, fault.at, at);
}

static void what_is_json_has_no_fault(void **state)
{
    static const char escapes[] = "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"]";
    static const char *const texts[] = {
        "{}",
        "[]",
        " { \"a\" : [ 1 , -0.5e+3 , true , false , null , { } , [ ] ] }\n",
        escapes,
        "{\"“ \\u2019\":\"it’s\"}",
        "[{\"a\":{\"b\":[[]]}}]",
    };
    struct tg_json_fault fault;
    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(texts); i++)
        assert_false(tg_json_find_fault(texts[i], strlen(texts[i]), &fault));
}

static void a_missing_comma_is_told_where_it_belongs(void **state)
{
    (void)state;
    assert_fault("{\n  \"a\": 1^\n  \"b\": 2\n}", "\",\" is missing");
    assert_fault("{\n  \"a\": {}^\n\n\n  \"b\": 2\n}", "\",\" is missing");
    assert_fault("{ \"a\": \"x\"^ \"b\": 2 }", "\",\" is missing");
    assert_fault("[ 1, 2^ 3 ]", "\",\" is missing");
    assert_fault("[ {}^ {} ]", "\",\" is missing");
    assert_fault("{ \"a\": 1^; \"b\": 2 }", "use \",\" as the separator, not \";\"");
}

static void a_comma_too_many_is_told_where_it_is(void **state)
{
    (void)state;
    assert_fault("{ \"a\": 1^,\n }", "this \",\" is one too many: nothing follows it");
    assert_fault("[ 1^, ]", "this \",\" is one too many: nothing follows it");
    assert_fault("[ 1, ^, 2 ]", "this \",\" is one too many: nothing comes before it");
    assert_fault("[ ^, 2 ]", "this \",\" is one too many: nothing comes before it");
    assert_fault("{ ^, \"a\": 1 }", "this \",\" is one too many: nothing comes before it");
}

static void comments_are_told(void **state)
{
    (void)state;
    assert_fault("{ \"a\": 1, ^// one\n }", "JSON has no comments; a \"$comment\" key takes one");
    assert_fault("{ ^/* one */ }", "JSON has no comments; a \"$comment\" key takes one");
    assert_fault("^# tidegate\n{}", "JSON has no comments; a \"$comment\" key takes one");
    assert_fault("{} ^# end", "JSON has no comments; a \"$comment\" key takes one");
}

static void quotes_of_other_kinds_are_told(void **state)
{
    (void)state;
    assert_fault("{ ^'a': 1 }", "keys and strings need double quotes (\"), not '");
    assert_fault("{ \"a\": ^`b` }", "keys and strings need double quotes (\"), not `");
    assert_fault("{ ^“a”: 1 }", "keys and strings need plain double quotes (\"), not typographic ones");
    assert_fault("{ \"a\": ^‘b’ }", "keys and strings need plain double quotes (\"), not typographic ones");
    assert_fault("{ \"a\": \"b^”\n }",
                 "a string ends with a plain double quote (\"), not with a typographic one");
    assert_fault("{ ^a_b: 1 }", "a key needs double quotes: \"a_b\"");
    assert_fault("{ \"a\": ^secret }", "text needs double quotes");
    assert_fault("{ \"a\": ^${SECRET} }", "text needs double quotes");
    assert_fault("{ \"a\": ^20s }", "a number with a unit needs double quotes, such as \"20s\" or \"16MiB\"");
}

static void strings_that_are_not_closed_are_told_where_they_begin(void **state)
{
    (void)state;
    assert_fault("{ \"a\": ^\"b\n }",
                 "this string is not closed on its line; a line break in a string is written \"\\n\"");
    assert_fault("{ \"a\": ^\"b }", "this string is not closed");
    assert_fault("{ \"a\": \"^\td\" }", "a tab in a string is written \"\\t\"");
    assert_fault("{ \"a\": \"^\001\" }", "a control character in a string is written \"\\u0001\"");
    assert_fault("{ \"a\": \"^\\d+\" }", "a backslash in a string is written \"\\\\\"");
    assert_fault("{ \"a\": \"^\\u12\" }", "\"\\u\" needs four hexadecimal digits");
}

static void brackets_that_are_not_closed_are_told_where_they_open(void **state)
{
    (void)state;
    assert_fault("^{ \"a\": { \"b\": 1 }\n", "this \"{\" is not closed");
    assert_fault("{ \"a\": ^[ 1, 2\n", "this \"[\" is not closed");
    assert_fault("{\n  \"a\": ^[ 1, 2\n}", "this \"[\" is not closed: line 3 has \"}\" instead of \"]\"");
    assert_fault("[ ^{ \"a\": 1 ]", "this \"{\" is not closed: line 1 has \"]\" instead of \"}\"");
    assert_fault("{ \"a\": 1 ^]", "expected \"}\" instead of \"]\"");
    assert_fault("{ \"a\": 1 }\n^}", "one \"}\" too many");
}

static void the_layout_says_which_bracket_is_not_closed(void **state)
{
    (void)state;
    assert_fault("{\n"
                 "  \"streams\": {\n"
                 "    \"q\": ^{\n"
                 "      \"upstream\": { \"url\": \"x\" }\n"
                 "  },\n"
                 "  \"routes\": []\n"
                 "}\n",
                 "this \"{\" is not closed");
}

static void keys_and_values_that_are_missing_are_told(void **state)
{
    (void)state;
    assert_fault("{ \"a\":^ }", "a value is missing after the \":\"");
    assert_fault("{ \"a\":^, \"b\": 1 }", "a value is missing after the \":\"");
    assert_fault("{ \"a\"^ 1 }", "\":\" is missing after the key");
    assert_fault("{ \"a\" ^= 1 }", "use \":\" between a key and its value, not \"=\"");
    assert_fault("{ \"a\"^, \"b\": 1 }", "\":\" and a value are missing after the key");
    assert_fault("{ ^: 1 }", "a key is missing before this \":\"");
    assert_fault("{ \"a\": \"b\" ^: 1 }", "this \":\" follows a value; only a key has one");
    assert_fault("[ \"a\" ^: 1 ]", "an array has no keys; use { } for an object");
    assert_fault("{ ^[] }", "expected a key in double quotes");
    assert_fault("[ ^( ]", "expected a value");
}

static void values_of_other_languages_are_told(void **state)
{
    (void)state;
    assert_fault("[ ^True ]", "in JSON this is written true");
    assert_fault("[ ^off ]", "in JSON this is written false");
    assert_fault("[ ^None ]", "in JSON this is written null");
    assert_fault("[ ^007 ]", "a number is written like 5, -1 or 0.25, without a leading zero or \"+\"");
    assert_fault("[ ^+1 ]", "a number is written like 5, -1 or 0.25, without a leading zero or \"+\"");
    assert_fault("[ ^.5 ]", "a number is written like 5, -1 or 0.25, without a leading zero or \"+\"");
    assert_fault("[ ^1. ]", "a number is written like 5, -1 or 0.25, without a leading zero or \"+\"");
    assert_fault("[ ^1e ]", "a number is written like 5, -1 or 0.25, without a leading zero or \"+\"");
}

static void the_file_is_one_object(void **state)
{
    (void)state;
    assert_fault("^listen: 8080", "a configuration must begin with \"{\"");
    assert_fault("^\"a\": 1", "a configuration must begin with \"{\"");
    assert_fault("{} ^x", "unexpected text after the \"}\" that ends the file");
    assert_fault("{\"a\":^\u00a01}",
                 "a special space character, such as a no-break space; use a plain space");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json_has_no_fault),
        cmocka_unit_test(a_missing_comma_is_told_where_it_belongs),
        cmocka_unit_test(a_comma_too_many_is_told_where_it_is),
        cmocka_unit_test(comments_are_told),
        cmocka_unit_test(quotes_of_other_kinds_are_told),
        cmocka_unit_test(strings_that_are_not_closed_are_told_where_they_begin),
        cmocka_unit_test(brackets_that_are_not_closed_are_told_where_they_open),
        cmocka_unit_test(the_layout_says_which_bracket_is_not_closed),
        cmocka_unit_test(keys_and_values_that_are_missing_are_told),
        cmocka_unit_test(values_of_other_languages_are_told),
        cmocka_unit_test(the_file_is_one_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
