/* Unit tests: the rules of `translate` and their conditions: what they load to. */
#include "config_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TRANSLATE(members)                                                                                   \
    "{\"streams\":{\"q\":{\"upstream\":{\"url\":\"ws://h\"},\"translate\":{" members "}}},\"routes\":[]}"

/* ---- rules -------------------------------------------------------------------------------------------- */

static void rules_have_defaults(void **state)
{
    (void)state;
    struct tg_config *config = load_good(TRANSLATE(""));
    const struct tg_config_translate *translate = &config->streams[0].translate;
    assert_null(translate->decode);
    assert_int_equal(translate->decode_count, 0);
    assert_int_equal(translate->max_decoded_bytes, 16 << 20);
    assert_null(translate->jq);
    assert_int_equal(translate->jq_timeout_ms, 100);
    assert_int_equal(translate->jq_max_output_bytes, 1 << 20);
    assert_null(translate->split);
    assert_null(translate->when);
    assert_null(translate->event);
    assert_null(translate->id);
    assert_null(translate->data);
    assert_int_equal(translate->seen, TG_SEEN_OFF);
    assert_string_equal(translate->binary_event, "binary");
    assert_int_equal(translate->on_misfit, TG_MISFIT_DROP);
    assert_string_equal(translate->error_event, "tidegate.error");
    tg_config_free(config);
}

