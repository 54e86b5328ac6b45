/* Media types. */
#include "content.h"

enum { LOOKED_AT_BYTES = 1024 }; /* for what a page begins with */

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the next media type from a list, without parameters and white space; empty: there is none. */
static struct tg_str next_type(struct tg_str *list)
{
    const char *at = list->data, *end = list->data + list->length;
    bool is_quoted = false;

    while (at < end && (is_space(*at) || *at == ','))
        at++;
    struct tg_str type = { at, 0 };
    while (at < end && *at != ';' && *at != ',' && !is_space(*at))
        at++;
    type.length = (size_t)(at - type.data);
    for (; at < end && (is_quoted || *at != ','); at++) {
        if (*at == '"')
            is_quoted = !is_quoted;
        else if (*at == '\\' && is_quoted && at + 1 < end)
            at++;
    }
    *list = (struct tg_str){ at, (size_t)(end - at) };
    return type;
}

static bool begins_with(struct tg_str text, struct tg_str start)
{
    return text.length >= start.length &&
           tg_str_equals_nocase((struct tg_str){ text.data, start.length }, start);
}

static bool ends_with(struct tg_str text, struct tg_str end)
{
    return text.length >= end.length &&
           tg_str_equals_nocase((struct tg_str){ text.data + text.length - end.length, end.length }, end);
}

static bool matches(struct tg_str type, struct tg_str wanted)
{
    if (tg_str_equals(wanted, TG_STR("*/*")))
        return true;
    if (ends_with(wanted, TG_STR("/*")))
        return begins_with(type, (struct tg_str){ wanted.data, wanted.length - 1 });
    return tg_str_equals_nocase(type, wanted);
}

static bool is_any(struct tg_str type, const char *const *types)
{
    for (; types && *types; types++)
        if (matches(type, tg_str_from(*types)))
            return true;
    return false;
}

bool tg_content_has_type(struct tg_str content_type)
{
    return next_type(&content_type).length > 0;
}

bool tg_content_is_any(struct tg_str content_type, const char *const *types)
{
    struct tg_str type;

    while ((type = next_type(&content_type)).length > 0)
        if (is_any(type, types))
            return true;
    return false;
}

bool tg_content_is_page(struct tg_str content_type)
{
    static const char *const pages[] = { "text/html", "application/xhtml+xml", NULL };
    struct tg_str type = next_type(&content_type);

    if (type.length == 0)
        return false;
    for (; type.length > 0; type = next_type(&content_type))
        if (!is_any(type, pages))
            return false;
    return true;
}

bool tg_content_looks_like_page(struct tg_str text)
{
    const struct tg_str xml = TG_STR("<?xml"), html = TG_STR("<html");
    struct tg_str rest = tg_content_without_mark(text);

    while (rest.length > 0 && (is_space(*rest.data) || *rest.data == '\r' || *rest.data == '\n'))
        rest = (struct tg_str){ rest.data + 1, rest.length - 1 };
    if (rest.length == 0 || *rest.data != '<')
        return false;
    if (!begins_with(rest, xml))
        return true;
    for (size_t i = 0; i < LOOKED_AT_BYTES && i < rest.length; i++)
        if (begins_with((struct tg_str){ rest.data + i, rest.length - i }, html))
            return true;
    return false;
}

enum tg_content tg_content_of(struct tg_str content_type)
{
    static const char *const texts[] = {
        "application/json",       "application/xml",          "application/x-ndjson",
        "application/javascript", "application/x-javascript", "application/ecmascript",
    };

    if (content_type.length == 0)
        return TG_CONTENT_UNKNOWN;
    struct tg_str type = next_type(&content_type);
    if (begins_with(type, TG_STR("text/")) || ends_with(type, TG_STR("+json")) ||
        ends_with(type, TG_STR("+xml")))
        return TG_CONTENT_TEXT;
    for (size_t i = 0; i < TG_COUNT_OF(texts); i++)
        if (tg_str_equals_nocase(type, tg_str_from(texts[i])))
            return TG_CONTENT_TEXT;
    return TG_CONTENT_BINARY;
}

struct tg_str tg_content_without_mark(struct tg_str text)
{
    const struct tg_str mark = TG_STR("\xef\xbb\xbf");

    if (!begins_with(text, mark))
        return text;
    return (struct tg_str){ text.data + mark.length, text.length - mark.length };
}
