#include "websocket.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

enum {
    FIN = 0x80,
    MASKED = 0x80,
    SHORT_MAX = 125,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    MASK_BYTES = 4,
    KEY_MAX = 128,
    PROTOCOL_MAX = 256,
    ACCEPT_BYTES = 4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1,
};

size_t feed_ws_header(char out[FEED_WS_HEADER_MAX], enum feed_ws_opcode opcode, size_t payload_bytes)
{
    out[0] = (char)(FIN | opcode);
    if (payload_bytes <= SHORT_MAX) {
        out[1] = (char)payload_bytes;
        return 2;
    }
    size_t length_bytes = payload_bytes <= UINT16_MAX ? 2 : 8;
    out[1] = length_bytes == 2 ? LENGTH_16 : LENGTH_64;
    for (size_t i = 0; i < length_bytes; i++)
        out[2 + i] = (char)(payload_bytes >> (8 * (length_bytes - 1 - i)));
    return 2 + length_bytes;
}

/* ---- the upgrade ------------------------------------------------------------------------------- */

/* A header's value up to one of `ends`; empty if it is absent or too long. */
static void find_header(const char *head, const char *name, const char *ends, char *out, size_t capacity)
{
    size_t name_length = strlen(name);
    out[0] = '\0';
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line, "\r\n")) {
        line += 2;
        if (strncasecmp(line, name, name_length) != 0 || line[name_length] != ':')
            continue;
        const char *value = line + name_length + 1;
        value += strspn(value, " \t");
        size_t length = strcspn(value, ends);
        if (length < capacity) {
            memcpy(out, value, length);
            out[length] = '\0';
        }
        return;
    }
}

static void hash_key(const char *key, char out[ACCEPT_BYTES])
{
    char text[KEY_MAX + sizeof(guid)];
    unsigned char digest[SHA_DIGEST_LENGTH];
    int length = snprintf(text, sizeof(text), "%s%s", key, guid);
    SHA1((unsigned char *)text, (size_t)length, digest);
    EVP_EncodeBlock((unsigned char *)out, digest, SHA_DIGEST_LENGTH);
}

/* "/" and "/s/K", with or without a query. */
static bool find_stream(const char *head, size_t stream_count, size_t *ret_stream)
{
    static const char get[] = "GET /", prefix[] = "s/";
    if (strncmp(head, get, sizeof(get) - 1) != 0)
        return false;
    const char *path = head + sizeof(get) - 1;
    size_t stream = 0;
    if (strncmp(path, prefix, sizeof(prefix) - 1) == 0) {
        path += sizeof(prefix) - 1;
        size_t digits = strspn(path, "0123456789");
        if (digits == 0 || digits > 9)
            return false;
        stream = strtoul(path, NULL, 10);
        path += digits;
    }
    if ((*path != ' ' && *path != '?') || stream >= stream_count)
        return false;
    *ret_stream = stream;
    return true;
}

static bool refuse(char *answer, const char *status)
{
    snprintf(answer, FEED_WS_ANSWER_MAX, "HTTP/1.1 %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
             status);
    return false;
}

bool feed_ws_upgrade(const char *head, size_t stream_count, char *answer, size_t *ret_stream)
{
    if (!find_stream(head, stream_count, ret_stream))
        return refuse(answer, "404 Not Found");
    char key[KEY_MAX], protocol[PROTOCOL_MAX], upgrade[sizeof("websocket")], accept[ACCEPT_BYTES];
    find_header(head, "Upgrade", " \r\n", upgrade, sizeof(upgrade));
    find_header(head, "Sec-WebSocket-Key", " \r\n", key, sizeof(key));
    find_header(head, "Sec-WebSocket-Protocol", ", \r\n", protocol, sizeof(protocol));
    if (strcasecmp(upgrade, "websocket") != 0 || !*key)
        return refuse(answer, "400 Bad Request");
    hash_key(key, accept);
    snprintf(answer, FEED_WS_ANSWER_MAX,
             "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Accept: %s\r\n%s%s%s\r\n",
             accept, *protocol ? "Sec-WebSocket-Protocol: " : "", protocol, *protocol ? "\r\n" : "");
    return true;
}

/* ---- frames of the client ---------------------------------------------------------------------- */

static enum feed_ws_result skip(struct feed_ws_reader *reader, size_t length, size_t *ret_used)
{
    *ret_used = reader->skip_bytes < length ? (size_t)reader->skip_bytes : length;
    reader->skip_bytes -= *ret_used;
    return FEED_WS_MORE;
}

/* The length of the header with its mask; 0: it is not all there yet. */
static size_t parse_header(const unsigned char *data, size_t length, uint64_t *ret_payload_bytes)
{
    if (length < 2)
        return 0;
    uint64_t payload_bytes = data[1] & 0x7f;
    size_t length_bytes = payload_bytes == LENGTH_16 ? 2 : payload_bytes == LENGTH_64 ? 8 : 0;
    size_t header_bytes = 2 + length_bytes + MASK_BYTES;
    if (length < header_bytes)
        return 0;
    if (length_bytes > 0)
        payload_bytes = 0;
    for (size_t i = 0; i < length_bytes; i++)
        payload_bytes = payload_bytes << 8 | data[2 + i];
    *ret_payload_bytes = payload_bytes;
    return header_bytes;
}

enum feed_ws_result feed_ws_read(struct feed_ws_reader *reader, char *data, size_t length, size_t *ret_used,
                                 enum feed_ws_opcode *ret_opcode, char **ret_payload, size_t *ret_length)
{
    *ret_used = 0;
    if (reader->skip_bytes > 0)
        return skip(reader, length, ret_used);
    uint64_t payload_bytes;
    size_t header_bytes = parse_header((const unsigned char *)data, length, &payload_bytes);
    if (header_bytes == 0)
        return FEED_WS_MORE;
    unsigned opcode = (unsigned char)data[0] & 0x0f;
    if (!((unsigned char)data[1] & MASKED) || opcode > FEED_WS_PONG ||
        (opcode >= FEED_WS_CLOSE && payload_bytes > FEED_WS_CONTROL_MAX))
        return FEED_WS_BAD;
    if (opcode < FEED_WS_CLOSE) {
        *ret_used = header_bytes;
        reader->skip_bytes = payload_bytes;
        return FEED_WS_MORE;
    }
    if (length - header_bytes < payload_bytes)
        return FEED_WS_MORE;
    *ret_opcode = opcode;
    *ret_payload = data + header_bytes;
    *ret_length = (size_t)payload_bytes;
    *ret_used = header_bytes + *ret_length;
    for (size_t i = 0; i < *ret_length; i++)
        (*ret_payload)[i] ^= data[header_bytes - MASK_BYTES + i % MASK_BYTES];
    return FEED_WS_CONTROL;
}
