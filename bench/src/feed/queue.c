#include "queue.h"

#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum { CAPACITY_MIN = 4096, KEPT_MAX = 1 << 20 };

size_t feed_queue_length(const struct feed_queue *queue)
{
    return queue->end - queue->start;
}

static void make_room(struct feed_queue *queue, size_t length)
{
    size_t kept = feed_queue_length(queue);
    if (queue->start >= kept && queue->capacity - kept >= length) { /* moving is cheaper than growing */
        if (kept > 0)
            memcpy(queue->data, queue->data + queue->start, kept);
        queue->start = 0;
        queue->end = kept;
        return;
    }
    size_t capacity = queue->capacity > CAPACITY_MIN ? queue->capacity : CAPACITY_MIN;
    while (capacity - queue->end < length)
        capacity *= 2;
    queue->data = feed_realloc(queue->data, capacity);
    queue->capacity = capacity;
}

void feed_queue_append(struct feed_queue *queue, const void *data, size_t length)
{
    if (length == 0)
        return;
    if (queue->capacity - queue->end < length)
        make_room(queue, length);
    memcpy(queue->data + queue->end, data, length);
    queue->end += length;
}

void feed_queue_drop(struct feed_queue *queue, size_t length)
{
    queue->start += length;
    if (queue->start < queue->end)
        return;
    queue->start = queue->end = 0;
    if (queue->capacity > KEPT_MAX)
        feed_queue_deinit(queue);
}

void feed_queue_deinit(struct feed_queue *queue)
{
    free(queue->data);
    *queue = (struct feed_queue){ 0 };
}
