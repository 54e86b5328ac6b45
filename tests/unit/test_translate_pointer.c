/* JSON pointers: RFC 6901 section 5, against jansson as the judge; and "-" for the last element. */
#include "translate/json.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char rfc_text[] =
    "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4,"
    " \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8}";

/* What a pointer without escapes finds among parsed values. */
static json_t *resolve(const char *pointer, json_t *value)
{
    while (*pointer == '/' && value) {
        size_t length = strcspn(pointer + 1, "/");
        char *key = tg_strndup(pointer + 1, length), *end;
        size_t index = strtoul(key, &end, 10);
        if (json_is_object(value))
            value = json_object_get(value, key);
        else if (strcmp(key, "-") == 0 && json_array_size(value) > 0)
            value = json_array_get(value, json_array_size(value) - 1);
        else if (length > 0 && !*end && (key[0] != '0' || length == 1))
            value = json_array_get(value, index);
        else
            value = NULL;
        pointer += 1 + length;
        free(key);
    }
    return value;
}

/* What is found, as compact JSON; "-" for nothing. */
static void assert_found(const char *text, const char *pointer_text, const char *expected)
{
    struct tg_pointer *pointer = NULL;
    struct tg_buffer out = { 0 };

    assert_int_equal(tg_pointer_new(tg_str_from(pointer_text), &pointer), TG_OK);
    assert_true(tg_json_check(tg_str_from(text)));
    json_t *root = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(root);
    json_t *value = strchr(pointer_text, '~') ? NULL : resolve(pointer_text, root);
    struct tg_str slice = tg_pointer_slice(pointer, tg_str_from(text));
    if (strcmp(expected, "-") == 0) {
        assert_null(value);
        assert_int_equal(slice.length, 0);
    } else {
        assert_true(value || strchr(pointer_text, '~'));
        assert_int_equal(tg_json_compact(&out, slice), TG_OK);
        assert_string_equal(out.data, expected);
        json_t *again = json_loads(out.data, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_true(!value || json_equal(again, value));
        json_decref(again);
    }
    json_decref(root);
    tg_buffer_deinit(&out);
    tg_pointer_free(pointer);
}

static void examples_of_the_rfc_are_found(void **state)
{
    (void)state;
    assert_found("{ \"a\" : [ 1 ] }", "", "{\"a\":[1]}");
    assert_found(rfc_text, "/foo", "[\"bar\",\"baz\"]");
    assert_found(rfc_text, "/foo/0", "\"bar\"");
    assert_found(rfc_text, "/", "0");
    assert_found(rfc_text, "/a~1b", "1");
    assert_found(rfc_text, "/c%d", "2");
    assert_found(rfc_text, "/e^f", "3");
    assert_found(rfc_text, "/g|h", "4");
    assert_found(rfc_text, "/i\\j", "5");
    assert_found(rfc_text, "/k\"l", "6");
    assert_found(rfc_text, "/ ", "7");
    assert_found(rfc_text, "/m~0n", "8");
}

static void a_minus_is_the_last_element(void **state)
{
    (void)state;
    assert_found(rfc_text, "/foo/-", "\"baz\"");
    assert_found("[[1,2],[3, [ 4 ] ]]", "/-/-/-", "4");
    assert_found("{\"-\":[5,{\"-\":6}]}", "/-/-/-", "6");
    assert_found("[]", "/-", "-");
    assert_found("[1]", "/-/-", "-");
    assert_found("[1]", "/--", "-");
}

static void missing_values_are_not_found(void **state)
{
    (void)state;
    assert_found(rfc_text, "/nope", "-");
    assert_found(rfc_text, "/foo/2", "-");
    assert_found(rfc_text, "/foo/00", "-");
    assert_found(rfc_text, "/bar/-", "-");
    assert_found(rfc_text, "/foo/0/x", "-");
    assert_found("3", "/x", "-");
    assert_found("[]", "/0", "-");
    assert_found("{}", "/a", "-");
    assert_found("[1]", "/99999999999999999999", "-");
}

static void slices_keep_numbers_as_written(void **state)
{
    (void)state;
    assert_found(" { \"p\" : { \"bid\" : 0.10 , \"n\":[ 1.0e2 ,-0 ] } } ", "/p",
                 "{\"bid\":0.10,\"n\":[1.0e2,-0]}");
    assert_found("[ 0.1 ]", "/0", "0.1");
    assert_found("[[],{},[ 5 ] ]", "/2/0", "5");
}

static void strings_hide_brackets_and_quotes(void **state)
{
    (void)state;
    assert_found("{\"a\":\"}]\\\"{\",\"b\":{\"x\":\" a \\\\\"}}", "/b", "{\"x\":\" a \\\\\"}");
    assert_found("{\"a\":[\"]\",\"\\\\\"],\"b\":true}", "/b", "true");
}

static void the_last_of_members_with_one_name_counts(void **state)
{
    (void)state;
    assert_found("{\"a\":1,\"a\":2}", "/a", "2");
    assert_found("{\"a\":1,\"\\u0061\":[2]}", "/a", "[2]");
}

static void names_may_hold_any_character(void **state)
{
    (void)state;
    assert_found("{\"\\u00e4\\n\":1}", "/ä\n", "1");
    assert_found("{\"\x7f\":1}", "/\x7f", "1");
    assert_found("{\"\\ud83d\\ude00\":1}", "/😀", "1");
}

static void a_pointer_ends_with_its_text(void **state)
{
    struct tg_pointer *pointer = NULL;

    (void)state;
    assert_int_equal(tg_pointer_new((struct tg_str){ "/a|b", 2 }, &pointer), TG_OK);
    assert_true(tg_str_equals(tg_pointer_slice(pointer, TG_STR("{\"a\":1,\"a|b\":2}")), TG_STR("1")));
    tg_pointer_free(pointer);
}

static void bad_pointers_are_refused(void **state)
{
    struct tg_pointer *pointer = NULL;

    (void)state;
    assert_int_equal(tg_pointer_new(TG_STR("a"), &pointer), TG_ERR_INVALID);
    assert_int_equal(tg_pointer_new(TG_STR("/a~"), &pointer), TG_ERR_INVALID);
    assert_int_equal(tg_pointer_new(TG_STR("/a~2"), &pointer), TG_ERR_INVALID);
    assert_null(pointer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfc_are_found),
        cmocka_unit_test(a_minus_is_the_last_element),
        cmocka_unit_test(missing_values_are_not_found),
        cmocka_unit_test(slices_keep_numbers_as_written),
        cmocka_unit_test(strings_hide_brackets_and_quotes),
        cmocka_unit_test(the_last_of_members_with_one_name_counts),
        cmocka_unit_test(names_may_hold_any_character),
        cmocka_unit_test(a_pointer_ends_with_its_text),
        cmocka_unit_test(bad_pointers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
