/* The way of a message: decode, split, when. */
#include "test_translate_support.h"

#include <time.h>

#define VALUES(...) ((char *[]){ __VA_ARGS__, NULL })

/* ---- decode ----------------------------------------------------------------------------------- */

static void decoded_text_goes_on_as_text(void **state)
{
    int64_t steps[] = { TG_DECODE_BASE64, TG_DECODE_UTF8 };
    struct tg_config_translate rules = RULES(.decode = steps, .decode_count = 2, .data = P("/a"));

    (void)state;
    assert_makes(rules, text("eyJhIjowLjF9"), "", "", "0.1");
    assert_makes(rules, binary("eyJhIjowLjF9"), "", "", "0.1");
}

static void decoded_bytes_without_utf8_are_binary(void **state)
{
    int64_t steps[] = { TG_DECODE_HEX };

    (void)state;
    assert_makes(RULES(.decode = steps, .decode_count = 1, .data = P("/a")), text("00ff10"), "binary", "",
                 "AP8Q");
}

static void binary_that_is_text_needs_but_utf8(void **state)
{
    int64_t steps[] = { TG_DECODE_UTF8 };

    (void)state;
    assert_makes(RULES(.decode = steps, .decode_count = 1), binary("a\nb"), "", "", "a\nb");
    assert_misfit(RULES(.decode = steps, .decode_count = 1), binary("a\xff"), TG_MISFIT_DECODE);
    assert_misfit(RULES(.decode = steps, .decode_count = 1), text("a\xff"), TG_MISFIT_DECODE);
}

static void what_cannot_be_decoded_is_a_misfit(void **state)
{
    int64_t steps[] = { TG_DECODE_HEX, TG_DECODE_UTF8 };
    struct tg_config_translate rules = RULES(.decode = steps, .decode_count = 2, .max_decoded_bytes = 2);

    (void)state;
    assert_misfit(rules, text("4"), TG_MISFIT_DECODE);
    assert_misfit(rules, text("414243"), TG_MISFIT_OVERSIZE);
    assert_makes(rules, text("4142"), "", "", "AB");
}

/* ---- split ------------------------------------------------------------------------------------ */

static void each_item_is_a_message(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P("/items"), .event = P("/t"), .id = P("/i"), .data = P("/d")));
    feed(&fixture,
         "{\"items\":[{\"t\":\"a\",\"i\":1,\"d\":1e400},{\"t\":\"b\",\"i\":2,\"d\":[ 0.10 ]}],\"d\":0}");
    assert_int_equal(fixture.count, 2);
    assert_recorded(&fixture, 0, "a", "1", "1e400");
    assert_recorded(&fixture, 1, "b", "2", "[0.10]");
    fixture_deinit(&fixture);
}

static void an_item_without_a_data_rule_is_its_own_text_compact(void **state)
{
    static const char *const items[] = { "{\"a\":12345678901234567890,\"b\":[0.1]}", "1e400", "\"x \\u00e4\"",
                                         "null", "[]" };
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P("")));
    feed(&fixture,
         " [ { \"a\" : 12345678901234567890,\n\"b\":[ 0.1 ] } , 1e400, \"x \\u00e4\" , null, [ ] ] ");
    assert_int_equal(fixture.count, TG_COUNT_OF(items));
    for (size_t i = 0; i < TG_COUNT_OF(items); i++)
        assert_recorded(&fixture, i, "", "", items[i]);
    fixture_deinit(&fixture);
}

static void an_empty_array_makes_nothing(void **state)
{
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P("/a"), .on_misfit = TG_MISFIT_ERROR_EVENT));
    feed(&fixture, "{\"a\":[ ]}");
    assert_int_equal(fixture.count, 0);
    assert_int_equal(misfit_count(&fixture.last), 0);
    assert_int_equal(fixture.last.filtered, 0);
    fixture_deinit(&fixture);
}

static void no_array_is_a_misfit(void **state)
{
    (void)state;
    assert_misfit(RULES(.split = P("/a")), text("{\"b\":[]}"), TG_MISFIT_SPLIT);
    assert_misfit(RULES(.split = P("/a")), text("{\"a\":{\"0\":1}}"), TG_MISFIT_SPLIT);
    assert_misfit(RULES(.split = P("")), text("\"[]\""), TG_MISFIT_SPLIT);
    assert_misfit(RULES(.split = P("")), text("[1"), TG_MISFIT_JSON);
}

static void items_count_one_by_one(void **state)
{
    struct tg_config_condition when = { .kind = TG_CONDITION_NOT,
                                        .conditions =
                                            &(struct tg_config_condition){
                                                .kind = TG_CONDITION_EQUALS,
                                                .pointer = P("/skip"),
                                                .values = VALUES(P("true")),
                                            },
                                        .condition_count = 1 };
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.split = P(""), .when = &when, .data = P("/d")));
    feed(&fixture, "[{\"d\":1},{\"skip\":true},{\"x\":1},{\"d\":2},{\"skip\":true,\"d\":3},{\"y\":2}]");
    assert_int_equal(fixture.last.events, 2);
    assert_int_equal(fixture.last.filtered, 2);
    assert_int_equal(fixture.last.misfits[TG_MISFIT_DATA], 2);
    assert_int_equal(fixture.last.first_misfit, TG_MISFIT_DATA);
    assert_recorded(&fixture, 0, "", "", "1");
    assert_recorded(&fixture, 1, "", "", "2");
    fixture_deinit(&fixture);
}

