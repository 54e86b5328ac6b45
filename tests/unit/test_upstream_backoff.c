/* Back-off: full jitter below a ceiling that doubles. */
#include "upstream/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t asked_bound;

static uint64_t highest(uint64_t bound)
{
    asked_bound = bound;
    return bound - 1;
}

static uint64_t lowest(uint64_t bound)
{
    asked_bound = bound;
    return 0;
}

static void delays_double_up_to_the_maximum(void **state)
{
    struct tg_backoff backoff;

    (void)state;
    tg_backoff_init(&backoff, 200, 1500, highest);
    assert_int_equal(tg_backoff_next(&backoff), 200);
    assert_int_equal(tg_backoff_next(&backoff), 400);
    assert_int_equal(tg_backoff_next(&backoff), 800);
    assert_int_equal(tg_backoff_next(&backoff), 1500);
    assert_int_equal(tg_backoff_next(&backoff), 1500);
}

static void jitter_covers_the_whole_range(void **state)
{
    struct tg_backoff backoff;

    (void)state;
    tg_backoff_init(&backoff, 200, 1500, lowest);
    assert_int_equal(tg_backoff_next(&backoff), 0);
    assert_int_equal(asked_bound, 201);
    assert_int_equal(tg_backoff_next(&backoff), 0);
    assert_int_equal(asked_bound, 401);
}

static void reset_starts_over(void **state)
{
    struct tg_backoff backoff;

    (void)state;
    tg_backoff_init(&backoff, 10, 1000, highest);
    for (int i = 0; i < 5; i++)
        tg_backoff_next(&backoff);
    tg_backoff_reset(&backoff);
    assert_int_equal(tg_backoff_next(&backoff), 10);
}

static void not_soon_is_half_of_the_maximum_at_least(void **state)
{
    struct tg_backoff backoff;

    (void)state;
    tg_backoff_init(&backoff, 200, 1501, lowest);
    assert_int_equal(tg_backoff_longest(&backoff), 750);
    assert_int_equal(asked_bound, 752);
    tg_backoff_next(&backoff);
    assert_int_equal(asked_bound, 1502);
    backoff.random_below = highest;
    assert_int_equal(tg_backoff_longest(&backoff), 1501);
}

static void a_spread_wait_is_between_both_limits_and_changes_nothing(void **state)
{
    struct tg_backoff backoff;

    (void)state;
    tg_backoff_init(&backoff, 200, 1500, lowest);
    assert_int_equal(tg_backoff_spread(&backoff), 200);
    tg_backoff_next(&backoff);
    assert_int_equal(asked_bound, 201);
    backoff.random_below = highest;
    assert_int_equal(tg_backoff_spread(&backoff), 1500);
}

static void huge_and_odd_limits_are_safe(void **state)
{
    struct tg_backoff backoff;

    (void)state;
    tg_backoff_init(&backoff, UINT64_MAX / 4, UINT64_MAX / 2, highest);
    for (int i = 0; i < 100; i++)
        tg_backoff_next(&backoff);
    assert_int_equal(tg_backoff_next(&backoff), UINT64_MAX / 2);
    tg_backoff_init(&backoff, 0, 0, highest);
    assert_int_equal(tg_backoff_next(&backoff), 1);
    tg_backoff_init(&backoff, 500, 100, highest);
    assert_int_equal(tg_backoff_next(&backoff), 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_double_up_to_the_maximum),
        cmocka_unit_test(jitter_covers_the_whole_range),
        cmocka_unit_test(reset_starts_over),
        cmocka_unit_test(not_soon_is_half_of_the_maximum_at_least),
        cmocka_unit_test(a_spread_wait_is_between_both_limits_and_changes_nothing),
        cmocka_unit_test(huge_and_odd_limits_are_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
