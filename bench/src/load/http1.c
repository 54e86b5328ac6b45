#include "http1.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD_BYTES_MAX = 16 * 1024 };

enum state {
    STATE_HEAD,
    STATE_SIZE,      /* of a chunk: before its first digit */
    STATE_DIGITS,    /* behind it */
    STATE_EXTENSION, /* up to the end of the line */
    STATE_CHUNK,
    STATE_CHUNK_END,  /* the line break behind a chunk */
    STATE_TRAILER,    /* at the start of a line */
    STATE_IN_TRAILER, /* within one */
    STATE_LENGTH,
    STATE_UNTIL_CLOSE,
    STATE_DONE,
    STATE_BROKEN,
};

struct load_http1_head {
    size_t length;
    char text[HEAD_BYTES_MAX];
};

static void advance(struct load_bytes *input, size_t length)
{
    input->data += length;
    input->length -= length;
}

/* ---- the head ----------------------------------------------------------------------------------------- */

static bool has_name(const char *line, size_t length, const char *name)
{
    size_t name_length = strlen(name);
    return length >= name_length && strncasecmp(line, name, name_length) == 0;
}

static void take_header(struct load_http1 *reader, const char *line, size_t length)
{
    static const char encoding[] = "transfer-encoding:", size[] = "content-length:";
    if (has_name(line, length, encoding) && memmem(line, length, "chunked", 7)) {
        reader->state = STATE_SIZE;
    } else if (has_name(line, length, size) && reader->state == STATE_UNTIL_CLOSE) {
        reader->left = strtoull(line + sizeof(size) - 1, NULL, 10); /* ends at the CR at the latest */
        reader->state = reader->left > 0 ? STATE_LENGTH : STATE_DONE;
    }
}

/* `length` is that of the head with its empty line. */
static void parse_head(struct load_http1 *reader, const char *head, size_t length)
{
    static const char version[] = "HTTP/1.";
    if (length < 16 || memcmp(head, version, sizeof(version) - 1) != 0 || head[8] != ' ') {
        reader->state = STATE_BROKEN;
        return;
    }
    reader->status = (uint16_t)strtoul(head + 9, NULL, 10);
    reader->state = STATE_UNTIL_CLOSE;
    const char *end = head + length;
    for (const char *line = head; line < end;) {
        const char *line_end = memchr(line, '\n', (size_t)(end - line));
        take_header(reader, line, (size_t)(line_end - line));
        line = line_end + 1;
    }
    if (reader->status == 204 || reader->status == 304)
        reader->state = STATE_DONE;
    if (reader->status >= 100 && reader->status < 200)
        reader->state = STATE_HEAD;
}

/* The length up to behind the empty line; 0: it is not there yet. */
static size_t head_length(const char *text, size_t length)
{
    const char *end = memmem(text, length, "\r\n\r\n", 4);
    return end ? (size_t)(end - text) + 4 : 0;
}

static void drop_head(struct load_http1 *reader)
{
    free(reader->head);
    reader->head = NULL;
}

static void take_part_of_head(struct load_http1 *reader, struct load_bytes *input)
{
    if (!reader->head) {
        reader->head = malloc(sizeof(*reader->head));
        if (!reader->head)
            abort();
        reader->head->length = 0;
    }
    struct load_http1_head *head = reader->head;
    size_t before = head->length, room = sizeof(head->text) - before;
    size_t taken = input->length < room ? input->length : room;
    memcpy(head->text + before, input->data, taken);
    head->length += taken;
    size_t length = head_length(head->text, head->length);
    if (length > 0) {
        advance(input, length - before);
        parse_head(reader, head->text, length);
        drop_head(reader);
        return;
    }
    advance(input, taken);
    if (head->length == sizeof(head->text))
        reader->state = STATE_BROKEN;
}

static void take_head(struct load_http1 *reader, struct load_bytes *input)
{
    size_t length = reader->head ? 0 : head_length(input->data, input->length);
    if (length == 0) {
        take_part_of_head(reader, input);
        return;
    }
    parse_head(reader, input->data, length);
    advance(input, length);
}

