/* One event as one line, for people and for programs. */
#include "listen_line.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_continuation(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* C1 controls are two bytes in UTF-8: U+0080 to U+009F. */
static bool is_c1_control(const char *at, size_t left)
{
    return left > 1 && (unsigned char)at[0] == 0xc2 && (unsigned char)at[1] < 0xa0;
}

static void append_escape(struct tg_buffer *out, unsigned char byte)
{
    static const struct {
        unsigned char byte;
        const char *text;
    } named[] = { { '\n', "\\n" }, { '\r', "\\r" }, { '\t', "\\t" } };
    for (size_t i = 0; i < TG_COUNT_OF(named); i++) {
        if (named[i].byte == byte) {
            tg_buffer_append_str(out, named[i].text);
            return;
        }
    }
    tg_buffer_appendf(out, "\\x%02x", byte);
}

static void append_shown(struct tg_buffer *out, struct tg_str text)
{
    if (!tg_utf8_is_valid(text.data, text.length)) {
        tg_buffer_append_str(out, "(not UTF-8)");
        return;
    }
    for (size_t i = 0; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 || byte == 0x7f) {
            append_escape(out, byte);
        } else if (is_c1_control(text.data + i, text.length - i)) {
            append_escape(out, (unsigned char)text.data[++i]);
        } else {
            tg_buffer_append(out, text.data + i, 1);
        }
    }
}

/* Cuts the line that begins at `start` to so many characters, the last one an ellipsis. */
static void cut_to(struct tg_buffer *out, size_t start, size_t columns)
{
    size_t shown = 0, last = start;
    for (size_t at = start; at < out->length; at++) {
        if (is_continuation(out->data[at]))
            continue;
        if (++shown == columns)
            last = at;
        if (shown > columns) {
            out->length = last;
            tg_buffer_append_str(out, "…");
            return;
        }
    }
}

static struct tm split_time(uint64_t wall_ms, bool is_utc)
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts;
    if (is_utc)
        gmtime_r(&seconds, &parts);
    else
        localtime_r(&seconds, &parts);
    return parts;
}

/* As browsers have it. */
static struct tg_str type_of(const struct tg_sse_event *event)
{
    return event->type.length > 0 ? event->type : TG_STR("message");
}

void tg_listen_line_append(struct tg_buffer *out, const struct tg_sse_event *event, uint64_t wall_ms,
                           size_t columns)
{
    struct tm parts = split_time(wall_ms, false);
    char clock[32];
    strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
    size_t start = out->length;
    tg_buffer_appendf(out, "%s.%03u  ", clock, (unsigned)(wall_ms % 1000));
    append_shown(out, event->has_own_id && event->id.length > 0 ? event->id : TG_STR("-"));
    tg_buffer_append_str(out, "  ");
    append_shown(out, type_of(event));
    tg_buffer_append_str(out, "  ");
    append_shown(out, event->data);
    if (columns > 0)
        cut_to(out, start, columns);
    tg_buffer_append_str(out, "\n");
}

static void append_member(struct tg_buffer *out, const char *name, struct tg_str value)
{
    tg_buffer_appendf(out, ",\"%s\":\"", name);
    tg_buffer_append_json(out, value.data, value.length);
    tg_buffer_append_str(out, "\"");
}

void tg_listen_json_append(struct tg_buffer *out, const struct tg_sse_event *event, uint64_t wall_ms)
{
    struct tm parts = split_time(wall_ms, true);
    char date[40];
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
    tg_buffer_appendf(out, "{\"time\":\"%s.%03uZ\"", date, (unsigned)(wall_ms % 1000));
    if (event->has_own_id)
        append_member(out, "id", event->id);
    else
        tg_buffer_append_str(out, ",\"id\":null");
    append_member(out, "type", type_of(event));
    append_member(out, "data", event->data);
    tg_buffer_append_str(out, "}\n");
}
