/* Checking values: against a list, against a pattern, or against [A-Za-z0-9._~-]{1,64}. */
#include "tidegate/config.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_MAX_BYTES = 64 };

/* A regular expression is for one thread at a time: who needs it takes it out, and makes another if somebody else
 * has it just now. */
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

bool tg_parameter_allows(struct tg_parameter *parameter, struct tg_str value)
{
    if (value.length == 0 || tg_str_has_control(value) || tg_str_has_dot_segment(value))
        return false;
    if (parameter->one_of)
        return is_one_of(parameter->one_of, value);
    return parameter->pattern ? matches(parameter, value) : is_plain(value);
}

/* ---- keys ----------------------------------------------------------------------------------------------- */

/* One of several values in a key: "/" and "%" stand in it as "%2F" and "%25", and only so, since each value has one
 * key. */
static bool unescape_value(struct tg_str text, struct tg_buffer *out)
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

static bool allows_escaped(struct tg_parameter *parameter, struct tg_str text)
{
    struct tg_buffer value = { 0 };
    bool is_allowed =
        unescape_value(text, &value) &&
        tg_parameter_allows(parameter, (struct tg_str){ tg_text_or_empty(value.data), value.length });
    tg_buffer_deinit(&value);
    return is_allowed;
}

bool tg_parameters_allow(struct tg_parameter *const *parameters, size_t count, struct tg_str key)
{
    if (count == 1)
        return tg_parameter_allows(parameters[0], key);
    for (size_t i = 0; i < count; i++) {
        const char *end = key.length > 0 ? memchr(key.data, '/', key.length) : NULL;
        bool is_last = i + 1 == count;
        if (is_last == (end != NULL))
            return false;
        struct tg_str text = { key.data, end ? (size_t)(end - key.data) : key.length };
        if (!allows_escaped(parameters[i], text))
            return false;
        if (end)
            key = (struct tg_str){ end + 1, key.length - text.length - 1 };
    }
    return count > 0;
}
