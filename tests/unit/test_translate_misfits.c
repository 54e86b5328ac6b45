/* What becomes of messages that the rules do not fit. */
#include "test_translate_support.h"

#include <stdio.h>

static void a_misfit_names_the_rule_and_what_it_finds(void **state)
{
    static const struct {
        struct tg_config_translate rules;
        const char *text, *rule, *finds;
    } cases[] = {
        { { .data = P("/payload") }, "{\"data\":1}", "/payload", "nothing" },
        { { .id = P("/seq") }, "{}", "/seq", "nothing" },
        { { .id = P("/seq") }, "{\"seq\":[]}", "/seq", "neither a string nor an integer" },
        { { .id = P("/seq") }, "{\"seq\":\"a b\"}", "/seq", "no valid id" },
        { { .id = P("{/day}:{/seq}") }, "{\"day\":\"a b\",\"seq\":1}", "{/day}:{/seq}", "no valid id" },
        { { .id = P("{/day}:{/seq}") }, "{\"day\":1,\"seq\":null}", "/seq", "null" },
        { { .event = P("/type") }, "{\"type\":7}", "/type", "no string" },
        { { .event = P("/type") }, "{\"type\":\"a\\nb\"}", "/type", "no event type" },
        { { .event = P("{/a}.{/b|x}.{/c}") }, "{\"a\":1}", "/c", "nothing" },
        { { .data = P("{/a}") }, "{}", "/a", "nothing" },
        { { .split = P("/items") }, "{}", "/items", "nothing" },
        { { .split = P("/items") }, "{\"items\":1}", "/items", "no array" },
        { { .split = P("") }, "{}", "", "no array" },
        { { .split = P("/items"), .data = P("/a") }, "{\"items\":[{\"a\":1},{},{}]}", "/a", "nothing" },
    };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(cases); i++) {
        struct fixture fixture;
        fixture_init(&fixture, cases[i].rules);
        feed(&fixture, cases[i].text);
        const struct tg_misfit_cause *cause = &fixture.last.first_cause;
        assert_non_null(cause->finds);
        assert_string_equal(cause->finds, cases[i].finds);
        assert_int_equal(cause->rule.length, strlen(cases[i].rule));
        assert_memory_equal(cause->rule.data, cases[i].rule, cause->rule.length);
        fixture_deinit(&fixture);
    }
}

static void events_without_the_type_that_a_rule_looks_for_are_counted(void **state)
{
    struct tg_message message = text("{}");
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.event = P("/type"), .split = P("/items")));
    feed(&fixture, "{\"items\":[{},{\"type\":\"a\"},{\"type\":\"\"},{\"typ\":\"b\"}]}");
    assert_int_equal(fixture.last.events, 4);
    assert_int_equal(fixture.last.untyped, 2);
    fixture_deinit(&fixture);
    fixture_init(&fixture, RULES(.event = P("/type")));
    message.type = TG_STR("own");
    feed_message(&fixture, message);
    assert_int_equal(fixture.last.untyped, 0);
    fixture_deinit(&fixture);
}

static void no_rule_is_to_blame_for_what_is_no_json(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.data = P("/a")));
    feed(&fixture, "{}");
    assert_non_null(fixture.last.first_cause.finds);
    feed(&fixture, "no json");
    assert_int_equal(fixture.last.first_misfit, TG_MISFIT_JSON);
    assert_null(fixture.last.first_cause.finds);
    fixture_deinit(&fixture);
}

/* As where the backend separates its messages by their JSON. */
static void what_has_to_be_json_is_a_misfit_where_it_is_not(void **state)
{
    struct tg_message message = text("{]");
    struct fixture fixture;

    (void)state;
    message.is_json = true;
    assert_misfit(RULES(.event = P("tick")), message, TG_MISFIT_JSON);
    fixture_init(&fixture, RULES(.on_misfit = TG_MISFIT_RAW));
    feed_message(&fixture, message);
    assert_int_equal(fixture.last.misfits[TG_MISFIT_JSON], 1);
    assert_recorded(&fixture, 0, "", "", "{]");
    fixture_deinit(&fixture);
    message = text("12");
    message.is_json = true;
    assert_makes(RULES(.event = P("tick")), message, "tick", "", "12");
    message.is_cut = true;
    assert_misfit(RULES(.event = P("tick")), message, TG_MISFIT_JSON);
}

static void a_misfit_is_dropped_by_default(void **state)
{
    (void)state;
    assert_misfit(RULES(.data = P("/a"), .event = P("tick")), text("no json"), TG_MISFIT_JSON);
}

