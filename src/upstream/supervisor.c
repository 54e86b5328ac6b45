/* The supervisor's transitions. */
#include "supervisor.h"

void tg_supervisor_init(struct tg_supervisor *supervisor, const struct tg_config_upstream *config,
                        uint64_t (*random_below)(uint64_t bound))
{
    *supervisor = (struct tg_supervisor){
        .is_on_demand = config->connect == TG_CONNECT_ON_DEMAND,
        .linger_ms = (uint64_t)config->linger_ms,
        .state = TG_UPSTREAM_IDLE,
        .marked = TG_STREAM_CONNECTING,
    };
    tg_backoff_init(&supervisor->backoff, (uint64_t)config->reconnect_first_ms,
                    (uint64_t)config->reconnect_max_ms, random_below);
}

/* Somebody listens, or did a moment ago, or it does not matter. */
static bool is_wanted(const struct tg_supervisor *supervisor, uint64_t now_ms)
{
    return !supervisor->is_on_demand || supervisor->has_demand ||
           (supervisor->demand_lost_ms != 0 && now_ms < supervisor->demand_lost_ms + supervisor->linger_ms);
}

static void go_connect(struct tg_supervisor *supervisor, uint64_t now_ms,
                       struct tg_supervisor_actions *actions)
{
    if (now_ms < supervisor->not_before_ms) {
        supervisor->state = TG_UPSTREAM_WAITING;
        return;
    }
    supervisor->state = TG_UPSTREAM_CONNECTING;
    actions->connect = true;
}

static void go_idle(struct tg_supervisor *supervisor, struct tg_supervisor_actions *actions)
{
    actions->disconnect = supervisor->state == TG_UPSTREAM_CONNECTING || supervisor->state == TG_UPSTREAM_UP;
    supervisor->state = TG_UPSTREAM_IDLE;
    /* Who comes now is told that it is being connected, and must be told when it is up. */
    if (supervisor->marked == TG_STREAM_UP)
        supervisor->marked = TG_STREAM_CONNECTING;
}

static void on_opened(struct tg_supervisor *supervisor, uint64_t now_ms,
                      struct tg_supervisor_actions *actions)
{
    supervisor->state = TG_UPSTREAM_UP;
    supervisor->up_since_ms = now_ms;
    supervisor->is_proved = false;
    actions->mark_up = supervisor->marked != TG_STREAM_UP;
    supervisor->marked = TG_STREAM_UP;
}

static void on_failed(struct tg_supervisor *supervisor, uint64_t retry_after_ms, uint64_t now_ms,
                      struct tg_supervisor_actions *actions)
{
    uint64_t delay_ms = tg_backoff_next(&supervisor->backoff);

    if (delay_ms < retry_after_ms)
        delay_ms = retry_after_ms;
    supervisor->not_before_ms = now_ms + delay_ms;
    supervisor->state = TG_UPSTREAM_WAITING;
    actions->delay_ms = delay_ms;
    actions->mark_down = supervisor->marked != TG_STREAM_DOWN;
    supervisor->marked = TG_STREAM_DOWN;
}

static void on_proved(struct tg_supervisor *supervisor)
{
    if (supervisor->state != TG_UPSTREAM_UP || supervisor->is_proved)
        return;
    supervisor->is_proved = true;
    supervisor->not_before_ms = 0;
    tg_backoff_reset(&supervisor->backoff);
}

static void on_demand(struct tg_supervisor *supervisor, bool has_demand, uint64_t now_ms,
                      struct tg_supervisor_actions *actions)
{
    if (!has_demand && supervisor->has_demand)
        supervisor->demand_lost_ms = now_ms;
    supervisor->has_demand = has_demand;
    if (supervisor->state == TG_UPSTREAM_IDLE && has_demand && supervisor->is_on_demand)
        go_connect(supervisor, now_ms, actions);
}

