/* Retry-After: seconds and dates. */
#include "upstream/retry_after.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Sun, 06 Nov 1994 08:49:37 GMT */
#define THEN_MS 784111777000u

static void assert_delay(const char *text, uint64_t wall_ms, uint64_t expected_ms)
{
    uint64_t delay_ms = 1;

    assert_int_equal(tg_retry_after_parse(text, wall_ms, &delay_ms), TG_OK);
    assert_int_equal(delay_ms, expected_ms);
}

static void seconds_count_from_now(void **state)
{
    (void)state;
    assert_delay("0", THEN_MS, 0);
    assert_delay("120", THEN_MS, 120000);
    assert_delay("0007", THEN_MS, 7000);
}

static void each_form_of_date_is_read(void **state)
{
    (void)state;
    assert_delay("Sun, 06 Nov 1994 08:49:37 GMT", THEN_MS - 5000, 5000);
    assert_delay("Sunday, 06-Nov-94 08:49:37 GMT", THEN_MS - 5000, 5000);
    assert_delay("Sun Nov  6 08:49:37 1994", THEN_MS - 5000, 5000);
}

static void a_date_in_the_past_means_now(void **state)
{
    (void)state;
    assert_delay("Sun, 06 Nov 1994 08:49:37 GMT", THEN_MS + 1, 0);
}

static void long_waits_are_capped(void **state)
{
    (void)state;
    assert_delay("3600", THEN_MS, TG_RETRY_AFTER_MAX_MS);
    assert_delay("3601", THEN_MS, TG_RETRY_AFTER_MAX_MS);
    assert_delay("99999999999999999999999999", THEN_MS, TG_RETRY_AFTER_MAX_MS);
    assert_delay("Sun, 06 Nov 2094 08:49:37 GMT", THEN_MS, TG_RETRY_AFTER_MAX_MS);
}

static void anything_else_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "-1",
        "1.5",
        "10s",
        " 1",
        "soon",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 06 Nov 1994 08:49:37 GMT, x",
        "Sun, 06 Xyz 1994 08:49:37 GMT",
        "Sun, 36 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 28:49:37 GMT",
        "Sun, 06 ovD 1994 08:49:37 GMT",
    };
    uint64_t delay_ms = 42;

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(texts); i++)
        assert_int_equal(tg_retry_after_parse(texts[i], THEN_MS, &delay_ms), TG_ERR_INVALID);
    assert_int_equal(delay_ms, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_count_from_now),       cmocka_unit_test(each_form_of_date_is_read),
        cmocka_unit_test(a_date_in_the_past_means_now), cmocka_unit_test(long_waits_are_capped),
        cmocka_unit_test(anything_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
