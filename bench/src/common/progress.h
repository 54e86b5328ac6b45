/* How far clients in several processes are, in a file shared by mmap: 64 slots of 64 bytes, each with a uint64_t. */
#ifndef BENCH_PROGRESS_H
#define BENCH_PROGRESS_H

#include <stdint.h>

enum { BENCH_PROGRESS_SLOTS = 64, BENCH_PROGRESS_SLOT_BYTES = 64 };
#define BENCH_PROGRESS_UNUSED UINT64_MAX

struct bench_progress_slot {
    _Atomic uint64_t seq;
    char padding[BENCH_PROGRESS_SLOT_BYTES - sizeof(uint64_t)];
};

struct bench_progress {
    struct bench_progress_slot slots[BENCH_PROGRESS_SLOTS];
};

/* Maps the file for reading and writing; NULL with errno. It stays mapped until the process ends. */
struct bench_progress *bench_progress_open(const char *path);

/* The least of all slots that are used; BENCH_PROGRESS_UNUSED if none is. */
uint64_t bench_progress_least(const struct bench_progress *progress);

#endif
