/* Reads answers of HTTP/1.x servers (RFC 9112), as much of them as a client of event streams needs. */
#include "http_answer.h"

#include <stdlib.h>
#include <string.h>

/* ---- the head ---------------------------------------------------------------------------------- */

static struct tg_str trimmed(const char *start, const char *end)
{
    while (start < end && (*start == ' ' || *start == '\t'))
        start++;
    while (end > start && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    return (struct tg_str){ start, (size_t)(end - start) };
}

static bool parse_status(const char *line, size_t length, int *ret_status)
{
    if (length < 12 || strncmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
        return false;
    int status = 0;
    for (size_t i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return false;
        status = status * 10 + (line[i] - '0');
    }
    *ret_status = status;
    return true;
}

static bool parse_length(struct tg_str value, int64_t *ret_length)
{
    int64_t length = 0;
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < '0' || value.data[i] > '9' || length > INT64_MAX / 10 - 1)
            return false;
        length = length * 10 + (value.data[i] - '0');
    }
    *ret_length = length;
    return value.length > 0;
}

static enum tg_err take_header(struct tg_http_head *head, const char *line, const char *end)
{
    const char *colon = memchr(line, ':', (size_t)(end - line));
    if (!colon)
        return TG_ERR_PROTOCOL;
    struct tg_str name = { line, (size_t)(colon - line) }, value = trimmed(colon + 1, end);
    if (tg_str_equals_nocase(name, TG_STR("content-type"))) {
        const char *semicolon = memchr(value.data, ';', value.length);
        struct tg_str type = trimmed(value.data, semicolon ? semicolon : value.data + value.length);
        head->is_event_stream = tg_str_equals_nocase(type, TG_STR("text/event-stream"));
    } else if (tg_str_equals_nocase(name, TG_STR("transfer-encoding"))) {
        if (!tg_str_equals_nocase(value, TG_STR("chunked")))
            return TG_ERR_PROTOCOL;
        head->is_chunked = true;
    } else if (tg_str_equals_nocase(name, TG_STR("content-length"))) {
        if (!parse_length(value, &head->content_length))
            return TG_ERR_PROTOCOL;
    }
    return TG_OK;
}

enum tg_err tg_http_head_parse(const char *bytes, size_t length, struct tg_http_head *ret_head,
                               size_t *ret_length)
{
    struct tg_http_head head = { .content_length = -1 };
    const char *at = bytes, *limit = bytes + length;
    for (bool is_first = true;; is_first = false) {
        const char *end = at < limit ? memchr(at, '\n', (size_t)(limit - at)) : NULL;
        if (!end)
            return length > TG_HTTP_HEAD_MAX ? TG_ERR_TOO_LARGE : TG_ERR_AGAIN;
        struct tg_str line = trimmed(at, end);
        enum tg_err err = TG_OK;
        if (is_first)
            err = parse_status(at, (size_t)(end - at), &head.status) ? TG_OK : TG_ERR_PROTOCOL;
        else if (line.length > 0)
            err = take_header(&head, at, end);
        if (err)
            return err;
        at = end + 1;
        if (!is_first && line.length == 0)
            break;
    }
    *ret_head = head;
    *ret_length = (size_t)(at - bytes);
    return TG_OK;
}

/* ---- the body ---------------------------------------------------------------------------------- */

void tg_http_body_begin(struct tg_http_body *body, const struct tg_http_head *head)
{
    *body = (struct tg_http_body){ .framing = TG_BODY_TO_CLOSE };
    if (head->is_chunked) {
        body->framing = TG_BODY_CHUNKED;
    } else if (head->content_length >= 0) {
        body->framing = TG_BODY_COUNTED;
        body->left = (uint64_t)head->content_length;
        body->is_complete = body->left == 0;
    }
}

/* Of a chunk's first line: the size; extensions are skipped. */
static enum tg_err take_size_byte(struct tg_http_body *body, char byte)
{
    int digit = tg_hex_value(byte);
    if (body->state == CHUNK_SIZE && digit >= 0) {
        if (++body->size_digits > 15)
            return TG_ERR_PROTOCOL;
        body->left = body->left * 16 + (uint64_t)digit;
    } else if (byte == '\n') {
        if (body->size_digits == 0)
            return TG_ERR_PROTOCOL;
        body->state = body->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
    } else if (body->state == CHUNK_SIZE && byte != ';' && byte != ' ' && byte != '\t' && byte != '\r') {
        return TG_ERR_PROTOCOL;
    } else {
        body->state = CHUNK_EXTENSION;
    }
    return TG_OK;
}

static enum tg_err take_framing_byte(struct tg_http_body *body, char byte)
{
    switch (body->state) {
    case CHUNK_SIZE:
    case CHUNK_EXTENSION:
        return take_size_byte(body, byte);
    case CHUNK_DATA_END:
        if (byte == '\n') {
            body->state = CHUNK_SIZE;
            body->size_digits = 0;
        }
        return byte == '\n' || byte == '\r' ? TG_OK : TG_ERR_PROTOCOL;
    case CHUNK_TRAILER: /* at a line's start */
        body->is_complete = byte == '\n';
        if (byte != '\r' && byte != '\n')
            body->state = CHUNK_TRAILER_LINE;
        return TG_OK;
    case CHUNK_TRAILER_LINE:
        if (byte == '\n')
            body->state = CHUNK_TRAILER;
        return TG_OK;
    default:
        return TG_ERR_PROTOCOL;
    }
}

static size_t least(uint64_t a, size_t b)
{
    return a < b ? (size_t)a : b;
}

enum tg_err tg_http_body_feed(struct tg_http_body *body, const char *bytes, size_t length,
                              struct tg_buffer *out)
{
    enum tg_err err = TG_OK;
    if (body->framing == TG_BODY_TO_CLOSE)
        return tg_buffer_append(out, bytes, length);
    for (size_t at = 0; at < length && !err && !body->is_complete;) {
        if (body->framing == TG_BODY_CHUNKED && body->state != CHUNK_DATA) {
            err = take_framing_byte(body, bytes[at++]);
            continue;
        }
        size_t part = least(body->left, length - at);
        err = tg_buffer_append(out, bytes + at, part);
        at += part;
        body->left -= part;
        if (body->left == 0 && body->framing == TG_BODY_CHUNKED)
            body->state = CHUNK_DATA_END;
        else if (body->left == 0)
            body->is_complete = true;
    }
    return err;
}

bool tg_http_body_may_end(const struct tg_http_body *body)
{
    return body->framing == TG_BODY_TO_CLOSE || body->is_complete;
}
