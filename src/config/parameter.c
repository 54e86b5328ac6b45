/* Checking values: against a list, against a pattern, or against [A-Za-z0-9._~-]{1,64}. */
#include "tidegate/config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MAX_BYTES = 64 };

/* A regular expression is for one thread at a time: who needs it takes it out, and makes another if somebody else has it
 * just now. */
struct tg_parameter {
    char *const *one_of;
    char *pattern; /* for the whole value; both NULL: the default */
    _Atomic(struct tg_regex *) spare;
};

static enum tg_err compile(struct tg_parameter *parameter, const char *pattern)
{
    struct tg_buffer text = { 0 }, error = { 0 };
    struct tg_regex *regex = NULL;
    enum tg_err err = tg_buffer_appendf(&text, "\\A(?:%s)\\z", pattern);
    if (!err)
        err = tg_regex_new(text.data, &regex, &error);
    tg_buffer_deinit(&error);
    parameter->pattern = text.data;
    atomic_store_explicit(&parameter->spare, regex, memory_order_release);
    return err;
}

enum tg_err tg_parameter_new(const struct tg_config_parameter *config, struct tg_parameter **ret_parameter)
{
    struct tg_parameter *parameter = tg_alloc(sizeof(*parameter));
    parameter->one_of = config ? config->one_of : NULL;
    enum tg_err err =
        config && !config->one_of && config->pattern ? compile(parameter, config->pattern) : TG_OK;
    if (err) {
        tg_parameter_free(parameter);
        return err;
    }
    *ret_parameter = parameter;
    return TG_OK;
}

void tg_parameter_free(struct tg_parameter *parameter)
{
    if (!parameter)
        return;
    tg_regex_free(atomic_load_explicit(&parameter->spare, memory_order_acquire));
    free(parameter->pattern);
    free(parameter);
}

static bool matches(struct tg_parameter *parameter, struct tg_str value)
{
    struct tg_buffer error = { 0 };
    struct tg_regex *regex = atomic_exchange_explicit(&parameter->spare, NULL, memory_order_acq_rel);
    if (!regex && tg_regex_new(parameter->pattern, &regex, &error)) {
        tg_buffer_deinit(&error);
        return false;
    }
    bool is_match = tg_regex_matches(regex, value);
    tg_regex_free(atomic_exchange_explicit(&parameter->spare, regex, memory_order_acq_rel));
    return is_match;
}

static bool is_one_of(char *const *values, struct tg_str value)
{
    for (; *values; values++) {
        if (tg_str_equals(tg_str_from(*values), value))
            return true;
    }
    return false;
}

static bool is_plain(struct tg_str value)
{
    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
              (c != '\0' && strchr("._~-", c))))
            return false;
    }
    return value.length <= DEFAULT_MAX_BYTES;
}

static bool has_control_characters(struct tg_str value)
{
    for (size_t i = 0; i < value.length; i++) {
        if ((unsigned char)value.data[i] < ' ' || value.data[i] == 0x7f)
            return true;
    }
    return false;
}

bool tg_parameter_allows(struct tg_parameter *parameter, struct tg_str value)
{
    if (value.length == 0 || has_control_characters(value))
        return false;
    if (parameter->one_of)
        return is_one_of(parameter->one_of, value);
    return parameter->pattern ? matches(parameter, value) : is_plain(value);
}
