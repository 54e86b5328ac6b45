/* The answer of the opening handshake.
 *
 * Bytes are checked one by one as they come, so that what is not HTTP is refused at its first wrong byte; a
 * line is looked at when its CRLF is there. An empty line ends the head, and an informational one (1xx, but
 * not 101) is followed by another. Of the body of an answer that is no upgrade nothing is read. */
#include "handshake.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static const char start[] = "HTTP/1.";

void tg_handshake_init(struct tg_handshake *handshake, const unsigned char nonce[TG_HANDSHAKE_NONCE_BYTES],
                       char *const *subprotocols)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_length = 0;
    struct tg_buffer key = { 0 }, accept = { 0 };

    *handshake = (struct tg_handshake){ .subprotocols = subprotocols };
    /* Whatever fails here leaves `accept` empty, which no header is equal to. */
    if (tg_base64_encode(&key, nonce, TG_HANDSHAKE_NONCE_BYTES) == TG_OK &&
        tg_buffer_append_str(&key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11") == TG_OK &&
        EVP_Digest(key.data, key.length, digest, &digest_length, EVP_sha1(), NULL) == 1 &&
        tg_base64_encode(&accept, digest, digest_length) == TG_OK &&
        accept.length < sizeof(handshake->accept))
        memcpy(handshake->accept, accept.data, accept.length);
    tg_buffer_deinit(&key);
    tg_buffer_deinit(&accept);
}

void tg_handshake_deinit(struct tg_handshake *handshake)
{
    tg_buffer_deinit(&handshake->line);
    free(handshake->location);
    free(handshake->retry_after);
    *handshake = (struct tg_handshake){ 0 };
}

/* ---- words ------------------------------------------------------------------------------------ */

