/* The Prometheus text format. */
#include "admin/exposition.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect_sample(const struct tg_label *labels, uint64_t value, const char *expected)
{
    struct tg_buffer out = { 0 };
    tg_exposition_count(&out, "m", labels, value);
    assert_string_equal(out.data, expected);
    tg_buffer_deinit(&out);
}

static void a_sample_without_labels_has_no_braces(void **state)
{
    (void)state;
    expect_sample(NULL, 7, "m 7\n");
    expect_sample((const struct tg_label[]){ { 0 } }, 7, "m 7\n");
}

static void the_largest_count_is_written_whole(void **state)
{
    (void)state;
    expect_sample(NULL, UINT64_MAX, "m 18446744073709551615\n");
}

static void labels_are_listed_in_order(void **state)
{
    (void)state;
    expect_sample((const struct tg_label[]){ { "a", "1" }, { "b", "2" }, { 0 } }, 0,
                  "m{a=\"1\",b=\"2\"} 0\n");
}

static void label_values_are_escaped(void **state)
{
    (void)state;
    expect_sample((const struct tg_label[]){ { "a", "x\"y\\z\nö" }, { 0 } }, 1,
                  "m{a=\"x\\\"y\\\\z\\nö\"} 1\n");
}

static void a_value_that_is_not_utf8_is_replaced(void **state)
{
    (void)state;
    expect_sample((const struct tg_label[]){ { "a", "\xff" }, { 0 } }, 1, "m{a=\"invalid\"} 1\n");
}

static void a_head_has_help_and_type(void **state)
{
    (void)state;
    struct tg_buffer out = { 0 };
    tg_exposition_head(&out, "m_total", "counter", "What it counts.");
    assert_string_equal(out.data, "# HELP m_total What it counts.\n# TYPE m_total counter\n");
    tg_buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_without_labels_has_no_braces),
        cmocka_unit_test(the_largest_count_is_written_whole),
        cmocka_unit_test(labels_are_listed_in_order),
        cmocka_unit_test(label_values_are_escaped),
        cmocka_unit_test(a_value_that_is_not_utf8_is_replaced),
        cmocka_unit_test(a_head_has_help_and_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
