/* A message of the benchmark: JSON text of an exact size that carries its number and when it was sent. */
#ifndef BENCH_PAYLOAD_H
#define BENCH_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_PAYLOAD_MIN_BYTES = 64 };

/* Writes exactly size_bytes (at least BENCH_PAYLOAD_MIN_BYTES) to `out`, without a NUL: {"seq":17,"t":123,"pad":"xxx"}. */
void bench_payload_write(char *out, size_t size_bytes, uint64_t seq, uint64_t t_ns);

/* Reads what bench_payload_write() wrote, from the first bytes alone: `length` may end within the pad. False, and
 * nothing set, for anything else. */
bool bench_payload_read(const char *text, size_t length, uint64_t *ret_seq, uint64_t *ret_t_ns);

#endif
