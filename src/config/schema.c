/* The JSON Schema (draft 2020-12) of the option table.
 *
 * Where the file says a string, the loader also takes `${NAME}` in it and { "$file": … } for it, so a pattern
 * holds only for strings without "${". Both exceptions are $defs, named once. */
#include "comments.h"
#include "option_json.h"
#include "options.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *object_schema(const struct tg_option_object *object);

static json_t *comment_schema(void)
{
    return json_pack("{s:s}", "description", "A comment, any JSON. Tidegate does not read it.");
}

static json_t *reference_to(const char *definition)
{
    return json_pack("{s:s+}", "$ref", "#/$defs/", definition);
}

/* `exact`, or a string that environment or file provide. */
static json_t *or_resolved(json_t *exact)
{
    return json_pack("{s:[o,o]}", "anyOf", exact, reference_to("resolved"));
}

static json_t *string_schema(const char *pattern)
{
    if (pattern)
        return or_resolved(json_pack("{s:s, s:s}", "type", "string", "pattern", pattern));
    return or_resolved(json_pack("{s:s}", "type", "string"));
}

static json_t *words_schema(const struct tg_option_word *words)
{
    json_t *list = json_array();
    for (; words->word; words++)
        json_array_append_new(list, json_string(words->word));
    return or_resolved(json_pack("{s:s, s:o}", "type", "string", "enum", list));
}

static json_t *integer_schema(const struct tg_option *option)
{
    json_t *schema = json_pack("{s:s}", "type", "integer");
    if (option->max != 0) {
        json_object_set_new(schema, "minimum", json_integer(option->min));
        json_object_set_new(schema, "maximum", json_integer(option->max));
    }
    return schema;
}

static json_t *list_schema(const struct tg_option *option, json_t *items)
{
    json_t *schema = json_pack("{s:s, s:o}", "type", "array", "items", items);
    if (option->min > 0)
        json_object_set_new(schema, "minItems", json_integer(option->min));
    if (option->max > 0)
        json_object_set_new(schema, "maxItems", json_integer(option->max));
    return schema;
}

static json_t *map_schema(const struct tg_option *option)
{
    return json_pack("{s:s, s:{s:[{s:s}, {s:s}]}, s:{s:o}, s:o}", "type", "object", "propertyNames", "anyOf",
                     "pattern", option->grammar->pattern, "const", TG_COMMENT_KEY, "properties",
                     TG_COMMENT_KEY, comment_schema(), "additionalProperties", object_schema(option->object));
}

static json_t *initial_schema(const struct tg_option *option)
{
    json_t *words = json_pack("{s:s, s:[s,s]}", "type", "string", "enum", "live", "all");
    json_t *last = json_pack("{s:s, s:{s:o}, s:[s], s:b}", "type", "object", "properties", "last",
                             integer_schema(option), "required", "last", "additionalProperties", 0);
    return json_pack("{s:[o,o,o]}", "anyOf", words, last, reference_to("resolved"));
}

/* A scheme may have parameters in it. */
#define NAMES_IN_BRACES "[A-Za-z]*\\{[a-z][a-z0-9_]{0,31}\\}[A-Za-z]*"

