/* Configurations from text: one that loads, and one whose error is known. */
#ifndef TIDEGATE_TESTS_CONFIG_FIXTURE_H
#define TIDEGATE_TESTS_CONFIG_FIXTURE_H

#include "tidegate/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Free it with tg_config_free. */
static inline struct tg_config *load_good(const char *text)
{
    struct tg_config *config = NULL;
    struct tg_buffer errors = { 0 };
    if (tg_config_parse("t.json", text, strlen(text), &config, &errors))
        fail_msg("%s", errors.data);
    assert_null(errors.data);
    return config;
}

/* What is said of a text that is no configuration; the caller frees it. */
static inline struct tg_buffer load_bad(const char *text)
{
    struct tg_config *config = NULL;
    struct tg_buffer errors = { 0 };
    assert_int_equal(tg_config_parse("t.json", text, strlen(text), &config, &errors), TG_ERR_INVALID);
    assert_null(config);
    return errors;
}

/* This is all that is said. */
static inline void assert_errors(const char *text, const char *expected)
{
    struct tg_buffer errors = load_bad(text);
    assert_string_equal(errors.data, expected);
    tg_buffer_deinit(&errors);
}

/* There is one error, and its text begins like this. */
static inline void assert_bad(const char *text, const char *beginning)
{
    struct tg_buffer errors = load_bad(text);
    if (strncmp(errors.data, beginning, strlen(beginning)) != 0)
        fail_msg("%s", errors.data);
    assert_ptr_equal(strchr(errors.data, '\n'), errors.data + errors.length - 1);
    tg_buffer_deinit(&errors);
}

#endif
