/* Bytes that a socket has not taken yet. All zero is an empty one. */
#ifndef FEED_QUEUE_H
#define FEED_QUEUE_H

#include <stddef.h>

struct feed_queue {
    char *data;
    size_t start, end, capacity;
};

size_t feed_queue_length(const struct feed_queue *queue);
void feed_queue_append(struct feed_queue *queue, const void *data, size_t length);
void feed_queue_drop(struct feed_queue *queue, size_t length); /* the first bytes */
void feed_queue_deinit(struct feed_queue *queue);

#endif