static void rules_are_taken(void **state)
{
    (void)state;
    struct tg_config *config = load_good(
        TRANSLATE("\"decode\":[\"base64\",\"hex\",\"gunzip\",\"inflate\",\"utf8\"],\"max_decoded\":\"1KiB\","
                  "\"jq\":\".items[]\",\"jq_timeout\":\"10s\",\"jq_max_output\":\"2KiB\",\"split\":\"\","
                  "\"event\":\"{/a}.{/b|c}\",\"id\":\"/id\",\"data\":\"\",\"seen\":{\"by\":\"id\"},"
                  "\"on_misfit\":\"error_event\",\"error_event\":\"oops\""));
    const struct tg_config_translate *translate = &config->streams[0].translate;
    assert_int_equal(translate->decode_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(translate->decode[i], TG_DECODE_BASE64 + (int)i);
    assert_int_equal(translate->max_decoded_bytes, 1024);
    assert_string_equal(translate->jq, ".items[]");
    assert_int_equal(translate->jq_timeout_ms, 10000);
    assert_int_equal(translate->jq_max_output_bytes, 2048);
    assert_string_equal(translate->split, "");
    assert_string_equal(translate->event, "{/a}.{/b|c}");
    assert_string_equal(translate->id, "/id");
    assert_string_equal(translate->data, "");
    assert_int_equal(translate->seen, TG_SEEN_ID);
    assert_int_equal(translate->seen_remember, 10000);
    assert_int_equal(translate->on_misfit, TG_MISFIT_ERROR_EVENT);
    assert_string_equal(translate->error_event, "oops");
    tg_config_free(config);
}

static void seen_by_id_needs_ids(void **state)
{
    (void)state;
    struct tg_config *config =
        load_good("{\"streams\":{\"q\":{\"upstream\":{\"kind\":\"sse\",\"url\":\"http://h\"},"
                  "\"translate\":{\"seen\":{\"by\":\"id\",\"remember\":7}}}},\"routes\":[]}");
    assert_int_equal(config->streams[0].translate.seen_remember, 7);
    tg_config_free(config);
    config = load_good(TRANSLATE("\"seen\":{\"by\":\"content\"}"));
    assert_int_equal(config->streams[0].translate.seen, TG_SEEN_CONTENT);
    tg_config_free(config);
    assert_bad(TRANSLATE("\"seen\":{\"by\":\"id\"}"),
               "t.json:1:72: streams.q.translate.seen.by: expected \"content\", or ");
}

/* ---- jq ----------------------------------------------------------------------------------------------- */

static void jq_says_what_is_wrong(void **state)
{
    (void)state;
    assert_bad(TRANSLATE("\"jq\":\".a |\""),
               "t.json:1:64: streams.q.translate.jq: expected a jq filter: syntax error, unexpected ");
    assert_bad(TRANSLATE("\"jq\":\"map(nosuch)\""),
               "t.json:1:64: streams.q.translate.jq: expected a jq filter: nosuch/0 is not defined");
    assert_bad(TRANSLATE("\"jq\":\"}{\\n}{\""),
               "t.json:1:64: streams.q.translate.jq: expected a jq filter: ");
    assert_bad(TRANSLATE("\"jq\":\"import \\\"a\\\" as a; .\""),
               "t.json:1:64: streams.q.translate.jq: expected a jq filter: ");
}

static void good_jq_filters_compile(void **state)
{
    (void)state;
    static const char *const filters[] = {
        ".", ".items[] | select(.price > 0) | {symbol, price}", "def f: .a; f", "reverse | .[]", ". # text",
    };
    for (size_t i = 0; i < TG_COUNT_OF(filters); i++) {
        char text[256];
        snprintf(text, sizeof(text), TRANSLATE("\"jq\":\"%s\""), filters[i]);
        struct tg_config *config = load_good(text);
        assert_string_equal(config->streams[0].translate.jq, filters[i]);
        tg_config_free(config);
    }
}

/* What jq would write there by itself belongs into the list of errors. */
static void jq_writes_nothing_to_stderr(void **state)
{
    (void)state;
    int pipe_ends[2];
    char byte;
    int saved = dup(STDERR_FILENO);
    assert_int_equal(pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
    assert_true(saved >= 0 && dup2(pipe_ends[1], STDERR_FILENO) >= 0);
    struct tg_config *config = NULL;
    struct tg_buffer errors = { 0 };
    const char *text = TRANSLATE("\"jq\":\".a | nosuch | also(\"");
    enum tg_err err = tg_config_parse("t.json", text, strlen(text), &config, &errors);
    ssize_t got = read(pipe_ends[0], &byte, 1);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
    assert_int_equal(err, TG_ERR_INVALID);
    assert_int_equal(got, -1);
    tg_buffer_deinit(&errors);
}

/* ---- conditions --------------------------------------------------------------------------------------- */

static struct tg_config *load_when(const char *condition)
{
    char text[2048];
    snprintf(text, sizeof(text), TRANSLATE("\"when\":%s"), condition);
    return load_good(text);
}

/* The condition as one line: `all(exists(/a,true),not(text(x)))`. */
static void append_condition(struct tg_buffer *out, const struct tg_config_condition *condition)
{
    static const char *const names[] = { "exists", "equals",  "one_of", "gt",  "ge",  "lt",
                                         "le",     "matches", "text",   "not", "any", "all" };
    const char *comma = condition->pointer ? "," : "";
    tg_buffer_appendf(out, "%s(%s", names[condition->kind], tg_text_or_empty(condition->pointer));
    if (condition->kind == TG_CONDITION_EXISTS)
        tg_buffer_appendf(out, ",%s", condition->is_expected ? "true" : "false");
    if (condition->kind >= TG_CONDITION_GT && condition->kind <= TG_CONDITION_LE)
        tg_buffer_appendf(out, ",%g", condition->number);
    if (condition->pattern)
        tg_buffer_appendf(out, "%s%s", comma, condition->pattern);
    for (char **value = condition->values; value && *value; value++)
        tg_buffer_appendf(out, ",%s", *value);
    for (size_t i = 0; i < condition->condition_count; i++) {
        tg_buffer_append_str(out, i ? "," : "");
        append_condition(out, &condition->conditions[i]);
    }
    tg_buffer_append_str(out, ")");
}

static void assert_when(const char *condition, const char *expected)
{
    struct tg_buffer out = { 0 };
    struct tg_config *config = load_when(condition);
    append_condition(&out, config->streams[0].translate.when);
    assert_string_equal(out.data, expected);
    tg_buffer_deinit(&out);
    tg_config_free(config);
}

static void one_test_is_the_condition(void **state)
{
    (void)state;
    assert_when("{\"pointer\":\"/a\",\"exists\":true}", "exists(/a,true)");
    assert_when("{\"exists\":false,\"pointer\":\"\"}", "exists(,false)");
    assert_when("{\"pointer\":\"/a\",\"equals\":null}", "equals(/a,null)");
    assert_when("{\"pointer\":\"/a\",\"one_of\":[1,\"b\",[]]}", "one_of(/a,1,\"b\",[])");
    assert_when("{\"pointer\":\"/a\",\"gt\":1}", "gt(/a,1)");
    assert_when("{\"pointer\":\"/a\",\"ge\":-0.5}", "ge(/a,-0.5)");
    assert_when("{\"pointer\":\"/a\",\"lt\":1e3}", "lt(/a,1000)");
    assert_when("{\"pointer\":\"/a\",\"le\":0}", "le(/a,0)");
    assert_when("{\"pointer\":\"/a\",\"matches\":\"^b$\"}", "matches(/a,^b$)");
    assert_when("{\"text\":\"[DONE]\"}", "text([DONE])");
}

static void several_tests_are_all_of_them(void **state)
{
    (void)state;
    assert_when("{\"lt\":5,\"pointer\":\"/a\",\"gt\":1}", "all(gt(/a,1),lt(/a,5))");
    assert_when("{\"pointer\":\"/a\",\"matches\":\"x\",\"equals\":1,\"one_of\":[2],\"exists\":true}",
                "all(exists(/a,true),equals(/a,1),one_of(/a,2),matches(/a,x))");
}

static void conditions_stand_in_one_another(void **state)
{
    (void)state;
    assert_when("{\"not\":{\"text\":\"a\"}}", "not(text(a))");
    assert_when("{\"not\":[{\"text\":\"a\"}]}", "not(all(text(a)))");
    assert_when("[{\"text\":\"a\"},{\"any\":[{\"text\":\"b\"},[{\"text\":\"c\"}]]}]",
                "all(text(a),any(text(b),all(text(c))))");
    assert_when("{\"all\":[{\"not\":{\"pointer\":\"/a\",\"gt\":1,\"le\":2}}]}",
                "all(not(all(gt(/a,1),le(/a,2))))");
}

static void values_stay_as_they_were_written(void **state)
{
    (void)state;
    assert_when("{\"pointer\":\"/a\",\"equals\":{ \"z\" : 0.1, \"a\": [ 1.0, 9007199254740993, true ] }}",
                "equals(/a,{\"z\":0.1,\"a\":[1.0,9007199254740993,true]})");
    assert_when("{\"pointer\":\"/a\",\"one_of\":[ 3.0000000000000004, -1, \"é\\n\" ]}",
                "one_of(/a,3.0000000000000004,-1,\"é\\n\")");
}

static void regex_says_what_is_wrong(void **state)
{
    (void)state;
    assert_bad(TRANSLATE("\"when\":{\"pointer\":\"/a\",\"matches\":\"a(\"}"),
               "t.json:1:92: streams.q.translate.when.matches: expected a regular expression: ");
    assert_bad(TRANSLATE("\"when\":[{\"not\":{\"pointer\":\"/a\",\"matches\":\"[b-a]\"}}]"),
               "t.json:1:100: streams.q.translate.when[0].not.matches: expected a regular expression: ");
}

static void nesting_ends_at_sixteen(void **state)
{
    (void)state;
    struct tg_buffer text = { 0 };
    for (int depth = 16; depth <= 17; depth++) {
        tg_buffer_clear(&text);
        tg_buffer_append_str(&text, TRANSLATE("\"when\":"));
        text.length -= strlen("}}},\"routes\":[]}");
        for (int i = 1; i < depth; i++)
            tg_buffer_append_str(&text, "{\"not\":");
        tg_buffer_append_str(&text, "{\"text\":\"a\"}");
        for (int i = 1; i < depth; i++)
            tg_buffer_append_str(&text, "}");
        tg_buffer_append_str(&text, "}}},\"routes\":[]}");
        if (depth == 16)
            tg_config_free(load_good(text.data));
        else
            assert_bad(text.data, "t.json:1:178: streams.q.translate.when.not.not.");
    }
    tg_buffer_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_have_defaults),
        cmocka_unit_test(rules_are_taken),
        cmocka_unit_test(seen_by_id_needs_ids),
        cmocka_unit_test(jq_says_what_is_wrong),
        cmocka_unit_test(good_jq_filters_compile),
        cmocka_unit_test(jq_writes_nothing_to_stderr),
        cmocka_unit_test(one_test_is_the_condition),
        cmocka_unit_test(several_tests_are_all_of_them),
        cmocka_unit_test(conditions_stand_in_one_another),
        cmocka_unit_test(values_stay_as_they_were_written),
        cmocka_unit_test(regex_says_what_is_wrong),
        cmocka_unit_test(nesting_ends_at_sixteen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
