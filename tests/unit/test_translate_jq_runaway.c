/* jq filters that run away: they are ended, and rest. */
#include "jq_fixture.h"

/* Until it is the filter that has been ended, and rests. */
static void run_away(struct waited *jq)
{
    do
        assert_int_equal(run(jq, "1"), TG_ERR_TIMEOUT);
    while (run(jq, "2") != TG_ERR_LIMIT);
}

static void expect_rest(struct waited *jq, uint64_t rest_ms)
{
    uint64_t begun_ms = fake_now_ms;
    run_away(jq);
    fake_now_ms = begun_ms + rest_ms - 1;
    assert_int_equal(run(jq, "2"), TG_ERR_LIMIT);
    fake_now_ms++;
    run_well(jq, "2");
}

static void a_filter_that_runs_away_is_ended_and_rests_longer_each_time(void **state)
{
    (void)state;
    tg_jq_set_clock(fake_clock);
    struct waited *jq = new_jq(FILTER, SHORT_MS);
    pid_t first = find_child();
    assert_int_equal(run(jq, "1"), TG_ERR_TIMEOUT);
    assert_int_equal(run(jq, "2"), TG_OK);
    expect_rest(jq, 1000);
    assert_int_not_equal(find_child(), first);
    expect_rest(jq, 2000);
    expect_rest(jq, 4000);
    expect_rest(jq, 8000);
    expect_rest(jq, 16000);
    expect_rest(jq, 30000);
    expect_rest(jq, 30000);
    fake_now_ms += 60 * 1000; /* it went well for a minute */
    expect_rest(jq, 1000);
    waited_free(jq);
}

static void filters_that_run_away_in_other_ways_are_ended(void **state)
{
    (void)state;
    static const char *const filters[] = {
        "[range(infinite)]",
        "last(range(infinite))",
        "def f: 1 + f; f",
        "[repeat(\"x\")]",
        "reduce repeat(\"xyz\") as $x (\"\"; . + $x)",
        "until(false; .)",
    };
    tg_jq_set_clock(fake_clock);
    for (size_t i = 0; i < TG_COUNT_OF(filters); i++) {
        struct waited *jq = new_jq(filters[i], SHORT_MS);
        for (int time = 0; time < 2; time++) { /* once is not often */
            enum tg_err err = run(jq, "0");
            assert_true(err == TG_ERR_TIMEOUT || err == TG_ERR_TOO_LARGE);
        }
        assert_int_equal(run(jq, "0"), TG_ERR_LIMIT);
        waited_free(jq);
    }
}

static void a_filter_that_wants_all_memory_is_ended_and_rests(void **state)
{
    (void)state;
#if TG_HAS_SHADOW_MEMORY
    skip(); /* there is no limit then */
#endif
    tg_jq_set_clock(fake_clock);
    struct waited *jq = new_jq("if . == 1 then \"x\" | until(false; . + .) else . end", LONG_MS);
    assert_int_equal(run(jq, "1"), TG_ERR_TOO_LARGE);
    assert_int_equal(run(jq, "2"), TG_OK);
    assert_int_equal(run(jq, "1"), TG_ERR_TOO_LARGE);
    assert_int_equal(run(jq, "2"), TG_ERR_LIMIT);
    fake_now_ms += 1000;
    assert_int_equal(run(jq, "2"), TG_OK);
    waited_free(jq);
}

static void a_running_filter_can_be_freed_with_its_process(void **state)
{
    (void)state;
    struct waited *jq = new_jq(FILTER, 1);
    (void)run(jq, "1"); /* a new process is starting then */
    waited_free(jq);
    waited_free(NULL);
}

int main(void)
{
    tg_jq_set_program(TIDEGATE_PROGRAM);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_filter_that_runs_away_is_ended_and_rests_longer_each_time, begin,
                                        end),
        cmocka_unit_test_setup_teardown(filters_that_run_away_in_other_ways_are_ended, begin, end),
        cmocka_unit_test_setup_teardown(a_filter_that_wants_all_memory_is_ended_and_rests, begin, end),
        cmocka_unit_test_setup_teardown(a_running_filter_can_be_freed_with_its_process, begin, end),
    };
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    tg_jq_set_program(NULL);
    return failures;
}
