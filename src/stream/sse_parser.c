/* text/event-stream, read. Lines end with CR, LF or CRLF; a line is "field: value"; an empty line ends an event.
 *
 * A line that lies whole in the block is looked at where it lies. Only one that the block's end cuts off is kept, in
 * `line`, up to the next block; what is passed over anyway, a comment say, is not even kept. Nothing depends on where
 * the cuts are. */
#include "tidegate/stream.h"

#include <string.h>

enum {
    NAME_BYTES = 7,          /* "event: ", the longest that stands before a value */
    KEPT_BYTES = 8 * 1024,   /* memory above this is given back once a large line or event is done */
    RETRY_MAX_MS = 86400000, /* a day: what is beyond all use stays at the limit */
};

void tg_sse_parser_deinit(struct tg_sse_parser *parser)
{
    struct tg_buffer *const buffers[] = { &parser->last_id, &parser->line, &parser->type, &parser->data,
                                          &parser->id };

    for (size_t i = 0; i < TG_COUNT_OF(buffers); i++)
        tg_buffer_deinit(buffers[i]);
}

static enum tg_err replace(struct tg_buffer *buffer, struct tg_str text)
{
    if (tg_buffer_reserve(buffer, text.length) < 0)
        return TG_ERR_MEMORY;
    tg_buffer_clear(buffer);
    return tg_buffer_append(buffer, text.data, text.length);
}

static void empty(struct tg_buffer *buffer)
{
    if (buffer->capacity > KEPT_BYTES)
        tg_buffer_deinit(buffer);
    else
        tg_buffer_clear(buffer);
}

static void start_event(struct tg_sse_parser *parser)
{
    empty(&parser->type);
    empty(&parser->data);
    parser->has_own_id = false;
    parser->is_oversize = false;
}

void tg_sse_parser_restart(struct tg_sse_parser *parser)
{
    start_event(parser);
    empty(&parser->line);
    parser->is_past_start = false;
    parser->is_after_cr = false;
    parser->is_line_passed_over = false;
}

/* ---- lines that are whole --------------------------------------------------------------------- */

/* The id counts also when there is no data, and so nothing to tell. */
static enum tg_err end_event(struct tg_sse_parser *parser)
{
    enum tg_err err = parser->has_own_id ? replace(&parser->last_id, tg_buffer_view(&parser->id)) : TG_OK;

    if (err < 0)
        return err;
    if (parser->data.length > 0 && !parser->is_oversize) {
        const struct tg_sse_event event = {
            .type = tg_buffer_view(&parser->type),
            .id = tg_buffer_view(&parser->last_id),
            .has_own_id = parser->has_own_id,
            .data = { parser->data.data,
                      parser->data.length - 1 }, /* without the line feed after the last line */
        };
        parser->on_event(parser->arg, &event);
    }
    start_event(parser);
    return TG_OK;
}

static void begin_oversize(struct tg_sse_parser *parser)
{
    if (parser->is_oversize)
        return;
    parser->is_oversize = true;
    empty(&parser->data);
    parser->on_oversize(parser->arg);
}

static enum tg_err take_data(struct tg_sse_parser *parser, struct tg_str value)
{
    struct tg_buffer *data = &parser->data;

    if (parser->is_oversize)
        return TG_OK;
    if (data->length > parser->max_bytes || value.length > parser->max_bytes - data->length) {
        begin_oversize(parser);
        return TG_OK;
    }
    if (tg_buffer_reserve(data, value.length + 1) < 0)
        return TG_ERR_MEMORY;
    tg_buffer_append(data, value.data, value.length);
    return tg_buffer_append(data, "\n", 1);
}

static void take_retry(struct tg_sse_parser *parser, struct tg_str value)
{
    int64_t retry_ms = 0;

    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return;
        retry_ms = retry_ms * 10 + (value.data[i] - '0');
        if (retry_ms > RETRY_MAX_MS)
            retry_ms = RETRY_MAX_MS;
    }
    if (value.length > 0)
        parser->retry_ms = retry_ms;
}

static enum tg_err take_line(struct tg_sse_parser *parser, struct tg_str line)
{
    if (line.length == 0)
        return end_event(parser);
    const char *colon = memchr(line.data, ':', line.length);
    struct tg_str name = { line.data, colon ? (size_t)(colon - line.data) : line.length };
    size_t value_at = colon ? name.length + 1 : line.length;
    if (value_at < line.length && line.data[value_at] == ' ')
        value_at++;
    struct tg_str value = { line.data + value_at, line.length - value_at };

    if (tg_str_equals(name, TG_STR("data")))
        return take_data(parser, value);
    if (tg_str_equals(name, TG_STR("event")))
        return replace(&parser->type, value);
    if (tg_str_equals(name, TG_STR("id")) && !memchr(value.data, '\0', value.length)) {
        parser->has_own_id = true;
        return replace(&parser->id, value);
    }
    if (tg_str_equals(name, TG_STR("retry")))
        take_retry(parser, value);
    return TG_OK;
}