static void raw_sends_the_text_without_rules(void **state)
{
    struct tg_message message = text("no json");
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture,
                 RULES(.event = P("tick"), .id = P("/i"), .data = P("/a"), .on_misfit = TG_MISFIT_RAW));
    feed_message(&fixture, message);
    message.type = TG_STR("own");
    message.id = TG_STR("7");
    feed_message(&fixture, message);
    assert_int_equal(fixture.last.misfits[TG_MISFIT_JSON], 1);
    assert_int_equal(fixture.count, 2);
    assert_recorded(&fixture, 0, "", "", "no json");
    assert_recorded(&fixture, 1, "own", "7", "no json");
    fixture_deinit(&fixture);
}

static void raw_leaves_out_what_cannot_be_sent(void **state)
{
    struct tg_message message = text("no json");
    struct fixture fixture;

    (void)state;
    message.type = TG_STR("a\nb");
    message.id = TG_STR("a b");
    fixture_init(&fixture, RULES(.data = P("/a"), .on_misfit = TG_MISFIT_RAW));
    feed_message(&fixture, message);
    assert_int_equal(fixture.count, 1);
    assert_recorded(&fixture, 0, "", "", "no json");
    fixture_deinit(&fixture);
}

static void raw_is_what_could_be_decoded(void **state)
{
    int64_t steps[] = { TG_DECODE_BASE64, TG_DECODE_UTF8 };
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture,
                 RULES(.decode = steps, .decode_count = 2, .data = P("/a"), .on_misfit = TG_MISFIT_RAW));
    feed(&fixture, "bm8ganNvbg==");
    feed(&fixture, "not base64!");
    assert_int_equal(fixture.count, 2);
    assert_recorded(&fixture, 0, "", "", "no json");
    assert_recorded(&fixture, 1, "", "", "not base64!");
    fixture_deinit(&fixture);
}

static void raw_is_the_item_that_does_not_fit(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P(""), .data = P("/a"), .on_misfit = TG_MISFIT_RAW));
    feed(&fixture, "[{\"a\":1}, { \"b\" : 2 }]");
    assert_int_equal(fixture.last.events, 2);
    assert_int_equal(fixture.last.misfits[TG_MISFIT_DATA], 1);
    assert_recorded(&fixture, 0, "", "", "1");
    assert_recorded(&fixture, 1, "", "", "{\"b\":2}");
    fixture_deinit(&fixture);
}

static void bytes_that_are_not_utf8_are_dropped_even_raw(void **state)
{
    int64_t steps[] = { TG_DECODE_HEX };

    (void)state;
    assert_misfit(RULES(.on_misfit = TG_MISFIT_RAW), text("a\xff"), TG_MISFIT_UTF8);
    assert_misfit(RULES(.decode = steps, .decode_count = 1, .on_misfit = TG_MISFIT_RAW), binary("\xff"),
                  TG_MISFIT_DECODE);
}

static void an_error_event_says_why_and_nothing_else(void **state)
{
    struct tg_message message = text("secret");
    struct fixture fixture;

    (void)state;
    message.type = TG_STR("own");
    message.id = TG_STR("7");
    fixture_init(&fixture,
                 RULES(.data = P("/a"), .error_event = P("oops"), .on_misfit = TG_MISFIT_ERROR_EVENT));
    feed_message(&fixture, message);
    feed(&fixture, "{}");
    feed(&fixture, "\xff");
    assert_int_equal(fixture.count, 3);
    assert_recorded(&fixture, 0, "oops", "", "{\"reason\":\"json\"}");
    assert_recorded(&fixture, 1, "oops", "", "{\"reason\":\"data\"}");
    assert_recorded(&fixture, 2, "oops", "", "{\"reason\":\"utf8\"}");
    fixture_deinit(&fixture);
}

static void each_item_that_does_not_fit_has_its_error_event(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P(""), .id = P("/i"), .on_misfit = TG_MISFIT_ERROR_EVENT));
    feed(&fixture, "[{\"i\":1},{},{\"i\":2},{\"i\":\" \"}]");
    assert_int_equal(fixture.last.events, 4);
    assert_int_equal(fixture.last.misfits[TG_MISFIT_ID], 2);
    assert_recorded(&fixture, 1, "tidegate.error", "", "{\"reason\":\"id\"}");
    assert_recorded(&fixture, 2, "", "2", "{\"i\":2}");
    fixture_deinit(&fixture);
}