static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct tg_str trim(struct tg_str text)
{
    while (text.length > 0 && (*text.data == ' ' || *text.data == '\t'))
        text.data++, text.length--;
    while (text.length > 0 && (text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t'))
        text.length--;
    return text;
}

/* Whether the comma-separated list holds the word, in any case. */
static bool has_word(struct tg_str list, struct tg_str word)
{
    for (;;) {
        const char *comma = list.length > 0 ? memchr(list.data, ',', list.length) : NULL;
        size_t length = comma ? (size_t)(comma - list.data) : list.length;
        if (tg_str_equals_nocase(trim((struct tg_str){ list.data, length }), word))
            return true;
        if (!comma)
            return false;
        list.data += length + 1;
        list.length -= length + 1;
    }
}

/* ---- header lines ----------------------------------------------------------------------------- */

static const char *take_upgrade(struct tg_handshake *handshake, struct tg_str value)
{
    handshake->has_upgrade = handshake->has_upgrade || has_word(value, TG_STR("websocket"));
    return NULL;
}

static const char *take_connection(struct tg_handshake *handshake, struct tg_str value)
{
    handshake->has_connection = handshake->has_connection || has_word(value, TG_STR("upgrade"));
    return NULL;
}

static const char *take_accept(struct tg_handshake *handshake, struct tg_str value)
{
    if (handshake->has_accept)
        return "Sec-WebSocket-Accept: more than one";
    handshake->has_accept = true;
    return tg_str_equals(value, tg_str_from(handshake->accept)) ? NULL : "Sec-WebSocket-Accept: wrong";
}

static const char *take_extensions(struct tg_handshake *handshake, struct tg_str value)
{
    (void)handshake, (void)value;
    return "Sec-WebSocket-Extensions: none was offered";
}

static const char *take_subprotocol(struct tg_handshake *handshake, struct tg_str value)
{
    if (handshake->has_subprotocol)
        return "Sec-WebSocket-Protocol: more than one";
    handshake->has_subprotocol = true;
    for (char *const *word = handshake->subprotocols; word && *word; word++)
        if (tg_str_equals(value, tg_str_from(*word)))
            return NULL;
    return "Sec-WebSocket-Protocol: not offered";
}

static const char *take_location(struct tg_handshake *handshake, struct tg_str value)
{
    handshake->is_location_doubtful = handshake->location != NULL;
    if (!handshake->location)
        handshake->location = tg_strndup(value.data, value.length);
    return NULL;
}

static const char *take_retry_after(struct tg_handshake *handshake, struct tg_str value)
{
    if (!handshake->retry_after)
        handshake->retry_after = tg_strndup(value.data, value.length);
    return NULL;
}

static const char *take_header(struct tg_handshake *handshake, struct tg_str line)
{
    static const struct {
        struct tg_str name;
        bool is_upgrade; /* it counts in a 101 only, else in an answer of another status */
        const char *(*take)(struct tg_handshake *handshake, struct tg_str value);
    } headers[] = {
        { { "upgrade", 7 }, true, take_upgrade },
        { { "connection", 10 }, true, take_connection },
        { { "sec-websocket-accept", 20 }, true, take_accept },
        { { "sec-websocket-extensions", 24 }, true, take_extensions },
        { { "sec-websocket-protocol", 22 }, true, take_subprotocol },
        { { "location", 8 }, false, take_location },
        { { "retry-after", 11 }, false, take_retry_after },
    };
    size_t length = 0;

    if (*line.data == ' ' || *line.data == '\t')
        return "a header line that goes on in the next";
    while (length < line.length && is_token_char(line.data[length]))
        length++;
    if (length == 0 || length == line.length || line.data[length] != ':')
        return "a header line without a name";
    const struct tg_str name = { line.data, length };
    const struct tg_str value = trim((struct tg_str){ line.data + length + 1, line.length - length - 1 });
    for (size_t i = 0; i < TG_COUNT_OF(headers); i++)
        if (headers[i].is_upgrade == (handshake->status == 101) &&
            tg_str_equals_nocase(name, headers[i].name))
            return headers[i].take(handshake, value);
    return NULL;
}

/* ---- the head --------------------------------------------------------------------------------- */

/* "HTTP/1.1 101 Switching Protocols"; the space before an empty reason is often missing. */
static const char *take_status_line(struct tg_handshake *handshake, struct tg_str line)
{
    const char *text = line.data + strlen(start);
    size_t length = line.length < strlen(start) ? 0 : line.length - strlen(start);

    if (length < 5 || !is_digit(text[0]) || text[1] != ' ' || !is_digit(text[2]) || !is_digit(text[3]) ||
        !is_digit(text[4]) || text[2] == '0' || (length > 5 && text[5] != ' '))
        return "not an HTTP/1.1 status line";
    handshake->has_status_line = true;
    handshake->is_old = text[0] == '0';
    handshake->status =
        (unsigned)(text[2] - '0') * 100 + (unsigned)(text[3] - '0') * 10 + (unsigned)(text[4] - '0');
    return NULL;
}

static const char *check_upgrade(const struct tg_handshake *handshake)
{
    if (handshake->is_old)
        return "an upgrade by HTTP/1.0";
    if (!handshake->has_upgrade)
        return "Upgrade: not to websocket";
    if (!handshake->has_connection)
        return "Connection: not upgrade";
    if (!handshake->has_accept)
        return "Sec-WebSocket-Accept: missing";
    return NULL;
}

static enum tg_handshake_state fail(struct tg_handshake *handshake, const char *error)
{
    handshake->error = error;
    return TG_HANDSHAKE_BROKEN;
}

static enum tg_handshake_state end_head(struct tg_handshake *handshake)
{
    if (handshake->status == 101) {
        const char *error = check_upgrade(handshake);
        return error ? fail(handshake, error) : TG_HANDSHAKE_OPEN;
    }
    if (handshake->status >= 200)
        return TG_HANDSHAKE_OTHER;
    handshake->has_status_line = false;
    free(handshake->location);
    free(handshake->retry_after);
    handshake->location = handshake->retry_after = NULL;
    handshake->is_location_doubtful = false;
    return TG_HANDSHAKE_MORE;
}

static enum tg_handshake_state take_line(struct tg_handshake *handshake)
{
    const struct tg_str line = { handshake->line.data, handshake->line.length - strlen("\r\n") };
    const char *error = NULL;

    if (!handshake->has_status_line)
        error = take_status_line(handshake, line);
    else if (line.length > 0)
        error = take_header(handshake, line);
    else
        return end_head(handshake);
    return error ? fail(handshake, error) : TG_HANDSHAKE_MORE;
}

/* What is wrong with `byte` at this place, whatever will follow. */
static const char *check_byte(const struct tg_handshake *handshake, char byte)
{
    size_t at = handshake->line.length;
    bool is_after_cr = at > 0 && handshake->line.data[at - 1] == '\r';

    if (is_after_cr != (byte == '\n'))
        return "a line that does not end in CRLF";
    if (((unsigned char)byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n') || byte == 0x7f)
        return "a control character";
    if (!handshake->has_status_line && at < strlen(start) && byte != start[at])
        return "not an HTTP/1.1 status line";
    return NULL;
}

enum tg_handshake_state tg_handshake_read(struct tg_handshake *handshake, struct tg_str *block)
{
    while (block->length > 0) {
        char byte = *block->data;
        const char *error = check_byte(handshake, byte);
        if (!error && ++handshake->total_length > TG_HANDSHAKE_HEAD_MAX)
            error = "a head of more than 16 KiB";
        if (!error && tg_buffer_append(&handshake->line, &byte, 1) < 0)
            error = tg_err_text(TG_ERR_MEMORY);
        if (error)
            return fail(handshake, error);
        block->data++;
        block->length--;
        if (byte != '\n')
            continue;
        enum tg_handshake_state state = take_line(handshake);
        tg_buffer_clear(&handshake->line);
        if (state != TG_HANDSHAKE_MORE)
            return state;
    }
    return TG_HANDSHAKE_MORE;
}
