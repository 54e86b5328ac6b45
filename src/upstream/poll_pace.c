/* Intervals with jitter, and the spacing of long polls. */
#include "poll_pace.h"

static uint64_t interval_ms(const struct tg_config_upstream *config, uint64_t (*random_below)(uint64_t bound))
{
    uint64_t every_ms = (uint64_t)config->every_ms;
    uint64_t jitter_ms = every_ms / 100 * (uint64_t)config->jitter_percent +
                         every_ms % 100 * (uint64_t)config->jitter_percent / 100;

    return every_ms - jitter_ms + random_below(2 * jitter_ms + 1);
}

uint64_t tg_poll_wait_ms(const struct tg_config_upstream *config, uint64_t taken_ms, bool is_too_much,
                         uint64_t (*random_below)(uint64_t bound))
{
    if (!config->is_long || is_too_much)
        return interval_ms(config, random_below);
    return taken_ms < TG_POLL_LONG_SPACING_MS ? TG_POLL_LONG_SPACING_MS - taken_ms : 0;
}

uint64_t tg_poll_timeout_ms(const struct tg_config_upstream *config)
{
    if (!config->is_long)
        return (uint64_t)config->connect_timeout_ms;
    return config->idle_timeout_ms > 0 ? (uint64_t)config->idle_timeout_ms : TG_POLL_LONG_HOLD_MS;
}
