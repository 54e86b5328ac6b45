/* When bursts are due, and what is not caught up with. */
#include "feed/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum { MS = 1000000, BEGIN = 5 * MS };

static struct feed_schedule schedule;

/* Takes what is due at so many milliseconds after the beginning. */
static uint64_t take_at(double ms)
{
    uint64_t now_ns = BEGIN + (uint64_t)(ms * MS);
    uint64_t due = feed_schedule_due(&schedule, now_ns);
    feed_schedule_take(&schedule, due, now_ns);
    return due;
}

static void expect_next_at(double ms)
{
    assert_int_equal(feed_schedule_next_ns(&schedule), BEGIN + (uint64_t)(ms * MS));
}

static void the_first_burst_is_due_at_once(void **state)
{
    (void)state;
    feed_schedule_start(&schedule, BEGIN, 20.0 * MS, 1);
    assert_int_equal(take_at(0), 1);
    assert_int_equal(take_at(0), 0);
    expect_next_at(20);
}

static void being_late_does_not_move_the_schedule(void **state)
{
    (void)state;
    feed_schedule_start(&schedule, BEGIN, 20.0 * MS, 1);
    take_at(0);
    assert_int_equal(take_at(19.9), 0);
    assert_int_equal(take_at(27), 1);
    expect_next_at(40);
    assert_int_equal(schedule.late_count, 0);
}

static void streams_are_spread_over_the_interval(void **state)
{
    (void)state;
    feed_schedule_start(&schedule, BEGIN, 100.0 * MS, 1000);
    assert_int_equal(take_at(0), 1);
    expect_next_at(0.1);
    assert_int_equal(take_at(1), 10);
    assert_int_equal(take_at(50), 490);
    assert_int_equal(take_at(100), 500);
    assert_int_equal(schedule.late_count, 0);
}

static void one_burst_is_caught_up_with_and_no_more(void **state)
{
    (void)state;
    feed_schedule_start(&schedule, BEGIN, 20.0 * MS, 1);
    take_at(0);
    assert_int_equal(take_at(59), 2); /* those of 20 (late) and 40 */
    assert_int_equal(schedule.late_count, 1);
    assert_int_equal(take_at(1005), 2);                /* 60 to 1000 are 48 */
    assert_int_equal(schedule.late_count, 1 + 46 + 1); /* 46 skipped, that of 980 sent late */
    expect_next_at(1020);
}

static void what_is_skipped_and_what_is_sent_is_what_was_due(void **state)
{
    (void)state;
    feed_schedule_start(&schedule, BEGIN, 100.0 * MS, 7);
    uint64_t sent = take_at(0);
    sent += take_at(33);
    sent += take_at(1234.5);
    sent += take_at(1299.9);
    sent += take_at(2000.001);
    assert_int_equal(schedule.next, sent);
    assert_in_range(sent + schedule.late_count, 141, 141 + 14); /* the late ones that were sent count twice */
}

static void at_high_rates_a_moment_off_the_cpu_costs_nothing(void **state)
{
    (void)state;
    feed_schedule_start(&schedule, BEGIN, 0.01 * MS, 1);
    assert_int_equal(take_at(0), 1);
    assert_int_equal(take_at(4), 400);
    assert_in_range(schedule.late_count, 299, 301); /* by more than a millisecond */
    assert_in_range(take_at(5), 99, 101);
    assert_in_range(schedule.late_count, 299, 301);
    uint64_t late = schedule.late_count;
    assert_in_range(take_at(1005), 999, 1001); /* the last 10 ms */
    assert_true(schedule.late_count > late + 98000);
}

static void there_is_no_drift(void **state)
{
    (void)state;
    feed_schedule_start(&schedule, BEGIN, 1e9 / 30, 3);
    uint64_t sent = 0;
    for (uint64_t ms = 0; ms < 3600000; ms += 10)
        sent += take_at((double)ms);
    sent += take_at(3600000);
    assert_in_range(sent, 3600 * 90, 3600 * 90 + 1);
    assert_int_equal(schedule.late_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_burst_is_due_at_once),
        cmocka_unit_test(being_late_does_not_move_the_schedule),
        cmocka_unit_test(streams_are_spread_over_the_interval),
        cmocka_unit_test(one_burst_is_caught_up_with_and_no_more),
        cmocka_unit_test(what_is_skipped_and_what_is_sent_is_what_was_due),
        cmocka_unit_test(at_high_rates_a_moment_off_the_cpu_costs_nothing),
        cmocka_unit_test(there_is_no_drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
