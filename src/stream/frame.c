/* Framing of events: see frame.h. */
#include "frame.h"

#include <assert.h>
#include <string.h>

static bool has_line_break_or_nul(struct tg_str text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] == '\r' || text.data[i] == '\n' || text.data[i] == '\0')
            return true;
    return false;
}

/* Walks over the lines of a text. Remembers where the next CR and the next LF are, so that a text of CRs
 * alone is not searched for an LF again and again. */
struct line_walk {
    struct tg_str text;
    size_t at;
    size_t next_cr, next_lf; /* text.length: there is none */
    bool is_done;
};

static size_t find_from(struct tg_str text, size_t at, char byte)
{
    const char *found = at < text.length ? memchr(text.data + at, byte, text.length - at) : NULL;

    return found ? (size_t)(found - text.data) : text.length;
}

static struct line_walk walk_lines(struct tg_str text)
{
    return (struct line_walk){ .text = text,
                               .next_cr = find_from(text, 0, '\r'),
                               .next_lf = find_from(text, 0, '\n') };
}

/* The next line, without its end; false after the last. An empty text is one empty line. */
static bool next_line(struct line_walk *walk, struct tg_str *ret_line)
{
    size_t start = walk->at, end;

    if (walk->is_done)
        return false;
    if (walk->next_cr < start)
        walk->next_cr = find_from(walk->text, start, '\r');
    if (walk->next_lf < start)
        walk->next_lf = find_from(walk->text, start, '\n');
    end = walk->next_cr < walk->next_lf ? walk->next_cr : walk->next_lf;
    walk->is_done = end == walk->text.length;
    walk->at = end + 1;
    if (walk->next_cr == end && walk->next_lf == end + 1 && walk->next_lf < walk->text.length)
        walk->at = end + 2;
    *ret_line = (struct tg_str){ end > start ? walk->text.data + start : NULL, end - start };
    return true;
}

static size_t field_length(const char *name, size_t value_length)
{
    return strlen(name) + 2 + value_length + 1;
}

static size_t hex_digits(size_t value)
{
    size_t digits = 1;

    while (value >>= 4)
        digits++;
    return digits;
}

enum tg_err frame_measure(struct tg_str id, struct tg_str type, struct tg_str data, struct frame *ret_frame)
{
    struct frame frame = { .id = id, .type = type, .data = data };
    struct line_walk lines = walk_lines(data);
    struct tg_str line;

    if (has_line_break_or_nul(id) || has_line_break_or_nul(type))
        return TG_ERR_INVALID;
    if (id.length)
        frame.body_length += field_length("id", id.length);
    if (type.length)
        frame.body_length += field_length("event", type.length);
    frame.is_one_line = lines.next_cr == data.length && lines.next_lf == data.length;
    while (next_line(&lines, &line))
        frame.body_length += field_length("data", line.length);
    frame.body_length += 1;
    frame.wire_length = hex_digits(frame.body_length) + 2 + frame.body_length + FRAME_TAIL_LENGTH;
    if (frame.wire_length > UINT32_MAX / 2)
        return TG_ERR_TOO_LARGE;
    *ret_frame = frame;
    return TG_OK;
}

static char *put(char *out, const char *bytes, size_t length)
{
    if (length)
        memcpy(out, bytes, length);
    return out + length;
}

static char *put_field(char *out, const char *name, const char *value, size_t length)
{
    out = put(out, name, strlen(name));
    out = put(out, ": ", 2);
    out = put(out, value, length);
    *out++ = '\n';
    return out;
}

static char *put_lines(char *out, struct tg_str data)
{
    struct line_walk lines = walk_lines(data);
    struct tg_str line;

    while (next_line(&lines, &line))
        out = put_field(out, "data", line.data, line.length);
    return out;
}

static char *put_chunk_head(char *out, size_t length)
{
    for (size_t digits = hex_digits(length); digits > 0; digits--)
        *out++ = "0123456789abcdef"[length >> 4 * (digits - 1) & 15];
    return put(out, "\r\n", 2);
}

void frame_write(const struct frame *frame, char *out)
{
    char *at = put_chunk_head(out, frame->body_length);

    if (frame->type.length)
        at = put_field(at, "event", frame->type.data, frame->type.length);
    if (frame->is_one_line)
        at = put_field(at, "data", frame->data.data, frame->data.length);
    else
        at = put_lines(at, frame->data);
    if (frame->id.length)
        at = put_field(at, "id", frame->id.data, frame->id.length);
    *at++ = '\n';
    at = put(at, "\r\n", FRAME_TAIL_LENGTH);
    assert((size_t)(at - out) == frame->wire_length);
}

size_t frame_head_length(const char *wire)
{
    size_t length = 0;

    while (wire[length] != '\n')
        length++;
    return length + 1;
}

struct tg_str frame_find_id(const char *wire, size_t wire_length)
{
    const char *end = wire + wire_length - FRAME_TAIL_LENGTH - strlen("\n\n");
    const char *line = end;

    while (line[-1] != '\n')
        line--;
    assert(memcmp(line, "id: ", strlen("id: ")) == 0);
    line += strlen("id: ");
    return (struct tg_str){ line, (size_t)(end - line) };
}
