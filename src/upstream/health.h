/* Health of a connection that is up: when to ping, when to send the keepalive message, when to give it up. Only
 * WebSocket has the first two. Pure; time comes in as an argument. */
#ifndef TIDEGATE_UPSTREAM_HEALTH_H
#define TIDEGATE_UPSTREAM_HEALTH_H

#include "tidegate/config.h"

struct tg_health {
    uint64_t ping_every_ms, pong_timeout_ms, idle_timeout_ms, keepalive_every_ms; /* 0: off */
    uint64_t ping_at_ms, dead_at_ms, idle_at_ms, keepalive_at_ms;                 /* 0: never */
    uint64_t pinged_at_ms;
    bool
        has_pings; /* they look after the connection, idle_timeout after messages; without them, it after both */
};

enum tg_health_action {
    TG_HEALTH_NONE,
    TG_HEALTH_PING,
    TG_HEALTH_KEEPALIVE,
    TG_HEALTH_DEAD, /* nothing heard since the ping; ask the connection once more before believing it */
    TG_HEALTH_IDLE, /* no message for too long; without pings: no sign of life */
};

void tg_health_start(struct tg_health *health, const struct tg_config_upstream *config, uint64_t now_ms);
void tg_health_on_message(struct tg_health *health, uint64_t now_ms); /* counts as heard, too */
void tg_health_on_heard(struct tg_health *health, uint64_t now_ms);   /* any other sign of life */
/* What is due now, one thing a call; call until it is NONE. */
enum tg_health_action tg_health_poll(struct tg_health *health, uint64_t now_ms);
uint64_t tg_health_next_ms(const struct tg_health *health); /* when to poll again; 0: never */

#endif
