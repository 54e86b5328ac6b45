/* Messages: what a value must become where it stands, so that it stays one value there.
 *
 *     {"room":"{room}","n":{n}}       JSON: escaped | must be JSON
 *     42["join",{"room":"{room}"}]    JSON behind something else, the same
 *     {"data":"{\"room\":\"{room}\"}"} JSON in a string of JSON: escaped for each of the two
 *     <join room="{room}"/>           XML: entities
 *     JOIN "{room}" {user}            other text: escaped | as it is, without control characters
 */
#include "placeholder.h"

#include <string.h>

enum { STARTS_MAX = 16 }; /* how often JSON is looked for in a text */

/* ---- values -------------------------------------------------------------------------------------- */

static enum tg_err place_json(struct tg_buffer *out, struct tg_str value)
{
    if (!tg_utf8_is_valid(value.data, value.length) || !tg_json_check(value))
        return TG_ERR_INVALID;
    return tg_buffer_append(out, value.data, value.length);
}

/* It is no escape of JSON, whatever stands before it. */
static enum tg_err place_x(struct tg_buffer *out, struct tg_str value)
{
    (void)value;
    return tg_buffer_append_str(out, "x");
}

static enum tg_err place_null(struct tg_buffer *out, struct tg_str value)
{
    (void)value;
    return tg_buffer_append_str(out, "null");
}

/* ---- what a text is ------------------------------------------------------------------------------ */

static struct tg_str skip(struct tg_str text, size_t length)
{
    return (struct tg_str){ text.data + length, text.length - length };
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_xml(struct tg_str text)
{
    while (text.length > 0 && is_blank(*text.data))
        text = skip(text, 1);
    if (text.length < 2 || *text.data != '<')
        return false;
    char next = text.data[1];
    return (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z') || next == '_' || next == '!' ||
           next == '?';
}

static bool is_json(struct tg_str text, const struct tg_places *places)
{
    struct tg_buffer tried = { 0 };
    bool is_json = tg_placeholder_fill_quoted(&tried, text, places, place_x, place_null) == TG_OK &&
                   tg_json_check((struct tg_str){ tg_text_or_empty(tried.data), tried.length });

    tg_buffer_deinit(&tried);
    return is_json;
}

static bool has_quote(struct tg_str text)
{
    return text.length > 0 && memchr(text.data, '"', text.length) != NULL;
}

/* Where the text becomes JSON up to its end, which is its length when it does not. Brackets without any string in them
 * may be just brackets, unless they are all there is. */
static size_t find_json(struct tg_str text, const struct tg_places *places)
{
    size_t tried = 0;

    if (tg_placeholder_is_at(text, 0, places))
        return text.length;
    if (is_json(text, places))
        return 0;
    for (size_t at = 0; at < text.length && tried < STARTS_MAX && has_quote(skip(text, at)); at++) {
        if ((text.data[at] != '{' && text.data[at] != '[') || tg_placeholder_is_at(text, at, places))
            continue;
        if (is_json(skip(text, at), places) && has_quote(skip(text, at)))
            return at;
        tried++;
    }
    return text.length;
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

/* How long the string at the start of the text is, with its quotes. */
static size_t measure_string(struct tg_str text)
{
    size_t at = 1;

    while (at < text.length && text.data[at] != '"')
        at += text.data[at] == '\\' ? 2 : 1;
    return at < text.length ? at + 1 : text.length;
}

static enum tg_err fill_json(struct tg_buffer *out, struct tg_str text, const struct tg_places *places);

/* What a string holds: when it is JSON itself, it has strings of its own, which no value may end either. */
static enum tg_err fill_characters(struct tg_buffer *out, struct tg_str characters, size_t start,
                                   const struct tg_places *places)
{
    struct tg_buffer filled = { 0 };
    const struct tg_str before = { characters.data, start };
    enum tg_err err = tg_placeholder_fill(&filled, before, places, tg_place_in_utf8);

    if (err == TG_OK)
        err = fill_json(&filled, skip(characters, start), places);
    if (err == TG_OK)
        err = tg_buffer_append_str(out, "\"");
    if (err == TG_OK)
        err = tg_buffer_append_json(out, tg_text_or_empty(filled.data), filled.length);
    if (err == TG_OK)
        err = tg_buffer_append_str(out, "\"");
    tg_buffer_deinit(&filled);
    return err;
}

/* With its quotes. */
static enum tg_err fill_string(struct tg_buffer *out, struct tg_str string, const struct tg_places *places)
{
    struct tg_buffer scratch = { 0 };
    struct tg_str characters = { 0 };
    size_t start = 0;

    if (!tg_placeholder_is_in(string, places))
        return tg_buffer_append(out, string.data, string.length);
    if (tg_json_string(string, &scratch, &characters) == TG_OK && has_quote(characters))
        start = find_json(characters, places);
    enum tg_err err = has_quote(characters) && start < characters.length
                          ? fill_characters(out, characters, start, places)
                          : tg_placeholder_fill(out, string, places, tg_place_in_json);
    tg_buffer_deinit(&scratch);
    return err;
}

static enum tg_err fill_json(struct tg_buffer *out, struct tg_str text, const struct tg_places *places)
{
    enum tg_err err = TG_OK;

    while (text.length > 0 && err == TG_OK) {
        const char *quote = memchr(text.data, '"', text.length);
        const struct tg_str before = { text.data, quote ? (size_t)(quote - text.data) : text.length };
        err = tg_placeholder_fill(out, before, places, place_json);
        text = skip(text, before.length);
        if (text.length == 0 || err < 0)
            break;
        const struct tg_str string = { text.data, measure_string(text) };
        err = fill_string(out, string, places);
        text = skip(text, string.length);
    }
    return err;
}

/* ---- all of it ----------------------------------------------------------------------------------- */

/* Without what some protocols have at the end of each message: line ends, U+001E. */
static size_t measure_without_ends(struct tg_str text)
{
    size_t length = text.length;

    while (length > 0 && (unsigned char)text.data[length - 1] <= 0x20)
        length--;
    return length;
}

static enum tg_err fill_message(struct tg_buffer *out, struct tg_str text, const struct tg_places *places)
{
    size_t start = find_json(text, places);
    const struct tg_str before = { text.data, start };
    enum tg_err err = tg_placeholder_fill_quoted(out, before, places, tg_place_in_json, tg_place_in_text);

    if (err < 0 || start == text.length)
        return err;
    size_t filled = out->length;
    err = fill_json(out, skip(text, start), places);
    /* Each value is JSON, but nested too deep it is none that anybody reads. */
    if (err == TG_OK && !tg_json_check((struct tg_str){ out->data + filled, out->length - filled }))
        err = TG_ERR_INVALID;
    return err;
}

enum tg_err tg_placeholder_fill_message(struct tg_buffer *out, struct tg_str text,
                                        const struct tg_places *places)
{
    if (!tg_placeholder_is_in(text, places))
        return tg_buffer_append(out, text.data, text.length);
    if (tg_placeholder_is_all(text, places))
        return tg_placeholder_fill(out, text, places, tg_place_in_utf8);
    if (is_xml(text))
        return tg_placeholder_fill(out, text, places, tg_place_in_xml);

    const struct tg_str message = { text.data, measure_without_ends(text) };
    const struct tg_str ends = skip(text, message.length);
    enum tg_err err = fill_message(out, message, places);
    return err == TG_OK ? tg_buffer_append(out, ends.data, ends.length) : err;
}
