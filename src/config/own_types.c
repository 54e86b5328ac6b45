/* The types of Tidegate's own events, which nothing that a backend says may have. */
#include "tidegate/config.h"

#include <string.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static struct tg_str trim(struct tg_str text)
{
    while (text.length > 0 && is_space(text.data[0]))
        text = (struct tg_str){ text.data + 1, text.length - 1 };
    while (text.length > 0 && is_space(text.data[text.length - 1]))
        text.length--;
    return text;
}

bool tg_config_is_own_type(const struct tg_config_sse *sse, struct tg_str type)
{
    static const struct tg_str prefix = { "tidegate.", 9 };
    const char *const names[] = { sse->gap_event, sse->upstream_event, sse->end_event };

    type = trim(type);
    if (type.length >= prefix.length && memcmp(type.data, prefix.data, prefix.length) == 0)
        return true;
    for (size_t i = 0; i < TG_COUNT_OF(names); i++) {
        if (names[i] && tg_str_equals(type, trim(tg_str_from(names[i]))))
            return true;
    }
    return false;
}
