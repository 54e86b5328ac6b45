/* What becomes of a jq filter's outputs. The filter is played here: what it answers is given by the test. */
#include "test_translate_support.h"

#include "translate/jq.h"

/* The part of jq: what it got, and what it is to answer. */
struct tg_jq_user {
    tg_jq_done_fn *on_done;
    void *arg;
    struct tg_buffer waiting; /* the one message; or empty */
};

static struct {
    struct tg_buffer got; /* each message on a line */
    const char *answer;
    enum tg_err err, put_err;
    size_t living;
    uint64_t timeout_ms;
    size_t max_output_bytes;
    struct tg_jq_user *user;
} played;

struct tg_worker *tg_jq_pool_worker(const struct tg_jq_pool *pool)
{
    assert_null(pool);
    return NULL;
}

struct tg_jq_user *tg_jq_user_new(struct tg_jq_pool *pool, const struct tg_jq_options *options,
                                  tg_jq_done_fn *on_done, void *arg)
{
    struct tg_jq_user *user = tg_alloc(sizeof(*user));
    assert_null(pool);
    user->on_done = on_done;
    user->arg = arg;
    played.timeout_ms = options->timeout_ms;
    played.max_output_bytes = options->max_output_bytes;
    played.living++;
    played.user = user;
    return user;
}

void tg_jq_user_free(struct tg_jq_user *user)
{
    tg_buffer_deinit(&user->waiting);
    free(user);
    played.living--;
}

enum tg_err tg_jq_put(struct tg_jq_user *user, struct tg_str json)
{
    if (played.put_err)
        return played.put_err;
    assert_int_equal(user->waiting.length, 0);
    tg_buffer_append(&user->waiting, json.data, json.length);
    tg_buffer_append(&played.got, json.data, json.length);
    return tg_buffer_append_str(&played.got, "\n");
}

static void answer(struct tg_jq_user *user)
{
    struct tg_buffer waiting = user->waiting;
    user->waiting = (struct tg_buffer){ 0 };
    if (waiting.length > 0)
        user->on_done(user->arg, tg_buffer_view(&waiting), played.err,
                      tg_str_from(played.err ? "" : played.answer));
    tg_buffer_deinit(&waiting);
}

/* ---- a translator with its line ------------------------------------------------------------------ */

struct lined {
    struct fixture fixture;
    struct tg_line *line;
    size_t marks;
};

static bool record_event(void *arg, const struct tg_event *event)
{
    return record(&((struct lined *)arg)->fixture, event);
}

static void on_translated(void *arg, const struct tg_message *message,
                          const struct tg_translation *translation)
{
    (void)message;
    ((struct lined *)arg)->fixture.last = *translation;
}

static void on_mark(void *arg, void *mark)
{
    (void)mark;
    ((struct lined *)arg)->marks++;
}

static void lined_init(struct lined *lined, struct tg_config_translate rules)
{
    static const struct tg_line_handler handler = {
        .emit = record_event,
        .on_translated = on_translated,
        .on_mark = on_mark,
    };
    fixture_init(&lined->fixture, rules);
    lined->marks = 0;
    lined->line = tg_line_new(lined->fixture.translator, NULL, NULL, &handler, lined);
}

static void lined_deinit(struct lined *lined)
{
    tg_line_free(lined->line);
    fixture_deinit(&lined->fixture);
}

static void feed_line(struct lined *lined, struct tg_message message)
{
    lined->fixture.has_refused = false;
    tg_line_put(lined->line, &message);
    answer(played.user);
    assert_true(tg_line_is_empty(lined->line));
}

static void assert_one_misfit(struct tg_config_translate rules, struct tg_message message,
                              enum tg_misfit misfit)
{
    struct lined lined;
    lined_init(&lined, rules);
    feed_line(&lined, message);
    assert_int_equal(lined.fixture.last.first_misfit, misfit);
    assert_int_equal(misfit_count(&lined.fixture.last), 1);
    assert_int_equal(lined.fixture.count, 0);
    lined_deinit(&lined);
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
    struct lined lined;

