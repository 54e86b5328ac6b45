/* What becomes of a jq filter's outputs. The filter is played here: what it answers is given by the test. */
#include "test_translate_support.h"

#include "translate/jq.h"

struct tg_jq {
    struct tg_jq_options options;
};

/* The part of jq: what it got, and what it is to answer. */
static struct {
    struct tg_buffer got; /* each message on a line */
    const char *answer;
    enum tg_err err;
    size_t living;
    uint64_t timeout_ms;
    size_t max_output_bytes;
} played;

enum tg_err tg_jq_new(const struct tg_jq_options *options, struct tg_jq **ret_jq, struct tg_buffer *ret_error)
{
    if (strcmp(options->filter, "bad") == 0) {
        tg_buffer_append_str(ret_error, "does not compile");
        return TG_ERR_INVALID;
    }
    *ret_jq = tg_alloc(sizeof(**ret_jq));
    played.timeout_ms = options->timeout_ms;
    played.max_output_bytes = options->max_output_bytes;
    played.living++;
    return TG_OK;
}

void tg_jq_free(struct tg_jq *jq)
{
    if (jq)
        played.living--;
    free(jq);
}

enum tg_err tg_jq_run(struct tg_jq *jq, struct tg_str json, struct tg_buffer *out)
{
    assert_non_null(jq);
    tg_buffer_append(&played.got, json.data, json.length);
    tg_buffer_append_str(&played.got, "\n");
    if (played.err)
        return played.err;
    return tg_buffer_append_str(out, played.answer);
}

static int forget_all(void **state)
{
    (void)state;
    assert_int_equal(played.living, 0);
    tg_buffer_deinit(&played.got);
    memset(&played, 0, sizeof(played));
    return 0;
}

static void each_output_is_a_message(void **state)
{
    struct fixture fixture;

    (void)state;
    played.answer = "{\"t\":\"a\",\"d\":1e400}\n{\"t\":\"b\",\"d\":\"x\"}\n";
    fixture_init(&fixture, RULES(.jq = P("f"), .event = P("/t"), .data = P("/d")));
    feed(&fixture, " {\"n\": 1}");
    assert_string_equal(played.got.data, " {\"n\": 1}\n");
    assert_int_equal(fixture.count, 2);
    assert_recorded(&fixture, 0, "a", "", "1e400");
    assert_recorded(&fixture, 1, "b", "", "x");
    fixture_deinit(&fixture);
}

static void an_output_without_a_data_rule_is_its_own_text(void **state)
{
    struct fixture fixture;

    (void)state;
    played.answer = "\"a b\"\n[1,0.1]\nnull\n";
    fixture_init(&fixture, RULES(.jq = P("f")));
    feed(&fixture, "1");
    assert_int_equal(fixture.count, 3);
    assert_recorded(&fixture, 0, "", "", "\"a b\"");
    assert_recorded(&fixture, 1, "", "", "[1,0.1]");
    assert_recorded(&fixture, 2, "", "", "null");
    fixture_deinit(&fixture);
}

static void no_output_makes_nothing(void **state)
{
    struct fixture fixture;

    (void)state;
    played.answer = "";
    fixture_init(&fixture, RULES(.jq = P("f"), .on_misfit = TG_MISFIT_ERROR_EVENT));
    feed(&fixture, "1");
    assert_int_equal(fixture.count, 0);
    assert_int_equal(misfit_count(&fixture.last), 0);
    fixture_deinit(&fixture);
}

static void outputs_are_split_after_the_filter(void **state)
{
    struct fixture fixture;

    (void)state;
    played.answer = "[1,2]\n{}\n[3]\n";
    fixture_init(&fixture, RULES(.jq = P("f"), .split = P("")));
    feed(&fixture, "0");
    assert_int_equal(fixture.count, 3);
    assert_recorded(&fixture, 2, "", "", "3");
    assert_int_equal(fixture.last.misfits[TG_MISFIT_SPLIT], 1);
    fixture_deinit(&fixture);
}

