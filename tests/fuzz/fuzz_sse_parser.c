/* Fuzz target: the parser of text/event-stream. What comes out must not depend on the pieces in which the bytes
 * arrive, and memory stays below the cap. What Tidegate frames can be read again: parse(frame(e)) is e. */
#include "stream/frame.h"

#include <stdlib.h>
#include <string.h>

enum { CAP = 50 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
    if (!is_true)
        abort();
}

static void append_part(struct tg_buffer *out, struct tg_str part)
{
    uint32_t length = (uint32_t)part.length;

    tg_buffer_append(out, &length, sizeof(length));
    tg_buffer_append(out, part.data, part.length);
}

static void append_event(struct tg_buffer *out, struct tg_str type, struct tg_str id, bool has_own_id,
                         struct tg_str data)
{
    append_part(out, type);
    append_part(out, id);
    append_part(out, has_own_id ? TG_STR("own") : TG_STR(""));
    append_part(out, data);
}

static void on_event(void *arg, const struct tg_sse_event *event)
{
    append_event(arg, event->type, event->id, event->has_own_id, event->data);
}

static void on_oversize(void *arg)
{
    append_part(arg, TG_STR("oversize"));
}

/* ---- any bytes, any cuts ----------------------------------------------------------------------- */

/* Each block is a copy of its own, so that reading past its end is seen. */
static struct tg_buffer read_in_steps(struct tg_str text, size_t cut, size_t step, size_t max_bytes)
{
    struct tg_buffer out = { 0 };
    struct tg_sse_parser parser = {
        .on_event = on_event, .on_oversize = on_oversize, .arg = &out, .max_bytes = max_bytes
    };

    for (size_t at = 0; at < text.length;) {
        size_t length = at == 0 && cut > 0 ? cut : step;
        length = length < text.length - at ? length : text.length - at;
        char *copy = malloc(length);
        memcpy(copy, text.data + at, length);
        check(tg_sse_parser_feed(&parser, copy, length) == TG_OK);
        free(copy);
        at += length;
        check(parser.data.length <= max_bytes + 1 && parser.line.length <= max_bytes + 7);
    }
    append_part(&out, (struct tg_str){ tg_text_or_empty(parser.last_id.data), parser.last_id.length });
    tg_buffer_append(&out, &parser.retry_ms, sizeof(parser.retry_ms));
    tg_sse_parser_deinit(&parser);
    return out;
}

static void check_same(struct tg_buffer *one, struct tg_buffer *other)
{
    check(one->length == other->length && memcmp(one->data, other->data, one->length) == 0);
    tg_buffer_deinit(other);
}

static void check_cuts(struct tg_str text, size_t max_bytes)
{
    struct tg_buffer whole = read_in_steps(text, 0, text.length, max_bytes);

    for (size_t step = 1; step < 4; step++) {
        struct tg_buffer cut = read_in_steps(text, 0, step, max_bytes);
        check_same(&whole, &cut);
    }
    for (size_t at = 1; at < text.length && text.length < 300; at++) {
        struct tg_buffer cut = read_in_steps(text, at, text.length, max_bytes);
        check_same(&whole, &cut);
    }
    tg_buffer_deinit(&whole);
}

/* ---- parse(frame(e)) is e ---------------------------------------------------------------------- */

/* All line ends of the data come back as LF. */
static struct tg_buffer with_line_feeds(struct tg_str text)
{
    struct tg_buffer out = { 0 };

    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] == '\n' && i > 0 && text.data[i - 1] == '\r')
            continue;
        tg_buffer_append(&out, text.data[i] == '\r' ? "\n" : &text.data[i], 1);
    }
    return out;
}

static struct tg_str take(struct tg_str *rest, size_t length)
{
    struct tg_str part = { rest->data, length < rest->length ? length : rest->length };

    *rest = (struct tg_str){ rest->data + part.length, rest->length - part.length };
    return part;
}

static void check_framed(struct tg_str type, struct tg_str id, struct tg_str data)
{
    struct tg_buffer expected = { 0 }, lines = with_line_feeds(data);
    struct tg_str given = { tg_text_or_empty(lines.data), lines.length };
    struct frame frame;

    if (frame_measure(id, type, data, &frame) == TG_OK) {
        char *wire = malloc(frame.wire_length);
        frame_write(&frame, wire);
        struct tg_str body = { wire + frame_head_length(wire), frame.body_length };
        struct tg_buffer whole = read_in_steps(body, 0, body.length, data.length + type.length + id.length);
        append_event(&expected, type, id, id.length > 0, given);
        append_part(&expected, id);
        tg_buffer_append(&expected, &(int64_t){ 0 }, sizeof(int64_t));
        check_same(&expected, &whole);
        check_cuts(body, CAP);
        free(wire);
    }
    tg_buffer_deinit(&expected);
    tg_buffer_deinit(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3 || size > 2000)
        return 0;
    struct tg_str rest = { (const char *)data + 2, size - 2 };
    check_cuts(rest, CAP);
    check_cuts(rest, data[0]);
    struct tg_str type = take(&rest, data[0] % 32);
    struct tg_str id = take(&rest, data[1] % 32);
    check_framed(type, id, rest);
    return 0;
}
