/* The body: a state for each place in the chunked coding (RFC 9112 section 7.1) where input may stop. */
#include "body.h"

#include <string.h>

enum state {
    STATE_CONTENT,   /* Content-Length: `left` bytes */
    STATE_SIZE,      /* the digits of a chunk's size */
    STATE_EXTENSION, /* after them, up to CR */
    STATE_SIZE_LF,
    STATE_DATA,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_TRAILER, /* the first byte of a line of the trailer section */
    STATE_TRAILER_NAME,
    STATE_TRAILER_VALUE, /* up to CR */
    STATE_TRAILER_LF,
    STATE_END_LF, /* of the empty line after the trailer section */
    STATE_DONE,
};

enum { SIZE_DIGITS_MAX = 8 };

bool tg_body_init(struct tg_body *body, const struct tg_request_head *head)
{
    *body = (struct tg_body){ 0 };
    if (head->is_chunked) {
        body->state = STATE_SIZE;
        return true;
    }
    body->state = STATE_CONTENT;
    body->left = head->content_length;
    return body->left > 0;
}

static bool is_text(char c)
{
    return c == '\t' || ((unsigned char)c >= ' ' && c != 0x7f);
}

static enum tg_err on_size(struct tg_body *body, char c)
{
    int value = tg_hex_value(c);
    if (value >= 0) {
        if (++body->digits > SIZE_DIGITS_MAX)
            return TG_ERR_TOO_LARGE;
        body->left = body->left * 16 + (uint64_t)value;
        return TG_OK;
    }
    if (body->digits == 0)
        return TG_ERR_INVALID;
    body->is_last = body->left == 0;
    if (c == '\r')
        body->state = STATE_SIZE_LF;
    else if (c == ';') /* extensions are passed over; white space before them is not taken */
        body->state = STATE_EXTENSION;
    else
        return TG_ERR_INVALID;
    return TG_OK;
}

static enum tg_err move_on(struct tg_body *body, enum state next, bool is_right)
{
    body->state = next;
    return is_right ? TG_OK : TG_ERR_INVALID;
}

/* A byte of the trailer section, after which comes the same as in a head: field lines, RFC 9112 section 5. */
static enum tg_err on_trailer_byte(struct tg_body *body, char c)
{
    switch ((enum state)body->state) {
    case STATE_TRAILER: /* white space would fold the line before (obs-fold) */
        return c == '\r' ? move_on(body, STATE_END_LF, true)
                         : move_on(body, STATE_TRAILER_NAME, tg_is_token(&c, 1));
    case STATE_TRAILER_NAME:
        return c == ':' ? move_on(body, STATE_TRAILER_VALUE, true)
                        : move_on(body, STATE_TRAILER_NAME, tg_is_token(&c, 1));
    case STATE_TRAILER_VALUE:
        return c == '\r' ? move_on(body, STATE_TRAILER_LF, true)
                         : move_on(body, STATE_TRAILER_VALUE, is_text(c));
    case STATE_TRAILER_LF:
        return move_on(body, STATE_TRAILER, c == '\n');
    default:
        return move_on(body, STATE_DONE, c == '\n');
    }
}

/* One byte that is not data. */
static enum tg_err on_byte(struct tg_body *body, char c)
{
    switch ((enum state)body->state) {
    case STATE_SIZE:
        return on_size(body, c);
    case STATE_EXTENSION:
        return c == '\r' ? move_on(body, STATE_SIZE_LF, true) : move_on(body, STATE_EXTENSION, is_text(c));
    case STATE_SIZE_LF:
        return move_on(body, body->is_last ? STATE_TRAILER : STATE_DATA, c == '\n');
    case STATE_DATA_CR:
        return move_on(body, STATE_DATA_LF, c == '\r');
    case STATE_DATA_LF:
        body->digits = 0;
        return move_on(body, STATE_SIZE, c == '\n');
    case STATE_TRAILER:
    case STATE_TRAILER_NAME:
    case STATE_TRAILER_VALUE:
    case STATE_TRAILER_LF:
    case STATE_END_LF:
        return on_trailer_byte(body, c);
    case STATE_CONTENT:
    case STATE_DATA:
    case STATE_DONE:
        break;
    }
    return TG_ERR_INVALID;
}

static bool is_too_large(const struct tg_body *body, uint64_t used, uint64_t content)
{
    if (!body->is_kept)
        return body->left > TG_BODY_MAX_BYTES || used > TG_BODY_MAX_BYTES;
    return body->left > body->max_content - content || used - content > content + TG_BODY_MAX_BYTES;
}

/* `front` is where content is moved to, or NULL. */
static enum tg_err advance(struct tg_body *body, const char *bytes, size_t length, char *front,
                           size_t *ret_used, size_t *ret_kept)
{
    size_t at = 0, kept = 0;
    for (;;) {
        if (is_too_large(body, body->used + at, body->content + kept))
            return TG_ERR_TOO_LARGE;
        if (body->state == STATE_DONE || at == length)
            break;
        if (body->state == STATE_CONTENT || body->state == STATE_DATA) {
            size_t step = body->left < length - at ? (size_t)body->left : length - at;
            if (front && front + kept != bytes + at)
                memmove(front + kept, bytes + at, step);
            kept += front ? step : 0;
            body->left -= step;
            at += step;
            if (body->left == 0)
                body->state = body->state == STATE_DATA ? STATE_DATA_CR : STATE_DONE;
        } else {
            enum tg_err err = on_byte(body, bytes[at++]);
            if (err)
                return err;
        }
    }
    body->used += at;
    body->content += kept;
    *ret_used = at;
    *ret_kept = kept;
    return body->state == STATE_DONE ? TG_OK : TG_ERR_AGAIN;
}

enum tg_err tg_body_skip(struct tg_body *body, const char *bytes, size_t length, size_t *ret_used)
{
    size_t used, kept;
    enum tg_err err = advance(body, bytes, length, NULL, &used, &kept);
    if (!err)
        *ret_used = used;
    return err;
}

enum tg_err tg_body_keep(struct tg_body *body, uint64_t max_bytes)
{
    body->is_kept = true;
    body->max_content = max_bytes;
    return body->left > max_bytes ? TG_ERR_TOO_LARGE : TG_OK;
}

enum tg_err tg_body_take(struct tg_body *body, char *bytes, size_t length, size_t *ret_used, size_t *ret_kept)
{
    return advance(body, bytes, length, bytes, ret_used, ret_kept);
}
