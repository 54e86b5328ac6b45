/* What an HTTP/1.x server answers: the head, and the body without its transfer coding. Pure. */
#ifndef TIDEGATE_APP_HTTP_ANSWER_H
#define TIDEGATE_APP_HTTP_ANSWER_H

#include "tidegate/base.h"

enum { TG_HTTP_HEAD_MAX = 64 * 1024 };

struct tg_http_head {
    int status;
    bool is_event_stream; /* by Content-Type */
    bool is_chunked;
    int64_t content_length; /* -1: not given */
};

/* Parses the head at the start of `bytes`, up to and with its empty line, of *ret_length bytes. TG_ERR_AGAIN:
 * it is not all there yet; TG_ERR_TOO_LARGE; TG_ERR_PROTOCOL. */
enum tg_err tg_http_head_parse(const char *bytes, size_t length, struct tg_http_head *ret_head,
                               size_t *ret_length);

/* Takes a body's transfer coding off. Zero it, then tg_http_body_begin. */
struct tg_http_body {
    enum { TG_BODY_TO_CLOSE, TG_BODY_COUNTED, TG_BODY_CHUNKED } framing;
    enum { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_DATA, CHUNK_DATA_END, CHUNK_TRAILER, CHUNK_TRAILER_LINE } state;
    uint64_t left; /* of the body or the chunk */
    unsigned size_digits;
    bool is_complete;
};
void tg_http_body_begin(struct tg_http_body *body, const struct tg_http_head *head);
/* Appends what `bytes` hold of the body. TG_ERR_PROTOCOL: the framing is broken. */
enum tg_err tg_http_body_feed(struct tg_http_body *body, const char *bytes, size_t length,
                              struct tg_buffer *out);
/* Whether the connection may end here. */
bool tg_http_body_may_end(const struct tg_http_body *body);

#endif
