/* Cursors: out of answers, into queries and bodies. */
#include "upstream/poll_cursor.h"
#include "upstream/target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* ---- out of an answer -------------------------------------------------------------------------- */

static enum tg_err read_cursor(const char *from, int64_t add, const char *text, struct tg_buffer *cursor,
                               bool *ret_is_number, const char **ret_finds)
{
    const struct tg_config_cursor config = { .from = (char *)from, .add = add };

    return tg_poll_cursor_read(&config, tg_str_from(text), cursor, ret_is_number, ret_finds);
}

static void expect_sum(const char *from, int64_t add, const char *text, const char *expected,
                       bool expected_number)
{
    struct tg_buffer cursor = { 0 };
    bool is_number = !expected_number;
    const char *finds = NULL;

    assert_int_equal(read_cursor(from, add, text, &cursor, &is_number, &finds), TG_OK);
    assert_int_equal(cursor.length, strlen(expected));
    assert_string_equal(cursor.data, expected);
    assert_int_equal(is_number, expected_number);
    assert_null(finds);
    tg_buffer_deinit(&cursor);
}

static void expect_read(const char *from, const char *text, const char *expected, bool expected_number)
{
    expect_sum(from, 0, text, expected, expected_number);
}

/* `expected` NULL: the answer says that there is nothing further. */
static void expect_none_to_add_to(const char *from, int64_t add, const char *text, const char *expected)
{
    struct tg_buffer cursor = { 0 };
    bool is_number = true;
    const char *finds = NULL;

    tg_buffer_append_str(&cursor, "old");
    assert_int_equal(read_cursor(from, add, text, &cursor, &is_number, &finds),
                     expected ? TG_ERR_NOT_FOUND : TG_ERR_CLOSED);
    assert_string_equal(cursor.data, "old");
    assert_true(is_number);
    if (expected)
        assert_string_equal(finds, expected);
    else
        assert_null(finds);
    tg_buffer_deinit(&cursor);
}

static void expect_none(const char *from, const char *text, const char *expected)
{
    expect_none_to_add_to(from, 0, text, expected);
}

static void a_string_is_taken_as_its_characters(void **state)
{
    (void)state;
    expect_read("/next", "{\"next\":\"a b\"}", "a b", false);
    expect_read("/page/next", "{\"page\":{\"next\":\"\\u0041\\n\\\"/\"}}", "A\n\"/", false);
    expect_read("/items/1/id", " {\"items\":[{\"id\":\"x\"}, {\"id\" : \"y\"} ]}", "y", false);
    expect_read("", "\"all of it\"", "all of it", false);
}

static void a_number_is_taken_as_written(void **state)
{
    (void)state;
    expect_read("/n", "{\"n\":17}", "17", true);
    expect_read("/n", "{\"n\": 12345678901234567890 }", "12345678901234567890", true);
    expect_read("/n", "{\"n\":-1.50e+3}", "-1.50e+3", true);
}

static void the_last_element_of_an_array_has_a_name(void **state)
{
    (void)state;
    expect_read("/result/-/update_id", "{\"ok\":true,\"result\":[{\"update_id\":7},{\"update_id\":9}]}", "9",
                true);
    expect_read("/-", "[1,2,3]", "3", true);
    expect_read("/-/-", "[[1],[2,\"x\"]]", "x", false);
    expect_read("/-", "{\"-\":1}", "1", true);
    expect_none("/result/-/update_id", "{\"ok\":true,\"result\":[ ]}", NULL);
    expect_none("/-/-", "[[1],[]]", NULL);
    expect_none("/result/-/id", "{\"result\":[{\"update_id\":7}]}", "nothing");
    expect_none("/result/-", "{\"result\":{}}", "nothing");
    expect_none("/result/-1", "{\"result\":[]}", "nothing");
}

