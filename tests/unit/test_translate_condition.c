/* Conditions: which messages match, and which can be asked without JSON. */
#include "translate/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define P(text) ((char *)(text))
#define VALUES(...) ((char *[]){ __VA_ARGS__, NULL })
#define CONDITION(...) ((struct tg_config_condition){ __VA_ARGS__ })
#define CHILDREN(...)                                                                                        \
    .conditions = (struct tg_config_condition[]){ __VA_ARGS__ },                                             \
    .condition_count =                                                                                       \
        sizeof((struct tg_config_condition[]){ __VA_ARGS__ }) / sizeof(struct tg_config_condition)

#define EXISTS(where, expected)                                                                              \
    CONDITION(.kind = TG_CONDITION_EXISTS, .pointer = P(where), .is_expected = (expected))
#define EQUALS(where, value)                                                                                 \
    CONDITION(.kind = TG_CONDITION_EQUALS, .pointer = P(where), .values = VALUES(P(value)))
#define COMPARES(what, value) CONDITION(.kind = (what), .pointer = P("/a"), .number = (value))
#define MATCHES(regex) CONDITION(.kind = TG_CONDITION_MATCHES, .pointer = P("/a"), .pattern = P(regex))
#define TEXT(text) CONDITION(.kind = TG_CONDITION_TEXT, .pattern = P(text))
#define NOT(child) CONDITION(.kind = TG_CONDITION_NOT, CHILDREN(child))

static enum tg_err ask(struct tg_config_condition config, const char *message, bool *ret_matches)
{
    struct tg_condition *condition = NULL;
    struct tg_buffer error = { 0 };
    struct tg_json json = { .text = tg_str_from(message) };

    assert_int_equal(tg_condition_new(&config, &condition, &error), TG_OK);
    assert_int_equal(error.length, 0);
    enum tg_err err = tg_condition_ask(condition, &json, ret_matches);
    tg_condition_free(condition);
    return err;
}

static bool matches(struct tg_config_condition config, const char *message)
{
    bool is_match = false;

    assert_int_equal(ask(config, message, &is_match), TG_OK);
    return is_match;
}

static bool needs_json(struct tg_config_condition config, const char *message)
{
    bool is_match;
    enum tg_err err = ask(config, message, &is_match);

    assert_true(err == TG_OK || err == TG_ERR_INVALID);
    return err == TG_ERR_INVALID;
}

static void exists_asks_for_a_value_be_it_null(void **state)
{
    (void)state;
    assert_true(matches(EXISTS("/a", true), "{\"a\":null}"));
    assert_false(matches(EXISTS("/a", true), "{\"b\":1}"));
    assert_false(matches(EXISTS("/a", false), "{\"a\":1}"));
    assert_true(matches(EXISTS("/a", false), "[]"));
    assert_true(matches(EXISTS("", true), "1"));
}

static void equals_compares_values(void **state)
{
    (void)state;
    assert_true(matches(EQUALS("/a", "1"), "{\"a\":1.0}"));
    assert_true(matches(EQUALS("/a", "\"x\""), "{\"a\":\"\\u0078\"}"));
    assert_true(matches(EQUALS("/a", "null"), "{\"a\":null}"));
    assert_false(matches(EQUALS("/a", "null"), "{}"));
    assert_true(matches(EQUALS("/a", "{\"b\":1,\"c\":[2]}"), "{\"a\":{ \"c\":[2.0], \"b\":1 }}"));
    assert_false(matches(EQUALS("/a", "\"1\""), "{\"a\":1}"));
    assert_true(matches(EQUALS("", "[1]"), " [ 1 ] "));
}

static void one_of_takes_any_of_its_values(void **state)
{
    struct tg_config_condition config = CONDITION(.kind = TG_CONDITION_ONE_OF, .pointer = P("/a"),
                                                  .values = VALUES(P("1"), P("\"x\""), P("null")));

    (void)state;
    assert_true(matches(config, "{\"a\":1}"));
    assert_true(matches(config, "{\"a\":\"x\"}"));
    assert_true(matches(config, "{\"a\":null}"));
    assert_false(matches(config, "{\"a\":2}"));
    assert_false(matches(config, "{}"));
}

static void numbers_are_compared(void **state)
{
    (void)state;
    assert_true(matches(COMPARES(TG_CONDITION_GT, 1.5), "{\"a\":2}"));
    assert_false(matches(COMPARES(TG_CONDITION_GT, 1.5), "{\"a\":1.5}"));
    assert_true(matches(COMPARES(TG_CONDITION_GE, 1.5), "{\"a\":1.50}"));
    assert_false(matches(COMPARES(TG_CONDITION_GE, 1.5), "{\"a\":1}"));
    assert_true(matches(COMPARES(TG_CONDITION_LT, 0), "{\"a\":-1e-3}"));
    assert_false(matches(COMPARES(TG_CONDITION_LT, 0), "{\"a\":0}"));
    assert_true(matches(COMPARES(TG_CONDITION_LE, 0), "{\"a\":-0}"));
    assert_false(matches(COMPARES(TG_CONDITION_LE, 0), "{\"a\":1}"));
    assert_true(matches(COMPARES(TG_CONDITION_GT, 1e300), "{\"a\":1e400}"));
}

