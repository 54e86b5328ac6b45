/* The translator: which event one message makes by the rules for type, id and data, and which messages make none. */
#include "test_translate_support.h"

static void text_without_rules_is_the_data(void **state)
{
    (void)state;
    assert_makes(RULES(0), text("{ not json"), "", "", "{ not json");
    assert_makes(RULES(0), text(""), "", "", "");
    assert_makes(RULES(0), (struct tg_message){ .bytes = NULL }, "", "", "");
    assert_makes(RULES(.event = P("tick")), text("a\nb"), "tick", "", "a\nb");
}

static void rules_pick_type_id_and_data(void **state)
{
    struct tg_config_translate rules = RULES(.event = P("/type"), .id = P("/seq"), .data = P("/payload"));

    (void)state;
    assert_makes(rules, text("{\"type\":\"q\",\"seq\":7,\"payload\":{ \"bid\": 0.1 }}"), "q", "7",
                 "{\"bid\":0.1}");
    assert_makes(rules, text("{\"seq\":\"a-b.c:d_9\",\"payload\":\"x\\ny\"}"), "", "a-b.c:d_9", "x\ny");
    assert_makes(rules, text("{\"seq\":-9223372036854775808,\"payload\":null}"), "", "-9223372036854775808",
                 "null");
}

static void escapes_in_names_and_values_are_read(void **state)
{
    struct tg_config_translate rules = RULES(.event = P("/type"), .id = P("/s\"q"), .data = P("/pay~1load"));

    (void)state;
    assert_makes(
        rules,
        text("{\"t\\u0079pe\":\"q\\u00e4\",\"s\\\"q\":\"\\u0061-1\",\"pay\\/load\":\"\\ud83d\\ude00\\t\"}"),
        "qä", "a-1", "😀\t");
}

static void an_integer_id_may_be_larger_than_64_bits(void **state)
{
    (void)state;
    assert_makes(RULES(.id = P("/a")), text("{\"a\":9223372036854775808}"), "", "9223372036854775808",
                 "{\"a\":9223372036854775808}");
}

static void numbers_stay_as_they_were_written(void **state)
{
    static const char *const numbers[] = {
        "0.1", "0.10", "1.0", "1e400", "-1E-400", "1.0e+2", "12345678901234567890", "-0"
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(numbers); i++) {
        struct tg_buffer message = { 0 }, list = { 0 };
        assert_int_equal(tg_buffer_appendf(&list, "[%s,{\"n\":%s}]", numbers[i], numbers[i]), TG_OK);
        assert_int_equal(tg_buffer_appendf(&message, "{ \"a\" : %s , \"b\" : [ %s , { \"n\" : %s } ] }",
                                           numbers[i], numbers[i], numbers[i]),
                         TG_OK);
        assert_makes(RULES(.data = P("/a")), text(message.data), "", "", numbers[i]);
        assert_makes(RULES(.data = P("/b")), text(message.data), "", "", list.data);
        assert_makes(RULES(.data = P("{/b/1/n}")), text(message.data), "", "", numbers[i]);
        assert_makes(RULES(.data = P("{/b}")), text(message.data), "", "", list.data);
        tg_buffer_deinit(&message);
        tg_buffer_deinit(&list);
    }
}

static void an_empty_data_pointer_is_all_of_it_compact(void **state)
{
    (void)state;
    assert_makes(RULES(.data = P("")), text(" { \"a\" : [ 1 , 2 ] } "), "", "", "{\"a\":[1,2]}");
    assert_makes(RULES(.data = P("")), text(" \"a b\" "), "", "", "a b");
    assert_misfit(RULES(.data = P("")), text("{"), TG_MISFIT_JSON);
}

static void templates_make_type_id_and_data(void **state)
{
    struct tg_config_translate rules =
        RULES(.event = P("{/t}.{/s|none}"), .id = P("{/d}:{/n}"), .data = P("{{{/s|?}}} at {/p}"));

    (void)state;
    assert_makes(rules, text("{\"t\":\"q\",\"s\":\"X\",\"d\":20,\"n\":\"a\",\"p\":1.50}"), "q.X", "20:a",
                 "{X} at 1.50");
    assert_makes(rules, text("{\"t\":\"q\",\"s\":null,\"d\":20,\"n\":1,\"p\":[ 1 ]}"), "q.none", "20:1",
                 "{?} at [1]");
}

static void templates_without_a_value_are_misfits(void **state)
{
    (void)state;
    assert_misfit(RULES(.event = P("a{/x}")), text("{}"), TG_MISFIT_EVENT);
    assert_misfit(RULES(.id = P("a{/x}")), text("{\"x\":null}"), TG_MISFIT_ID);
    assert_misfit(RULES(.data = P("a{/x}")), text("{}"), TG_MISFIT_DATA);
    assert_misfit(RULES(.data = P("a{/x|}")), text("no json"), TG_MISFIT_JSON);
}

