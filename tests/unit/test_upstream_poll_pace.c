/* When a poll asks again. */
#include "upstream/poll_pace.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint64_t lowest(uint64_t bound)
{
    (void)bound;
    return 0;
}

static uint64_t highest(uint64_t bound)
{
    return bound - 1;
}

#define CONFIG(...) (&(const struct tg_config_upstream){ __VA_ARGS__ })

static void the_interval_is_exact_without_jitter(void **state)
{
    (void)state;
    assert_int_equal(tg_poll_wait_ms(CONFIG(.every_ms = 5000), 0, false, lowest), 5000);
    assert_int_equal(tg_poll_wait_ms(CONFIG(.every_ms = 5000), 4000, false, highest),
                     5000); /* from its end */
    assert_int_equal(tg_poll_wait_ms(CONFIG(.every_ms = 10), 0, true, highest), 10);
}

static void jitter_is_a_share_of_the_interval_either_way(void **state)
{
    (void)state;
    assert_int_equal(tg_poll_wait_ms(CONFIG(.every_ms = 5000, .jitter_percent = 10), 0, false, lowest), 4500);
    assert_int_equal(tg_poll_wait_ms(CONFIG(.every_ms = 5000, .jitter_percent = 10), 0, false, highest),
                     5500);
    assert_int_equal(tg_poll_wait_ms(CONFIG(.every_ms = 5000, .jitter_percent = 100), 0, false, lowest), 0);
    assert_int_equal(tg_poll_wait_ms(CONFIG(.every_ms = 5000, .jitter_percent = 100), 0, false, highest),
                     10000);
    assert_int_equal(tg_poll_wait_ms(CONFIG(.every_ms = 10, .jitter_percent = 5), 0, false, lowest), 10);
    const int64_t year_ms = INT64_C(365) * 86400000;
    assert_int_equal(tg_poll_wait_ms(CONFIG(.every_ms = year_ms, .jitter_percent = 100), 0, false, highest),
                     2 * year_ms);
}

static void real_randomness_stays_within_the_jitter(void **state)
{
    uint64_t least = UINT64_MAX, most = 0;

    (void)state;
    for (int i = 0; i < 10000; i++) {
        uint64_t wait_ms =
            tg_poll_wait_ms(CONFIG(.every_ms = 1000, .jitter_percent = 20), 0, false, tg_random_below);
        least = wait_ms < least ? wait_ms : least;
        most = wait_ms > most ? wait_ms : most;
    }
    assert_in_range(least, 800, 850);
    assert_in_range(most, 1150, 1200);
}

static void a_long_poll_asks_at_once_but_ten_times_a_second_at_most(void **state)
{
    const struct tg_config_upstream *config = CONFIG(.every_ms = 5000, .jitter_percent = 10, .is_long = true);

    (void)state;
    assert_int_equal(tg_poll_wait_ms(config, 0, false, highest), 100);
    assert_int_equal(tg_poll_wait_ms(config, 30, false, highest), 70);
    assert_int_equal(tg_poll_wait_ms(config, 100, false, highest), 0);
    assert_int_equal(tg_poll_wait_ms(config, 30000, false, highest), 0);
}

static void a_long_poll_does_not_fetch_again_at_once_what_was_too_much(void **state)
{
    (void)state;
    assert_int_equal(tg_poll_wait_ms(CONFIG(.every_ms = 5000, .is_long = true), 0, true, lowest), 5000);
}

static void a_long_poll_is_patient(void **state)
{
    (void)state;
    assert_int_equal(tg_poll_timeout_ms(CONFIG(.connect_timeout_ms = 7, .idle_timeout_ms = 9)), 7);
    assert_int_equal(
        tg_poll_timeout_ms(CONFIG(.connect_timeout_ms = 7, .idle_timeout_ms = 9, .is_long = true)), 9);
    assert_int_equal(tg_poll_timeout_ms(CONFIG(.connect_timeout_ms = 7, .is_long = true)), 3600 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interval_is_exact_without_jitter),
        cmocka_unit_test(jitter_is_a_share_of_the_interval_either_way),
        cmocka_unit_test(real_randomness_stays_within_the_jitter),
        cmocka_unit_test(a_long_poll_asks_at_once_but_ten_times_a_second_at_most),
        cmocka_unit_test(a_long_poll_does_not_fetch_again_at_once_what_was_too_much),
        cmocka_unit_test(a_long_poll_is_patient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
