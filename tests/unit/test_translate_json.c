/* JSON as text: what is JSON, what strings hold, which values are equal. */
#include "translate/json.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void json_is_taken(void **state)
{
    static const char *const good[] = {
        "0",
        "-0",
        "12",
        "-1.5e+10",
        "1E5",
        "1e-400",
        "1e400",
        "true",
        "false",
        "null",
        "\"\"",
        "[]",
        "{}",
        " [ ] ",
        "\t{\r\n}",
        "[1,2]",
        "[[],[{}]]",
        "\"ä\"",
        "\"\x7f\"",
        "12345678901234567890",
        "{\"a\":{\"b\":[null,{\"c\":\"}\"}]},\"d\":\"\\\"\"}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u0000\\ud83d\\ude00\"",
        "{\"a\":1,\"a\":2}",
        "{\"\\u0000\":1}",
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(good); i++)
        assert_true(tg_json_check(tg_str_from(good[i])));
}

static void everything_else_is_not(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "a",
        "tru",
        "trueish",
        "nul",
        "True",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x10",
        "- 1",
        "1 2",
        "[",
        "]",
        "{",
        "}",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[}",
        "{]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{1:2}",
        "{\"a\" 1}",
        "{a:1}",
        "{,}",
        "[1]]",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "\"a\nb\"",
        "\"\x01\"",
        "\"\\ud800\"",
        "\"\\udc00\"",
        "'a'",
        "[1]x",
        "\"\\ud800\\u0041\"",
        "\"\\ud800\\",
        "\xef\xbb\xbf[]",
        "//\n1",
        "NaN",
        "Infinity",
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        assert_false(tg_json_check(tg_str_from(bad[i])));
        /* As jansson sees it. */
        assert_null(json_loads(bad[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
    }
    assert_false(tg_json_check((struct tg_str){ "1\0", 2 }));
    assert_false(tg_json_check((struct tg_str){ "\"\0\"", 3 }));
}

static void a_text_ends_where_its_length_says(void **state)
{
    static const char text[] = "[\"\\ud83d\\ude00\",-12.5e+3,true,{\"a\":null}]";

    (void)state;
    for (size_t length = 0; length < sizeof(text) - 1; length++) {
        /* A copy without a byte to spare, so that a sanitizer sees what reads further. */
        char *copy = malloc(length ? length : 1);
        memcpy(copy, text, length);
        assert_false(tg_json_check((struct tg_str){ copy, length }));
        free(copy);
    }
    assert_true(tg_json_check(TG_STR(text)));
}

static void nesting_has_a_limit(void **state)
{
    struct tg_buffer deep = { 0 };

    (void)state;
    for (int i = 0; i < TG_JSON_NESTING_MAX; i++)
        tg_buffer_append_str(&deep, i % 2 ? "{\"a\":" : "[");
    tg_buffer_append_str(&deep, "1");
    for (int i = TG_JSON_NESTING_MAX - 1; i >= 0; i--)
        tg_buffer_append_str(&deep, i % 2 ? "}" : "]");
    assert_true(tg_json_check((struct tg_str){ deep.data, deep.length }));
    tg_buffer_clear(&deep);
    for (int i = 0; i <= TG_JSON_NESTING_MAX; i++)
        tg_buffer_append_str(&deep, "[");
    tg_buffer_append_str(&deep, "1");
    for (int i = 0; i <= TG_JSON_NESTING_MAX; i++)
        tg_buffer_append_str(&deep, "]");
    assert_false(tg_json_check((struct tg_str){ deep.data, deep.length }));
    tg_buffer_deinit(&deep);
}

static void a_text_is_checked_once(void **state)
{
    char bytes[] = "[1]";
    struct tg_json json = { .text = { bytes, 3 } }, no_json = { .text = { bytes, 2 } };

    (void)state;
    assert_true(tg_json_is_valid(&json));
    assert_false(tg_json_is_valid(&no_json));
    bytes[0] = ']';
    assert_true(tg_json_is_valid(&json));
    assert_false(tg_json_is_valid(&no_json));
}

static void assert_characters(const char *string, const char *characters, size_t length)
{
    struct tg_buffer scratch = { 0 };
    struct tg_str found;

    assert_int_equal(tg_json_string(tg_str_from(string), &scratch, &found), TG_OK);
    assert_int_equal(found.length, length);
    assert_memory_equal(found.data, characters, length);
    tg_buffer_deinit(&scratch);
}

static void strings_give_their_characters(void **state)
{
    (void)state;
    assert_characters("\"\"", "", 0);
    assert_characters("\"a b\"", "a b", 3);
    assert_characters("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t", 8);
    assert_characters("\"\\u0041\\u00e4\\u20aC\\ud83d\\ude00!\"", "Aä€😀!", 11);
    assert_characters("\"\\u07ff\\u0800\\uffff\\ud800\\udc00\\udbff\\udfff\"",
                      "\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 16);
    assert_characters("\"x\\u0000y\"", "x\0y", 3);
}

static void characters_are_added_to_what_the_buffer_holds(void **state)
{
    struct tg_buffer scratch = { 0 };
    struct tg_str found;

    (void)state;
    tg_buffer_append_str(&scratch, "kept ");
    assert_int_equal(tg_json_string(TG_STR("\"a\\tb\""), &scratch, &found), TG_OK);
    assert_true(tg_str_equals(found, TG_STR("a\tb")));
    assert_string_equal(scratch.data, "kept a\tb");
    tg_buffer_deinit(&scratch);
}

static void assert_equal_values(const char *a, const char *b, bool are_equal)
{
    assert_true(tg_json_check(tg_str_from(a)) && tg_json_check(tg_str_from(b)));
    assert_int_equal(tg_json_equals(tg_str_from(a), tg_str_from(b)), are_equal);
    assert_int_equal(tg_json_equals(tg_str_from(b), tg_str_from(a)), are_equal);
}

static void numbers_are_equal_by_value(void **state)
{
    (void)state;
    assert_equal_values("1", "1.0", true);
    assert_equal_values("100", "1e2", true);
    assert_equal_values("0.1", "0.10000000000000001", true);
    assert_equal_values("0", "-0", true);
    assert_equal_values("-0.0", "0", true);
    assert_equal_values("1", "2", false);
    assert_equal_values("1", "-1", false);
    assert_equal_values("10", "1", false);
    assert_equal_values("12345678901234567890", "12345678901234567891", false);
    assert_equal_values("9007199254740993", "9007199254740992", false);
    assert_equal_values("1e400", "1e400", true);
    assert_equal_values("1e400", "1e500", false);
    assert_equal_values("1", "\"1\"", false);
}

static void very_long_numbers_equal_themselves(void **state)
{
    struct tg_buffer longer = { 0 };

    (void)state;
    tg_buffer_append_str(&longer, "1.");
    for (int i = 0; i < 2000; i++)
        tg_buffer_append_str(&longer, "0");
    assert_equal_values(longer.data, longer.data, true);
    assert_equal_values(longer.data, "1", false);
    tg_buffer_deinit(&longer);
}

static void strings_are_equal_by_their_characters(void **state)
{
    (void)state;
    assert_equal_values("\"a\"", "\"\\u0061\"", true);
    assert_equal_values("\"ä😀\"", "\"\\u00e4\\ud83d\\ude00\"", true);
    assert_equal_values("\"\\u0000\"", "\"\\u0000\"", true);
    assert_equal_values("\"\\u0000\"", "\"\"", false);
    assert_equal_values("\"a\\n\"", "\"a\"", false);
    assert_equal_values("\"a\"", "\"A\"", false);
    assert_equal_values("\"\\/\"", "\"/\"", true);
}

static void strings_are_equal_however_long_their_escapes_are(void **state)
{
    struct tg_buffer escaped = { 0 }, plain = { 0 };

    (void)state;
    tg_buffer_append_str(&escaped, "\"");
    tg_buffer_append_str(&plain, "\"");
    for (int i = 0; i < 1000; i++) {
        tg_buffer_append_str(&escaped, "\\u0061");
        tg_buffer_append_str(&plain, "a");
    }
    tg_buffer_append_str(&escaped, "\"");
    tg_buffer_append_str(&plain, "\"");
    assert_equal_values(escaped.data, plain.data, true);
    tg_buffer_deinit(&escaped);
    tg_buffer_deinit(&plain);
}

static void literals_are_equal_to_themselves(void **state)
{
    static const char *const values[] = { "true", "false", "null", "0", "\"\"", "[]", "{}" };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(values); i++) {
        for (size_t j = 0; j < TG_COUNT_OF(values); j++)
            assert_equal_values(values[i], values[j], i == j);
    }
}

static void arrays_are_equal_item_by_item(void **state)
{
    (void)state;
    assert_equal_values("[1,[2,\"a\"]]", "[ 1.0 , [ 2, \"\\u0061\" ] ]", true);
    assert_equal_values("[1,2]", "[2,1]", false);
    assert_equal_values("[1]", "[1,2]", false);
    assert_equal_values("[ ]", "[]", true);
}

static void the_order_of_members_does_not_matter(void **state)
{
    (void)state;
    assert_equal_values("{\"a\":1,\"b\":{\"c\":2,\"d\":[]}}", "{ \"b\":{\"d\":[ ],\"\\u0063\":2},\"a\":1.0 }",
                        true);
    assert_equal_values("{\"a\":1}", "{\"a\":1,\"b\":1}", false);
    assert_equal_values("{\"a\":1}", "{\"b\":1}", false);
    assert_equal_values("{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}", false);
    assert_equal_values("{\"a\":0,\"a\":1}", "{\"a\":1}", true);
    assert_equal_values("{\"a\":1,\"a\":0}", "{\"a\":1}", false);
}

static void nothing_equals_no_value(void **state)
{
    (void)state;
    assert_false(tg_json_equals((struct tg_str){ NULL, 0 }, TG_STR("null")));
}

static void integers_are_told_from_other_numbers(void **state)
{
    (void)state;
    assert_true(tg_json_is_integer(TG_STR("-12345678901234567890")));
    assert_true(tg_json_is_integer(TG_STR("0")));
    assert_false(tg_json_is_integer(TG_STR("1.0")));
    assert_false(tg_json_is_integer(TG_STR("1e3")));
    assert_false(tg_json_is_integer(TG_STR("\"1\"")));
    assert_false(tg_json_is_integer((struct tg_str){ NULL, 0 }));
}

static void numbers_are_read_up_to_their_end(void **state)
{
    struct tg_buffer digits = { 0 };

    (void)state;
    assert_true(tg_json_number((struct tg_str){ "12.5", 2 }) == 12);
    assert_true(tg_json_number(TG_STR("-1.5e3")) == -1500);
    assert_true(isinf(tg_json_number(TG_STR("1e400"))));
    assert_true(tg_json_number(TG_STR("1e-400")) == 0);
    tg_buffer_append_str(&digits, "0.");
    for (int i = 0; i < 1000; i++)
        tg_buffer_append_str(&digits, "0");
    tg_buffer_append_str(&digits, "5e1001");
    assert_true(tg_json_number((struct tg_str){ digits.data, digits.length }) == 5);
    tg_buffer_deinit(&digits);
}

static void walks_visit_everything_in_order(void **state)
{
    struct tg_json_walk walk = tg_json_walk(TG_STR("[ 1 , \"a,]\" ,[2,3], {\"x\":[4]} ,null ]"));
    struct tg_json_walk members = tg_json_walk(TG_STR("{ \"a\" : 1 , \"b}\":{ \"c\":2 } }"));
    static const char *const items[] = { "1", "\"a,]\"", "[2,3]", "{\"x\":[4]}", "null" };
    struct tg_str name, value;

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(items); i++) {
        assert_true(tg_json_next_item(&walk, &value));
        assert_true(tg_str_equals(value, tg_str_from(items[i])));
    }
    assert_false(tg_json_next_item(&walk, &value));
    assert_true(tg_json_next_member(&members, &name, &value));
    assert_true(tg_str_equals(name, TG_STR("\"a\"")) && tg_str_equals(value, TG_STR("1")));
    assert_true(tg_json_next_member(&members, &name, &value));
    assert_true(tg_str_equals(name, TG_STR("\"b}\"")) && tg_str_equals(value, TG_STR("{ \"c\":2 }")));
    assert_false(tg_json_next_member(&members, &name, &value));
    walk = tg_json_walk(TG_STR("[ ]"));
    assert_false(tg_json_next_item(&walk, &value));
    members = tg_json_walk(TG_STR("{}"));
    assert_false(tg_json_next_member(&members, &name, &value));
}

static void compact_keeps_what_is_in_quotes(void **state)
{
    struct tg_buffer out = { 0 };

    (void)state;
    assert_int_equal(tg_json_compact(&out, TG_STR(" { \"a b\" : [ 1 ,\t\" \\\" \" ] }\r\n")), TG_OK);
    assert_string_equal(out.data, "{\"a b\":[1,\" \\\" \"]}");
    tg_buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_is_taken),
        cmocka_unit_test(everything_else_is_not),
        cmocka_unit_test(a_text_ends_where_its_length_says),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(a_text_is_checked_once),
        cmocka_unit_test(strings_give_their_characters),
        cmocka_unit_test(characters_are_added_to_what_the_buffer_holds),
        cmocka_unit_test(numbers_are_equal_by_value),
        cmocka_unit_test(very_long_numbers_equal_themselves),
        cmocka_unit_test(strings_are_equal_by_their_characters),
        cmocka_unit_test(strings_are_equal_however_long_their_escapes_are),
        cmocka_unit_test(literals_are_equal_to_themselves),
        cmocka_unit_test(arrays_are_equal_item_by_item),
        cmocka_unit_test(the_order_of_members_does_not_matter),
        cmocka_unit_test(nothing_equals_no_value),
        cmocka_unit_test(integers_are_told_from_other_numbers),
        cmocka_unit_test(numbers_are_read_up_to_their_end),
        cmocka_unit_test(walks_visit_everything_in_order),
        cmocka_unit_test(compact_keeps_what_is_in_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
