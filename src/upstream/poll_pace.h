/* When a poll asks again. Pure. */
#ifndef TIDEGATE_UPSTREAM_POLL_PACE_H
#define TIDEGATE_UPSTREAM_POLL_PACE_H

#include "tidegate/config.h"

enum {
    TG_POLL_LONG_SPACING_MS = 100, /* at least, between two requests of a long poll */
    TG_POLL_LONG_HOLD_MS = 3600000 /* at most, for one of them when there is no idle_timeout */
};

/* How long to wait after an answer that has ended `taken_ms` after its request began. A long poll asks again at once,
 * unless the answer was too much (`is_too_much`): then it keeps to the interval like any other. */
uint64_t tg_poll_wait_ms(const struct tg_config_upstream *config, uint64_t taken_ms, bool is_too_much,
                         uint64_t (*random_below)(uint64_t bound));
/* How long to wait for the head of an answer, and from there to its end: who holds a request may hold it in either. */
uint64_t tg_poll_timeout_ms(const struct tg_config_upstream *config);

#endif