static void the_filter_needs_json(void **state)
{
    (void)state;
    assert_misfit(RULES(.jq = P("f")), text("pong"), TG_MISFIT_JSON);
    assert_int_equal(played.got.length, 0);
}

static void a_filter_that_fails_makes_a_misfit(void **state)
{
    static const enum tg_err errs[] = { TG_ERR_INVALID, TG_ERR_TIMEOUT, TG_ERR_IO, TG_ERR_LIMIT };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(errs); i++) {
        played.err = errs[i];
        assert_misfit(RULES(.jq = P("f")), text("1"), TG_MISFIT_JQ);
    }
    played.err = TG_ERR_TOO_LARGE;
    assert_misfit(RULES(.jq = P("f")), text("1"), TG_MISFIT_OVERSIZE);
    played.err = TG_ERR_MEMORY;
    assert_misfit(RULES(.jq = P("f")), text("1"), TG_MISFIT_MEMORY);
}

static void outputs_that_are_no_json_are_misfits(void **state)
{
    struct fixture fixture;

    (void)state;
    played.answer = "nan\n\"\xff\"\n1";
    fixture_init(&fixture, RULES(.jq = P("f")));
    feed(&fixture, "0");
    assert_int_equal(fixture.last.misfits[TG_MISFIT_JQ], 2);
    assert_int_equal(fixture.count, 1);
    assert_recorded(&fixture, 0, "", "", "1");
    fixture_deinit(&fixture);
}

static void raw_is_the_message_before_the_filter(void **state)
{
    struct fixture fixture;

    (void)state;
    played.err = TG_ERR_TIMEOUT;
    fixture_init(&fixture, RULES(.jq = P("f"), .on_misfit = TG_MISFIT_RAW));
    feed(&fixture, "{ \"a\": 1 }");
    assert_recorded(&fixture, 0, "", "", "{ \"a\": 1 }");
    fixture_deinit(&fixture);
}

static void a_refusal_leaves_the_other_outputs(void **state)
{
    struct fixture fixture;

    (void)state;
    played.answer = "1\n2\n3\n";
    fixture_init(&fixture, RULES(.jq = P("f")));
    fixture.take_most = 1;
    feed(&fixture, "0");
    assert_int_equal(fixture.last.events, 1);
    fixture_deinit(&fixture);
}

static void binary_does_not_reach_the_filter(void **state)
{
    struct tg_message message = { .bytes = "1", .length = 1, .is_binary = true };

    (void)state;
    assert_makes(RULES(.jq = P("f")), message, "binary", "", "MQ==");
    assert_int_equal(played.got.length, 0);
}

static void the_filter_has_its_limits(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.jq = P("f"), .jq_timeout_ms = 123, .jq_max_output_bytes = 456));
    assert_int_equal(played.timeout_ms, 123);
    assert_int_equal(played.max_output_bytes, 456);
    fixture_deinit(&fixture);
}

static void a_filter_that_does_not_compile_is_refused(void **state)
{
    struct tg_config_translate rules = { .jq = P("bad") };
    struct tg_translator *translator = NULL;
    struct tg_buffer error = { 0 };

    (void)state;
    assert_int_equal(tg_translator_new(&rules, &translator, &error), TG_ERR_INVALID);
    assert_null(translator);
    assert_string_equal(error.data, "does not compile");
    tg_buffer_deinit(&error);
}

#define TEST(function) cmocka_unit_test_teardown(function, forget_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_output_is_a_message),
        TEST(an_output_without_a_data_rule_is_its_own_text),
        TEST(no_output_makes_nothing),
        TEST(outputs_are_split_after_the_filter),
        TEST(the_filter_needs_json),
        TEST(a_filter_that_fails_makes_a_misfit),
        TEST(outputs_that_are_no_json_are_misfits),
        TEST(raw_is_the_message_before_the_filter),
        TEST(a_refusal_leaves_the_other_outputs),
        TEST(binary_does_not_reach_the_filter),
        TEST(the_filter_has_its_limits),
        TEST(a_filter_that_does_not_compile_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