static void a_number_is_added_to_an_integer(void **state)
{
    (void)state;
    expect_sum("/n", 1, "{\"n\":7}", "8", true);
    expect_sum("/n", 1, "{\"n\":-1}", "0", true);
    expect_sum("/n", 5, "{\"n\":-3}", "2", true);
    expect_sum("/n", 1, "{\"n\":-0}", "1", true);
    expect_sum("/n", 1000000000, "{\"n\":999999999999999999}", "1000000000999999999", true);
    expect_sum("/n", 1, "{\"n\":9999999999999999999}", "10000000000000000000", true);
    expect_sum("/n", 1, "{\"n\":9223372036854775807}", "9223372036854775808", true);
    expect_sum("/n", 1, "{\"n\":123456789012345678901234567899}", "123456789012345678901234567900", true);
    expect_sum("/n", 1000000000, "{\"n\":12345678999999999999}", "12345679000999999999", true);
    expect_sum("/n", 1, "{\"n\":-10000000000000000000}", "-9999999999999999999", true);
    expect_sum("/n", 1000000000, "{\"n\":-1000000000000000000}", "-999999999000000000", true);
}

static void a_number_is_added_to_nothing_else(void **state)
{
    (void)state;
    expect_none_to_add_to("/n", 1, "{\"n\":\"7\"}", "no integer");
    expect_none_to_add_to("/n", 1, "{\"n\":7.0}", "no integer");
    expect_none_to_add_to("/n", 1, "{\"n\":7e2}", "no integer");
    expect_none_to_add_to("/n", 1, "{\"n\":\"\"}", NULL);
    expect_none_to_add_to("/n", 1, "{\"n\":null}", NULL);
}

static void anything_else_is_no_cursor(void **state)
{
    (void)state;
    expect_none("/next", "{\"next\":null}", NULL);
    expect_none("/next", "{\"next\":\"\"}", NULL);
    expect_none("/next", "{\"next\":true}", "no string or number");
    expect_none("/next", "{\"next\":{\"a\":1}}", "no string or number");
    expect_none("/next", "{\"next\":[1]}", "no string or number");
    expect_none("/next", "{\"last\":1}", "nothing");
    expect_none("/next", "{\"next\":1", "no JSON");
    expect_none("/next", "<html>", "no JSON");
    expect_none("/next", "", "no JSON");
    expect_none("/next", "{\"next\":\"\xff\"}", "no JSON");
}

static void the_old_cursor_is_replaced(void **state)
{
    struct tg_buffer cursor = { 0 };
    bool is_number = false;
    const char *finds = NULL;

    (void)state;
    tg_buffer_append_str(&cursor, "a long one, which was there before");
    assert_int_equal(read_cursor("/n", 0, "{\"n\":1}", &cursor, &is_number, &finds), TG_OK);
    assert_string_equal(cursor.data, "1");
    tg_buffer_deinit(&cursor);
}

/* ---- into a query ------------------------------------------------------------------------------ */

static void expect_path(const char *path, const char *name, struct tg_str cursor, const char *expected)
{
    struct tg_buffer out = { 0 };

    assert_int_equal(tg_poll_cursor_add_to_path(&out, path, name, cursor), TG_OK);
    assert_string_equal(out.data, expected);
    tg_buffer_deinit(&out);
}

static void a_query_gets_one_more_parameter(void **state)
{
    (void)state;
    expect_path("/", "since", TG_STR("5"), "/?since=5");
    expect_path("/a?b=c", "since", TG_STR("5"), "/a?b=c&since=5");
    expect_path("/a?", "since", TG_STR("5"), "/a?since=5");
    expect_path("/a?b=c&", "since", TG_STR("5"), "/a?b=c&since=5");
}

static void what_is_not_plain_is_encoded(void **state)
{
    (void)state;
    expect_path("/", "a[b]", TG_STR("x y&z=1+2/#?%\"\0\xc3\xa4-._~AZaz09"),
                "/?a%5Bb%5D=x%20y%26z%3D1%2B2%2F%23%3F%25%22%00%C3%A4-._~AZaz09");
}

static void a_path_has_a_limit(void **state)
{
    static char cursor[TG_TARGET_PATH_MAX + 2];
    struct tg_buffer out = { 0 };
    size_t room = TG_TARGET_PATH_MAX - strlen("/?c=");

    (void)state;
    memset(cursor, 'c', sizeof(cursor));
    assert_int_equal(tg_poll_cursor_add_to_path(&out, "/", "c", (struct tg_str){ cursor, room }), TG_OK);
    tg_buffer_clear(&out);
    assert_int_equal(tg_poll_cursor_add_to_path(&out, "/", "c", (struct tg_str){ cursor, room + 1 }),
                     TG_ERR_TOO_LARGE);
    tg_buffer_clear(&out);
    memset(cursor, ' ', sizeof(cursor));
    assert_int_equal(tg_poll_cursor_add_to_path(&out, "/", "c", (struct tg_str){ cursor, room }),
                     TG_ERR_TOO_LARGE);
    assert_int_equal(tg_poll_cursor_add_to_path(&out, "/", "c", (struct tg_str){ cursor, sizeof(cursor) }),
                     TG_ERR_TOO_LARGE);
    tg_buffer_deinit(&out);
}

