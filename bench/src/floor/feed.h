/* The feed: a WebSocket client (RFC 6455) that can do what a benchmark's feed needs, and no more: whole messages
 * in single frames, pings answered, no new connection after the end. */
#ifndef FLOOR_FEED_H
#define FLOOR_FEED_H

#include <stdbool.h>
#include <stddef.h>

enum { FLOOR_FEED_BUFFER_BYTES = 4 * 1024 * 1024 };

struct floor_feed {
    int fd;
    char *buffer;
    size_t length;     /* of what is in the buffer */
    const char *error; /* why it has ended */
};

typedef void floor_message_fn(void *arg, const char *data, size_t length);

/* Connects to ws://host:port/path and shakes hands, waiting for it; then the socket does not block any more. */
bool floor_feed_connect(struct floor_feed *feed, const char *url);

/* Reads once, as much as there is, and gives each whole message to on_message. False: the feed has ended. */
bool floor_feed_read(struct floor_feed *feed, floor_message_fn *on_message, void *arg);

#endif
