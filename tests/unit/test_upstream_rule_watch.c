/* Rules that never find anything. */
#include "upstream/rule_watch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum tg_dead_rule feed(struct tg_rule_watch *watch, uint64_t events, uint64_t untyped,
                              uint64_t filtered)
{
    const struct tg_translation translation = { .events = events, .untyped = untyped, .filtered = filtered };

    return tg_rule_watch_on_message(watch, &translation);
}

static void an_event_rule_that_never_finds_a_type_is_told_once(void **state)
{
    struct tg_rule_watch watch = { 0 };

    (void)state;
    for (size_t i = 1; i < TG_WATCHED_EVENTS; i++)
        assert_int_equal(feed(&watch, 1, 1, 0), TG_DEAD_NONE);
    assert_int_equal(feed(&watch, 1, 1, 0), TG_DEAD_EVENT);
    for (size_t i = 0; i < 2 * TG_WATCHED_EVENTS; i++)
        assert_int_equal(feed(&watch, 1, 1, 0), TG_DEAD_NONE);
}

static void one_type_is_enough(void **state)
{
    struct tg_rule_watch watch = { 0 };

    (void)state;
    assert_int_equal(feed(&watch, 3, 2, 0), TG_DEAD_NONE);
    for (size_t i = 0; i < 2 * TG_WATCHED_EVENTS; i++)
        assert_int_equal(feed(&watch, 1, 1, 0), TG_DEAD_NONE);
}

static void misfits_prove_nothing(void **state)
{
    const struct tg_translation raw = { .events = 1, .first_misfit = TG_MISFIT_JSON };
    struct tg_rule_watch watch = { 0 };

    (void)state;
    assert_int_equal(tg_rule_watch_on_message(&watch, &raw), TG_DEAD_NONE);
    for (size_t i = 1; i < TG_WATCHED_EVENTS; i++)
        assert_int_equal(feed(&watch, 1, 1, 0), TG_DEAD_NONE);
    assert_int_equal(feed(&watch, 1, 1, 0), TG_DEAD_EVENT);
}

static void a_filter_that_lets_nothing_through_is_told_once(void **state)
{
    struct tg_rule_watch watch = { 0 };

    (void)state;
    for (size_t i = 1; i < TG_WATCHED_MESSAGES; i++)
        assert_int_equal(feed(&watch, 0, 0, 1), TG_DEAD_NONE);
    assert_int_equal(feed(&watch, 0, 0, 1), TG_DEAD_WHEN);
    for (size_t i = 0; i < 2 * TG_WATCHED_MESSAGES; i++)
        assert_int_equal(feed(&watch, 0, 0, 1), TG_DEAD_NONE);
}

static void a_filter_that_has_let_something_through_is_fine(void **state)
{
    struct tg_rule_watch watch = { 0 };

    (void)state;
    assert_int_equal(feed(&watch, 1, 0, 0), TG_DEAD_NONE);
    for (size_t i = 0; i < 2 * TG_WATCHED_MESSAGES; i++)
        assert_int_equal(feed(&watch, 0, 0, 1), TG_DEAD_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_rule_that_never_finds_a_type_is_told_once),
        cmocka_unit_test(one_type_is_enough),
        cmocka_unit_test(misfits_prove_nothing),
        cmocka_unit_test(a_filter_that_lets_nothing_through_is_told_once),
        cmocka_unit_test(a_filter_that_has_let_something_through_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
