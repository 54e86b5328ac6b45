/* How many messages who sends: a token bucket for each key, all in a table of fixed size.
 *
 * A bucket that has filled up again says no more than none at all, so that only those who have sent lately need
 * one. A key has a few places where its bucket may lie; when all are taken, the one that is fullest gives way. The
 * table knows keys by a digest with a secret of its own: nobody can choose whose place they take. Pure, but for a
 * lock: any thread. */
#ifndef TIDEGATE_DOWNSTREAM_RATE_LIMIT_H
#define TIDEGATE_DOWNSTREAM_RATE_LIMIT_H

#include "tidegate/base.h"

struct tg_rate_limit;

struct tg_rate {
    uint64_t per_second; /* at least 1 */
    uint64_t burst;      /* 0 counts as 1 */
};

struct tg_rate_limit *tg_rate_limit_new(size_t bucket_count); /* rounded up to a power of two */
void tg_rate_limit_free(struct tg_rate_limit *limit);         /* NULL is fine */

/* Takes a token out of the bucket of this key. False: there is none, and will be one in *ret_wait_ms. The time may
 * go back a little, as clocks of several threads do; a key is always to come with the same rate. */
bool tg_rate_limit_take(struct tg_rate_limit *limit, struct tg_str key, const struct tg_rate *rate,
                        uint64_t now_ms, uint64_t *ret_wait_ms);

#endif
