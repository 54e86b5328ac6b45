/* The translator: which event a message makes, and which messages make none. */
#include "tidegate/translate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct result {
    enum tg_misfit misfit;
    int count;
    char *type, *id, *data;
    size_t data_length;
};

static void on_event(void *arg, const struct tg_event *event)
{
    struct result *result = arg;

    result->count++;
    result->type = tg_strndup(event->type.length ? event->type.data : "", event->type.length);
    result->id = tg_strndup(event->id.length ? event->id.data : "", event->id.length);
    result->data = tg_alloc(event->data.length + 1);
    memcpy(result->data, event->data.data, event->data.length);
    result->data_length = event->data.length;
    assert_false(event->is_control);
}

static struct result run(struct tg_config_translate rules, struct tg_message message)
{
    struct result result = { 0 };

    if (!rules.binary_event)
        rules.binary_event = (char *)"binary";
    struct tg_translator *translator = tg_translator_new(&rules);
    result.misfit = tg_translator_run(translator, &message, on_event, &result);
    tg_translator_free(translator);
    assert_int_equal(result.count, result.misfit == TG_MISFIT_NONE ? 1 : 0);
    return result;
}

static struct tg_message text(const char *bytes)
{
    return (struct tg_message){ .bytes = bytes, .length = strlen(bytes) };
}

static void assert_event(struct result result, const char *type, const char *id, const char *data)
{
    assert_int_equal(result.misfit, TG_MISFIT_NONE);
    assert_string_equal(result.type, type);
    assert_string_equal(result.id, id);
    assert_string_equal(result.data, data);
    free(result.type);
    free(result.id);
    free(result.data);
}

#define RULES(...) ((struct tg_config_translate){ __VA_ARGS__ })
#define P(t) (char *)(t)

static void text_without_rules_is_the_data(void **state)
{
    (void)state;
    assert_event(run(RULES(0), text("{ not json")), "", "", "{ not json");
    assert_event(run(RULES(0), text("")), "", "", "");
    assert_event(run(RULES(.event = P("tick")), text("a\nb")), "tick", "", "a\nb");
}

static void rules_pick_type_id_and_data(void **state)
{
    struct tg_config_translate rules = RULES(.event = P("/type"), .id = P("/seq"), .data = P("/payload"));

    (void)state;
    assert_event(run(rules, text("{\"type\":\"q\",\"seq\":7,\"payload\":{ \"bid\": 0.1 }}")), "q", "7",
                 "{\"bid\":0.1}");
    assert_event(run(rules, text("{\"seq\":\"a-b.c:d_9\",\"payload\":\"x\\ny\"}")), "", "a-b.c:d_9", "x\ny");
    assert_event(run(rules, text("{\"seq\":-9223372036854775808,\"payload\":null}")), "",
                 "-9223372036854775808", "null");
}

static void an_integer_id_too_large_for_64_bits_is_a_misfit(void **state)
{
    (void)state;
    assert_int_equal(run(RULES(.id = P("/a")), text("{\"a\":9223372036854775808}")).misfit, TG_MISFIT_JSON);
}

static void binary_becomes_base64(void **state)
{
    struct tg_message message = { .bytes = "\0\xff\x10", .length = 3, .is_binary = true };

    (void)state;
    assert_event(run(RULES(.event = P("/x"), .id = P("/y")), message), "binary", "", "AP8Q");
    assert_event(run(RULES(.binary_event = P("blob")), (struct tg_message){ .bytes = "", .is_binary = true }),
                 "blob", "", "");
}

static void misfits_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(run(RULES(0), text("\xc0\x80")).misfit, TG_MISFIT_UTF8);
    assert_int_equal(run(RULES(0), text("\xed\xa0\x80")).misfit, TG_MISFIT_UTF8);
    assert_int_equal(run(RULES(.data = P("/a")), text("{")).misfit, TG_MISFIT_JSON);
    assert_int_equal(run(RULES(.data = P("/a")), text("{} x")).misfit, TG_MISFIT_JSON);
    assert_int_equal(run(RULES(.data = P("/a")), text("")).misfit, TG_MISFIT_JSON);
    assert_int_equal(run(RULES(.data = P("/a")), text("{}")).misfit, TG_MISFIT_DATA);
    assert_int_equal(run(RULES(.id = P("/a")), text("{}")).misfit, TG_MISFIT_ID);
    assert_int_equal(run(RULES(.id = P("/a")), text("{\"a\":1.5}")).misfit, TG_MISFIT_ID);
    assert_int_equal(run(RULES(.id = P("/a")), text("{\"a\":\"\"}")).misfit, TG_MISFIT_ID);
    assert_int_equal(run(RULES(.id = P("/a")), text("{\"a\":\"x y\"}")).misfit, TG_MISFIT_ID);
    assert_int_equal(run(RULES(.event = P("/a")), text("{\"a\":3}")).misfit, TG_MISFIT_EVENT);
    assert_int_equal(run(RULES(.event = P("/a")), text("{\"a\":\"x\\ry\"}")).misfit, TG_MISFIT_EVENT);
}

static void nul_is_data_but_no_id_and_no_type(void **state)
{
    struct result result = run(RULES(.data = P("/a")), text("{\"a\":\"x\\u0000y\"}"));

    (void)state;
    assert_int_equal(result.misfit, TG_MISFIT_NONE);
    assert_int_equal(result.data_length, 3);
    assert_memory_equal(result.data, "x\0y", 3);
    free(result.type);
    free(result.id);
    free(result.data);
    assert_int_equal(run(RULES(.id = P("/a")), text("{\"a\":\"x\\u0000\"}")).misfit, TG_MISFIT_ID);
    assert_int_equal(run(RULES(.event = P("/a")), text("{\"a\":\"x\\u0000\"}")).misfit, TG_MISFIT_EVENT);
}

static void deep_nesting_is_a_misfit_not_a_crash(void **state)
{
    struct tg_buffer deep = { 0 };

    (void)state;
    for (int i = 0; i < 200000; i++)
        assert_int_equal(tg_buffer_append(&deep, "[", 1), TG_OK);
    assert_int_equal(run(RULES(.data = P("/0")), text(deep.data)).misfit, TG_MISFIT_JSON);
    tg_buffer_deinit(&deep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_without_rules_is_the_data),
        cmocka_unit_test(rules_pick_type_id_and_data),
        cmocka_unit_test(an_integer_id_too_large_for_64_bits_is_a_misfit),
        cmocka_unit_test(binary_becomes_base64),
        cmocka_unit_test(misfits_are_told_apart),
        cmocka_unit_test(nul_is_data_but_no_id_and_no_type),
        cmocka_unit_test(deep_nesting_is_a_misfit_not_a_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
