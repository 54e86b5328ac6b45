/* Keys of events, what shared translators remember, and the message that is the last one. */
#include "test_translate_support.h"

struct keyed {
    struct fixture fixture;
    struct tg_config_route_by route;
    char keys[8][64]; /* of the events, in order */
    size_t count;
};

static bool record_key(void *arg, const struct tg_event *event)
{
    struct keyed *keyed = arg;
    struct tg_str key = tg_translator_key(keyed->fixture.translator);

    assert_true(keyed->count < TG_COUNT_OF(keyed->keys) && key.length < sizeof(keyed->keys[0]));
    memcpy(keyed->keys[keyed->count], key.data, key.length);
    keyed->keys[keyed->count++][key.length] = '\0';
    return record(&keyed->fixture, event);
}

/* Without parameters every key will do. */
static void keyed_init_for(struct keyed *keyed, const struct tg_config_parameter *parameters, size_t count,
                           struct tg_config_translate rules, struct tg_config_header *to)
{
    struct tg_buffer error = { 0 };

    memset(keyed, 0, sizeof(*keyed));
    fixture_init(&keyed->fixture, rules);
    keyed->route = (struct tg_config_route_by){ .by = P("/k"), .to = to };
    assert_int_equal(tg_translator_route(keyed->fixture.translator, &keyed->route, parameters, count, &error),
                     TG_OK);
}

static void keyed_init(struct keyed *keyed, struct tg_config_translate rules, struct tg_config_header *to)
{
    keyed_init_for(keyed, NULL, 0, rules, to);
}

static void feed_keyed(struct keyed *keyed, const char *bytes)
{
    struct tg_message message = text(bytes);

    tg_translator_run(keyed->fixture.translator, &message, record_key, keyed, &keyed->fixture.last);
}

static void assert_keys(const struct keyed *keyed, const char *const *keys)
{
    size_t count = 0;

    for (; keys[count]; count++) {
        assert_true(count < keyed->count);
        assert_string_equal(keyed->keys[count], keys[count]);
    }
    assert_int_equal(keyed->count, count);
}
#define KEYS(...) ((const char *const[]){ __VA_ARGS__ __VA_OPT__(, ) NULL })

static void each_part_has_its_key(void **state)
{
    struct keyed keyed;

    (void)state;
    keyed_init(&keyed, RULES(.split = P(""), .data = P("/v")), NULL);
    feed_keyed(&keyed, "[{\"k\":\"a\",\"v\":1},{\"k\":7,\"v\":2},{\"k\":\"\\u00e4\\/b\",\"v\":3}]");
    assert_keys(&keyed, KEYS("a", "7", "\xc3\xa4/b"));
    assert_recorded(&keyed.fixture, 1, "", "", "2");
    assert_int_equal(tg_translator_key(keyed.fixture.translator).length, 0);
    fixture_deinit(&keyed.fixture);
}

static void what_has_no_key_is_a_misfit(void **state)
{
    static const char *const messages[] = { "{\"v\":1}",         "{\"k\":\"\",\"v\":1}", "{\"k\":null}",
                                            "{\"k\":1.5}",       "{\"k\":[\"a\"]}",      "{\"k\":true}",
                                            "{\"k\":\"a\\nb\"}", "{\"k\":\"\\u0000\"}" };
    struct keyed keyed;

    (void)state;
    keyed_init(&keyed, RULES(.on_misfit = TG_MISFIT_ERROR_EVENT), NULL);
    for (size_t i = 0; i < TG_COUNT_OF(messages); i++) {
        feed_keyed(&keyed, messages[i]);
        assert_int_equal(keyed.fixture.last.misfits[TG_MISFIT_KEY], 1);
        assert_int_equal(keyed.fixture.last.events, 0);
    }
    feed_keyed(&keyed, "no JSON");
    assert_int_equal(keyed.fixture.last.misfits[TG_MISFIT_JSON], 1);
    assert_int_equal(keyed.count, 0);
    assert_string_equal(tg_misfit_text(TG_MISFIT_KEY), "key");
    fixture_deinit(&keyed.fixture);
}

static void a_key_has_its_limit(void **state)
{
    struct tg_buffer message = { 0 };
    struct keyed keyed;

    (void)state;
    keyed_init(&keyed, RULES(.data = P("/k")), NULL);
    tg_buffer_append_str(&message, "{\"k\":\"");
    for (int i = 0; i <= TG_KEY_MAX; i++)
        tg_buffer_append_str(&message, "a");
    tg_buffer_append_str(&message, "\"}");
    feed_keyed(&keyed, message.data);
    assert_int_equal(keyed.fixture.last.misfits[TG_MISFIT_KEY], 1);
    tg_buffer_deinit(&message);
    fixture_deinit(&keyed.fixture);
}

static void assert_no_key(struct keyed *keyed, const char *bytes)
{
    feed_keyed(keyed, bytes);
    assert_int_equal(keyed->fixture.last.misfits[TG_MISFIT_KEY], 1);
    assert_int_equal(keyed->fixture.last.events, 0);
}

