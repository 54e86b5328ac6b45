/* Unit tests: the option table itself, and what is generated from it. */
#include "config/options.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

typedef void visit_fn(const struct tg_option_object *object, const struct tg_option *option);

static void visit_all(const struct tg_option_object *object, visit_fn *visit)
{
    for (size_t i = 0; i < object->option_count; i++) {
        visit(object, &object->options[i]);
        if (object->options[i].object)
            visit_all(object->options[i].object, visit);
    }
}

/* Conditions stand in themselves, so the file's objects do not hold theirs. */
static void visit_everything(visit_fn *visit)
{
    visit_all(&tg_options_root, visit);
    visit_all(&tg_options_condition, visit);
}

static void check_help(const struct tg_option_object *object, const struct tg_option *option)
{
    assert_non_null(object->help);
    assert_non_null(option->help);
    size_t length = strlen(option->help);
    if (length < 8 || option->help[length - 1] != '.' || strpbrk(option->help, "\n|"))
        fail_msg("%s: its help is no sentence", option->key);
}

static void each_option_has_help(void **state)
{
    (void)state;
    visit_everything(check_help);
}

static void check_key(const struct tg_option_object *object, const struct tg_option *option)
{
    size_t same = 0;
    for (size_t i = 0; i < object->option_count; i++)
        same += strcmp(object->options[i].key, option->key) == 0;
    assert_int_equal(same, 1);
    if (option->key[0] != '$' && strspn(option->key, "abcdefghijklmnopqrstuvwxyz_") != strlen(option->key))
        fail_msg("%s: not a plain key", option->key);
}

static void keys_are_plain_and_unique(void **state)
{
    (void)state;
    visit_everything(check_key);
}

static void check_default(const struct tg_option_object *object, const struct tg_option *option)
{
    (void)object;
    int64_t number;
    const char *text = option->default_text;
    if (!text)
        return;
    switch (option->type) {
    case TG_OPTION_STRING:
        assert_true(!option->grammar || option->grammar->is_valid(text));
        break;
    case TG_OPTION_STRINGS:
        break;
    case TG_OPTION_CODES:
        assert_int_equal(strspn(text, "0123456789 "), strlen(text));
        break;
    case TG_OPTION_INITIAL:
        assert_string_equal(text, "live");
        break;
    default:
        if (tg_option_parse_scalar(option, text, &number))
            fail_msg("%s: its default is not valid", option->key);
    }
    assert_false(option->is_required);
}

static void defaults_parse_and_are_in_range(void **state)
{
    (void)state;
    visit_everything(check_default);
}

static void check_shape(const struct tg_option_object *object, const struct tg_option *option)
{
    (void)object;
    bool has_object =
        option->type == TG_OPTION_OBJECT || option->type == TG_OPTION_LIST || option->type == TG_OPTION_MAP;
    bool has_count = option->type == TG_OPTION_LIST || option->type == TG_OPTION_MAP ||
                     option->type == TG_OPTION_MESSAGES || option->type == TG_OPTION_INITIAL ||
                     option->type == TG_OPTION_WORDS || option->type == TG_OPTION_CODES ||
                     option->type == TG_OPTION_CONDITIONS;
    bool has_words = option->type == TG_OPTION_ENUM || option->type == TG_OPTION_WORDS;
    bool is_number = option->type == TG_OPTION_INTEGER || option->type == TG_OPTION_DURATION ||
                     option->type == TG_OPTION_SIZE || option->type == TG_OPTION_MODE;
    assert_int_equal(has_object, option->object != NULL);
    assert_int_equal(has_count, option->count_offset != 0);
    assert_int_equal(has_words, option->words != NULL);
    assert_true(option->min <= option->max);
    if (is_number && option->max == 0)
        fail_msg("%s: no range", option->key);
    if (is_number && !option->default_text && !option->is_required)
        fail_msg("%s: no default", option->key);
    if (option->type == TG_OPTION_LIST || option->type == TG_OPTION_MAP)
        assert_true(option->object->size > 0);
    if (option->type == TG_OPTION_MAP)
        assert_non_null(option->grammar);
}

static void rows_have_what_their_type_needs(void **state)
{
    (void)state;
    visit_everything(check_shape);
}

static void expectations_are_spelled_out(void **state)
{
    (void)state;
    struct tg_buffer text = { 0 };
    const struct tg_option duration = {
        .type = TG_OPTION_DURATION, .min = 100, .max = 60000, .is_zero_allowed = true
    };
    const struct tg_option_word words[] = { { "a", 0 }, { "b", 1 }, { "c", 2 }, { 0 } };
    const struct tg_option word = { .type = TG_OPTION_ENUM, .words = words };
    tg_option_append_expected(&duration, true, &text);
    assert_string_equal(text.data, "a duration such as \"20s\" (ms, s, m, h or d)");
    tg_buffer_clear(&text);
    tg_option_append_expected(&duration, false, &text);
    assert_string_equal(text.data, "a duration from \"100ms\" to \"1m\", or \"0\"");
    tg_buffer_clear(&text);
    tg_option_append_expected(&word, true, &text);
    assert_string_equal(text.data, "\"a\", \"b\" or \"c\"");
    tg_buffer_clear(&text);
    const struct tg_option steps = { .type = TG_OPTION_WORDS, .words = words };
    tg_option_append_expected(&steps, true, &text);
    assert_string_equal(text.data, "an array of \"a\", \"b\" or \"c\"");
    tg_buffer_clear(&text);
    const struct tg_option two = { .kinds = TG_KIND_BIT(TG_UPSTREAM_SSE) | TG_KIND_BIT(TG_UPSTREAM_POLL) };
    tg_option_append_kinds(&two, &text);
    assert_string_equal(text.data, "kind \"sse\" or \"poll\"");
    tg_buffer_deinit(&text);
}

