/* jq filters: what comes out of them. */
#include "jq_fixture.h"

enum { OUTPUT_MAX_BYTES = 32 << 20 };

static struct waited *new_filter(const char *filter, size_t max_output_bytes)
{
    struct tg_jq_options options = { .filter = filter,
                                     .timeout_ms = LONG_MS,
                                     .max_output_bytes = max_output_bytes };
    struct waited *jq = NULL;
    struct tg_buffer error = { 0 };
    enum tg_err err = waited_new(&options, &jq, &error);
    if (err)
        fail_msg("%s: %s", filter, tg_text_or_empty(error.data));
    assert_int_equal(error.length, 0);
    tg_buffer_deinit(&error);
    return jq;
}

static void expect(struct waited *jq, const char *json, enum tg_err expected, const char *output)
{
    struct tg_buffer out = { 0 };
    tg_buffer_append_str(&out, "before ");
    assert_int_equal(waited_run(jq, tg_str_from(json), &out), expected);
    assert_memory_equal(out.data, "before ", 7);
    assert_string_equal(out.data + 7, output);
    assert_int_equal(out.length, 7 + strlen(output));
    tg_buffer_deinit(&out);
}

/* ---- results ----------------------------------------------------------------------------------- */

static void outputs_are_compact_and_one_on_each_line(void **state)
{
    (void)state;
    struct waited *jq = new_filter(".a, .b", OUTPUT_MAX_BYTES);
    expect(jq, "{ \"a\": 1, \"b\": [ 2, { \"c\": \"x\\ny\" } ] }", TG_OK, "1\n[2,{\"c\":\"x\\ny\"}]\n");
    expect(jq, "{}", TG_OK, "null\nnull\n");
    expect(jq, "{\"b\":\"\xc3\xa9\\u0000\"}", TG_OK, "null\n\"\xc3\xa9\\u0000\"\n");
    waited_free(jq);
}

static void no_output_is_fine(void **state)
{
    (void)state;
    struct waited *jq = new_filter("select(.a > 1)", OUTPUT_MAX_BYTES);
    expect(jq, "{\"a\":1}", TG_OK, "");
    expect(jq, "{\"a\":2}", TG_OK, "{\"a\":2}\n");
    expect(jq, "{\"a\":1}", TG_OK, "");
    waited_free(jq);
}

static void an_error_is_told_and_costs_nothing_else(void **state)
{
    (void)state;
    struct waited *jq = new_filter("1, .a.b", OUTPUT_MAX_BYTES);
    for (int i = 0; i < 3; i++) {
        expect(jq, "{\"a\":7}", TG_ERR_INVALID, "");
        expect(jq, "{\"a\":{\"b\":2}}", TG_OK, "1\n2\n");
        expect(jq, "{\"a\"", TG_ERR_INVALID, "");
        expect(jq, "", TG_ERR_INVALID, "");
    }
    waited_free(jq);
}

static void too_much_output_is_told_at_once(void **state)
{
    (void)state;
    struct waited *jq = new_filter("if . == 0 then range(infinite) else . end", 6);
    expect(jq, "0", TG_ERR_TOO_LARGE, "");
    expect(jq, "\"abc\"", TG_OK, "\"abc\"\n");
    expect(jq, "\"abcd\"", TG_ERR_TOO_LARGE, "");
    expect(jq, "1", TG_OK, "1\n");
    waited_free(jq);
}

static void what_is_too_deep_is_an_error_and_never_half_a_value(void **state)
{
    (void)state;
    struct waited *jq =
        new_filter("if type == \"number\" then reduce range(.) as $i (0; [.]) else . end", OUTPUT_MAX_BYTES);
    expect(jq, "2", TG_OK, "[[0]]\n");
    expect(jq, "20000", TG_ERR_INVALID, "");
    expect(jq, "\"<skipped: too deep>\"", TG_OK, "\"<skipped: too deep>\"\n");
    expect(jq, "{\"\\\"<\":\"\\\\\",\"a\":[\"<\"]}", TG_OK, "{\"\\\"<\":\"\\\\\",\"a\":[\"<\"]}\n");
    expect(jq, "3", TG_OK, "[[[0]]]\n");
    waited_free(jq);
}

static void a_large_message_passes(void **state)
{
    (void)state;
    enum { LENGTH = 10 << 20 };
    struct tg_buffer json = { 0 }, out = { 0 };
    assert_int_equal(tg_buffer_reserve(&json, LENGTH), TG_OK);
    memset(json.data, 'x', LENGTH);
    json.data[0] = json.data[LENGTH - 1] = '"';
    struct waited *jq = new_filter("if type == \"array\" then length else . end", OUTPUT_MAX_BYTES);
    assert_int_equal(waited_run(jq, (struct tg_str){ json.data, LENGTH }, &out), TG_OK);
    assert_int_equal(out.length, LENGTH + 1);
    assert_memory_equal(out.data, json.data, LENGTH);

    for (size_t i = 0; i < LENGTH; i += 2)
        memcpy(json.data + i, i == 0 ? "[0" : ",0", 2);
    memcpy(json.data + LENGTH - 2, " ]", 2);
    tg_buffer_clear(&out);
    assert_int_equal(waited_run(jq, (struct tg_str){ json.data, LENGTH }, &out), TG_OK);
    assert_int_equal(strtol(out.data, NULL, 10), LENGTH / 2 - 1);

    assert_int_equal(waited_run(jq, (struct tg_str){ json.data, (size_t)TG_JQ_MESSAGE_MAX_BYTES + 1 }, &out),
                     TG_ERR_TOO_LARGE);
    waited_free(jq);
    tg_buffer_deinit(&json);
    tg_buffer_deinit(&out);
}