static json_t *type_schema(const struct tg_option *option)
{
    const char *pattern = option->grammar ? option->grammar->pattern : NULL;
    switch (option->type) {
    case TG_OPTION_BOOL:
        return json_pack("{s:s}", "type", "boolean");
    case TG_OPTION_INTEGER:
        return integer_schema(option);
    case TG_OPTION_DURATION:
        return string_schema("^(0|[0-9]+(ms|s|m|h|d))$");
    case TG_OPTION_SIZE:
        return string_schema("^[0-9]+(B|KB|MB|GB|KiB|MiB|GiB)?$");
    case TG_OPTION_MODE:
        return string_schema("^[0-7]+$");
    case TG_OPTION_ENUM:
        return words_schema(option->words);
    case TG_OPTION_STRINGS:
        return list_schema(option, string_schema(pattern));
    case TG_OPTION_OBJECT:
        return object_schema(option->object);
    case TG_OPTION_LIST:
        return list_schema(option, object_schema(option->object));
    case TG_OPTION_MAP:
        return map_schema(option);
    case TG_OPTION_URL:
        return string_schema("^([Ww][Ss]{1,2}|[Hh][Tt]{2}[Pp][Ss]?|" NAMES_IN_BRACES ")://[^\\s#@]+$");
    case TG_OPTION_HEADERS:
    case TG_OPTION_PAIRS:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties", string_schema(pattern));
    case TG_OPTION_MESSAGE:
    case TG_OPTION_TEXT:
        return reference_to("message");
    case TG_OPTION_MESSAGES:
        return list_schema(option, reference_to("message"));
    case TG_OPTION_INITIAL:
        return initial_schema(option);
    case TG_OPTION_CODES:
        return list_schema(option, json_pack("{s:s, s:i, s:i}", "type", "integer", "minimum",
                                             TG_CLOSE_CODE_MIN, "maximum", TG_CLOSE_CODE_MAX));
    case TG_OPTION_WORDS:
        return list_schema(option, words_schema(option->words));
    case TG_OPTION_NUMBER:
        return json_pack("{s:s}", "type", "number");
    case TG_OPTION_JSON:
        return json_object();
    case TG_OPTION_JSONS:
        return list_schema(option, json_object());
    case TG_OPTION_CONDITION:
        return reference_to("condition");
    case TG_OPTION_CONDITIONS:
        return list_schema(option, reference_to("condition"));
    default:
        return string_schema(pattern);
    }
}

static json_t *option_schema(const struct tg_option *option)
{
    json_t *schema = type_schema(option);
    json_object_set_new(schema, "description", json_string(option->help));
    if (option->default_text)
        json_object_set_new(schema, "default", tg_option_default_json(option));
    if (option->example)
        json_object_set_new(schema, "examples", json_pack("[o]", tg_option_example_json(option)));
    return schema;
}

/* An upstream of each kind has URLs of its own and does without the keys that others have. */
static json_t *kinds_schema(const struct tg_option_object *object)
{
    json_t *rules = json_array();
    for (const struct tg_option_word *kind = tg_upstream_kind_words; kind->word; kind++) {
        bool is_websocket = kind->value == TG_UPSTREAM_WEBSOCKET;
        json_t *keys = json_object();
        json_object_set_new(keys, "url",
                            string_schema(is_websocket ? "^([Ww][Ss]{1,2}|" NAMES_IN_BRACES ")://"
                                                       : "^([Hh][Tt]{2}[Pp][Ss]?|" NAMES_IN_BRACES ")://"));
        for (size_t i = 0; i < object->option_count; i++) {
            const struct tg_option *option = &object->options[i];
            if (option->kinds && !(option->kinds & TG_KIND_BIT(kind->value)))
                json_object_set_new(keys, option->key, json_false());
        }
        json_t *rule = json_pack("{s:{s:{s:{s:s}}}, s:{s:o}}", "if", "properties", "kind", "const",
                                 kind->word, "then", "properties", keys);
        /* Without the key it is the default kind. */
        if (!is_websocket)
            json_object_set_new(json_object_get(rule, "if"), "required", json_pack("[s]", "kind"));
        json_array_append_new(rules, rule);
    }
    return rules;
}

static json_t *object_schema(const struct tg_option_object *object)
{
    json_t *properties = json_object(), *required = json_array();
    bool has_kinds = false;
    for (size_t i = 0; i < object->option_count; i++) {
        const struct tg_option *option = &object->options[i];
        if (option->is_required)
            json_array_append_new(required, json_string(option->key));
        has_kinds = has_kinds || option->kinds;
        json_object_set_new(properties, option->key, option_schema(option));
    }
    json_object_set_new(properties, TG_COMMENT_KEY, comment_schema());
    json_t *schema = json_pack("{s:s, s:s, s:o, s:b}", "type", "object", "description", object->help,
                               "properties", properties, "additionalProperties", 0);
    if (json_array_size(required) > 0)
        json_object_set(schema, "required", required);
    json_decref(required);
    if (has_kinds)
        json_object_set_new(schema, "allOf", kinds_schema(object));
    return schema;
}

