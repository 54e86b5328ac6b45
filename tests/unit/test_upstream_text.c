/* The words of states and reasons: labels of metrics must not be missing or stand for two things. */
#include "tidegate/upstream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void each_reason_has_a_word_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < TG_REASON_COUNT; i++) {
        const char *text = tg_upstream_reason_text((enum tg_upstream_reason)i);
        assert_non_null(text);
        assert_string_not_equal(text, "unknown");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(text, tg_upstream_reason_text((enum tg_upstream_reason)j));
    }
    assert_string_equal(tg_upstream_reason_text(TG_REASON_COUNT), "unknown");
    assert_string_equal(tg_upstream_reason_text(TG_REASON_STATUS), "status");
    assert_string_equal(tg_upstream_reason_text(TG_REASON_FINISHED), "finished");
}

static void each_state_has_a_word(void **state)
{
    (void)state;
    for (int i = 0; i <= TG_UPSTREAM_STOPPED; i++)
        assert_string_not_equal(tg_upstream_state_text((enum tg_upstream_state)i), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_has_a_word_of_its_own),
        cmocka_unit_test(each_state_has_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
