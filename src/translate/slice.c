/* Slices: where in a JSON text the value of a pointer is.
 *
 * The text has been parsed before, so that only its shape matters here: a value ends where its brackets
 * balance, and what is in quotes is skipped. */
#include "pointer.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static const char *skip_space(const char *p, const char *end)
{
    while (p < end && is_space(*p))
        p++;
    return p;
}

/* `p` is at the opening quote; returns what follows the closing one. */
static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end; p++) {
        if (*p == '\\')
            p++;
        else if (*p == '"')
            return p + 1;
    }
    return end;
}

static const char *skip_value(const char *p, const char *end)
{
    size_t depth = 0;

    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            if (depth == 0)
                return p;
            depth--;
            p++;
        } else if (depth == 0 && (*p == ',' || is_space(*p))) {
            return p;
        } else {
            p++;
            continue;
        }
        if (depth == 0 && (p[-1] == '"' || p[-1] == '}' || p[-1] == ']'))
            return p;
    }
    return end;
}

/* `name` has its quotes around it. */
static bool is_name(struct tg_str name, const char *key)
{
    size_t length = strlen(key);

    if (!memchr(name.data, '\\', name.length))
        return name.length == length + 2 && memcmp(name.data + 1, key, length) == 0;

    json_t *decoded = json_loadb(name.data, name.length, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    bool is_same =
        json_string_length(decoded) == length && memcmp(json_string_value(decoded), key, length) == 0;
    json_decref(decoded);
    return is_same;
}

static struct tg_str find_member(struct tg_str object, const char *key)
{
    const char *end = object.data + object.length;
    const char *p = skip_space(object.data + 1, end);
    struct tg_str found = { NULL, 0 };

    while (p < end && *p == '"') {
        const char *name_end = skip_string(p, end);
        bool is_it = is_name((struct tg_str){ p, (size_t)(name_end - p) }, key);
        p = skip_space(name_end, end);
        if (p < end)
            p = skip_space(p + 1, end); /* the colon */
        const char *value_end = skip_value(p, end);
        if (is_it)
            found = (struct tg_str){ p, (size_t)(value_end - p) };
        p = skip_space(value_end, end);
        if (p < end && *p == ',')
            p = skip_space(p + 1, end);
    }
    return found;
}

static struct tg_str find_item(struct tg_str array, size_t index)
{
    const char *end = array.data + array.length;
    const char *p = skip_space(array.data + 1, end);

    while (p < end && *p != ']') {
        const char *value_end = skip_value(p, end);
        if (index-- == 0)
            return (struct tg_str){ p, (size_t)(value_end - p) };
        p = skip_space(value_end, end);
        if (p < end && *p == ',')
            p = skip_space(p + 1, end);
    }
    return (struct tg_str){ NULL, 0 };
}

struct tg_str tg_pointer_slice(const struct tg_pointer *pointer, struct tg_str text)
{
    const char *end = text.data + text.length;
    const char *start = skip_space(text.data, end);
    struct tg_str value = { start, (size_t)(skip_value(start, end) - start) };

    for (size_t i = 0; i < pointer->count && value.length > 0; i++) {
        const struct tg_pointer_token *token = &pointer->tokens[i];
        if (*value.data == '{')
            value = find_member(value, token->key);
        else if (*value.data == '[' && token->is_index)
            value = find_item(value, token->index);
        else
            value = (struct tg_str){ NULL, 0 };
    }
    return value;
}

enum tg_err tg_json_compact(struct tg_buffer *out, struct tg_str json)
{
    const char *p = json.data;
    const char *end = json.data + json.length;

    if (tg_buffer_reserve(out, json.length) < 0)
        return TG_ERR_MEMORY;
    while (p < end) {
        const char *run = p = skip_space(p, end);
        while (p < end && !is_space(*p))
            p = *p == '"' ? skip_string(p, end) : p + 1;
        if (p > run && tg_buffer_append(out, run, (size_t)(p - run)) < 0)
            return TG_ERR_MEMORY;
    }
    return TG_OK;
}
