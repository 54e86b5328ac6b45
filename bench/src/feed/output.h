/* Where messages go: to WebSocket connections, or by POST. What both have in common. */
#ifndef FEED_OUTPUT_H
#define FEED_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed_output;

struct feed_output_ops {
    size_t (*connection_count)(const struct feed_output *output);

    /* A run begins, with messages of output->size_bytes. */
    void (*start)(struct feed_output *output);

    /* How many messages a stream takes now without anything waiting in this process. */
    size_t (*room)(const struct feed_output *output, size_t stream);

    /* Takes any number of messages; what cannot be handed to the kernel now waits, up to a limit. */
    void (*send)(struct feed_output *output, size_t stream, uint64_t count);

    /* True: nothing must be sent until it is false again. */
    bool (*is_busy)(const struct feed_output *output);

    /* True: all that was sent was taken by the kernel and, where there are answers, answered. */
    bool (*is_written)(const struct feed_output *output);

    /* The run ends: messages that have no number yet are forgotten. */
    void (*stop)(struct feed_output *output);

    /* Called in every round of the loop; gives the time of the next call at the latest, UINT64_MAX for
     * any. */
    uint64_t (*tick)(struct feed_output *output, uint64_t now_ns);
};

/* Since the start of the run. */
struct feed_counts {
    uint64_t sent;
    uint64_t bytes; /* of payload */
    uint64_t last_ns;
    uint64_t overflowed; /* connections that were closed since too much was waiting for them */
    uint64_t failed;     /* requests whose answer was not a 2xx */
};

struct feed_output {
    const struct feed_output_ops *ops;
    int epoll_fd;
    size_t stream_count;
    uint64_t *last_seqs; /* one for each stream */
    size_t size_bytes;
    bool
        has_batch_time; /* the messages of a batch share their time: reading the clock for each is too slow */
    struct feed_counts counts;
};

/* What epoll's data points to; the first member of its owner. */
struct feed_source {
    void (*on_ready)(struct feed_source *source, uint32_t events);
};

#endif
