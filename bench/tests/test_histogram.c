/* The histogram: buckets of 1 % at most, and quantiles that are never too low. */
#include "common/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct bench_histogram histogram;

static int start_empty(void **state)
{
    (void)state;
    bench_histogram_reset(&histogram);
    return 0;
}

static void expect_printed(const char *expected)
{
    char *text = NULL;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    assert_non_null(out);
    bench_histogram_print(&histogram, out);
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void an_empty_one_has_quantiles_of_zero(void **state)
{
    (void)state;
    assert_int_equal(bench_histogram_quantile(&histogram, 0.99), 0);
    expect_printed("{\"count\":0,\"p50\":0,\"p99\":0,\"p999\":0,\"max\":0,\"buckets\":[]}");
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 1; value <= 100; value++)
        bench_histogram_add(&histogram, value);
    assert_int_equal(bench_histogram_quantile(&histogram, 0), 1);
    assert_int_equal(bench_histogram_quantile(&histogram, 0.5), 50);
    assert_int_equal(bench_histogram_quantile(&histogram, 0.99), 99);
    assert_int_equal(bench_histogram_quantile(&histogram, 1), 100);
}

/* What quantile 0.5 gives for a value with a greater one next to it is the bucket's bound. */
static void expect_bound(uint64_t value)
{
    bench_histogram_reset(&histogram);
    bench_histogram_add(&histogram, value);
    bench_histogram_add(&histogram, UINT64_MAX);
    uint64_t bound = bench_histogram_quantile(&histogram, 0.5);
    assert_true(bound >= value);
    assert_true(bound - value <= value / 100);
}

static void bounds_are_above_a_value_by_one_percent_at_most(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 63; bit++) {
        uint64_t power = 1ull << bit;
        expect_bound(power - 1);
        expect_bound(power);
        expect_bound(power + 1);
        expect_bound(power + power / 3);
    }
}

static void the_greatest_value_has_a_bucket(void **state)
{
    (void)state;
    bench_histogram_add(&histogram, UINT64_MAX);
    assert_int_equal(histogram.counts[BENCH_HISTOGRAM_BUCKETS - 1], 1);
    assert_true(bench_histogram_quantile(&histogram, 0.5) == UINT64_MAX);
}

static void buckets_join_without_a_hole(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 100000; value++)
        bench_histogram_add(&histogram, value);
    size_t bucket = 0;
    uint64_t seen = 0;
    while (seen < 100000) {
        assert_int_not_equal(histogram.counts[bucket], 0);
        seen += histogram.counts[bucket++];
    }
    assert_int_equal(seen, 100000);
}

static void no_quantile_is_above_the_greatest_value(void **state)
{
    (void)state;
    bench_histogram_add(&histogram, 1000001);
    assert_int_equal(bench_histogram_quantile(&histogram, 0.5), 1000001);
    assert_int_equal(bench_histogram_quantile(&histogram, 1), 1000001);
}

static void it_prints_the_buckets_that_are_not_empty(void **state)
{
    (void)state;
    bench_histogram_add(&histogram, 3);
    bench_histogram_add(&histogram, 3);
    bench_histogram_add(&histogram, 256);
    expect_printed("{\"count\":3,\"p50\":3,\"p99\":256,\"p999\":256,\"max\":256,"
                   "\"buckets\":[[3,2],[257,1]]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_has_quantiles_of_zero, start_empty),
        cmocka_unit_test_setup(small_values_are_exact, start_empty),
        cmocka_unit_test_setup(bounds_are_above_a_value_by_one_percent_at_most, start_empty),
        cmocka_unit_test_setup(the_greatest_value_has_a_bucket, start_empty),
        cmocka_unit_test_setup(buckets_join_without_a_hole, start_empty),
        cmocka_unit_test_setup(no_quantile_is_above_the_greatest_value, start_empty),
        cmocka_unit_test_setup(it_prints_the_buckets_that_are_not_empty, start_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
