/* Back-off with full jitter. */
#include "backoff.h"

void tg_backoff_init(struct tg_backoff *backoff, uint64_t first_ms, uint64_t max_ms,
                     uint64_t (*random_below)(uint64_t bound))
{
    *backoff = (struct tg_backoff){
        .first_ms = first_ms ? first_ms : 1,
        .max_ms = max_ms ? max_ms : 1,
        .random_below = random_below,
    };
    tg_backoff_reset(backoff);
}

void tg_backoff_reset(struct tg_backoff *backoff)
{
    backoff->ceiling_ms = backoff->first_ms < backoff->max_ms ? backoff->first_ms : backoff->max_ms;
}

uint64_t tg_backoff_next(struct tg_backoff *backoff)
{
    uint64_t delay_ms = backoff->random_below(backoff->ceiling_ms + 1);

    backoff->ceiling_ms =
        backoff->ceiling_ms > backoff->max_ms / 2 ? backoff->max_ms : backoff->ceiling_ms * 2;
    return delay_ms;
}

uint64_t tg_backoff_longest(struct tg_backoff *backoff)
{
    uint64_t least_ms = backoff->max_ms / 2;

    backoff->ceiling_ms = backoff->max_ms;
    return least_ms + backoff->random_below(backoff->max_ms - least_ms + 1);
}

uint64_t tg_backoff_spread(const struct tg_backoff *backoff)
{
    uint64_t least_ms = backoff->first_ms < backoff->max_ms ? backoff->first_ms : backoff->max_ms;

    return least_ms + backoff->random_below(backoff->max_ms - least_ms + 1);
}