static void a_key_that_no_path_can_have_is_a_misfit(void **state)
{
    const struct tg_config_parameter any = { .name = P("topic") };
    const struct tg_config_parameter symbol = { .name = P("symbol"), .pattern = P("[A-Z2/%]{1,5}|x") };
    struct tg_config_header to[] = { { P("7"), P("seven") }, { P("8"), P("AB") }, { 0 } };
    struct keyed keyed;

    (void)state;
    keyed_init_for(&keyed, &any, 1, RULES(.on_misfit = TG_MISFIT_RAW), NULL);
    feed_keyed(&keyed, "{\"k\":\"a.b\"}");
    assert_no_key(&keyed, "{\"k\":\"a b\"}");
    assert_no_key(&keyed, "{\"k\":\"a/b\"}");
    assert_no_key(&keyed, "{\"k\":\"0123456789012345678901234567890123456789012345678901234567890123x\"}");
    assert_keys(&keyed, KEYS("a.b"));
    fixture_deinit(&keyed.fixture);
    /* By the name that paths have for it; the single value of a key is not escaped. */
    keyed_init_for(&keyed, &symbol, 1, RULES(.on_misfit = TG_MISFIT_RAW), to);
    feed_keyed(&keyed, "{\"k\":\"A/%2F\"}");
    feed_keyed(&keyed, "{\"k\":8}");
    assert_no_key(&keyed, "{\"k\":7}");
    assert_no_key(&keyed, "{\"k\":\"xA\"}");
    assert_no_key(&keyed, "{\"k\":\"ABCDEF\"}");
    assert_keys(&keyed, KEYS("A/%2F", "AB"));
    fixture_deinit(&keyed.fixture);
}

static void a_key_of_several_values_has_one_for_each(void **state)
{
    static const char *const bad[] = { "eu",     "eu/",     "/AB",     "uk/AB",   "eu/AB/",
                                       "eu/A/B", "eu/A%2f", "eu/A%",   "eu/A%2",  "eu/%41B",
                                       "EU/AB",  "eu/ab",   "eu%2FAB", "eu/AB/C", "/" };
    const struct tg_config_parameter parameters[] = {
        { .name = P("market"), .one_of = (char *[]){ P("eu"), P("us"), NULL } },
        { .name = P("symbol"), .pattern = P("[A-Z2/%]{1,5}") },
    };
    struct tg_buffer message = { 0 };
    struct keyed keyed;

    (void)state;
    keyed_init_for(&keyed, parameters, 2, RULES(.split = P("")), NULL);
    feed_keyed(&keyed, "[{\"k\":\"eu/AB\"},{\"k\":\"us/A%2FB\"},{\"k\":\"us/%252F\"}]");
    assert_keys(&keyed, KEYS("eu/AB", "us/A%2FB", "us/%252F"));
    for (size_t i = 0; i < TG_COUNT_OF(bad); i++) {
        tg_buffer_clear(&message);
        tg_buffer_appendf(&message, "[{\"k\":\"%s\"}]", bad[i]);
        assert_no_key(&keyed, message.data);
    }
    tg_buffer_deinit(&message);
    fixture_deinit(&keyed.fixture);
}

/* Which stream it belongs to is known, so that the misfit is told there. */
static void a_misfit_with_a_key_goes_to_its_stream(void **state)
{
    struct keyed keyed;

    (void)state;
    keyed_init(&keyed, RULES(.split = P(""), .data = P("/v"), .on_misfit = TG_MISFIT_ERROR_EVENT), NULL);
    feed_keyed(&keyed, "[{\"k\":\"a\"},{\"v\":1},{\"k\":\"b\",\"v\":2}]");
    assert_keys(&keyed, KEYS("a", "b"));
    assert_recorded(&keyed.fixture, 0, "tidegate.error", "", "{\"reason\":\"data\"}");
    assert_int_equal(keyed.fixture.last.misfits[TG_MISFIT_KEY], 1);
    fixture_deinit(&keyed.fixture);
}

static void keys_are_mapped(void **state)
{
    struct tg_config_header to[] = { { P("EURUSD"), P("eur-usd") }, { P("7"), P("seven") }, { 0 } };
    struct keyed keyed;

    (void)state;
    keyed_init(&keyed, RULES(.split = P("")), to);
    feed_keyed(&keyed, "[{\"k\":\"EURUSD\"},{\"k\":7},{\"k\":\"other\"}]");
    assert_keys(&keyed, KEYS("eur-usd", "seven", "other"));
    fixture_deinit(&keyed.fixture);
}

