/* text/event-stream: lines end with CR, LF or CRLF; a line is "field: value"; an empty line ends an event. */
#include "sse_parser.h"

#include <string.h>

void tg_sse_parser_deinit(struct tg_sse_parser *parser)
{
    struct tg_buffer *const buffers[] = { &parser->last_id, &parser->line, &parser->type, &parser->data,
                                          &parser->id };
    for (size_t i = 0; i < TG_COUNT_OF(buffers); i++)
        tg_buffer_deinit(buffers[i]);
}

void tg_sse_parser_restart(struct tg_sse_parser *parser)
{
    tg_buffer_clear(&parser->line);
    tg_buffer_clear(&parser->type);
    tg_buffer_clear(&parser->data);
    tg_buffer_clear(&parser->id);
    tg_buffer_append(&parser->id, tg_text_or_empty(parser->last_id.data), parser->last_id.length);
    parser->has_own_id = false;
    parser->is_past_start = false;
    parser->is_after_cr = false;
}

static struct tg_str view(const struct tg_buffer *buffer)
{
    return (struct tg_str){ tg_text_or_empty(buffer->data), buffer->length };
}

static enum tg_err replace(struct tg_buffer *buffer, const char *bytes, size_t length)
{
    tg_buffer_clear(buffer);
    return tg_buffer_append(buffer, bytes, length);
}

/* The id counts also when there is no data, and so nothing to tell. */
static enum tg_err end_event(struct tg_sse_parser *parser)
{
    enum tg_err err = replace(&parser->last_id, tg_text_or_empty(parser->id.data), parser->id.length);
    if (err)
        return err;
    if (parser->data.length > 0) {
        struct tg_sse_event event = {
            .type = parser->type.length > 0 ? view(&parser->type) : TG_STR("message"),
            .id = view(&parser->last_id),
            .has_own_id = parser->has_own_id,
            .data = view(&parser->data),
        };
        event.data.length--; /* the line feed after the last line */
        parser->on_event(parser->arg, &event);
    }
    tg_buffer_clear(&parser->type);
    tg_buffer_clear(&parser->data);
    parser->has_own_id = false;
    return TG_OK;
}

/* Digits alone; what is beyond all use stays at the limit. */
static void take_retry(struct tg_sse_parser *parser, const char *value, size_t length)
{
    static const int64_t most_ms = 24 * 3600 * 1000;
    int64_t retry_ms = 0;
    for (size_t i = 0; i < length; i++) {
        if (value[i] < '0' || value[i] > '9')
            return;
        retry_ms = retry_ms * 10 + (value[i] - '0');
        if (retry_ms > most_ms)
            retry_ms = most_ms;
    }
    if (length > 0)
        parser->retry_ms = retry_ms;
}

static enum tg_err take_data(struct tg_sse_parser *parser, const char *value, size_t length)
{
    if (length >= TG_SSE_EVENT_MAX - parser->data.length)
        return TG_ERR_TOO_LARGE;
    enum tg_err err = tg_buffer_append(&parser->data, value, length);
    return err ? err : tg_buffer_append(&parser->data, "\n", 1);
}

static enum tg_err take_line(struct tg_sse_parser *parser, const char *line, size_t length)
{
    if (length == 0)
        return end_event(parser);
    const char *colon = memchr(line, ':', length);
    if (colon == line)
        return TG_OK; /* a comment */
    struct tg_str name = { line, colon ? (size_t)(colon - line) : length };
    const char *value = colon ? colon + 1 : line + length;
    if (value < line + length && *value == ' ')
        value++;
    size_t value_length = (size_t)(line + length - value);

    if (tg_str_equals(name, TG_STR("data")))
        return take_data(parser, value, value_length);
    if (tg_str_equals(name, TG_STR("event")))
        return replace(&parser->type, value, value_length);
    if (tg_str_equals(name, TG_STR("id")) && !memchr(value, '\0', value_length)) {
        parser->has_own_id = true;
        return replace(&parser->id, value, value_length);
    }
    if (tg_str_equals(name, TG_STR("retry")))
        take_retry(parser, value, value_length);
    return TG_OK;
}

static enum tg_err end_line(struct tg_sse_parser *parser)
{
    static const char mark[] = "\xef\xbb\xbf";
    const char *line = tg_text_or_empty(parser->line.data);
    size_t length = parser->line.length;
    if (!parser->is_past_start && length >= 3 && memcmp(line, mark, 3) == 0) {
        line += 3;
        length -= 3;
    }
    parser->is_past_start = true;
    enum tg_err err = take_line(parser, line, length);
    tg_buffer_clear(&parser->line);
    return err;
}

static size_t to_line_end(const char *bytes, size_t length)
{
    size_t at = 0;
    while (at < length && bytes[at] != '\r' && bytes[at] != '\n')
        at++;
    return at;
}

enum tg_err tg_sse_parser_feed(struct tg_sse_parser *parser, const char *bytes, size_t length)
{
    enum tg_err err = TG_OK;
    size_t at = 0;
    while (at < length && !err) {
        if (parser->is_after_cr && bytes[at] == '\n') {
            parser->is_after_cr = false;
            at++;
            continue;
        }
        parser->is_after_cr = false;
        size_t part = to_line_end(bytes + at, length - at);
        if (part > TG_SSE_EVENT_MAX - parser->line.length)
            return TG_ERR_TOO_LARGE;
        err = tg_buffer_append(&parser->line, bytes + at, part);
        at += part;
        if (at == length || err)
            return err;
        parser->is_after_cr = bytes[at] == '\r';
        at++;
        err = end_line(parser);
    }
    return err;
}
