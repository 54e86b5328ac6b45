/* Fuzz target of JSON as text, with jansson as the judge: both take the same texts, but for what jansson has no place
 * for; and what is found in the text is what is among the parsed values. */
#include "translate/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

static json_t *parse(struct tg_str text, json_error_t *error)
{
    return json_loadb(text.data, text.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
}

static bool is_jansson_limit(const json_error_t *error)
{
    enum json_error_code code = json_error_code(error);
    return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
           code == json_error_stack_overflow;
}

static void check_string(json_t *value, struct tg_str text)
{
    struct tg_buffer scratch = { 0 };
    struct tg_str characters;

    check(tg_json_string(text, &scratch, &characters) == TG_OK);
    check(characters.length == json_string_length(value));
    check(memcmp(characters.data, json_string_value(value), characters.length) == 0);
    tg_buffer_deinit(&scratch);
}

static void check_value(json_t *value, struct tg_str text);

static void check_object(json_t *object, struct tg_str text)
{
    struct tg_json_walk walk = tg_json_walk(text);
    struct tg_str name, value;

    while (tg_json_next_member(&walk, &name, &value)) {
        struct tg_buffer scratch = { 0 };
        struct tg_str key;
        check(tg_json_string(name, &scratch, &key) == TG_OK);
        char *key_text = tg_strndup(key.data, key.length);
        json_t *found = json_object_get(object, key_text);
        check(found != NULL);
        struct tg_str last = tg_json_member(text, name);
        check(last.length > 0);
        /* Of several with one name the last. */
        if (last.data == value.data)
            check_value(found, value);
        free(key_text);
        tg_buffer_deinit(&scratch);
    }
}

static void check_array(json_t *array, struct tg_str text)
{
    struct tg_json_walk walk = tg_json_walk(text);
    struct tg_str item;
    size_t count = 0;

    while (tg_json_next_item(&walk, &item))
        check_value(json_array_get(array, count++), item);
    check(count == json_array_size(array));
}

static void check_value(json_t *value, struct tg_str text)
{
    check(value != NULL);
    switch (tg_json_kind(text)) {
    case TG_JSON_OBJECT:
        check(json_is_object(value));
        check_object(value, text);
        break;
    case TG_JSON_ARRAY:
        check(json_is_array(value));
        check_array(value, text);
        break;
    case TG_JSON_STRING:
        check(json_is_string(value));
        check_string(value, text);
        break;
    case TG_JSON_NUMBER:
        check(json_is_number(value));
        check(tg_json_is_integer(text) == json_is_integer(value));
        check(tg_json_number(text) == json_number_value(value));
        break;
    case TG_JSON_TRUE:
        check(json_is_true(value));
        break;
    case TG_JSON_FALSE:
        check(json_is_false(value));
        break;
    default:
        check(json_is_null(value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct tg_str text = { (const char *)bytes, size };
    struct tg_buffer compact = { 0 };
    json_error_t error;

    /* Deep and wide at once, the checks here would take long; and jansson takes a NUL between values for the end. */
    if (size > 4096 || memchr(bytes, 0, size) || !tg_utf8_is_valid(text.data, text.length))
        return 0;
    json_t *value = parse(text, &error);
    bool is_json = tg_json_check(text);
    check(is_json || !value);
    check(!is_json || value || is_jansson_limit(&error));
    if (value) {
        struct tg_str root = tg_json_root(text);
        check_value(value, root);
        check(tg_json_equals(root, root));
        check(tg_json_compact(&compact, root) == TG_OK);
        json_t *again = parse((struct tg_str){ compact.data, compact.length }, &error);
        check(json_equal(value, again));
        check(tg_json_equals(root, (struct tg_str){ compact.data, compact.length }));
        json_decref(again);
    }
    json_decref(value);
    tg_buffer_deinit(&compact);
    return 0;
}
