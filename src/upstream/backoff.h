/* Back-off: how long to wait before the next attempt. Exponential with full jitter, so that many instances
 * that lost the same backend come back spread out. Pure. */
#ifndef TIDEGATE_UPSTREAM_BACKOFF_H
#define TIDEGATE_UPSTREAM_BACKOFF_H

#include <stdint.h>

struct tg_backoff {
    uint64_t first_ms;
    uint64_t max_ms;
    uint64_t ceiling_ms;                      /* of the next delay */
    uint64_t (*random_below)(uint64_t bound); /* tg_random_below, or what a test wants */
};

void tg_backoff_init(struct tg_backoff *backoff, uint64_t first_ms, uint64_t max_ms,
                     uint64_t (*random_below)(uint64_t bound));
void tg_backoff_reset(struct tg_backoff *backoff);
/* Uniform in [0, min(max, first * 2^n)], n being the number of calls since the reset. */
uint64_t tg_backoff_next(struct tg_backoff *backoff);
/* In [max / 2, max], and the next one is as if many had failed. */
uint64_t tg_backoff_longest(struct tg_backoff *backoff);
/* In [first, max]; the next one is as if this had not been asked for. */
uint64_t tg_backoff_spread(const struct tg_backoff *backoff);

#endif
