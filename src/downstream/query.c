/* Query parameters: each pair is decoded on the fly. */
#include "query.h"
#include "target.h"

#include <string.h>

/* Decodes the character at `at`; returns the place after it. */
static size_t decode(struct tg_str text, size_t at, char *ret_byte)
{
    char byte = text.data[at];
    if (byte == '%' && at + 2 < text.length) {
        int high = tg_hex_value(text.data[at + 1]), low = tg_hex_value(text.data[at + 2]);
        if (high >= 0 && low >= 0) {
            *ret_byte = (char)(high * 16 + low);
            return at + 3;
        }
    }
    *ret_byte = byte == '+' ? ' ' : byte;
    return at + 1;
}

static bool name_is(struct tg_str text, const char *name)
{
    size_t length = strlen(name), count = 0;
    for (size_t at = 0; at < text.length; count++) {
        char byte;
        at = decode(text, at, &byte);
        if (count >= length || name[count] != byte)
            return false;
    }
    return count == length;
}

/* Takes the next parameter off the query. */
static struct tg_str next_pair(struct tg_str *query)
{
    const char *mark = memchr(query->data, '&', query->length);
    struct tg_str pair = { query->data, mark ? (size_t)(mark - query->data) : query->length };
    size_t used = mark ? pair.length + 1 : pair.length;
    *query = (struct tg_str){ query->data + used, query->length - used };
    return pair;
}

static const char *find_equals(struct tg_str pair)
{
    return pair.length > 0 ? memchr(pair.data, '=', pair.length) : NULL;
}

bool tg_query_get(struct tg_str query, const char *name, struct tg_buffer *out)
{
    while (query.length > 0) {
        struct tg_str pair = next_pair(&query);
        const char *equals = find_equals(pair);
        if (!equals || equals + 1 == pair.data + pair.length)
            continue;
        struct tg_str key = { pair.data, (size_t)(equals - pair.data) };
        struct tg_str value = { equals + 1, pair.length - key.length - 1 };
        if (!name_is(key, name))
            continue;
        if (tg_buffer_reserve(out, value.length))
            return false;
        for (size_t at = 0; at < value.length;) {
            char byte;
            at = decode(value, at, &byte);
            (void)tg_buffer_append(out, &byte, 1);
        }
        return true;
    }
    return false;
}

static bool is_among(struct tg_str key, char *const *names)
{
    for (; names && *names; names++) {
        if (name_is(key, *names))
            return true;
    }
    return false;
}

static bool is_wanted(struct tg_str key, char *const *names, char *const *others)
{
    bool wants_all = false;
    for (char *const *name = names; name && *name; name++)
        wants_all = wants_all || strcmp(*name, "*") == 0;
    return wants_all ? !is_among(key, others) : is_among(key, names);
}

enum tg_err tg_query_filter(struct tg_str query, char *const *names, char *const *others,
                            struct tg_buffer *out)
{
    bool is_first = true;
    while (query.length > 0) {
        struct tg_str pair = next_pair(&query);
        const char *equals = find_equals(pair);
        struct tg_str key = { pair.data, equals ? (size_t)(equals - pair.data) : pair.length };
        if (pair.length == 0 || !is_wanted(key, names, others))
            continue;
        enum tg_err err = is_first ? TG_OK : tg_buffer_append_str(out, "&");
        if (!err)
            err = tg_buffer_append(out, pair.data, pair.length);
        if (err)
            return err;
        is_first = false;
    }
    return TG_OK;
}