static struct tg_buffer generated;

static void check_in_reference(const struct tg_option_object *object, const struct tg_option *option)
{
    (void)object;
    struct tg_buffer row = { 0 };
    tg_buffer_appendf(&row, "| `%s` | ", option->key);
    assert_non_null(strstr(generated.data, row.data));
    tg_buffer_deinit(&row);
}

static void reference_names_each_option(void **state)
{
    (void)state;
    assert_int_equal(tg_config_reference(&generated), TG_OK);
    visit_everything(check_in_reference);
    assert_non_null(strstr(generated.data, "\n## `streams.<name>.upstream.auth.basic`\n"));
    assert_non_null(strstr(generated.data, "\n## `streams.<name>.parameters.<name>`\n"));
    assert_non_null(strstr(generated.data, "\n## `streams.<name>.session.identity`\n"));
    assert_non_null(strstr(generated.data, "\n## `routes[].rate`\n"));
    assert_non_null(strstr(generated.data, "\n## Conditions\n"));
    assert_non_null(strstr(generated.data, " Only for kind \"sse\", \"ndjson\" or \"poll\"."));
    /* A bar would end the table's cell. */
    assert_non_null(strstr(generated.data, " Example: `{ \"event\": \"{/type}.{/symbol\\|none}\" }` |\n"));
    assert_null(strstr(generated.data, "(null)"));
    tg_buffer_deinit(&generated);
}

static void check_schema_of(json_t *schema, const struct tg_option_object *object)
{
    json_t *properties = json_object_get(schema, "properties");
    assert_int_equal(json_object_size(properties), object->option_count + 1);
    assert_non_null(json_object_get(properties, "$comment"));
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        json_t *inner = json_object_get(properties, option->key);
        assert_non_null(inner);
        assert_string_equal(json_string_value(json_object_get(inner, "description")), option->help);
        if (option->type == TG_OPTION_LIST)
            inner = json_object_get(inner, "items");
        else if (option->type == TG_OPTION_MAP)
            inner = json_object_get(inner, "additionalProperties");
        if (option->object)
            check_schema_of(inner, option->object);
    }
}

static void schema_holds_each_option(void **state)
{
    (void)state;
    assert_int_equal(tg_config_schema(&generated), TG_OK);
    json_t *schema = json_loadb(generated.data, generated.length, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(schema);
    check_schema_of(schema, &tg_options_root);
    assert_int_equal(json_array_size(json_object_get(schema, "required")), 2);
    json_decref(schema);
    tg_buffer_deinit(&generated);
}

static json_t *load_schema(void)
{
    assert_int_equal(tg_config_schema(&generated), TG_OK);
    json_t *schema = json_loadb(generated.data, generated.length, JSON_REJECT_DUPLICATES, NULL);
    tg_buffer_deinit(&generated);
    assert_non_null(schema);
    return schema;
}

static void schema_describes_conditions_by_themselves(void **state)
{
    (void)state;
    json_t *schema = load_schema();
    json_t *sorts = json_object_get(json_object_get(json_object_get(schema, "$defs"), "condition"), "anyOf");
    assert_int_equal(json_array_size(sorts), 6); /* pointer, text, not, any, all, a list */
    size_t keys = 0;
    for (size_t i = 0; i < 5; i++)
        keys += json_object_size(json_object_get(json_array_get(sorts, i), "properties"));
    assert_int_equal(keys, tg_options_condition.option_count + 5); /* a comment in each */
    json_t *negated = json_object_get(json_object_get(json_array_get(sorts, 2), "properties"), "not");
    assert_string_equal(json_string_value(json_object_get(negated, "$ref")), "#/$defs/condition");
    assert_string_equal(json_string_value(json_object_get(json_array_get(sorts, 5), "type")), "array");
    json_decref(schema);
}

static json_t *schema_of(json_t *schema, const char *key)
{
    return json_object_get(json_object_get(schema, "properties"), key);
}

static void schema_keeps_each_kind_to_its_keys(void **state)
{
    (void)state;
    json_t *schema = load_schema();
    json_t *stream = json_object_get(schema_of(schema, "streams"), "additionalProperties");
    json_t *rules = json_object_get(schema_of(stream, "upstream"), "allOf");
    assert_int_equal(json_array_size(rules), 4);
    json_t *ndjson = json_array_get(rules, 2);
    json_t *kind = schema_of(json_object_get(ndjson, "if"), "kind");
    assert_string_equal(json_string_value(json_object_get(kind, "const")), "ndjson");
    json_t *rule = json_object_get(ndjson, "then");
    assert_true(json_is_false(schema_of(rule, "on_open")));
    assert_true(json_is_false(schema_of(rule, "cursor")));
    assert_null(schema_of(rule, "body"));
    assert_non_null(schema_of(rule, "url"));
    json_decref(schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_option_has_help),
        cmocka_unit_test(keys_are_plain_and_unique),
        cmocka_unit_test(defaults_parse_and_are_in_range),
        cmocka_unit_test(rows_have_what_their_type_needs),
        cmocka_unit_test(expectations_are_spelled_out),
        cmocka_unit_test(reference_names_each_option),
        cmocka_unit_test(schema_holds_each_option),
        cmocka_unit_test(schema_describes_conditions_by_themselves),
        cmocka_unit_test(schema_keeps_each_kind_to_its_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