/* Looking for each item from the start would take some minutes. */
static void many_items_take_no_longer_each(void **state)
{
    enum { ITEMS = 100000 };
    struct tg_buffer message = { 0 };
    struct fixture fixture;
    clock_t start;

    (void)state;
    tg_buffer_append_str(&message, "{\"items\":[");
    for (int i = 0; i < ITEMS; i++)
        assert_int_equal(
            tg_buffer_appendf(&message, "%s{\"id\":%d,\"text\":\"a few words\"}", i ? "," : "", i), TG_OK);
    tg_buffer_append_str(&message, "]}");
    fixture_init(&fixture, RULES(.split = P("/items"), .id = P("/id")));
    start = clock();
    feed_message(&fixture, (struct tg_message){ .bytes = message.data, .length = message.length });
    assert_true(clock() - start < 20 * CLOCKS_PER_SEC);
    assert_int_equal(fixture.count, ITEMS);
    assert_recorded(&fixture, ITEMS - 1, "", "99999", "{\"id\":99999,\"text\":\"a few words\"}");
    fixture_deinit(&fixture);
    tg_buffer_deinit(&message);
}

static void type_and_id_of_the_message_are_those_of_each_item(void **state)
{
    struct tg_message message = text("[1,2]");
    struct fixture fixture;

    (void)state;
    message.type = TG_STR("tick");
    message.id = TG_STR("7");
    fixture_init(&fixture, RULES(.split = P("")));
    feed_message(&fixture, message);
    assert_int_equal(fixture.count, 2);
    assert_recorded(&fixture, 0, "tick", "7", "1");
    assert_recorded(&fixture, 1, "tick", "7", "2");
    fixture_deinit(&fixture);
}

/* ---- when ------------------------------------------------------------------------------------- */

static void messages_that_do_not_match_make_no_event(void **state)
{
    struct tg_config_condition when = { .kind = TG_CONDITION_GT, .pointer = P("/a"), .number = 5 };
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.when = &when));
    feed(&fixture, "{\"a\":5}");
    assert_int_equal(fixture.last.filtered, 1);
    assert_int_equal(fixture.last.first_misfit, TG_MISFIT_NONE);
    feed(&fixture, "{\"a\": 6}");
    assert_int_equal(fixture.last.filtered, 0);
    assert_int_equal(fixture.count, 1);
    assert_recorded(&fixture, 0, "", "", "{\"a\": 6}");
    fixture_deinit(&fixture);
    assert_misfit(RULES(.when = &when), text("pong"), TG_MISFIT_JSON);
}

static void text_can_be_filtered_before_json_is_needed(void **state)
{
    struct tg_config_condition pong = { .kind = TG_CONDITION_TEXT, .pattern = P("pong") };
    struct tg_config_condition when = { .kind = TG_CONDITION_NOT, .conditions = &pong, .condition_count = 1 };
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.when = &when, .data = P("/a")));
    feed(&fixture, "pong");
    assert_int_equal(fixture.last.filtered, 1);
    assert_int_equal(misfit_count(&fixture.last), 0);
    feed(&fixture, "ping");
    assert_int_equal(fixture.last.misfits[TG_MISFIT_JSON], 1);
    fixture_deinit(&fixture);
}

static void binary_is_asked_by_its_bytes(void **state)
{
    struct tg_config_condition ping = { .kind = TG_CONDITION_TEXT, .pattern = P("ping") };
    struct tg_config_condition exists = { .kind = TG_CONDITION_EXISTS,
                                          .pointer = P(""),
                                          .is_expected = true };
    struct fixture fixture;

    (void)state;
    fixture_init(&fixture, RULES(.when = &ping));
    feed_message(&fixture, binary("ping"));
    feed_message(&fixture, binary("pong"));
    assert_int_equal(fixture.last.filtered, 1);
    assert_int_equal(fixture.count, 1);
    assert_recorded(&fixture, 0, "binary", "", "cGluZw==");
    fixture_deinit(&fixture);
    assert_misfit(RULES(.when = &exists), binary("{}"), TG_MISFIT_JSON);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoded_text_goes_on_as_text),
        cmocka_unit_test(decoded_bytes_without_utf8_are_binary),
        cmocka_unit_test(binary_that_is_text_needs_but_utf8),
        cmocka_unit_test(what_cannot_be_decoded_is_a_misfit),
        cmocka_unit_test(each_item_is_a_message),
        cmocka_unit_test(an_item_without_a_data_rule_is_its_own_text_compact),
        cmocka_unit_test(an_empty_array_makes_nothing),
        cmocka_unit_test(no_array_is_a_misfit),
        cmocka_unit_test(items_count_one_by_one),
        cmocka_unit_test(many_items_take_no_longer_each),
        cmocka_unit_test(type_and_id_of_the_message_are_those_of_each_item),
        cmocka_unit_test(messages_that_do_not_match_make_no_event),
        cmocka_unit_test(text_can_be_filtered_before_json_is_needed),
        cmocka_unit_test(binary_is_asked_by_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
