/* The POST requests that publish a message. */
#ifndef FEED_REQUEST_H
#define FEED_REQUEST_H

#include "queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum feed_post { FEED_POST_NONE, FEED_POST_NCHAN, FEED_POST_PUSHPIN };

/* Of "http://HOST[:PORT]/PATH". */
struct feed_url {
    char host[128];
    char port[8];
    char path[512]; /* {stream} stands for the stream's number */
};

bool feed_url_parse(const char *text, struct feed_url *ret_url);

/* Appends the whole request for the stream's message `seq`. */
void feed_request_append(struct feed_queue *out, enum feed_post post, const struct feed_url *url,
                         size_t stream, uint64_t seq, uint64_t t_ns, size_t size_bytes);

#endif
