/* Takes the body of a request off the connection (RFC 9112 sections 6 and 7), so that the next request begins where it
 * does, and hands out its content where somebody wants it. Pure; takes the bytes in any pieces. */
#ifndef TIDEGATE_DOWNSTREAM_BODY_H
#define TIDEGATE_DOWNSTREAM_BODY_H

#include "request_head.h"

enum { TG_BODY_MAX_BYTES = 64 * 1024 }; /* of what is skipped, chunk heads and trailers counted */

struct tg_body {
    uint64_t left;    /* of the content, or of the chunk at hand */
    uint64_t used;    /* in all */
    uint64_t content; /* of that; counted only where it is kept */
    uint64_t max_content;
    uint8_t state;
    uint8_t digits;
    bool is_kept;
    bool is_last; /* the chunk of size 0 has come: what follows is the trailer section */
};

/* For a checked head. False: the request has no body. */
bool tg_body_init(struct tg_body *body, const struct tg_request_head *head);

/* TG_OK: the body ends within the bytes, after *ret_used of them. TG_ERR_AGAIN: all of them belong to it and
 * more follows. TG_ERR_INVALID: broken chunks or trailers. TG_ERR_TOO_LARGE: over TG_BODY_MAX_BYTES, as soon as that is
 * known. */
enum tg_err tg_body_skip(struct tg_body *body, const char *bytes, size_t length, size_t *ret_used);

/* Before the first byte: the content is wanted, up to so many bytes. TG_ERR_TOO_LARGE: it is known to be longer. */
enum tg_err tg_body_keep(struct tg_body *body, uint64_t max_bytes);
/* As tg_body_skip, after tg_body_keep: what of the bytes is content is moved to their front, *ret_kept of them, with
 * TG_ERR_AGAIN too (*ret_used is then `length`). Beside the content there may be as much as it is long, and
 * TG_BODY_MAX_BYTES more. */
enum tg_err tg_body_take(struct tg_body *body, char *bytes, size_t length, size_t *ret_used,
                         size_t *ret_kept);

#endif
