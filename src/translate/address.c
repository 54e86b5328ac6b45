/* Finding a key, and whether a path could have it. */
#include "address.h"

#include <stdlib.h>

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
}

/* ---- is it one? ---------------------------------------------------------------------------------- */

static bool is_key(struct tg_address *address, struct tg_str key)
{
    if (key.length == 0 || key.length > TG_KEY_MAX || tg_str_has_control(key))
        return false;
    return address->parameter_count == 0 ||
           tg_parameters_allow(address->parameters, address->parameter_count, key);
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
    struct tg_str key = TG_STR(""), by = tg_str_from(address->rules->by);

    address->cause = (struct tg_misfit_cause){ 0 };
    if (!tg_json_is_valid(json))
        return TG_MISFIT_JSON;
    struct tg_str value = tg_pointer_slice(address->by, json->text);
    tg_buffer_clear(&address->text);
    if (tg_json_kind(value) == TG_JSON_STRING) {
        if (tg_json_string(value, &address->text, &key) < 0)
            return TG_MISFIT_MEMORY;
    } else if (tg_json_is_integer(value)) {
        key = value;
    } else {
        address->cause =
            (struct tg_misfit_cause){ by, value.length == 0 ? "nothing" : "neither a string nor an integer" };
        return TG_MISFIT_KEY;
    }
    key = map_key(address->rules->to, key);
    if (!is_key(address, key)) {
        address->cause = (struct tg_misfit_cause){ by, "no valid key" };
        return TG_MISFIT_KEY;
    }
    address->key = key;
    return TG_MISFIT_NONE;
}
