/* The answer to an HTTP/1.1 request, taken apart however it was cut into reads. Nothing is copied but a head that
 * did not come in one read. */
#ifndef LOAD_HTTP1_H
#define LOAD_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load_bytes {
    const char *data;
    size_t length;
};

enum load_http1_piece {
    LOAD_HTTP1_MORE,   /* the input is used up */
    LOAD_HTTP1_HEAD,   /* reader->status is known */
    LOAD_HTTP1_BODY,   /* some of it */
    LOAD_HTTP1_DONE,   /* the answer is complete */
    LOAD_HTTP1_BROKEN, /* this is not HTTP, or more than we take */
};

struct load_http1 { /* embedded; zeroed it is at the start of an answer */
    uint8_t state;
    uint16_t status;
    uint64_t left;                /* bytes of the chunk or of the body */
    struct load_http1_head *head; /* of which more is to come, or NULL */
};

/* Takes the next piece from the input, which then starts behind it. Call it until it gives none of HEAD and BODY. */
enum load_http1_piece load_http1_next(struct load_http1 *reader, struct load_bytes *input,
                                      struct load_bytes *ret_body);

/* Whether an answer that ends here, with the connection, is a whole one. */
bool load_http1_may_end(const struct load_http1 *reader);

/* Back to the start of an answer. */
void load_http1_reset(struct load_http1 *reader);

#endif