static void templates_must_give_a_type_and_an_id(void **state)
{
    (void)state;
    assert_misfit(RULES(.event = P("a{/x}")), text("{\"x\":\"b\\nc\"}"), TG_MISFIT_EVENT);
    assert_misfit(RULES(.id = P("a{/x}")), text("{\"x\":\"b c\"}"), TG_MISFIT_ID);
    assert_misfit(RULES(.id = P("{/x|}")), text("{}"), TG_MISFIT_ID);
}

static void a_template_without_pointers_needs_no_json(void **state)
{
    (void)state;
    assert_makes(RULES(.event = P("{{a}}")), text("no json"), "{a}", "", "no json");
}

static void binary_becomes_base64(void **state)
{
    struct tg_message message = { .bytes = "\0\xff\x10", .length = 3, .is_binary = true };

    (void)state;
    assert_makes(RULES(.event = P("/x"), .id = P("/y")), message, "binary", "", "AP8Q");
    assert_makes(RULES(.event = P("/x"), .split = P("")), message, "binary", "", "AP8Q");
    assert_makes(RULES(.binary_event = P("blob")), (struct tg_message){ .bytes = "", .is_binary = true },
                 "blob", "", "");
}

static void misfits_are_told_apart(void **state)
{
    (void)state;
    assert_misfit(RULES(0), text("\xc0\x80"), TG_MISFIT_UTF8);
    assert_misfit(RULES(0), text("\xed\xa0\x80"), TG_MISFIT_UTF8);
    assert_misfit(RULES(.data = P("/a")), text("{"), TG_MISFIT_JSON);
    assert_misfit(RULES(.data = P("/a")), text("{} x"), TG_MISFIT_JSON);
    assert_misfit(RULES(.data = P("/a")), text(""), TG_MISFIT_JSON);
    assert_misfit(RULES(.data = P("/a")), text("{}"), TG_MISFIT_DATA);
    assert_misfit(RULES(.id = P("/a")), text("{}"), TG_MISFIT_ID);
    assert_misfit(RULES(.id = P("/a")), text("{\"a\":1.5}"), TG_MISFIT_ID);
    assert_misfit(RULES(.id = P("/a")), text("{\"a\":1e3}"), TG_MISFIT_ID);
    assert_misfit(RULES(.id = P("/a")), text("{\"a\":true}"), TG_MISFIT_ID);
    assert_misfit(RULES(.id = P("/a")), text("{\"a\":\"\"}"), TG_MISFIT_ID);
    assert_misfit(RULES(.id = P("/a")), text("{\"a\":\"x y\"}"), TG_MISFIT_ID);
    assert_misfit(RULES(.event = P("/a")), text("{\"a\":3}"), TG_MISFIT_EVENT);
    assert_misfit(RULES(.event = P("/a")), text("{\"a\":\"x\\ry\"}"), TG_MISFIT_EVENT);
}

static void each_misfit_has_a_text(void **state)
{
    (void)state;
    for (int i = 0; i < TG_MISFIT_COUNT; i++)
        assert_non_null(tg_misfit_text((enum tg_misfit)i));
    assert_string_equal(tg_misfit_text(TG_MISFIT_DECODE), "decode");
    assert_string_equal(tg_misfit_text(TG_MISFIT_COUNT), "unknown");
}

static void nul_is_data_but_no_id_and_no_type(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.data = P("/a")));
    feed(&fixture, "{\"a\":\"x\\u0000y\"}");
    assert_int_equal(fixture.count, 1);
    assert_int_equal(fixture.events[0].data_length, 3);
    assert_memory_equal(fixture.events[0].data, "x\0y", 3);
    fixture_deinit(&fixture);
    assert_misfit(RULES(.id = P("/a")), text("{\"a\":\"x\\u0000\"}"), TG_MISFIT_ID);
    assert_misfit(RULES(.event = P("/a")), text("{\"a\":\"x\\u0000\"}"), TG_MISFIT_EVENT);
}

static void deep_nesting_is_a_misfit_not_a_crash(void **state)
{
    struct tg_buffer deep = { 0 };

    (void)state;
    for (int i = 0; i < 200000; i++)
        assert_int_equal(tg_buffer_append(&deep, "[", 1), TG_OK);
    assert_misfit(RULES(.data = P("/0")), text(deep.data), TG_MISFIT_JSON);
    for (int i = 0; i < 200000; i++)
        assert_int_equal(tg_buffer_append(&deep, "]", 1), TG_OK);
    assert_misfit(RULES(.data = P("/0")), text(deep.data), TG_MISFIT_JSON);
    tg_buffer_deinit(&deep);
}

