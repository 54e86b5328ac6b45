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
        if (((unsigned char)value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7f)
            return TG_ERR_INVALID;
    return tg_buffer_append(out, value.data, value.length);
}

enum tg_err tg_place_in_json(struct tg_buffer *out, struct tg_str value)
{
    if (!tg_utf8_is_valid(value.data, value.length))
        return TG_ERR_INVALID;
    return tg_buffer_append_json(out, value.data, value.length);
}

enum tg_err tg_place_in_utf8(struct tg_buffer *out, struct tg_str value)
{
    if (!tg_utf8_is_valid(value.data, value.length))
        return TG_ERR_INVALID;
    return tg_buffer_append(out, value.data, value.length);
}

/* Whatever some backend takes for the end of a line is among them: U+0080 to U+009F, U+2028 and U+2029, too. */
static bool has_control_character(struct tg_str utf8)
{
    const unsigned char *at = (const unsigned char *)utf8.data, *end = at + utf8.length;

    for (; at < end; at++) {
        if (*at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] < 0xa0))
            return true;
        if (*at == 0xe2 && at[1] == 0x80 && (at[2] == 0xa8 || at[2] == 0xa9))
            return true;
    }
    return false;
}

enum tg_err tg_place_in_text(struct tg_buffer *out, struct tg_str value)
{
    if (!tg_utf8_is_valid(value.data, value.length) || has_control_character(value))
        return TG_ERR_INVALID;
    return tg_buffer_append(out, value.data, value.length);
}

enum tg_err tg_place_in_xml(struct tg_buffer *out, struct tg_str value)
{
    enum tg_err err = tg_utf8_is_valid(value.data, value.length) ? TG_OK : TG_ERR_INVALID;

    for (size_t i = 0; i < value.length && err == TG_OK; i++) {
        char c = value.data[i];
        if ((unsigned char)c < 0x20 && !is_one_of(c, "\t\n\r"))
            err = TG_ERR_INVALID;
        else if (is_one_of(c, "&<>\"'\t\n\r"))
            err = tg_buffer_appendf(out, "&#%d;", c);
        else
            err = tg_buffer_append(out, &c, 1);
    }
    return err;
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

bool tg_placeholder_is_at(struct tg_str text, size_t at, const struct tg_places *places)
{
    const char *end = text.data + text.length, *next;

    return at < text.length && text.data[at] == '{' && match(text.data + at, end, places, &next);
}

bool tg_placeholder_is_all(struct tg_str text, const struct tg_places *places)
{
    const char *end = text.data + text.length, *next;

    return text.length > 0 && *text.data == '{' && match(text.data, end, places, &next) && next == end;
}

/* Whether `at`, some characters further, is within quotes. */
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

enum tg_err tg_placeholder_fill_quoted(struct tg_buffer *out, struct tg_str text,
                                       const struct tg_places *places, tg_place_fn *within_quotes,
                                       tg_place_fn *elsewhere)
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
                err = (in_string ? within_quotes : elsewhere)(out, pair->value);
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
    return tg_placeholder_fill_quoted(out, text, places, place, place);
}
