/* jq filters that are tried together are those that could stand alone. */
#include "config/jq_filters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const good[] = { ".",
                                    ".a",
                                    ".items[] | select(.price > 10) | {price, n: [1, (2)]}",
                                    "def f: 1; f",
                                    "\")\" , \"a\\\"(\"",
                                    "\"\\(.a)\"",
                                    ".a # )",
                                    ". as [$a, {b: $c}] | $a" };
/* Without an expression: jq 1.6 takes them, 1.7 does not. */
static const char *const unsettled[] = { "", "def f: 1;" };
static const char *const bad[] = {
    "1), (2", "1) | (2",           ".[", "x",          "1 # ) (\n )", "])", "\"\\(1), (2\")",
    "{a: (}", "def _0: 1; ) , (2", "$x", "1\n)\n,\n(2"
};

static bool compiles(const char *text)
{
    struct tg_buffer error = { 0 };
    bool is_good = tg_jq_filter_compiles(text, &error);
    if (!is_good)
        assert_true(error.length > 0);
    tg_buffer_deinit(&error);
    return is_good;
}

static void good_ones_are_known_together(void **state)
{
    (void)state;
    tg_jq_filters_learn(good, TG_COUNT_OF(good));
    for (size_t i = 0; i < TG_COUNT_OF(good); i++)
        assert_true(compiles(good[i]));
    tg_jq_filters_forget();
}

static void one_that_jq_versions_disagree_on_is_judged_as_alone(void **state)
{
    (void)state;
    bool is_good_alone[TG_COUNT_OF(unsettled)];
    for (size_t i = 0; i < TG_COUNT_OF(unsettled); i++)
        is_good_alone[i] = compiles(unsettled[i]);
    tg_jq_filters_learn(unsettled, TG_COUNT_OF(unsettled));
    for (size_t i = 0; i < TG_COUNT_OF(unsettled); i++)
        assert_int_equal(compiles(unsettled[i]), is_good_alone[i]);
    tg_jq_filters_forget();
}

static void a_bad_one_is_found_among_good_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        const char *texts[TG_COUNT_OF(good) + 1];
        for (size_t j = 0; j < TG_COUNT_OF(good); j++)
            texts[j] = good[j];
        texts[TG_COUNT_OF(good)] = bad[i];
        tg_jq_filters_learn(texts, TG_COUNT_OF(texts));
        if (compiles(bad[i]))
            fail_msg("%s", bad[i]);
        assert_true(compiles(good[2]));
    }
    tg_jq_filters_forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_known_together),
        cmocka_unit_test(one_that_jq_versions_disagree_on_is_judged_as_alone),
        cmocka_unit_test(a_bad_one_is_found_among_good_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