/* ---- lines that are too long, or not whole ---------------------------------------------------- */

static bool is_too_long(const struct tg_sse_parser *parser, size_t length)
{
    return length > parser->max_bytes && length - parser->max_bytes > NAME_BYTES;
}

/* `start` has at least NAME_BYTES. A long comment, or a field that nobody knows, takes nothing from the event. */
static void pass_over(struct tg_sse_parser *parser, struct tg_str start)
{
    static const struct tg_str fields[] = { TG_STR("data:"), TG_STR("event:"), TG_STR("id:") };

    for (size_t i = 0; i < TG_COUNT_OF(fields); i++)
        if (memcmp(start.data, fields[i].data, fields[i].length) == 0)
            begin_oversize(parser);
}

/* Part of a line, with more of it to come. */
static enum tg_err keep(struct tg_sse_parser *parser, struct tg_str part)
{
    struct tg_buffer *line = &parser->line;

    if (parser->is_line_passed_over || part.length == 0)
        return TG_OK;
    bool is_comment = line->length == 0 && *part.data == ':';
    bool is_long = is_too_long(parser, line->length + part.length);
    if (is_long && part.length > NAME_BYTES)
        part.length = NAME_BYTES;
    enum tg_err err = is_comment ? TG_OK : tg_buffer_append(line, part.data, part.length);
    if (err < 0)
        return err;
    if (is_long && !is_comment)
        pass_over(parser, tg_buffer_view(line));
    parser->is_line_passed_over = is_long || is_comment;
    if (parser->is_line_passed_over)
        empty(line);
    return TG_OK;
}

static enum tg_err end_line(struct tg_sse_parser *parser, struct tg_str part)
{
    bool is_whole = parser->line.length == 0 && !parser->is_line_passed_over;
    enum tg_err err = TG_OK;

    if (is_whole && is_too_long(parser, part.length)) {
        pass_over(parser, part);
    } else if (is_whole) {
        err = take_line(parser, part);
    } else {
        err = keep(parser, part);
        if (err == TG_OK && !parser->is_line_passed_over)
            err = take_line(parser, tg_buffer_view(&parser->line));
        empty(&parser->line);
        parser->is_line_passed_over = false;
    }
    return err;
}

/* ---- blocks ----------------------------------------------------------------------------------- */

/* Finds line ends. It remembers where the next CR and the next LF are, so that a block which holds only one of the two
 * is not searched for the other again and again. */
struct search {
    struct tg_str block;
    size_t next_cr, next_lf; /* block.length: there is none */
};

static size_t find_from(struct tg_str block, size_t at, char byte)
{
    const char *found = at < block.length ? memchr(block.data + at, byte, block.length - at) : NULL;

    return found ? (size_t)(found - block.data) : block.length;
}

static size_t find_end(struct search *search, size_t at)
{
    if (search->next_cr < at)
        search->next_cr = find_from(search->block, at, '\r');
    if (search->next_lf < at)
        search->next_lf = find_from(search->block, at, '\n');
    return search->next_cr < search->next_lf ? search->next_cr : search->next_lf;
}

/* The byte order mark: `line` holds what has been seen of it, which is the line's beginning if it is none after all. */
static enum tg_err pass_mark(struct tg_sse_parser *parser, struct tg_str block, size_t *at)
{
    static const char mark[] = "\xef\xbb\xbf";

    while (!parser->is_past_start && *at < block.length) {
        size_t seen = parser->line.length;
        if (block.data[*at] != mark[seen]) {
            parser->is_past_start = true;
        } else if (seen == strlen(mark) - 1) {
            parser->is_past_start = true;
            tg_buffer_clear(&parser->line);
            ++*at;
        } else if (tg_buffer_append(&parser->line, &mark[seen], 1) < 0) {
            return TG_ERR_MEMORY;
        } else {
            ++*at;
        }
    }
    return TG_OK;
}

enum tg_err tg_sse_parser_feed(struct tg_sse_parser *parser, const char *bytes, size_t length)
{
    const struct tg_str block = { bytes, length };
    size_t at = 0;
    enum tg_err err = pass_mark(parser, block, &at);

    struct search search = { block, find_from(block, at, '\r'), find_from(block, at, '\n') };
    while (err == TG_OK && at < length) {
        bool is_second_half = parser->is_after_cr && bytes[at] == '\n'; /* of a CRLF */
        parser->is_after_cr = false;
        if (is_second_half) {
            at++;
            continue;
        }
        size_t end = find_end(&search, at);
        struct tg_str part = { bytes + at, end - at };
        if (end == length)
            return keep(parser, part);
        parser->is_after_cr = bytes[end] == '\r';
        at = end + 1;
        err = end_line(parser, part);
    }
    return err;
}
