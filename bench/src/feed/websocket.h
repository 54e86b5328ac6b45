/* The server's side of WebSocket (RFC 6455), as far as bytes go. */
#ifndef FEED_WEBSOCKET_H
#define FEED_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FEED_WS_HEADER_MAX = 10,
    FEED_WS_CONTROL_MAX = 125, /* payload of a ping, pong or close */
    FEED_WS_ANSWER_MAX = 1024,
};

enum feed_ws_opcode { FEED_WS_TEXT = 1, FEED_WS_CLOSE = 8, FEED_WS_PING = 9, FEED_WS_PONG = 10 };

/* The header of an unmasked, whole frame; gives its length. */
size_t feed_ws_header(char out[FEED_WS_HEADER_MAX], enum feed_ws_opcode opcode, size_t payload_bytes);

/* Answers a request's head (with its blank line, and a NUL behind it) in `answer`, which has
 * FEED_WS_ANSWER_MAX bytes. True: 101, and *ret_stream (below stream_count) is what was asked for. False:
 * an HTTP error. */
bool feed_ws_upgrade(const char *head, size_t stream_count, char *answer, size_t *ret_stream);

/* What a client sends: its messages are passed over, pings and closes are handed out. */
struct feed_ws_reader {
    uint64_t skip_bytes; /* of the payload of a message */
};

enum feed_ws_result { FEED_WS_MORE, FEED_WS_CONTROL, FEED_WS_BAD };

/* Reads one frame or less from the front of `data` and unmasks it in place; *ret_used bytes can go then.
 * FEED_WS_MORE with none used: it takes more bytes. FEED_WS_CONTROL: a ping, pong or close, with
 * *ret_payload pointing into `data`. */
enum feed_ws_result feed_ws_read(struct feed_ws_reader *reader, char *data, size_t length, size_t *ret_used,
                                 enum feed_ws_opcode *ret_opcode, char **ret_payload, size_t *ret_length);

#endif