static void the_last_message_need_not_fit(void **state)
{
    static const enum tg_config_misfit_action ways[] = { TG_MISFIT_DROP, TG_MISFIT_RAW,
                                                         TG_MISFIT_ERROR_EVENT };
    struct tg_message mark = text("[DONE]"), token = text("{\"a\":\"b\"}");

    (void)state;
    mark.is_last = token.is_last = true;
    for (size_t i = 0; i < TG_COUNT_OF(ways); i++) {
        struct fixture fixture;
        fixture_init(&fixture, RULES(.data = P("/a"), .on_misfit = ways[i]));
        feed_message(&fixture, mark);
        assert_int_equal(fixture.count, 0);
        assert_int_equal(misfit_count(&fixture.last), 0);
        assert_int_equal(fixture.last.first_misfit, TG_MISFIT_NONE);
        feed_message(&fixture, token);
        assert_recorded(&fixture, 0, "", "", "b");
        fixture_deinit(&fixture);
    }
}

/* ---- losses -------------------------------------------------------------------------------------- */

static void assert_lost(struct tg_config_translate rules, struct tg_message message,
                        enum tg_gap_reason reason)
{
    struct fixture fixture;

    fixture_init(&fixture, rules);
    feed_message(&fixture, message);
    assert_int_equal(misfit_count(&fixture.last), 1);
    assert_int_equal(fixture.lost_count, reason == TG_GAP_NONE ? 0 : 1);
    assert_int_equal(fixture.lost, reason);
    assert_int_equal(fixture.count, rules.on_misfit == TG_MISFIT_DROP || reason != TG_GAP_NONE ? 0 : 1);
    fixture_deinit(&fixture);
}

static void text_that_is_not_utf8_is_lost_unless_an_event_tells_of_it(void **state)
{
    (void)state;
    assert_lost(RULES(.on_misfit = TG_MISFIT_DROP), text("\xff"), TG_GAP_ENCODING);
    assert_lost(RULES(.on_misfit = TG_MISFIT_RAW), text("\xff"), TG_GAP_ENCODING);
    assert_lost(RULES(.on_misfit = TG_MISFIT_ERROR_EVENT), text("\xff"), TG_GAP_NONE);
}

static int64_t unpack[] = { TG_DECODE_BASE64, TG_DECODE_UTF8 };

static void what_decoding_makes_too_large_is_lost(void **state)
{
    const struct tg_config_translate rules =
        RULES(.decode = unpack, .decode_count = 2, .max_decoded_bytes = 5);
    struct tg_config_translate raw = rules, told = rules;

    (void)state;
    raw.on_misfit = TG_MISFIT_RAW;
    told.on_misfit = TG_MISFIT_ERROR_EVENT;
    assert_misfit(rules, text("QUJDREVG"), TG_MISFIT_OVERSIZE);
    assert_lost(rules, text("QUJDREVG"), TG_GAP_OVERSIZE);
    assert_lost(raw, text("QUJDREVG"), TG_GAP_NONE);
    assert_lost(told, text("QUJDREVG"), TG_GAP_NONE);
}

/* What the rules let go was asked for. */
static void what_does_not_fit_the_rules_is_no_loss(void **state)
{
    struct fixture fixture;

    (void)state;
    assert_lost(RULES(.data = P("/a")), text("{}"), TG_GAP_NONE);
    assert_lost(RULES(.data = P("/a")), text("no JSON"), TG_GAP_NONE);
    assert_lost(RULES(.event = P("/t")), text("{\"t\":\"tidegate.end\"}"), TG_GAP_NONE);
    assert_lost(RULES(.decode = unpack, .decode_count = 2), text("!"), TG_GAP_NONE);
    fixture_init(&fixture, RULES(.when = NULL, .split = P("")));
    feed(&fixture, "[]");
    assert_int_equal(fixture.lost_count, 0);
    fixture_deinit(&fixture);
}

/* … but not that a message which was to be sent as it came cannot be. */
static void bytes_that_raw_cannot_send_are_lost(void **state)
{
    (void)state;
    assert_lost(RULES(.on_misfit = TG_MISFIT_RAW, .decode = unpack, .decode_count = 2), text("\xff"),
                TG_GAP_ENCODING);
}

/* ---- Tidegate's own types ---------------------------------------------------------------------- */

static const char *const own_types[] = { "tidegate.end",   "tidegate.gap",   "tidegate.upstream",
                                         "tidegate.hello", "tidegate.error", "tidegate.",
                                         " tidegate.end",  "tidegate.end  ", "our.gap",
                                         "our.state",      "our.end",        " our.end " };

