/* Finding placeholders, and writing what stands there. */
#include "placeholder.h"

#include <string.h>

/* ---- how values are written -------------------------------------------------------------------- */

static bool is_alphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_one_of(char c, const char *characters)
{
    return c != '\0' && strchr(characters, c) != NULL;
}

enum tg_err tg_place_encoded(struct tg_buffer *out, struct tg_str value)
{
    static const char digits[] = "0123456789ABCDEF";
    enum tg_err err = tg_buffer_reserve(out, value.length);

    for (size_t i = 0; i < value.length && err == TG_OK; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        const char escaped[3] = { '%', digits[byte >> 4], digits[byte & 15] };
        if (is_alphanumeric(value.data[i]) || is_one_of(value.data[i], "-._~"))
            err = tg_buffer_append(out, &value.data[i], 1);
        else
            err = tg_buffer_append(out, escaped, sizeof(escaped));
    }
    return err;
}

enum tg_err tg_place_in_site(struct tg_buffer *out, struct tg_str value)
{
    for (size_t i = 0; i < value.length; i++)
        if (!is_alphanumeric(value.data[i]) && !is_one_of(value.data[i], ".-:[]_"))
            return TG_ERR_INVALID;
    return tg_buffer_append(out, value.data, value.length);
}

enum tg_err tg_place_in_header(struct tg_buffer *out, struct tg_str value)
{
    for (size_t i = 0; i < value.length; i++)
        if ((unsigned char)value.data[i] < 0x20 || value.data[i] == 0x7f)
            return TG_ERR_INVALID;
    return tg_buffer_append(out, value.data, value.length);
}

enum tg_err tg_place_in_json(struct tg_buffer *out, struct tg_str value)
{
    if (!tg_utf8_is_valid(value.data, value.length))
        return TG_ERR_INVALID;
    return tg_buffer_append_json(out, value.data, value.length);
}

enum tg_err tg_place_in_text(struct tg_buffer *out, struct tg_str value)
{
    if (!tg_utf8_is_valid(value.data, value.length))
        return TG_ERR_INVALID;
    return tg_buffer_append(out, value.data, value.length);
}

/* ---- finding them -------------------------------------------------------------------------------- */

/* The one that begins at the brace `open`; NULL: it is no placeholder. *ret_next is what follows it. */
static const struct tg_pair *match(const char *open, const char *end, const struct tg_places *places,
                                   const char **ret_next)
{
    const char *close = memchr(open, '}', (size_t)(end - open));

    if (!close)
        return NULL;
    struct tg_str name = { open + 1, (size_t)(close - open - 1) };
    for (size_t i = 0; i < places->count; i++) {
        if (tg_str_equals(places->values[i].name, name)) {
            *ret_next = close + 1;
            return &places->values[i];
        }
    }
    return NULL;
}

static const char *find_brace(const char *from, const char *end)
{
    const char *brace = from < end ? memchr(from, '{', (size_t)(end - from)) : NULL;

    return brace ? brace : end;
}

bool tg_placeholder_is_in(struct tg_str text, const struct tg_places *places)
{
    const char *end = text.data + text.length, *next;

    for (const char *at = find_brace(text.data, end); at < end; at = find_brace(at + 1, end))
        if (match(at, end, places, &next))
            return true;
    return false;
}

/* In JSON: whether `at`, some characters further, is within a string. */
static bool is_in_string(bool was_in_string, const char *from, const char *at)
{
    for (; from < at; from++) {
        if (*from == '"')
            was_in_string = !was_in_string;
        else if (*from == '\\' && was_in_string)
            from++;
    }
    return was_in_string;
}

static enum tg_err fill(struct tg_buffer *out, struct tg_str text, const struct tg_places *places,
                        tg_place_fn *within_string, tg_place_fn *elsewhere)
{
    const char *end = text.data + text.length, *written = text.data;
    bool in_string = false;
    enum tg_err err = TG_OK;

    for (const char *at = find_brace(text.data, end); at < end && err == TG_OK;) {
        const char *next = at + 1;
        const struct tg_pair *pair = match(at, end, places, &next);
        if (pair) {
            in_string = is_in_string(in_string, written, at);
            err = tg_buffer_append(out, written, (size_t)(at - written));
            if (err == TG_OK)
                err = (in_string ? within_string : elsewhere)(out, pair->value);
            written = next;
        }
        at = find_brace(next, end);
    }
    if (err == TG_OK)
        err = tg_buffer_append(out, written, (size_t)(end - written));
    return err;
}

enum tg_err tg_placeholder_fill(struct tg_buffer *out, struct tg_str text, const struct tg_places *places,
                                tg_place_fn *place)
{
    return fill(out, text, places, place, place);
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static enum tg_err place_json(struct tg_buffer *out, struct tg_str value)
{
    if (!tg_utf8_is_valid(value.data, value.length) || !tg_json_check(value))
        return TG_ERR_INVALID;
    return tg_buffer_append(out, value.data, value.length);
}

static enum tg_err place_nothing(struct tg_buffer *out, struct tg_str value)
{
    (void)out, (void)value;
    return TG_OK;
}

static enum tg_err place_null(struct tg_buffer *out, struct tg_str value)
{
    (void)value;
    return tg_buffer_append_str(out, "null");
}

bool tg_placeholder_is_json(struct tg_str text, const struct tg_places *places)
{
    const char *end = text.data + text.length, *next;
    struct tg_buffer tried = { 0 };

    if (text.length == 0 || (*text.data == '{' && match(text.data, end, places, &next)))
        return false;
    bool is_json = fill(&tried, text, places, place_nothing, place_null) == TG_OK &&
                   tg_json_check((struct tg_str){ tg_text_or_empty(tried.data), tried.length });

    tg_buffer_deinit(&tried);
    return is_json;
}

enum tg_err tg_placeholder_fill_json(struct tg_buffer *out, struct tg_str text,
                                     const struct tg_places *places)
{
    return fill(out, text, places, tg_place_in_json, place_json);
}
