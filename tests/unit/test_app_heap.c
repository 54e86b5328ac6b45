/* When memory is given back: after a crowd has left, not while it is leaving. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/heap.h"

static void a_few_that_leave_are_not_worth_it(void **state)
{
    struct tg_heap_watch watch = { 0 };
    (void)state;

    assert_false(tg_heap_watch_is_due(&watch, 0));
    assert_false(tg_heap_watch_is_due(&watch, 15));
    assert_false(tg_heap_watch_is_due(&watch, 15));
}

static void a_crowd_is_waited_for_until_it_has_left(void **state)
{
    struct tg_heap_watch watch = { 0 };
    (void)state;

    assert_false(tg_heap_watch_is_due(&watch, 5000));
    assert_false(tg_heap_watch_is_due(&watch, 10000));
    assert_true(tg_heap_watch_is_due(&watch, 10001));
    assert_false(tg_heap_watch_is_due(&watch, 10001));
}

static void many_that_leave_one_by_one_are_a_crowd_in_the_end(void **state)
{
    struct tg_heap_watch watch = { 0 };
    uint64_t closed = 0;
    int due = 0;
    (void)state;

    for (int i = 0; i < 100; i++)
        due += tg_heap_watch_is_due(&watch, closed += 10);
    assert_int_equal(due, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_few_that_leave_are_not_worth_it),
        cmocka_unit_test(a_crowd_is_waited_for_until_it_has_left),
        cmocka_unit_test(many_that_leave_one_by_one_are_a_crowd_in_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