/* ---- the body ----------------------------------------------------------------------------------------- */

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void take_digits(struct load_http1 *reader, struct load_bytes *input)
{
    const char *at = input->data, *end = at + input->length;
    uint64_t left = reader->left;
    int digit = 0;
    for (; at < end && (digit = digit_of(*at)) >= 0; at++)
        left = left << 4 | (unsigned)digit;
    if (reader->state == STATE_SIZE && at > input->data)
        reader->state = STATE_DIGITS;
    if (digit < 0)
        reader->state = reader->state == STATE_DIGITS ? STATE_EXTENSION : STATE_BROKEN;
    if (left >> 40) /* a terabyte: somebody is out of step */
        reader->state = STATE_BROKEN;
    reader->left = left;
    advance(input, (size_t)(at - input->data));
}

/* Up to behind the line break; `next` comes then. */
static void skip_line(struct load_http1 *reader, struct load_bytes *input, enum state next)
{
    const char *end = memchr(input->data, '\n', input->length);
    if (end)
        reader->state = (uint8_t)next;
    advance(input, end ? (size_t)(end + 1 - input->data) : input->length);
}

static void take_chunk_end(struct load_http1 *reader, struct load_bytes *input)
{
    char c = input->data[0];
    advance(input, 1);
    if (c == '\n')
        reader->state = STATE_SIZE;
    else if (c != '\r')
        reader->state = STATE_BROKEN;
}

static void take_trailer(struct load_http1 *reader, struct load_bytes *input)
{
    char c = input->data[0];
    if (c == '\n')
        reader->state = STATE_DONE;
    else if (c != '\r')
        reader->state = STATE_IN_TRAILER;
    advance(input, 1);
}

static struct load_bytes take_bytes(struct load_bytes *input, uint64_t length_max)
{
    struct load_bytes bytes = *input;
    if (bytes.length > length_max)
        bytes.length = (size_t)length_max;
    advance(input, bytes.length);
    return bytes;
}

static struct load_bytes take_counted(struct load_http1 *reader, struct load_bytes *input, enum state next)
{
    struct load_bytes body = take_bytes(input, reader->left);
    reader->left -= body.length;
    if (reader->left == 0)
        reader->state = (uint8_t)next;
    return body;
}

enum load_http1_piece load_http1_next(struct load_http1 *reader, struct load_bytes *input,
                                      struct load_bytes *ret_body)
{
    while (input->length > 0) {
        switch ((enum state)reader->state) {
        case STATE_HEAD:
            take_head(reader, input);
            if (reader->state != STATE_HEAD && reader->state != STATE_BROKEN)
                return LOAD_HTTP1_HEAD;
            break;
        case STATE_SIZE:
        case STATE_DIGITS:
            take_digits(reader, input);
            break;
        case STATE_EXTENSION:
            skip_line(reader, input, reader->left > 0 ? STATE_CHUNK : STATE_TRAILER);
            break;
        case STATE_CHUNK:
            *ret_body = take_counted(reader, input, STATE_CHUNK_END);
            return LOAD_HTTP1_BODY;
        case STATE_CHUNK_END:
            take_chunk_end(reader, input);
            break;
        case STATE_TRAILER:
            take_trailer(reader, input);
            break;
        case STATE_IN_TRAILER:
            skip_line(reader, input, STATE_TRAILER);
            break;
        case STATE_LENGTH:
            *ret_body = take_counted(reader, input, STATE_DONE);
            return LOAD_HTTP1_BODY;
        case STATE_UNTIL_CLOSE:
            *ret_body = take_bytes(input, UINT64_MAX);
            return LOAD_HTTP1_BODY;
        case STATE_DONE: /* what comes now belongs to nothing that we asked for */
            return LOAD_HTTP1_DONE;
        case STATE_BROKEN:
            return LOAD_HTTP1_BROKEN;
        }
    }
    if (reader->state == STATE_DONE)
        return LOAD_HTTP1_DONE;
    return reader->state == STATE_BROKEN ? LOAD_HTTP1_BROKEN : LOAD_HTTP1_MORE;
}

bool load_http1_may_end(const struct load_http1 *reader)
{
    return reader->state == STATE_DONE || reader->state == STATE_UNTIL_CLOSE;
}

void load_http1_reset(struct load_http1 *reader)
{
    drop_head(reader);
    *reader = (struct load_http1){ 0 };
}
