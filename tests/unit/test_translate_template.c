/* Rules: what text is a constant, a pointer or a template, and what a template makes of a message. */
#include "translate/template.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_fills(const char *rule_text, const char *json, const char *expected)
{
    struct tg_rule rule;
    struct tg_buffer out = { 0 };
    struct tg_misfit_cause cause = { 0 };

    assert_int_equal(tg_rule_init(&rule, rule_text), TG_OK);
    assert_int_equal(rule.kind, TG_RULE_TEMPLATE);
    assert_int_equal(tg_rule_fill(&rule, tg_str_from(json), &out, &cause), TG_OK);
    assert_string_equal(tg_text_or_empty(out.data), expected);
    tg_rule_deinit(&rule);
    tg_buffer_deinit(&out);
}

static void assert_finds_nothing(const char *rule_text, const char *json)
{
    struct tg_rule rule;
    struct tg_buffer out = { 0 };
    struct tg_misfit_cause cause = { 0 };

    assert_int_equal(tg_rule_init(&rule, rule_text), TG_OK);
    assert_int_equal(tg_rule_fill(&rule, tg_str_from(json), &out, &cause), TG_ERR_NOT_FOUND);
    assert_non_null(cause.finds);
    tg_rule_deinit(&rule);
    tg_buffer_deinit(&out);
}

static void assert_kind(const char *text, enum tg_rule_kind kind, bool needs_json)
{
    struct tg_rule rule;

    assert_int_equal(tg_rule_init(&rule, text), TG_OK);
    assert_int_equal(rule.kind, kind);
    assert_int_equal(rule.needs_json, needs_json);
    tg_rule_deinit(&rule);
}

static void the_text_says_of_what_kind_a_rule_is(void **state)
{
    (void)state;
    assert_kind(NULL, TG_RULE_NONE, false);
    assert_kind("", TG_RULE_POINTER, true);
    assert_kind("/a", TG_RULE_POINTER, true);
    assert_kind("/{a}|b", TG_RULE_POINTER, true);
    assert_kind("tick|/a", TG_RULE_CONSTANT, false);
    assert_kind("a{/b}", TG_RULE_TEMPLATE, true);
    assert_kind("a{{b", TG_RULE_TEMPLATE, false);
    assert_kind("a}}b", TG_RULE_TEMPLATE, false);
}

static void strings_give_their_characters(void **state)
{
    (void)state;
    assert_fills("{/a}", "{\"a\":\"x \\u00e4\\n\"}", "x ä\n");
    assert_fills("{/a}", "{\"a\":\"\"}", "");
    assert_fills("<{/a/b}>", "{\"a\":{\"b\":\"x\"}}", "<x>");
}

static void anything_else_is_as_it_was_written(void **state)
{
    (void)state;
    assert_fills("{/a}", "{\"a\": 1.50 }", "1.50");
    assert_fills("{/a}", "{\"a\":12345678901234567890}", "12345678901234567890");
    assert_fills("{/a}", "{\"a\":1e400}", "1e400");
    assert_fills("{/a} {/b}", "{\"a\":true,\"b\":false}", "true false");
    assert_fills("{/a}", "{\"a\": { \"b\" : [ 1 , \"x y\" ] } }", "{\"b\":[1,\"x y\"]}");
    assert_fills("{}", " { \"a\" : 1 } ", "{\"a\":1}");
}

static void text_between_pointers_stays(void **state)
{
    (void)state;
    assert_fills("{/a}{/b}", "{\"a\":1,\"b\":2}", "12");
    assert_fills(" {/a} ä {/b}.", "{\"a\":1,\"b\":2}", " 1 ä 2.");
    assert_fills("{/0}/{/1}", "[1,2]", "1/2");
}

static void doubled_braces_are_braces(void **state)
{
    (void)state;
    assert_fills("{{", "1", "{");
    assert_fills("}}", "1", "}");
    assert_fills("{{/a}}", "1", "{/a}");
    assert_fills("{{{/a}}}", "{\"a\":1}", "{1}");
    assert_fills("{{}}{/a}{{}}", "{\"a\":1}", "{}1{}");
}

static void a_stand_in_is_for_null_and_nothing(void **state)
{
    (void)state;
    assert_fills("{/a|none}", "{}", "none");
    assert_fills("{/a|none}", "{\"a\":null}", "none");
    assert_fills("{/a|none}", "{\"a\":false}", "false");
    assert_fills("{/a|none}", "{\"a\":\"\"}", "");
    assert_fills("{/a|}", "{}", "");
    assert_fills("{/a|x|y}", "{}", "x|y");
    assert_fills("{/a|x}{/b|y}", "{\"b\":1}", "x1");
}

static void without_a_stand_in_nothing_is_found(void **state)
{
    (void)state;
    assert_finds_nothing("{/a}", "{}");
    assert_finds_nothing("{/a}", "{\"a\":null}");
    assert_finds_nothing("{/a|x}{/b}", "{}");
    assert_finds_nothing("{/a}", "1");
}

static void bad_templates_are_refused(void **state)
{
    static const char *const bad[] = { "{",     "}",     "a{/b",  "a}b",      "{a}",
                                       "{/a~}", "{/a}}", "{{/a}", "{|a}x{b}", "/~2" };
    struct tg_rule rule;

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++)
        assert_int_equal(tg_rule_init(&rule, bad[i]), TG_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_text_says_of_what_kind_a_rule_is),
        cmocka_unit_test(strings_give_their_characters),
        cmocka_unit_test(anything_else_is_as_it_was_written),
        cmocka_unit_test(text_between_pointers_stays),
        cmocka_unit_test(doubled_braces_are_braces),
        cmocka_unit_test(a_stand_in_is_for_null_and_nothing),
        cmocka_unit_test(without_a_stand_in_nothing_is_found),
        cmocka_unit_test(bad_templates_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
