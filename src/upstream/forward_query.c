/* Pairs of a query, told apart as the least strict backend tells them apart. */
#include "forward_query.h"

#include <string.h>
#include <strings.h>

/* Takes the next pair, with or without a value. */
static struct tg_str take_pair(struct tg_str *query, const char *ends)
{
    size_t length = 0;

    while (length < query->length && !(query->data[length] && strchr(ends, query->data[length])))
        length++;
    struct tg_str pair = { query->data, length };
    size_t used = length < query->length ? length + 1 : length;
    *query = (struct tg_str){ query->data + used, query->length - used };
    return pair;
}

/* Decoded, without blanks before it, and up to a "[": "%20a[]" is "a" to some. */
static enum tg_err append_name(struct tg_buffer *out, struct tg_str pair)
{
    enum tg_err err = TG_OK;

    for (size_t at = 0; at < pair.length && pair.data[at] != '=' && err == TG_OK; at++) {
        char c = pair.data[at] == '+' ? ' ' : pair.data[at];
        if (c == '%' && at + 2 < pair.length && tg_hex_value(pair.data[at + 1]) >= 0 &&
            tg_hex_value(pair.data[at + 2]) >= 0) {
            c = (char)(tg_hex_value(pair.data[at + 1]) * 16 + tg_hex_value(pair.data[at + 2]));
            at += 2;
        }
        if (c == '[' || c == '\0')
            break;
        if (c != ' ' || out->length > 0)
            err = tg_buffer_append(out, &c, 1);
    }
    return err;
}

static bool is_same(struct tg_str a, struct tg_str b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++) {
        char left = a.data[i], right = b.data[i];
        left = left == '.' || left == ' ' ? '_' : left;
        right = right == '.' || right == ' ' ? '_' : right;
        if (strncasecmp(&left, &right, 1) != 0)
            return false;
    }
    return true;
}

static bool is_name_of(struct tg_str name, struct tg_str pair)
{
    struct tg_buffer other = { 0 };
    bool is_name = append_name(&other, pair) == TG_OK &&
                   is_same(name, (struct tg_str){ tg_text_or_empty(other.data), other.length });

    tg_buffer_deinit(&other);
    return is_name;
}

static bool is_taken(struct tg_str name, struct tg_str configured, const char *reserved)
{
    if (reserved && is_same(name, tg_str_from(reserved)))
        return true;
    while (configured.length > 0)
        if (is_name_of(name, take_pair(&configured, "&;")))
            return true;
    return false;
}

static enum tg_err append_pair(struct tg_buffer *out, struct tg_str pair)
{
    enum tg_err err = TG_OK;

    for (size_t i = 0; i < pair.length && err == TG_OK; i++) {
        unsigned char c = (unsigned char)pair.data[i];
        bool is_plain = c > 0x20 && c < 0x7f && !strchr("\"#;<>\\^`{|}", c);
        err = is_plain ? tg_buffer_append(out, &pair.data[i], 1) : tg_buffer_appendf(out, "%%%02X", c);
    }
    return err;
}

enum tg_err tg_forward_query(struct tg_buffer *path, struct tg_str query, const char *reserved)
{
    const size_t length = path->length;
    const char *mark = length > 0 ? memchr(path->data, '?', length) : NULL;
    const size_t query_at = mark ? (size_t)(mark - path->data) + 1 : length;
    char separator = mark ? '&' : '?';
    enum tg_err err = TG_OK;

    while (query.length > 0 && err == TG_OK) {
        struct tg_str pair = take_pair(&query, "&");
        struct tg_buffer name = { 0 };
        err = append_name(&name, pair);
        const struct tg_str found = { tg_text_or_empty(name.data), name.length };
        const struct tg_str configured = { tg_text_or_empty(path->data) + query_at, length - query_at };
        if (err == TG_OK && pair.length > 0 && !is_taken(found, configured, reserved)) {
            err = tg_buffer_append(path, &separator, 1);
            if (err == TG_OK)
                err = append_pair(path, pair);
            separator = '&';
        }
        tg_buffer_deinit(&name);
    }
    return err;
}
