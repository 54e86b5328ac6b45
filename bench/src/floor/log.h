/* The log: every event framed once for the wire, the newest so many bytes of them.
 *
 * A ring that is mapped twice in a row, so that any of its bytes up to the newest are contiguous: what a client
 * lacks is one write, wherever it begins. A position counts bytes since the start and never wraps. */
#ifndef FLOOR_LOG_H
#define FLOOR_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FLOOR_EPOCH_LENGTH = 10 };

struct floor_log {
    char *ring;
    uint64_t size_bytes; /* a power of two */
    uint64_t end;        /* position after the newest event */
    uint64_t *starts;    /* position of event `seq` at seq % start_count */
    uint64_t start_count;
    uint64_t oldest_seq; /* of those that are wholly there */
    uint64_t last_seq;
    char epoch[FLOOR_EPOCH_LENGTH + 1];
};

/* retain_bytes is rounded up to a power of two. False with errno. It is kept until the process ends. */
bool floor_log_init(struct floor_log *log, uint64_t retain_bytes);

/* Appends one event: an HTTP/1.1 chunk of `data:`, `id:` and a blank line. The length of the chunk, which is the
 * log's last; 0 if it is too large for the log. */
size_t floor_log_append(struct floor_log *log, const char *data, size_t length);

/* The bytes from a position to the end, which must be there still: not before floor_log_begin(). */
const char *floor_log_at(const struct floor_log *log, uint64_t position);
uint64_t floor_log_begin(const struct floor_log *log);

/* The position after the event with this id; of the oldest event if that one is not there any more, or not ours. */
uint64_t floor_log_seek(const struct floor_log *log, const char *id, size_t id_length);

#endif