    (void)state;
    played.answer = "{\"t\":\"a\",\"d\":1e400}\n{\"t\":\"b\",\"d\":\"x\"}\n";
    lined_init(&lined, RULES(.jq = P("f"), .event = P("/t"), .data = P("/d")));
    feed_line(&lined, text(" {\"n\": 1}"));
    assert_string_equal(played.got.data, " {\"n\": 1}\n");
    assert_int_equal(lined.fixture.count, 2);
    assert_recorded(&lined.fixture, 0, "a", "", "1e400");
    assert_recorded(&lined.fixture, 1, "b", "", "x");
    lined_deinit(&lined);
}

static void an_output_without_a_data_rule_is_its_own_text(void **state)
{
    struct lined lined;

    (void)state;
    played.answer = "\"a b\"\n[1,0.1]\nnull\n";
    lined_init(&lined, RULES(.jq = P("f")));
    feed_line(&lined, text("1"));
    assert_int_equal(lined.fixture.count, 3);
    assert_recorded(&lined.fixture, 0, "", "", "\"a b\"");
    assert_recorded(&lined.fixture, 1, "", "", "[1,0.1]");
    assert_recorded(&lined.fixture, 2, "", "", "null");
    lined_deinit(&lined);
}

static void no_output_makes_nothing(void **state)
{
    struct lined lined;

    (void)state;
    played.answer = "";
    lined_init(&lined, RULES(.jq = P("f"), .on_misfit = TG_MISFIT_ERROR_EVENT));
    feed_line(&lined, text("1"));
    assert_int_equal(lined.fixture.count, 0);
    assert_int_equal(misfit_count(&lined.fixture.last), 0);
    lined_deinit(&lined);
}

static void outputs_are_split_after_the_filter(void **state)
{
    struct lined lined;

    (void)state;
    played.answer = "[1,2]\n{}\n[3]\n";
    lined_init(&lined, RULES(.jq = P("f"), .split = P("")));
    feed_line(&lined, text("0"));
    assert_int_equal(lined.fixture.count, 3);
    assert_recorded(&lined.fixture, 2, "", "", "3");
    assert_int_equal(lined.fixture.last.misfits[TG_MISFIT_SPLIT], 1);
    lined_deinit(&lined);
}

static void the_filter_needs_json(void **state)
{
    (void)state;
    assert_one_misfit(RULES(.jq = P("f")), text("pong"), TG_MISFIT_JSON);
    assert_int_equal(played.got.length, 0);
}

static void a_filter_that_fails_makes_a_misfit(void **state)
{
    static const enum tg_err errs[] = { TG_ERR_INVALID, TG_ERR_TIMEOUT, TG_ERR_IO, TG_ERR_LIMIT };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(errs); i++) {
        played.err = errs[i];
        assert_one_misfit(RULES(.jq = P("f")), text("1"), TG_MISFIT_JQ);
    }
    played.err = TG_ERR_TOO_LARGE;
    assert_one_misfit(RULES(.jq = P("f")), text("1"), TG_MISFIT_OVERSIZE);
    played.err = TG_ERR_MEMORY;
    assert_one_misfit(RULES(.jq = P("f")), text("1"), TG_MISFIT_MEMORY);
}

static void outputs_that_are_no_json_are_misfits(void **state)
{
    struct lined lined;

    (void)state;
    played.answer = "nan\n\"\xff\"\n1";
    lined_init(&lined, RULES(.jq = P("f")));
    feed_line(&lined, text("0"));
    assert_int_equal(lined.fixture.last.misfits[TG_MISFIT_JQ], 2);
    assert_int_equal(lined.fixture.count, 1);
    assert_recorded(&lined.fixture, 0, "", "", "1");
    lined_deinit(&lined);
}

static void raw_is_the_message_before_the_filter(void **state)
{
    struct lined lined;

    (void)state;
    played.err = TG_ERR_TIMEOUT;
    lined_init(&lined, RULES(.jq = P("f"), .on_misfit = TG_MISFIT_RAW));
    feed_line(&lined, text("{ \"a\": 1 }"));
    assert_recorded(&lined.fixture, 0, "", "", "{ \"a\": 1 }");
    lined_deinit(&lined);
}

