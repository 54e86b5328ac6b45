/* Unit tests: the full configuration has every option, with its default where there is one, and the loader takes it. */
#include "config/full.h"
#include "config/option_json.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *full;

static int make_full(void **state)
{
    (void)state;
    struct tg_buffer text = { 0 }, errors = { 0 };
    if (tg_config_full(&text, &errors))
        fail_msg("%s", errors.data);
    assert_null(errors.data);
    assert_int_equal(tg_config_parse_alone(text.data, text.length, &errors), TG_OK);
    full = json_loadb(text.data, text.length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(full);
    tg_buffer_deinit(&text);
    return 0;
}

static int free_full(void **state)
{
    (void)state;
    json_decref(full);
    return 0;
}

/* Whether the key stands anywhere in it; with this value, if one is given. */
static bool has(json_t *value, const char *key, json_t *wanted)
{
    const char *name;
    json_t *part;
    size_t i;
    bool is_found = false;
    json_array_foreach(value, i, part)
    {
        is_found = is_found || has(part, key, wanted);
    }
    json_object_foreach(value, name, part)
    {
        is_found = is_found || (strcmp(name, key) == 0 && (!wanted || json_equal(part, wanted))) ||
                   has(part, key, wanted);
    }
    return is_found;
}

static void check_object(const struct tg_option_object *object)
{
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        json_t *standard = option->default_text ? tg_option_default_json(option) : NULL;
        if (!has(full, option->key, standard))
            fail_msg("%s is missing, or its default", option->key);
        json_decref(standard);
        if (option->object)
            check_object(option->object);
    }
}

static void it_has_every_option_with_its_default(void **state)
{
    (void)state;
    check_object(&tg_options_root);
    check_object(&tg_options_condition);
}

static void it_has_each_kind_and_each_scope(void **state)
{
    (void)state;
    static const char *const kinds[] = { "websocket", "sse", "ndjson", "poll" };
    static const char *const scopes[] = { "shared", "keyed", "client" };
    for (size_t i = 0; i < TG_COUNT_OF(kinds) + TG_COUNT_OF(scopes); i++) {
        bool is_kind = i < TG_COUNT_OF(kinds);
        json_t *word = json_string(is_kind ? kinds[i] : scopes[i - TG_COUNT_OF(kinds)]);
        assert_true(has(full, is_kind ? "kind" : "scope", word));
        json_decref(word);
    }
}

static void examples_are_told_from_defaults(void **state)
{
    (void)state;
    json_t *upstream = json_object_get(json_object_get(json_object_get(full, "streams"), "feed"), "upstream");
    const char *comment = json_string_value(json_object_get(upstream, "$comment"));
    assert_non_null(strstr(comment, "Examples, not defaults: "));
    assert_non_null(strstr(comment, "subprotocols"));
    assert_null(strstr(comment, "ping_every"));
    assert_null(strstr(comment, "url")); /* it must be given anyway */
}

static void assert_layout(const char *text, const char *expected)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    struct tg_buffer out = { 0 };
    tg_json_append_laid_out(&out, value);
    assert_string_equal(out.data, expected);
    tg_buffer_deinit(&out);
    json_decref(value);
}

static void what_fits_on_a_line_stands_on_one(void **state)
{
    (void)state;
    assert_layout("{\"a\":[1,2.5,\"é\\n\"],\"b\":{},\"c\":[],\"d\":null}",
                  "{ \"a\": [ 1, 2.5, \"é\\n\" ], \"b\": {}, \"c\": [], \"d\": null }\n");
    assert_layout("{\"a\":\"0123456789012345678901234567890123456789012345678901234567890123456789\","
                  "\"b\":[\"0123456789012345678901234567890123456789\",{\"c\":1}]}",
                  "{\n"
                  "  \"a\": \"0123456789012345678901234567890123456789012345678901234567890123456789\",\n"
                  "  \"b\": [ \"0123456789012345678901234567890123456789\", { \"c\": 1 } ]\n"
                  "}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_has_every_option_with_its_default),
        cmocka_unit_test(it_has_each_kind_and_each_scope),
        cmocka_unit_test(examples_are_told_from_defaults),
        cmocka_unit_test(what_fits_on_a_line_stands_on_one),
    };
    return cmocka_run_group_tests(tests, make_full, free_full);
}