/* Beside "pointer" there is at least one test. */
static json_t *any_test_required(json_t *tests)
{
    json_t *any = json_array(), *value;
    const char *key;
    json_object_foreach(tests, key, value)
    {
        if (strcmp(key, "pointer") != 0 && strcmp(key, TG_COMMENT_KEY) != 0)
            json_array_append_new(any, json_pack("{s:[s]}", "required", key));
    }
    return any;
}

/* A condition is one of: a pointer with tests beside it, each of the other keys alone, a list. */
static json_t *condition_schema(void)
{
    static const char *const alone[] = { "text", "not", "any", "all" };
    json_t *sorts = json_array(), *whole = object_schema(&tg_options_condition);
    json_t *tests = json_object_get(whole, "properties");
    for (size_t i = 0; i < TG_COUNT_OF(alone); i++) {
        json_array_append_new(sorts,
                              json_pack("{s:s, s:{s:O, s:o}, s:[s], s:b}", "type", "object", "properties",
                                        alone[i], json_object_get(tests, alone[i]), TG_COMMENT_KEY,
                                        comment_schema(), "required", alone[i], "additionalProperties", 0));
        json_object_del(tests, alone[i]);
    }
    json_object_set_new(whole, "required", json_pack("[s]", "pointer"));
    json_object_set_new(whole, "anyOf", any_test_required(tests));
    json_object_del(whole, "description");
    json_array_insert_new(sorts, 0, whole);
    json_array_append_new(sorts, json_pack("{s:s, s:o, s:i}", "type", "array", "items",
                                           reference_to("condition"), "minItems", 1));
    return json_pack("{s:s, s:o}", "description", tg_options_condition.help, "anyOf", sorts);
}

static json_t *definitions(void)
{
    json_t *variable =
        json_pack("{s:s, s:s, s:s}", "type", "string", "pattern", "\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}",
                  "description", "A string with environment variables: ${NAME}.");
    json_t *file = json_pack("{s:s, s:s, s:{s:{s:s}}, s:[s], s:b}", "type", "object", "description",
                             "The content of a file, without its last newline.", "properties", "$file",
                             "type", "string", "required", "$file", "additionalProperties", 0);
    json_t *binary = json_pack("{s:s, s:s, s:{s:o}, s:[s], s:b}", "type", "object", "description",
                               "A binary message.", "properties", "$base64", string_schema(NULL), "required",
                               "$base64", "additionalProperties", 0);
    json_t *anything = json_pack("{s:s, s:{s:s, s:[s]}}", "description",
                                 "A string is sent as text, other JSON as compact JSON text.", "not", "type",
                                 "object", "required", "$base64");
    return json_pack("{s:{s:[o,o]}, s:{s:[o,o]}, s:o}", "resolved", "anyOf", variable, file, "message",
                     "anyOf", binary, anything, "condition", condition_schema());
}

enum tg_err tg_config_schema(struct tg_buffer *out)
{
    enum tg_err err = TG_ERR_MEMORY;
    json_t *schema = json_pack("{s:s, s:s}", "$schema", "https://json-schema.org/draft/2020-12/schema",
                               "title", "Tidegate configuration");
    json_t *root = object_schema(&tg_options_root);
    char *text = NULL;
    if (!schema || !root || json_object_update(schema, root) ||
        json_object_set_new(schema, "$defs", definitions()))
        goto fail;
    text = json_dumps(schema, JSON_INDENT(2));
    if (!text)
        goto fail;
    err = tg_buffer_appendf(out, "%s\n", text);
fail:
    free(text);
    json_decref(root);
    json_decref(schema);
    return err;
}