static void on_time(struct tg_supervisor *supervisor, uint64_t now_ms, struct tg_supervisor_actions *actions)
{
    if (supervisor->state == TG_UPSTREAM_UP && now_ms >= supervisor->up_since_ms + TG_SUPERVISOR_PROVED_MS)
        on_proved(supervisor);
    if (supervisor->state == TG_UPSTREAM_WAITING && is_wanted(supervisor, now_ms))
        go_connect(supervisor, now_ms, actions);
}

static void earlier(uint64_t *deadline_ms, uint64_t at_ms)
{
    if (*deadline_ms == 0 || at_ms < *deadline_ms)
        *deadline_ms = at_ms;
}

static uint64_t next_deadline(const struct tg_supervisor *supervisor)
{
    uint64_t deadline_ms = 0;
    bool is_alive = supervisor->state == TG_UPSTREAM_CONNECTING || supervisor->state == TG_UPSTREAM_UP ||
                    supervisor->state == TG_UPSTREAM_WAITING;

    if (supervisor->state == TG_UPSTREAM_WAITING)
        earlier(&deadline_ms, supervisor->not_before_ms);
    if (supervisor->state == TG_UPSTREAM_UP && !supervisor->is_proved)
        earlier(&deadline_ms, supervisor->up_since_ms + TG_SUPERVISOR_PROVED_MS);
    if (is_alive && supervisor->is_on_demand && !supervisor->has_demand)
        earlier(&deadline_ms, supervisor->demand_lost_ms + supervisor->linger_ms);
    return deadline_ms;
}

static enum tg_stream_state stream_state(const struct tg_supervisor *supervisor)
{
    if (supervisor->state == TG_UPSTREAM_UP)
        return TG_STREAM_UP;
    if (supervisor->state == TG_UPSTREAM_IDLE)
        return TG_STREAM_CONNECTING;
    return supervisor->marked == TG_STREAM_DOWN ? TG_STREAM_DOWN : TG_STREAM_CONNECTING;
}

void tg_supervisor_handle(struct tg_supervisor *supervisor, const struct tg_supervisor_event *event,
                          uint64_t now_ms, struct tg_supervisor_actions *ret_actions)
{
    struct tg_supervisor_actions actions = { 0 };
    bool has_connection = supervisor->state == TG_UPSTREAM_CONNECTING || supervisor->state == TG_UPSTREAM_UP;

    if (supervisor->state == TG_UPSTREAM_STOPPED) {
        *ret_actions = actions;
        return;
    }
    switch (event->kind) {
    case TG_SUPERVISOR_START:
        if (supervisor->state == TG_UPSTREAM_IDLE && is_wanted(supervisor, now_ms))
            go_connect(supervisor, now_ms, &actions);
        break;
    case TG_SUPERVISOR_DEMAND:
        on_demand(supervisor, event->has_demand, now_ms, &actions);
        break;
    case TG_SUPERVISOR_OPENED:
        if (supervisor->state == TG_UPSTREAM_CONNECTING)
            on_opened(supervisor, now_ms, &actions);
        break;
    case TG_SUPERVISOR_PROVED:
        on_proved(supervisor);
        break;
    case TG_SUPERVISOR_FAILED:
        if (has_connection)
            on_failed(supervisor, event->retry_after_ms, now_ms, &actions);
        break;
    case TG_SUPERVISOR_TIME:
        on_time(supervisor, now_ms, &actions);
        break;
    case TG_SUPERVISOR_STOP:
        actions.disconnect = has_connection;
        supervisor->state = TG_UPSTREAM_STOPPED;
        break;
    }
    if (supervisor->state != TG_UPSTREAM_STOPPED && supervisor->state != TG_UPSTREAM_IDLE &&
        !is_wanted(supervisor, now_ms) && !actions.connect)
        go_idle(supervisor, &actions);
    supervisor->deadline_ms = next_deadline(supervisor);
    actions.stream_state = stream_state(supervisor);
    *ret_actions = actions;
}
