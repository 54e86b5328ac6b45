/* The log; see log.h. */
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

enum { LEAST_BYTES = 64 * 1024, LEAST_EVENT_BYTES = 32, SEQ_DIGITS_MAX = 20 };

static bool map_twice(struct floor_log *log, int fd)
{
    size_t size = log->size_bytes;
    char *ring = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ring == MAP_FAILED)
        return false;
    /* What is written first costs no page fault later; the second mapping is touched at the seam alone. */
    int protection = PROT_READ | PROT_WRITE;
    if (mmap(ring, size, protection, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) == MAP_FAILED ||
        mmap(ring + size, size, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        return false;
    log->ring = ring;
    return true;
}

static bool make_epoch(char epoch[FLOOR_EPOCH_LENGTH + 1])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char random[FLOOR_EPOCH_LENGTH];
    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return false;
    for (int i = 0; i < FLOOR_EPOCH_LENGTH; i++)
        epoch[i] = alphabet[random[i] % 32];
    epoch[FLOOR_EPOCH_LENGTH] = '\0';
    return true;
}

bool floor_log_init(struct floor_log *log, uint64_t retain_bytes)
{
    *log = (struct floor_log){ .size_bytes = LEAST_BYTES, .oldest_seq = 1 };
    while (log->size_bytes < retain_bytes)
        log->size_bytes *= 2;
    log->start_count = log->size_bytes / LEAST_EVENT_BYTES;
    log->starts = malloc(log->start_count * sizeof(*log->starts));
    int fd = memfd_create("floor-log", MFD_CLOEXEC);
    if (!log->starts || fd < 0)
        return false;
    bool is_done = ftruncate(fd, (off_t)log->size_bytes) == 0 && map_twice(log, fd) && make_epoch(log->epoch);
    close(fd);
    return is_done;
}

uint64_t floor_log_begin(const struct floor_log *log)
{
    return log->end > log->size_bytes ? log->end - log->size_bytes : 0;
}

const char *floor_log_at(const struct floor_log *log, uint64_t position)
{
    return log->ring + (position & (log->size_bytes - 1));
}

static uint64_t *start_of(const struct floor_log *log, uint64_t seq)
{
    return &log->starts[seq & (log->start_count - 1)];
}

size_t floor_log_append(struct floor_log *log, const char *data, size_t length)
{
    static const char data_field[] = "data: ";
    char head[32], tail[FLOOR_EPOCH_LENGTH + SEQ_DIGITS_MAX + 16];
    int tail_length =
        snprintf(tail, sizeof(tail), "\nid: %s-%" PRIu64 "\n\n\r\n", log->epoch, log->last_seq + 1);
    size_t body_length = strlen(data_field) + length + (size_t)tail_length - strlen("\r\n");
    int head_length = snprintf(head, sizeof(head), "%zx\r\n%s", body_length, data_field);
    size_t wire_length = (size_t)head_length + length + (size_t)tail_length;
    if (wire_length > log->size_bytes)
        return 0;

    char *out = log->ring + (log->end & (log->size_bytes - 1));
    memcpy(out, head, (size_t)head_length);
    memcpy(out + head_length, data, length);
    memcpy(out + head_length + length, tail, (size_t)tail_length);
    *start_of(log, ++log->last_seq) = log->end;
    log->end += wire_length;
    while (log->last_seq - log->oldest_seq >= log->start_count ||
           *start_of(log, log->oldest_seq) < floor_log_begin(log))
        log->oldest_seq++;
    return wire_length;
}

uint64_t floor_log_seek(const struct floor_log *log, const char *id, size_t id_length)
{
    char text[SEQ_DIGITS_MAX + 1] = "";
    uint64_t next = log->oldest_seq;
    if (id_length > FLOOR_EPOCH_LENGTH + 1 && id_length - FLOOR_EPOCH_LENGTH - 1 < sizeof(text) &&
        memcmp(id, log->epoch, FLOOR_EPOCH_LENGTH) == 0 && id[FLOOR_EPOCH_LENGTH] == '-') {
        memcpy(text, id + FLOOR_EPOCH_LENGTH + 1, id_length - FLOOR_EPOCH_LENGTH - 1);
        uint64_t seq = strtoull(text, NULL, 10);
        if (seq >= next)
            next = seq + 1;
    }
    return next > log->last_seq ? log->end : *start_of(log, next);
}