static void assert_forgery(struct tg_config_translate rules, struct tg_message message)
{
    const struct tg_config_sse names = { .gap_event = P("our.gap"),
                                         .upstream_event = P("our.state"),
                                         .end_event = P("our.end") };
    struct fixture fixture;

    fixture_init(&fixture, rules);
    tg_translator_reserve(fixture.translator, &names);
    feed_message(&fixture, message);
    assert_int_equal(misfit_count(&fixture.last), 1);
    assert_int_equal(fixture.last.misfits[TG_MISFIT_EVENT], 1);
    assert_string_equal(fixture.last.first_cause.finds, "a type of Tidegate's own events");
    for (size_t i = 0; i < fixture.count; i++)
        assert_true(fixture.events[i].type[0] == '\0' || strcmp(fixture.events[i].type, "oops") == 0);
    fixture_deinit(&fixture);
}

static void no_message_forges_tidegates_own_types(void **state)
{
    char json[200], escaped[200];

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(own_types); i++) {
        const char *type = own_types[i];
        snprintf(json, sizeof(json), "[{\"type\":\"%.3s\\u%04x%s\"}]", type, (unsigned)type[3], type + 4);
        const struct tg_message message = text(json);
        struct tg_message carried = text("{}");
        carried.type = tg_str_from(type);
        for (int action = TG_MISFIT_DROP; action <= TG_MISFIT_ERROR_EVENT; action++) {
            const struct tg_config_translate by_pointer =
                RULES(.event = P("/0/type"), .on_misfit = action, .error_event = P("oops"));
            assert_forgery(by_pointer, message);
            assert_forgery(
                RULES(.event = P("/type"), .split = P(""), .on_misfit = action, .error_event = P("oops")),
                message);
            assert_forgery(RULES(.event = P("{/0/type}"), .on_misfit = action, .error_event = P("oops")),
                           message);
            assert_forgery(RULES(.event = P("{/none|tidegate}{/end|.end}"), .on_misfit = action,
                                 .error_event = P("oops")),
                           message);
            assert_forgery(RULES(.on_misfit = action, .error_event = P("oops")), carried);
            assert_forgery(RULES(.event = P("/type"), .on_misfit = action, .error_event = P("oops")),
                           carried);
        }
        snprintf(escaped, sizeof(escaped), "x%s", type);
        assert_makes(RULES(.event = P("/t")),
                     (struct tg_message){ .bytes = "{}", .length = 2, .type = tg_str_from(escaped) }, escaped,
                     "", "{}");
    }
    assert_makes(RULES(.event = P("/t")), text("{\"t\":\"our.end\"}"), "our.end", "", "{\"t\":\"our.end\"}");
    assert_makes(RULES(.event = P("/t")), text("{\"t\":\"Tidegate.end\"}"), "Tidegate.end", "",
                 "{\"t\":\"Tidegate.end\"}");
    assert_makes(RULES(.event = P("/t")), text("{\"t\":\"tidegate\"}"), "tidegate", "",
                 "{\"t\":\"tidegate\"}");
}

static void an_error_event_cannot_be_forged_either(void **state)
{
    (void)state;
    const struct tg_config_translate rules =
        RULES(.event = P("/t"), .on_misfit = TG_MISFIT_ERROR_EVENT, .error_event = P("oops"));
    assert_forgery(rules, text("{\"t\":\"oops\"}"));
    assert_makes(RULES(.event = P("/t"), .error_event = P("oops")), text("{\"t\":\"oops\"}"), "oops", "",
                 "{\"t\":\"oops\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_misfit_names_the_rule_and_what_it_finds),
        cmocka_unit_test(events_without_the_type_that_a_rule_looks_for_are_counted),
        cmocka_unit_test(no_rule_is_to_blame_for_what_is_no_json),
        cmocka_unit_test(what_has_to_be_json_is_a_misfit_where_it_is_not),
        cmocka_unit_test(a_misfit_is_dropped_by_default),
        cmocka_unit_test(raw_sends_the_text_without_rules),
        cmocka_unit_test(raw_leaves_out_what_cannot_be_sent),
        cmocka_unit_test(raw_is_what_could_be_decoded),
        cmocka_unit_test(raw_is_the_item_that_does_not_fit),
        cmocka_unit_test(bytes_that_are_not_utf8_are_dropped_even_raw),
        cmocka_unit_test(an_error_event_says_why_and_nothing_else),
        cmocka_unit_test(each_item_that_does_not_fit_has_its_error_event),
        cmocka_unit_test(the_last_message_need_not_fit),
        cmocka_unit_test(text_that_is_not_utf8_is_lost_unless_an_event_tells_of_it),
        cmocka_unit_test(what_decoding_makes_too_large_is_lost),
        cmocka_unit_test(what_does_not_fit_the_rules_is_no_loss),
        cmocka_unit_test(bytes_that_raw_cannot_send_are_lost),
        cmocka_unit_test(no_message_forges_tidegates_own_types),
        cmocka_unit_test(an_error_event_cannot_be_forged_either),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
