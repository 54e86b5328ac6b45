/* Finding a key, and whether a path could have it. */
#include "address.h"

#include <stdlib.h>
#include <string.h>

enum tg_err tg_address_init(struct tg_address *address, const struct tg_config_route_by *rules,
                            const struct tg_config_parameter *parameters, size_t parameter_count,
                            struct tg_buffer *ret_error)
{
    enum tg_err err = tg_pointer_new(tg_str_from(rules->by), &address->by);

    if (err) {
        tg_buffer_appendf(ret_error, "\"%s\" is no JSON pointer", rules->by);
        return err;
    }
    address->rules = rules;
    address->parameters = tg_alloc((parameter_count + 1) * sizeof(struct tg_parameter *));
    for (; address->parameter_count < parameter_count; address->parameter_count++) {
        const struct tg_config_parameter *config = &parameters[address->parameter_count];
        err = tg_parameter_new(config, &address->parameters[address->parameter_count]);
        if (err) {
            tg_buffer_appendf(ret_error, "the pattern of \"%s\" is no regular expression", config->name);
            return err;
        }
    }
    return TG_OK;
}

void tg_address_deinit(struct tg_address *address)
{
    for (size_t i = 0; i < address->parameter_count; i++)
        tg_parameter_free(address->parameters[i]);
    free(address->parameters);
    tg_pointer_free(address->by);
    tg_buffer_deinit(&address->text);
    tg_buffer_deinit(&address->value);
}

/* ---- is it one? ---------------------------------------------------------------------------------- */

/* One of several values in a key: "/" and "%" stand in it as "%2F" and "%25", and only so, since each value has one key. */
static bool unescape(struct tg_str text, struct tg_buffer *out)
{
    tg_buffer_clear(out);
    for (size_t i = 0; i < text.length; i++) {
        bool is_escape = text.data[i] == '%';
        struct tg_str code = { text.data + i, is_escape && text.length - i >= 3 ? 3 : 1 };
        if (is_escape && !tg_str_equals(code, TG_STR("%2F")) && !tg_str_equals(code, TG_STR("%25")))
            return false;
        if (tg_buffer_append(out, !is_escape ? code.data : code.data[2] == 'F' ? "/" : "%", 1))
            return false;
        i += code.length - 1;
    }
    return true;
}

static bool are_values_allowed(struct tg_address *address, struct tg_str key)
{
    for (size_t i = 0; i < address->parameter_count; i++) {
        bool is_last = i + 1 == address->parameter_count;
        const char *end = memchr(key.data, '/', key.length);
        if (is_last == (end != NULL))
            return false;
        struct tg_str text = { key.data, end ? (size_t)(end - key.data) : key.length };
        if (!unescape(text, &address->value))
            return false;
        struct tg_str value = { tg_text_or_empty(address->value.data), address->value.length };
        if (!tg_parameter_allows(address->parameters[i], value))
            return false;
        if (end)
            key = (struct tg_str){ end + 1, key.length - text.length - 1 };
    }
    return true;
}

static bool has_control_characters(struct tg_str key)
{
    for (size_t i = 0; i < key.length; i++) {
        if ((unsigned char)key.data[i] < 0x20 || key.data[i] == 0x7f)
            return true;
    }
    return false;
}

static bool is_key(struct tg_address *address, struct tg_str key)
{
    if (key.length == 0 || key.length > TG_KEY_MAX || has_control_characters(key))
        return false;
    if (address->parameter_count == 1)
        return tg_parameter_allows(address->parameters[0], key);
    return are_values_allowed(address, key);
}

/* ---- finding it ---------------------------------------------------------------------------------- */

static struct tg_str map_key(const struct tg_config_header *to, struct tg_str key)
{
    for (; to && to->name; to++) {
        if (tg_str_equals(tg_str_from(to->name), key))
            return tg_str_from(to->value);
    }
    return key;
}

enum tg_misfit tg_address_pick(struct tg_address *address, struct tg_json *json)
{
    struct tg_str key = TG_STR("");

    if (!tg_json_is_valid(json))
        return TG_MISFIT_JSON;
    struct tg_str value = tg_pointer_slice(address->by, json->text);
    tg_buffer_clear(&address->text);
    if (tg_json_kind(value) == TG_JSON_STRING) {
        if (tg_json_string(value, &address->text, &key) < 0)
            return TG_MISFIT_MEMORY;
    } else if (tg_json_is_integer(value)) {
        key = value;
    }
    key = map_key(address->rules->to, key);
    if (!is_key(address, key))
        return TG_MISFIT_KEY;
    address->key = key;
    return TG_MISFIT_NONE;
}
