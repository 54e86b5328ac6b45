/* Health: four deadlines. */
#include "health.h"

static uint64_t after(uint64_t now_ms, uint64_t delay_ms)
{
    return delay_ms ? now_ms + delay_ms : 0;
}

static bool is_due(uint64_t at_ms, uint64_t now_ms)
{
    return at_ms != 0 && now_ms >= at_ms;
}

void tg_health_start(struct tg_health *health, const struct tg_config_upstream *config, uint64_t now_ms)
{
    *health = (struct tg_health){ .idle_timeout_ms = (uint64_t)config->idle_timeout_ms };
    if (config->kind == TG_UPSTREAM_WEBSOCKET) {
        health->has_pings = true;
        health->ping_every_ms = (uint64_t)config->ping_every_ms;
        health->pong_timeout_ms = (uint64_t)config->pong_timeout_ms;
        health->keepalive_every_ms =
            config->keepalive_message.is_set ? (uint64_t)config->keepalive_every_ms : 0;
    }
    health->ping_at_ms = after(now_ms, health->ping_every_ms);
    health->idle_at_ms = after(now_ms, health->idle_timeout_ms);
    health->keepalive_at_ms = after(now_ms, health->keepalive_every_ms);
}

void tg_health_on_message(struct tg_health *health, uint64_t now_ms)
{
    health->dead_at_ms = 0;
    health->idle_at_ms = after(now_ms, health->idle_timeout_ms);
}

void tg_health_on_heard(struct tg_health *health, uint64_t now_ms)
{
    health->dead_at_ms = 0;
    if (!health->has_pings)
        health->idle_at_ms = after(now_ms, health->idle_timeout_ms);
}

enum tg_health_action tg_health_poll(struct tg_health *health, uint64_t now_ms)
{
    if (is_due(health->dead_at_ms, now_ms)) {
        health->dead_at_ms = 0;
        return TG_HEALTH_DEAD;
    }
    if (is_due(health->idle_at_ms, now_ms)) {
        health->idle_at_ms = 0;
        return TG_HEALTH_IDLE;
    }
    if (is_due(health->ping_at_ms, now_ms)) {
        health->ping_at_ms = after(now_ms, health->ping_every_ms);
        health->pinged_at_ms = now_ms;
        /* An answer that is still owed keeps its deadline: pings may come faster than the timeout. */
        if (health->dead_at_ms == 0)
            health->dead_at_ms = after(now_ms, health->pong_timeout_ms);
        return TG_HEALTH_PING;
    }
    if (is_due(health->keepalive_at_ms, now_ms)) {
        health->keepalive_at_ms = after(now_ms, health->keepalive_every_ms);
        return TG_HEALTH_KEEPALIVE;
    }
    return TG_HEALTH_NONE;
}

uint64_t tg_health_next_ms(const struct tg_health *health)
{
    const uint64_t deadlines[] = { health->ping_at_ms, health->dead_at_ms, health->idle_at_ms,
                                   health->keepalive_at_ms };
    uint64_t next_ms = 0;

    for (size_t i = 0; i < TG_COUNT_OF(deadlines); i++)
        if (deadlines[i] != 0 && (next_ms == 0 || deadlines[i] < next_ms))
            next_ms = deadlines[i];
    return next_ms;
}
