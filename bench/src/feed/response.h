/* Answers of an HTTP/1.1 server, one after the other, from bytes that come in any pieces. */
#ifndef FEED_RESPONSE_H
#define FEED_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FEED_RESPONSE_LINE_BYTES = 1024 };

enum feed_response_state {
    FEED_RESPONSE_STATUS, /* all zero: at the beginning of one */
    FEED_RESPONSE_HEADERS,
    FEED_RESPONSE_BODY,
    FEED_RESPONSE_BODY_TO_END,
    FEED_RESPONSE_CHUNK_SIZE,
    FEED_RESPONSE_CHUNK,
    FEED_RESPONSE_CHUNK_END,
    FEED_RESPONSE_TRAILERS,
};

struct feed_response {
    enum feed_response_state state;
    int status;
    bool is_last; /* the server closes the connection after it */
    bool has_length, is_chunked;
    uint64_t body_bytes; /* that are still to come, of the body or the chunk */
    size_t line_length;
    char line[FEED_RESPONSE_LINE_BYTES]; /* the beginning of it */
};

/* 1: one has ended, with its status in response->status and response->is_last; 0: it takes more; -1: this
 * is no answer. *ret_used bytes of `data` are used up; call it again with the others. */
int feed_response_read(struct feed_response *response, const char *data, size_t length, size_t *ret_used);

/* The connection has ended: true if that ends an answer, too. */
bool feed_response_end(struct feed_response *response);

#endif
