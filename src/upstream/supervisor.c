/* The supervisor's transitions. */
#include "supervisor.h"

#include "retry_after.h"

void tg_supervisor_init(struct tg_supervisor *supervisor, const struct tg_config_upstream *config,
                        uint64_t (*random_below)(uint64_t bound))
{
    *supervisor = (struct tg_supervisor){
        .is_on_demand = config->connect == TG_CONNECT_ON_DEMAND,
        .linger_ms = (uint64_t)config->linger_ms,
        .stable_ms = (uint64_t)config->reconnect_stable_ms,
        .state = TG_UPSTREAM_IDLE,
        .is_trusted = true,
        .told = { .state = TG_STREAM_CONNECTING },
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
    supervisor->is_recycling = false;
    /* Who comes now is told that it is being connected, and must be told what becomes of it. */
    supervisor->told = (struct tg_stream_condition){ .state = TG_STREAM_CONNECTING };
}

/* ---- the run ------------------------------------------------------------------------------------ */

static uint64_t proved_at_ms(const struct tg_supervisor *supervisor)
{
    return supervisor->run_since_ms + supervisor->stable_ms;
}

static uint64_t told_at_ms(const struct tg_supervisor *supervisor)
{
    return supervisor->run_since_ms + (supervisor->is_trusted ? 0 : supervisor->stable_ms / 10);
}

/* What the time brings while it is up. */
static void grow_older(struct tg_supervisor *supervisor, uint64_t now_ms,
                       struct tg_supervisor_actions *actions)
{
    if (!supervisor->is_proved && now_ms >= proved_at_ms(supervisor)) {
        supervisor->is_proved = true;
        supervisor->not_before_ms = 0;
        tg_backoff_reset(&supervisor->backoff);
    }
    if (supervisor->told.state != TG_STREAM_UP && now_ms >= told_at_ms(supervisor)) {
        actions->mark_up = true;
        actions->flaps = supervisor->flaps;
        supervisor->flaps = 0;
        supervisor->told = (struct tg_stream_condition){ .state = TG_STREAM_UP };
    }
}

static void on_opened(struct tg_supervisor *supervisor, uint64_t now_ms,
                      struct tg_supervisor_actions *actions)
{
    supervisor->state = TG_UPSTREAM_UP;
    supervisor->up_since_ms = now_ms;
    if (!supervisor->is_recycling) {
        supervisor->run_since_ms = now_ms;
        supervisor->is_proved = false;
    }
    supervisor->is_recycling = false;
    grow_older(supervisor, now_ms, actions);
}

static void tell_down(struct tg_supervisor *supervisor, const struct tg_supervisor_event *event,
                      struct tg_supervisor_actions *actions)
{
    actions->mark_down = true;
    supervisor->told = event->outage;
}

/* It ends in order, as it is meant to. Only one that had lasted is missed. */
static void recycle(struct tg_supervisor *supervisor, const struct tg_supervisor_event *event,
                    uint64_t now_ms, struct tg_supervisor_actions *actions)
{
    supervisor->is_recycling = true;
    if (supervisor->told.state == TG_STREAM_UP && now_ms >= supervisor->up_since_ms + supervisor->stable_ms)
        tell_down(supervisor, event, actions);
}

static void break_off(struct tg_supervisor *supervisor, const struct tg_supervisor_event *event, bool was_up,
                      struct tg_supervisor_actions *actions)
{
    bool has_run = was_up || supervisor->is_recycling;

    if (has_run)
        supervisor->is_trusted = supervisor->is_proved;
    supervisor->is_recycling = false;
    if (supervisor->told.state != TG_STREAM_DOWN)
        tell_down(supervisor, event, actions);
    else if (was_up)
        supervisor->flaps++;
}

/* Those that were recycled together do not come back together. */
static uint64_t recycle_delay_ms(const struct tg_backoff *backoff, uint64_t retry_after_ms)
{
    uint64_t usual_ms =
        backoff->max_ms < TG_SUPERVISOR_RECYCLE_MS ? backoff->max_ms : TG_SUPERVISOR_RECYCLE_MS;

    if (retry_after_ms == 0)
        return usual_ms - backoff->random_below(usual_ms / 10 + 1);
    uint64_t asked_ms = retry_after_ms > backoff->first_ms ? retry_after_ms : backoff->first_ms;
    uint64_t delay_ms = asked_ms + backoff->random_below(asked_ms / 10 + 1);
    return delay_ms < TG_RETRY_AFTER_MAX_MS ? delay_ms : TG_RETRY_AFTER_MAX_MS;
}

static uint64_t choose_delay_ms(struct tg_backoff *backoff, const struct tg_supervisor_event *event)
{
    uint64_t delay_ms;

    switch (event->wait) {
    case TG_WAIT_RECYCLE:
        return recycle_delay_ms(backoff, event->retry_after_ms);
    case TG_WAIT_LONGEST:
        delay_ms = tg_backoff_longest(backoff);
        break;
    case TG_WAIT_SPREAD:
        delay_ms = tg_backoff_spread(backoff);
        break;
    default:
        delay_ms = tg_backoff_next(backoff);
    }
    return delay_ms > event->retry_after_ms ? delay_ms : event->retry_after_ms;
}

static void on_failed(struct tg_supervisor *supervisor, const struct tg_supervisor_event *event,
                      uint64_t now_ms, struct tg_supervisor_actions *actions)
{
    bool was_up = supervisor->state == TG_UPSTREAM_UP;

    if (was_up)
        grow_older(supervisor, now_ms, actions); /* the timer may be late */
    actions->delay_ms = choose_delay_ms(&supervisor->backoff, event);
    supervisor->not_before_ms = now_ms + actions->delay_ms;
    supervisor->is_put_off = event->wait == TG_WAIT_LONGEST && event->retry_after_ms == 0;
    supervisor->state = TG_UPSTREAM_WAITING;
    if (was_up && event->wait == TG_WAIT_RECYCLE)
        recycle(supervisor, event, now_ms, actions);
    else
        break_off(supervisor, event, was_up, actions);
}

/* Once for each time that it is put off: renewals without end bring no attempts without end. */
static void on_renewed(struct tg_supervisor *supervisor, uint64_t now_ms)
{
    if (supervisor->state != TG_UPSTREAM_WAITING || !supervisor->is_put_off)
        return;
    tg_backoff_reset(&supervisor->backoff);
    uint64_t sooner_ms = now_ms + tg_backoff_next(&supervisor->backoff);
    supervisor->is_put_off = false;
    if (sooner_ms < supervisor->not_before_ms)
        supervisor->not_before_ms = sooner_ms;
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
    if (supervisor->state == TG_UPSTREAM_UP)
        grow_older(supervisor, now_ms, actions);
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
        earlier(&deadline_ms, proved_at_ms(supervisor));
    if (supervisor->state == TG_UPSTREAM_UP && supervisor->told.state != TG_STREAM_UP)
        earlier(&deadline_ms, told_at_ms(supervisor));
    if (is_alive && supervisor->is_on_demand && !supervisor->has_demand)
        earlier(&deadline_ms, supervisor->demand_lost_ms + supervisor->linger_ms);
    return deadline_ms;
}

/* Clients that come are told what the others were. */
static struct tg_stream_condition condition(const struct tg_supervisor *supervisor)
{
    if (supervisor->state == TG_UPSTREAM_STOPPED && supervisor->told.state == TG_STREAM_UP)
        return (struct tg_stream_condition){ .state = TG_STREAM_CONNECTING };
    return supervisor->told;
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
    case TG_SUPERVISOR_FAILED:
        if (has_connection)
            on_failed(supervisor, event, now_ms, &actions);
        break;
    case TG_SUPERVISOR_RENEWED:
        on_renewed(supervisor, now_ms);
        break;
    case TG_SUPERVISOR_TIME:
        on_time(supervisor, now_ms, &actions);
        break;
    case TG_SUPERVISOR_STOP:
        actions.disconnect = has_connection;
        supervisor->state = TG_UPSTREAM_STOPPED;
        supervisor->is_recycling = false;
        break;
    }
    if (supervisor->state != TG_UPSTREAM_STOPPED && supervisor->state != TG_UPSTREAM_IDLE &&
        !is_wanted(supervisor, now_ms) && !actions.connect)
        go_idle(supervisor, &actions);
    supervisor->deadline_ms = next_deadline(supervisor);
    actions.condition = condition(supervisor);
    *ret_actions = actions;
}