/* ---- into a body ------------------------------------------------------------------------------- */

static void expect_body(const char *body, const char *pointer, const char *cursor, bool is_number,
                        const char *expected)
{
    struct tg_buffer out = { 0 };

    assert_int_equal(
        tg_poll_cursor_add_to_body(&out, tg_str_from(body), pointer, tg_str_from(cursor), is_number), TG_OK);
    assert_string_equal(out.data, expected);
    tg_buffer_deinit(&out);
}

static void expect_no_place(const char *body, const char *pointer)
{
    struct tg_buffer out = { 0 };

    assert_int_equal(tg_poll_cursor_add_to_body(&out, tg_str_from(body), pointer, TG_STR("x"), false),
                     TG_ERR_INVALID);
    tg_buffer_deinit(&out);
}

static void a_value_that_is_there_is_replaced(void **state)
{
    (void)state;
    expect_body("{\"since\":0,\"limit\":1.50}", "/since", "7", true, "{\"since\":7,\"limit\":1.50}");
    expect_body("{ \"since\" : {\"a\":[1,2]} }", "/since", "7", false, "{ \"since\" : \"7\" }");
    expect_body("{\"a\":[0,{\"b\":null}]}", "/a/1/b", "x", false, "{\"a\":[0,{\"b\":\"x\"}]}");
    expect_body("[1,2]", "/0", "x", false, "[\"x\",2]");
    expect_body("null", "", "x", false, "\"x\"");
}

static void a_value_that_is_missing_is_added(void **state)
{
    (void)state;
    expect_body("{}", "/since", "7", true, "{\"since\":7}");
    expect_body("{ }", "/since", "7", false, "{\"since\":\"7\" }");
    expect_body("{\"limit\":5}", "/since", "7", true, "{\"since\":7,\"limit\":5}");
    expect_body("{\"page\":{\"limit\":5}}", "/page/since", "7", true, "{\"page\":{\"since\":7,\"limit\":5}}");
    expect_body("{}", "/a/b/c", "7", true, "{\"a\":{\"b\":{\"c\":7}}}");
    expect_body("{\"a\":{}}", "/a/b/c", "x", false, "{\"a\":{\"b\":{\"c\":\"x\"}}}");
    expect_body("{\"a\":1}", "/", "x", false, "{\"\":\"x\",\"a\":1}");
}

static void names_and_cursors_are_escaped(void **state)
{
    (void)state;
    expect_body("{}", "/a~1b~0c\"", "x\"y\n", false, "{\"a/b~c\\\"\":\"x\\\"y\\n\"}");
}

static void where_there_is_no_place_it_fails(void **state)
{
    (void)state;
    expect_no_place("[]", "/0");
    expect_no_place("[1]", "/since");
    expect_no_place("{\"a\":[1]}", "/a/1");
    expect_no_place("{\"a\":\"b\"}", "/a/since");
    expect_no_place("17", "/since");
    expect_no_place("{", "/since");
    expect_no_place("", "/since");
    expect_no_place("", "");
    expect_no_place("{}", "since");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_is_taken_as_its_characters),
        cmocka_unit_test(a_number_is_taken_as_written),
        cmocka_unit_test(the_last_element_of_an_array_has_a_name),
        cmocka_unit_test(a_number_is_added_to_an_integer),
        cmocka_unit_test(a_number_is_added_to_nothing_else),
        cmocka_unit_test(anything_else_is_no_cursor),
        cmocka_unit_test(the_old_cursor_is_replaced),
        cmocka_unit_test(a_query_gets_one_more_parameter),
        cmocka_unit_test(what_is_not_plain_is_encoded),
        cmocka_unit_test(a_path_has_a_limit),
        cmocka_unit_test(a_value_that_is_there_is_replaced),
        cmocka_unit_test(a_value_that_is_missing_is_added),
        cmocka_unit_test(names_and_cursors_are_escaped),
        cmocka_unit_test(where_there_is_no_place_it_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