static void what_is_no_number_does_not_compare(void **state)
{
    static const char *const others[] = { "{\"a\":\"5\"}", "{\"a\":null}", "{\"a\":[5]}", "{\"a\":true}",
                                          "{}" };
    static const int64_t kinds[] = { TG_CONDITION_GT, TG_CONDITION_GE, TG_CONDITION_LT, TG_CONDITION_LE };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(others); i++) {
        for (size_t j = 0; j < TG_COUNT_OF(kinds); j++)
            assert_false(matches(COMPARES(kinds[j], 5), others[i]));
    }
}

static void patterns_match_strings_alone(void **state)
{
    (void)state;
    assert_true(matches(MATCHES("^EUR"), "{\"a\":\"EURUSD\"}"));
    assert_true(matches(MATCHES("USD"), "{\"a\":\"EURUSD\"}"));
    assert_true(matches(MATCHES("^a\\nä$"), "{\"a\":\"a\\n\\u00e4\"}"));
    assert_false(matches(MATCHES("^EUR"), "{\"a\":\"USDEUR\"}"));
    assert_false(matches(MATCHES("1"), "{\"a\":1}"));
    assert_false(matches(MATCHES(""), "{\"a\":null}"));
    assert_false(matches(MATCHES(""), "{}"));
    assert_true(matches(MATCHES(""), "{\"a\":\"\"}"));
}

static void text_is_the_whole_message_and_needs_no_json(void **state)
{
    (void)state;
    assert_true(matches(TEXT("pong"), "pong"));
    assert_false(matches(TEXT("pong"), "pong "));
    assert_false(matches(TEXT("pong"), "{\"a\":1}"));
    assert_true(matches(TEXT("{}"), "{}"));
    assert_true(matches(TEXT(""), ""));
}

static void conditions_are_combined(void **state)
{
    struct tg_config_condition any =
        CONDITION(.kind = TG_CONDITION_ANY, CHILDREN(EQUALS("/a", "1"), EQUALS("/a", "2")));
    struct tg_config_condition all =
        CONDITION(.kind = TG_CONDITION_ALL, CHILDREN(EXISTS("/a", true), NOT(EQUALS("/a", "2"))));

    (void)state;
    assert_true(matches(any, "{\"a\":2}"));
    assert_false(matches(any, "{\"a\":3}"));
    assert_true(matches(all, "{\"a\":1}"));
    assert_false(matches(all, "{\"a\":2}"));
    assert_false(matches(all, "{}"));
    assert_true(matches(NOT(EQUALS("/a", "1")), "{}"));
}

static void none_of_them_is_false_for_any_and_true_for_all(void **state)
{
    (void)state;
    assert_false(matches(CONDITION(.kind = TG_CONDITION_ANY), "x"));
    assert_true(matches(CONDITION(.kind = TG_CONDITION_ALL), "x"));
}

static void json_is_needed_where_a_pointer_is(void **state)
{
    (void)state;
    assert_true(needs_json(EXISTS("/a", false), "pong"));
    assert_true(needs_json(NOT(EQUALS("/a", "1")), "pong"));
    assert_true(needs_json(MATCHES("pong"), "pong"));
    assert_false(needs_json(NOT(TEXT("pong")), "ping"));
}

/* In whatever order they stand. */
static void json_is_not_needed_where_text_decides(void **state)
{
    struct tg_config_condition first =
        CONDITION(.kind = TG_CONDITION_ALL, CHILDREN(NOT(TEXT("pong")), EXISTS("/a", true)));
    struct tg_config_condition second =
        CONDITION(.kind = TG_CONDITION_ALL, CHILDREN(EXISTS("/a", true), NOT(TEXT("pong"))));
    struct tg_config_condition any =
        CONDITION(.kind = TG_CONDITION_ANY, CHILDREN(EXISTS("/a", true), TEXT("[DONE]")));

    (void)state;
    assert_false(matches(first, "pong"));
    assert_false(matches(second, "pong"));
    assert_true(needs_json(second, "ping"));
    assert_true(matches(second, "{\"a\":1}"));
    assert_true(matches(any, "[DONE]"));
    assert_true(needs_json(any, "[UNDONE]"));
}

static void assert_refused(struct tg_config_condition config)
{
    struct tg_condition *condition = NULL;
    struct tg_buffer error = { 0 };

    assert_int_equal(tg_condition_new(&config, &condition, &error), TG_ERR_INVALID);
    assert_null(condition);
    assert_true(error.length > 0);
    tg_buffer_deinit(&error);
}

static void what_cannot_be_compiled_is_refused(void **state)
{
    (void)state;
    assert_refused(MATCHES("("));
    assert_refused(EXISTS("a", true));
    assert_refused(NOT(MATCHES("[")));
    tg_condition_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exists_asks_for_a_value_be_it_null),
        cmocka_unit_test(equals_compares_values),
        cmocka_unit_test(one_of_takes_any_of_its_values),
        cmocka_unit_test(numbers_are_compared),
        cmocka_unit_test(what_is_no_number_does_not_compare),
        cmocka_unit_test(patterns_match_strings_alone),
        cmocka_unit_test(text_is_the_whole_message_and_needs_no_json),
        cmocka_unit_test(conditions_are_combined),
        cmocka_unit_test(none_of_them_is_false_for_any_and_true_for_all),
        cmocka_unit_test(json_is_needed_where_a_pointer_is),
        cmocka_unit_test(json_is_not_needed_where_text_decides),
        cmocka_unit_test(what_cannot_be_compiled_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