/* ---- what a filter must not be able to do ------------------------------------------------------ */

static void builtins_of_a_command_line_do_no_harm(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        enum tg_err err;
        const char *output;
    } cases[] = {
        { "input", TG_ERR_INVALID, "" },
        { "[inputs]", TG_OK, "[]\n" },
        { "debug, stderr", TG_OK, "7\n7\n" },
        { "$__loc__.line", TG_OK, "1\n" },
        { "env", TG_OK, "{}\n" },
        { "$ENV", TG_OK, "{}\n" },
        { "halt", TG_OK, "" },
        { "1, halt, 2", TG_OK, "1\n" },
        { "1, halt_error, 2", TG_ERR_INVALID, "" },
        { "\"some text\" | halt_error(0)", TG_ERR_INVALID, "" },
        { "\"x\" | modulemeta", TG_ERR_INVALID, "" },
        { "get_search_list | length", TG_OK, "0\n" },
        { "input_filename | type", TG_OK, "\"null\"\n" },
        { "[.[]?, (try input_line_number catch 1)] | length", TG_OK, "1\n" },
        { "error(\"x\")", TG_ERR_INVALID, "" },
        { "error({a: 1})", TG_ERR_INVALID, "" },
        { "\"aXb\" | test(\"x\"; \"i\")", TG_OK, "true\n" },
        { "\"2015-03-05T23:51:47Z\" | fromdate", TG_OK, "1425599507\n" },
        { "0 | localtime | length", TG_OK, "8\n" },
        { "nan, infinite", TG_OK, "null\n1.7976931348623157e+308\n" },
    };
    setenv("TIDEGATE_TEST_SECRET", "x", 1);
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        struct waited *jq = new_filter(cases[i].filter, OUTPUT_MAX_BYTES);
        for (int run = 0; run < 3; run++)
            expect(jq, "7", cases[i].err, cases[i].output);
        waited_free(jq);
    }
    unsetenv("TIDEGATE_TEST_SECRET");
}

static void a_filter_that_does_not_compile_says_why(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *part;
    } cases[] = {
        { ".[", "syntax error" },
        { "nosuch(1)", "nosuch/1 is not defined" },
        { "$nosuch", "nosuch is not defined" },
        { ".a\n| nosuch", "line 2" },
        { "import \"x\" as x; .", "x" },
        { "import \"x\" as x {search: \"$ORIGIN/y\"}; .", "x" },
        { "include \"passwd\" {search: \"/etc\"}; .", "passwd" },
        { "import \"passwd\" as $x {search: \"~\"}; .", "" },
    };
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        struct tg_jq_options options = { .filter = cases[i].filter,
                                         .timeout_ms = LONG_MS,
                                         .max_output_bytes = 99 };
        struct waited *jq = NULL;
        struct tg_buffer error = { 0 };
        assert_int_equal(waited_new(&options, &jq, &error), TG_ERR_INVALID);
        assert_null(jq);
        assert_true(error.length > 0);
        if (!strstr(error.data, cases[i].part))
            fail_msg("%s: %s", cases[i].filter, error.data);
        assert_null(strpbrk(error.data, "\r\n"));
        tg_buffer_deinit(&error);
    }
}

static void a_filter_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char *filter = tg_alloc(TG_JQ_FILTER_MAX_BYTES + 2);
    memset(filter, ' ', TG_JQ_FILTER_MAX_BYTES + 1);
    filter[0] = '.';
    struct tg_jq_options options = { .filter = filter, .timeout_ms = LONG_MS, .max_output_bytes = 99 };
    struct waited *jq = NULL;
    struct tg_buffer error = { 0 };
    assert_int_equal(waited_new(&options, &jq, &error), TG_ERR_IO);
    assert_non_null(strstr(error.data, "longer than 1 MiB"));
    filter[TG_JQ_FILTER_MAX_BYTES] = '\0';
    tg_buffer_deinit(&error);
    jq = new_filter(filter, 99);
    expect(jq, "1", TG_OK, "1\n");
    waited_free(jq);
    free(filter);
}

int main(void)
{
    tg_jq_set_program(TIDEGATE_PROGRAM);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(outputs_are_compact_and_one_on_each_line, begin, end),
        cmocka_unit_test_setup_teardown(no_output_is_fine, begin, end),
        cmocka_unit_test_setup_teardown(an_error_is_told_and_costs_nothing_else, begin, end),
        cmocka_unit_test_setup_teardown(too_much_output_is_told_at_once, begin, end),
        cmocka_unit_test_setup_teardown(what_is_too_deep_is_an_error_and_never_half_a_value, begin, end),
        cmocka_unit_test_setup_teardown(a_large_message_passes, begin, end),
        cmocka_unit_test_setup_teardown(builtins_of_a_command_line_do_no_harm, begin, end),
        cmocka_unit_test_setup_teardown(a_filter_that_does_not_compile_says_why, begin, end),
        cmocka_unit_test_setup_teardown(a_filter_that_is_too_long_is_refused, begin, end),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    tg_jq_set_program(NULL);
    return failures;
}