static void a_refusal_leaves_the_other_outputs(void **state)
{
    struct lined lined;

    (void)state;
    played.answer = "1\n2\n3\n";
    lined_init(&lined, RULES(.jq = P("f")));
    lined.fixture.take_most = 1;
    feed_line(&lined, text("0"));
    assert_int_equal(lined.fixture.last.events, 1);
    lined_deinit(&lined);
}

static void binary_does_not_reach_the_filter(void **state)
{
    struct tg_message message = { .bytes = "1", .length = 1, .is_binary = true };

    (void)state;
    struct lined lined;
    lined_init(&lined, RULES(.jq = P("f")));
    tg_line_put(lined.line, &message); /* it waits for nothing */
    assert_recorded(&lined.fixture, 0, "binary", "", "MQ==");
    assert_int_equal(played.got.length, 0);
    lined_deinit(&lined);
}

static void the_filter_has_its_limits(void **state)
{
    struct lined lined;

    (void)state;
    lined_init(&lined, RULES(.jq = P("f"), .jq_timeout_ms = 123, .jq_max_output_bytes = 456));
    assert_int_equal(played.timeout_ms, 123);
    assert_int_equal(played.max_output_bytes, 456);
    lined_deinit(&lined);
}

/* ---- order --------------------------------------------------------------------------------------- */

static void what_needs_no_filter_waits_for_what_does(void **state)
{
    struct lined lined;

    (void)state;
    played.answer = "1\n";
    lined_init(&lined, RULES(.jq = P("f"), .on_misfit = TG_MISFIT_RAW));
    struct tg_message first = text("{}"), second = text("pong"), third = binary("x");
    first.type = TG_STR("t");
    second.id = TG_STR("7");
    assert_true(tg_line_put(lined.line, &first));
    assert_true(tg_line_put(lined.line, &second));
    tg_line_put_mark(lined.line, tg_alloc(1));
    assert_true(tg_line_put(lined.line, &third));
    assert_false(tg_line_put(lined.line, &(struct tg_message){ .bytes = "\xff", .length = 1 }));
    assert_int_equal(lined.fixture.count, 0);
    assert_int_equal(lined.marks, 0);
    answer(played.user);
    assert_int_equal(lined.fixture.count, 3);
    assert_recorded(&lined.fixture, 0, "t", "", "1");
    assert_recorded(&lined.fixture, 1, "", "7", "pong");
    assert_recorded(&lined.fixture, 2, "binary", "", "eA==");
    assert_int_equal(lined.fixture.last.misfits[TG_MISFIT_UTF8], 1);
    assert_int_equal(lined.marks, 1);
    assert_true(tg_line_is_empty(lined.line));
    tg_line_put_mark(lined.line, tg_alloc(1));
    assert_int_equal(lined.marks, 2);
    lined_deinit(&lined);
}

static void a_message_that_there_is_no_memory_for_is_a_misfit_in_its_place(void **state)
{
    struct lined lined;

    (void)state;
    played.answer = "1\n";
    lined_init(&lined, RULES(.jq = P("f"), .on_misfit = TG_MISFIT_ERROR_EVENT));
    struct tg_message message = text("{}");
    tg_line_put(lined.line, &message);
    played.put_err = TG_ERR_MEMORY;
    tg_line_put(lined.line, &message);
    assert_int_equal(lined.fixture.count, 0);
    answer(played.user);
    assert_recorded(&lined.fixture, 0, "", "", "1");
    assert_recorded(&lined.fixture, 1, "tidegate.error", "", "{\"reason\":\"memory\"}");
    lined_deinit(&lined);
}

static void a_line_that_is_full_says_so_and_one_that_is_freed_says_nothing(void **state)
{
    struct lined lined;

    (void)state;
    lined_init(&lined, RULES(.jq = P("f")));
    struct tg_message message = text("{}");
    tg_line_put(lined.line, &message);
    while (!tg_line_is_full(lined.line))
        tg_line_put_mark(lined.line, tg_alloc(1));
    lined_deinit(&lined);
    assert_int_equal(lined.marks, 0);
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
        TEST(what_needs_no_filter_waits_for_what_does),
        TEST(a_message_that_there_is_no_memory_for_is_a_misfit_in_its_place),
        TEST(a_line_that_is_full_says_so_and_one_that_is_freed_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
