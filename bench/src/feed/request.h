/* The POST requests that publish a message. */
#ifndef FEED_REQUEST_H
#define FEED_REQUEST_H

#include "queue.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum feed_post { FEED_POST_NONE, FEED_POST_NCHAN, FEED_POST_PUSHPIN };

enum { FEED_PIPELINE_MAX = 8, FEED_MESSAGES_MAX = 64 };

/* Of "http://HOST[:PORT]/PATH". */
struct feed_url {
    char host[128];
    char port[8];
    char path[512]; /* {stream} stands for the stream's number */
};

bool feed_url_parse(const char *text, struct feed_url *ret_url);

struct feed_message {
    size_t stream;
    uint64_t seq, t_ns;
};

/* How many requests may wait for their answers on one connection, and how many messages a request may
 * hold. Pushpin answers one request on each connection and refuses it if more follows, but takes many
 * messages in it. */
size_t feed_request_pipeline(enum feed_post post);
size_t feed_request_messages(enum feed_post post, size_t size_bytes);

/* Appends the whole request for these messages. */
void feed_request_append(struct feed_queue *out, enum feed_post post, const struct feed_url *url,
                         const struct feed_message *messages, size_t count, size_t size_bytes);

#endif
