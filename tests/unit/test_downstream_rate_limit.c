/* Unit tests: token buckets. */
#include "downstream/rate_limit.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct tg_rate rate = { .per_second = 2, .burst = 3 };

static int set_up(void **state)
{
    *state = tg_rate_limit_new(64);
    return 0;
}

static int tear_down(void **state)
{
    tg_rate_limit_free(*state);
    return 0;
}

static bool take(struct tg_rate_limit *limit, const char *key, uint64_t now_ms)
{
    uint64_t wait_ms;
    return tg_rate_limit_take(limit, tg_str_from(key), &rate, now_ms, &wait_ms);
}

static unsigned take_all(struct tg_rate_limit *limit, const char *key, uint64_t now_ms)
{
    unsigned count = 0;
    while (count < 1000 && take(limit, key, now_ms))
        count++;
    return count;
}

static void a_burst_is_allowed_and_no_more(void **state)
{
    assert_int_equal(take_all(*state, "a", 1000), 3);
    assert_false(take(*state, "a", 1000));
}

static void tokens_come_back_with_time(void **state)
{
    assert_int_equal(take_all(*state, "a", 1000), 3);
    assert_false(take(*state, "a", 1499));
    assert_true(take(*state, "a", 1500));
    assert_false(take(*state, "a", 1999));
    assert_int_equal(take_all(*state, "a", 2500), 2);
}

static void a_bucket_holds_no_more_than_a_burst(void **state)
{
    assert_int_equal(take_all(*state, "a", 1000), 3);
    assert_int_equal(take_all(*state, "a", 1000000000000u), 3);
    assert_int_equal(take_all(*state, "a", UINT64_MAX), 3);
}

static void it_says_how_long_to_wait(void **state)
{
    uint64_t wait_ms = 0;
    assert_int_equal(take_all(*state, "a", 1000), 3);
    assert_false(tg_rate_limit_take(*state, TG_STR("a"), &rate, 1100, &wait_ms));
    assert_int_equal(wait_ms, 400);
    assert_false(take(*state, "a", 1100 + wait_ms - 1));
    assert_true(take(*state, "a", 1100 + wait_ms));
}

static void a_clock_that_goes_back_gives_nothing(void **state)
{
    assert_int_equal(take_all(*state, "a", 5000), 3);
    assert_false(take(*state, "a", 4000));
    assert_false(take(*state, "a", 5000));
    assert_true(take(*state, "a", 5500));
}

static void keys_have_buckets_of_their_own(void **state)
{
    assert_int_equal(take_all(*state, "a", 1000), 3);
    assert_int_equal(take_all(*state, "b", 1000), 3);
    assert_int_equal(take_all(*state, "", 1000), 3);
    assert_false(take(*state, "a", 1000));
}

static void a_flood_of_keys_costs_no_more_memory_and_each_gets_its_burst(void **state)
{
    char key[32];
    for (int i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_int_equal(take_all(*state, key, 1000), 3);
    }
}

static void who_has_sent_most_is_forgotten_last(void **state)
{
    struct tg_rate_limit *one_set = tg_rate_limit_new(1);
    char key[32];
    (void)state;
    assert_int_equal(take_all(one_set, "greedy", 1000), 3);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof(key), "%d", i);
        assert_true(take(one_set, key, 1000));
    }
    assert_false(take(one_set, "greedy", 1000));
    tg_rate_limit_free(one_set);
}

static void large_rates_do_not_overflow(void **state)
{
    const struct tg_rate large = { .per_second = UINT64_MAX, .burst = UINT64_MAX };
    const struct tg_rate least = { .per_second = 1, .burst = 0 };
    uint64_t wait_ms;
    for (int i = 0; i < 1000; i++)
        assert_true(tg_rate_limit_take(*state, TG_STR("large"), &large, (uint64_t)i, &wait_ms));
    assert_true(tg_rate_limit_take(*state, TG_STR("least"), &least, 1000, &wait_ms));
    assert_false(tg_rate_limit_take(*state, TG_STR("least"), &least, 1000, &wait_ms));
    assert_int_equal(wait_ms, 1000);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_burst_is_allowed_and_no_more),
        TEST(tokens_come_back_with_time),
        TEST(a_bucket_holds_no_more_than_a_burst),
        TEST(it_says_how_long_to_wait),
        TEST(a_clock_that_goes_back_gives_nothing),
        TEST(keys_have_buckets_of_their_own),
        TEST(a_flood_of_keys_costs_no_more_memory_and_each_gets_its_burst),
        TEST(who_has_sent_most_is_forgotten_last),
        TEST(large_rates_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
