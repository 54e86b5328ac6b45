/* Unit tests: durations and sizes. */
#include "config/options.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct example {
    const char *text;
    int64_t number;
};

static void durations_have_units(void **state)
{
    (void)state;
    static const struct example good[] = {
        { "0", 0 },
        { "0s", 0 },
        { "200ms", 200 },
        { "20s", 20000 },
        { "10m", 600000 },
        { "1h", 3600000 },
        { "1d", 86400000 },
        { "007s", 7000 },
        { "9223372036854775807ms", INT64_MAX },
        { "106751991167d", INT64_C(9223372036828800000) },
    };
    static const char *const bad[] = { "",
                                       "20",
                                       "s",
                                       "-1s",
                                       "+1s",
                                       "1.5s",
                                       " 1s",
                                       "1s ",
                                       "1 s",
                                       "1S",
                                       "1sec",
                                       "00",
                                       "1w",
                                       "1us",
                                       "1h30m",
                                       "0x1s",
                                       "9223372036854775808ms",
                                       "106751991168d",
                                       "99999999999999999999999s" };
    int64_t number = 77;
    for (size_t i = 0; i < TG_COUNT_OF(good); i++) {
        assert_int_equal(tg_parse_duration(good[i].text, &number), TG_OK);
        assert_int_equal(number, good[i].number);
    }
    number = 77;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++)
        assert_int_equal(tg_parse_duration(bad[i], &number), TG_ERR_INVALID);
    assert_int_equal(number, 77);
}

static void sizes_may_have_units(void **state)
{
    (void)state;
    static const struct example good[] = {
        { "0", 0 },
        { "512", 512 },
        { "512B", 512 },
        { "64KiB", 65536 },
        { "16MiB", 16777216 },
        { "1GiB", 1073741824 },
        { "64KB", 64000 },
        { "16MB", 16000000 },
        { "1GB", 1000000000 },
        { "9223372036854775807", INT64_MAX },
    };
    static const char *const bad[] = { "",
                                       "B",
                                       "-1",
                                       "1.5MiB",
                                       "1 MiB",
                                       "1mib",
                                       "1K",
                                       "1M",
                                       "1TiB",
                                       "1kB",
                                       "9223372036854775808",
                                       "8589934592GiB" };
    int64_t number = 77;
    for (size_t i = 0; i < TG_COUNT_OF(good); i++) {
        assert_int_equal(tg_parse_size(good[i].text, &number), TG_OK);
        assert_int_equal(number, good[i].number);
    }
    number = 77;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++)
        assert_int_equal(tg_parse_size(bad[i], &number), TG_ERR_INVALID);
    assert_int_equal(number, 77);
}

static void formatting_takes_the_largest_exact_unit(void **state)
{
    (void)state;
    static const struct example durations[] = { { "0", 0 },       { "1ms", 1 },      { "1500ms", 1500 },
                                                { "90s", 90000 }, { "1h", 3600000 }, { "2d", 172800000 } };
    static const struct example sizes[] = { { "0B", 0 },         { "1B", 1 },
                                            { "1000B", 1000 },   { "1KiB", 1024 },
                                            { "1536B", 1536 },   { "64KiB", 65536 },
                                            { "1MiB", 1048576 }, { "3GiB", INT64_C(3) << 30 } };
    char text[TG_UNIT_TEXT_MAX];
    for (size_t i = 0; i < TG_COUNT_OF(durations); i++) {
        tg_format_duration(durations[i].number, text);
        assert_string_equal(text, durations[i].text);
    }
    for (size_t i = 0; i < TG_COUNT_OF(sizes); i++) {
        tg_format_size(sizes[i].number, text);
        assert_string_equal(text, sizes[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_have_units),
        cmocka_unit_test(sizes_may_have_units),
        cmocka_unit_test(formatting_takes_the_largest_exact_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
