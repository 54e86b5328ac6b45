/* Where in a JSON text a value is.
 *
 * The text has been checked before, so that only its shape matters here: a value ends where its brackets balance, and
 * what is in quotes is skipped. On other text the answers mean nothing, but nothing outside of it is read. */
#include "json.h"

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
        if (depth == 0)
            return p;
    }
    return end;
}

enum tg_json_kind tg_json_kind(struct tg_str value)
{
    if (value.length == 0)
        return TG_JSON_NONE;
    switch (*value.data) {
    case '{':
        return TG_JSON_OBJECT;
    case '[':
        return TG_JSON_ARRAY;
    case '"':
        return TG_JSON_STRING;
    case 't':
        return TG_JSON_TRUE;
    case 'f':
        return TG_JSON_FALSE;
    case 'n':
        return TG_JSON_NULL;
    default:
        return TG_JSON_NUMBER;
    }
}

struct tg_str tg_json_root(struct tg_str text)
{
    const char *start = text.data, *end = text.data + text.length;

    start = skip_space(start, end);
    while (end > start && is_space(end[-1]))
        end--;
    return (struct tg_str){ start, (size_t)(end - start) };
}

struct tg_json_walk tg_json_walk(struct tg_str container)
{
    const char *end = container.data + container.length;

    return (struct tg_json_walk){ skip_space(container.data + 1, end), end };
}

/* The value that begins at the walk's place; moves on to the next one, over the comma. */
static struct tg_str take_value(struct tg_json_walk *walk)
{
    const char *start = walk->at;
    const char *value_end = skip_value(start, walk->end);
    const char *next = skip_space(value_end, walk->end);

    if (next < walk->end && *next == ',')
        next = skip_space(next + 1, walk->end);
    walk->at = next;
    return (struct tg_str){ start, (size_t)(value_end - start) };
}

bool tg_json_next_item(struct tg_json_walk *walk, struct tg_str *ret_item)
{
    if (walk->at >= walk->end || *walk->at == ']')
        return false;
    *ret_item = take_value(walk);
    return true;
}

bool tg_json_next_member(struct tg_json_walk *walk, struct tg_str *ret_name, struct tg_str *ret_value)
{
    if (walk->at >= walk->end || *walk->at != '"')
        return false;
    const char *name_end = skip_string(walk->at, walk->end);
    *ret_name = (struct tg_str){ walk->at, (size_t)(name_end - walk->at) };
    const char *at = skip_space(name_end, walk->end);
    if (at < walk->end)
        at = skip_space(at + 1, walk->end); /* the colon */
    walk->at = at;
    *ret_value = take_value(walk);
    return true;
}

struct tg_str tg_json_member(struct tg_str object, struct tg_str name)
{
    struct tg_json_walk walk = tg_json_walk(object);
    struct tg_str found = { NULL, 0 }, member_name, value;

    while (tg_json_next_member(&walk, &member_name, &value)) {
        if (tg_json_strings_equal(member_name, name))
            found = value;
    }
    return found;
}

struct tg_str tg_json_item(struct tg_str array, size_t index)
{
    struct tg_json_walk walk = tg_json_walk(array);
    struct tg_str item;

    while (tg_json_next_item(&walk, &item)) {
        if (index-- == 0)
            return item;
    }
    return (struct tg_str){ NULL, 0 };
}

struct tg_str tg_json_last_item(struct tg_str array)
{
    struct tg_json_walk walk = tg_json_walk(array);
    struct tg_str last = { NULL, 0 }, item;

    while (tg_json_next_item(&walk, &item))
        last = item;
    return last;
}

enum tg_err tg_json_compact(struct tg_buffer *out, struct tg_str value)
{
    const char *p = value.data;
    const char *end = value.data + value.length;

    if (tg_buffer_reserve(out, value.length) < 0)
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