static void what_is_filtered_needs_no_key(void **state)
{
    struct tg_config_condition when = { .kind = TG_CONDITION_EXISTS,
                                        .pointer = P("/v"),
                                        .is_expected = true };
    struct keyed keyed;

    (void)state;
    keyed_init(&keyed, RULES(.when = &when), NULL);
    feed_keyed(&keyed, "{\"ping\":1}");
    assert_int_equal(keyed.fixture.last.filtered, 1);
    assert_int_equal(misfit_count(&keyed.fixture.last), 0);
    fixture_deinit(&keyed.fixture);
}

static void the_same_id_under_another_key_is_new(void **state)
{
    int64_t ways[] = { TG_SEEN_ID, TG_SEEN_CONTENT };

    (void)state;
    for (size_t i = 0; i < TG_COUNT_OF(ways); i++) {
        struct keyed keyed;
        keyed_init(&keyed, RULES(.id = P("/i"), .data = P("/v"), .seen = ways[i]), NULL);
        feed_keyed(&keyed, "{\"k\":\"a\",\"i\":1,\"v\":5}");
        feed_keyed(&keyed, "{\"k\":\"b\",\"i\":1,\"v\":5}");
        feed_keyed(&keyed, "{\"k\":\"a\",\"i\":1,\"v\":5}");
        assert_int_equal(keyed.fixture.last.repeated, 1);
        assert_keys(&keyed, KEYS("a", "b"));
        fixture_deinit(&keyed.fixture);
    }
}

/* ---- shared translators -------------------------------------------------------------------------- */

static void each_upstream_remembers_what_it_has_seen(void **state)
{
    struct tg_message message = text("{\"i\":1}");
    struct fixture fixture;
    struct tg_seen *first, *second;

    (void)state;
    fixture_init(&fixture, RULES(.id = P("/i"), .seen = TG_SEEN_ID));
    first = tg_translator_new_seen(fixture.translator);
    second = tg_translator_new_seen(fixture.translator);
    assert_non_null(first);
    tg_translator_run_for(fixture.translator, first, &message, record, &fixture, &fixture.last);
    assert_int_equal(fixture.last.events, 1);
    tg_translator_run_for(fixture.translator, second, &message, record, &fixture, &fixture.last);
    assert_int_equal(fixture.last.events, 1);
    tg_translator_run_for(fixture.translator, first, &message, record, &fixture, &fixture.last);
    assert_int_equal(fixture.last.repeated, 1);
    tg_seen_free(first);
    tg_seen_free(second);
    fixture_deinit(&fixture);
    fixture_init(&fixture, RULES(.id = P("/i")));
    assert_null(tg_translator_new_seen(fixture.translator));
    tg_translator_run_for(fixture.translator, NULL, &message, record, &fixture, &fixture.last);
    assert_int_equal(fixture.last.events, 1);
    fixture_deinit(&fixture);
}

/* ---- the last message ---------------------------------------------------------------------------- */

static void until_is_asked_of_the_message_as_it_came(void **state)
{
    struct tg_config_condition by_value = { .kind = TG_CONDITION_EQUALS,
                                            .pointer = P("/done"),
                                            .values = (char *[]){ P("true"), NULL } };
    struct tg_config_condition by_text = { .kind = TG_CONDITION_TEXT, .pattern = P("[DONE]") };
    struct tg_buffer error = { 0 };
    struct tg_until *until;

    (void)state;
    assert_int_equal(tg_until_new(&by_value, &until, &error), TG_OK);
    assert_true(tg_until_matches(until, &(struct tg_message){ .bytes = "{\"done\":true}", .length = 13 }));
    assert_false(tg_until_matches(until, &(struct tg_message){ .bytes = "{\"done\":1}", .length = 10 }));
    assert_false(tg_until_matches(until, &(struct tg_message){ .bytes = "no JSON", .length = 7 }));
    assert_false(tg_until_matches(until, &(struct tg_message){ .bytes = "\"\xff\"", .length = 3 }));
    assert_false(tg_until_matches(until, &(struct tg_message){ .bytes = NULL }));
    tg_until_free(until);
    assert_int_equal(tg_until_new(&by_text, &until, &error), TG_OK);
    assert_true(tg_until_matches(until, &(struct tg_message){ .bytes = "[DONE]", .length = 6 }));
    assert_false(tg_until_matches(until, &(struct tg_message){ .bytes = "[DONE", .length = 5 }));
    tg_until_free(until);
    tg_until_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_has_its_key),
        cmocka_unit_test(what_has_no_key_is_a_misfit),
        cmocka_unit_test(a_key_has_its_limit),
        cmocka_unit_test(a_key_that_no_path_can_have_is_a_misfit),
        cmocka_unit_test(a_key_of_several_values_has_one_for_each),
        cmocka_unit_test(a_misfit_with_a_key_goes_to_its_stream),
        cmocka_unit_test(keys_are_mapped),
        cmocka_unit_test(what_is_filtered_needs_no_key),
        cmocka_unit_test(the_same_id_under_another_key_is_new),
        cmocka_unit_test(each_upstream_remembers_what_it_has_seen),
        cmocka_unit_test(until_is_asked_of_the_message_as_it_came),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