static void type_and_id_of_the_message_are_carried_over(void **state)
{
    struct tg_message message = text("{\"a\":\"b\"}");

    (void)state;
    message.type = TG_STR("tick");
    message.id = TG_STR("7:a");
    assert_makes(RULES(0), message, "tick", "7:a", "{\"a\":\"b\"}");
    assert_makes(RULES(.data = P("/a")), message, "tick", "7:a", "b");
    assert_makes(RULES(.event = P("/none")), message, "tick", "7:a", "{\"a\":\"b\"}");
    assert_makes(RULES(.event = P("/a"), .id = P("/a")), message, "b", "b", "{\"a\":\"b\"}");
    assert_misfit(RULES(.id = P("/none")), message, TG_MISFIT_ID);
}

static void an_id_that_cannot_be_sent_is_not_carried_over(void **state)
{
    struct tg_message message = text("x");

    (void)state;
    message.id = TG_STR("a b");
    assert_makes(RULES(0), message, "", "", "x");
}

static void a_type_that_cannot_be_sent_is_a_misfit(void **state)
{
    struct tg_message message = text("x");

    (void)state;
    message.type = (struct tg_str){ "a\0b", 3 };
    assert_misfit(RULES(0), message, TG_MISFIT_EVENT);
    message.type = TG_STR("a\xff");
    assert_misfit(RULES(0), message, TG_MISFIT_EVENT);
    assert_makes(RULES(.event = P("own")), message, "own", "", "x");
}

static void rules_that_cannot_be_compiled_are_refused(void **state)
{
    static const struct tg_config_translate bad[] = {
        { .data = P("/~") },
        { .event = P("a{b") },
        { .id = P("{/a") },
        { .split = P("a") },
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        struct tg_translator *translator = NULL;
        struct tg_buffer error = { 0 };
        assert_int_equal(tg_translator_new(&bad[i], &translator, &error), TG_ERR_INVALID);
        assert_null(translator);
        assert_true(error.length > 0);
        assert_null(memchr(error.data, '\n', error.length));
        tg_buffer_deinit(&error);
    }
}

/* Where the bytes of an event lie. */
struct borrowed {
    struct tg_str message;
    bool is_inside;
};

static bool is_inside(struct tg_str part, struct tg_str whole)
{
    return part.data >= whole.data && part.data + part.length <= whole.data + whole.length;
}

static bool look_where(void *arg, const struct tg_event *event)
{
    struct borrowed *borrowed = arg;

    borrowed->is_inside = is_inside(event->data, borrowed->message) &&
                          (event->id.length == 0 || is_inside(event->id, borrowed->message)) &&
                          (event->type.length == 0 || is_inside(event->type, borrowed->message));
    return true;
}

static void what_needs_no_change_is_not_copied(void **state)
{
    static const struct tg_config_translate rules[] = {
        { .binary_event = P("binary") },
        { .event = P("/type"), .id = P("/seq"), .data = P("/payload") },
    };
    struct tg_message message = text("{\"type\":\"q\",\"seq\":7,\"payload\":\"x\"}");

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(rules); i++) {
        struct borrowed borrowed = { .message = { message.bytes, message.length } };
        struct tg_translator *translator = NULL;
        struct tg_translation translation;
        struct tg_buffer error = { 0 };
        assert_int_equal(tg_translator_new(&rules[i], &translator, &error), TG_OK);
        tg_translator_run(translator, &message, look_where, &borrowed, &translation);
        assert_int_equal(translation.events, 1);
        assert_true(borrowed.is_inside);
        tg_translator_free(translator);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_without_rules_is_the_data),
        cmocka_unit_test(rules_pick_type_id_and_data),
        cmocka_unit_test(escapes_in_names_and_values_are_read),
        cmocka_unit_test(an_integer_id_may_be_larger_than_64_bits),
        cmocka_unit_test(numbers_stay_as_they_were_written),
        cmocka_unit_test(an_empty_data_pointer_is_all_of_it_compact),
        cmocka_unit_test(templates_make_type_id_and_data),
        cmocka_unit_test(templates_without_a_value_are_misfits),
        cmocka_unit_test(templates_must_give_a_type_and_an_id),
        cmocka_unit_test(a_template_without_pointers_needs_no_json),
        cmocka_unit_test(binary_becomes_base64),
        cmocka_unit_test(misfits_are_told_apart),
        cmocka_unit_test(each_misfit_has_a_text),
        cmocka_unit_test(nul_is_data_but_no_id_and_no_type),
        cmocka_unit_test(deep_nesting_is_a_misfit_not_a_crash),
        cmocka_unit_test(type_and_id_of_the_message_are_carried_over),
        cmocka_unit_test(an_id_that_cannot_be_sent_is_not_carried_over),
        cmocka_unit_test(a_type_that_cannot_be_sent_is_a_misfit),
        cmocka_unit_test(rules_that_cannot_be_compiled_are_refused),
        cmocka_unit_test(what_needs_no_change_is_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
