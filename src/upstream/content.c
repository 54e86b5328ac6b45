/* Media types. */
#include "content.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

/* Without parameters, and without the white space around it. */
static struct tg_str media_type_of(struct tg_str text)
{
    const char *end = memchr(text.data, ';', text.length);

    if (end)
        text.length = (size_t)(end - text.data);
    while (text.length > 0 && is_space(text.data[0]))
        text = (struct tg_str){ text.data + 1, text.length - 1 };
    while (text.length > 0 && is_space(text.data[text.length - 1]))
        text.length--;
    return text;
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

bool tg_content_is(struct tg_str content_type, const char *media_type)
{
    return content_type.length > 0 &&
           tg_str_equals_nocase(media_type_of(content_type), tg_str_from(media_type));
}

enum tg_content tg_content_of(struct tg_str content_type)
{
    static const char *const texts[] = {
        "application/json",       "application/xml",          "application/x-ndjson",
        "application/javascript", "application/x-javascript", "application/ecmascript",
    };

    if (content_type.length == 0)
        return TG_CONTENT_UNKNOWN;
    struct tg_str type = media_type_of(content_type);
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
