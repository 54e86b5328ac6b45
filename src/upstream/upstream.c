/* One upstream: its life.
 *
 * Everything that happens becomes an event for the supervisor, and whatever it wants done is done in
 * `upstream_handle`. */
#include "upstream_internal.h"

#include "aftermath.h"
#include "expand.h"
#include "routes.h"

#include <stdlib.h>

uint64_t upstream_now_ms(const struct tg_upstream *up)
{
    return tg_worker_now_ms(up->worker);
}

const char *upstream_name(const struct tg_upstream *up)
{
    return up->source->config->name;
}

enum tg_log_level upstream_log_level(const struct tg_upstream *up)
{
    return up->own ? TG_LOG_DEBUG : TG_LOG_INFO;
}

struct tg_counters *upstream_counters(const struct tg_upstream *up)
{
    return &up->share->counters;
}

bool upstream_is_websocket(const struct tg_upstream *up)
{
    return up->config->kind == TG_UPSTREAM_WEBSOCKET;
}

static void on_turn_end(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct tg_upstream *up = TG_CONTAINER_OF(hook, struct tg_upstream, flush_hook);

    (void)worker;
    if (up->routes)
        routes_flush(up->routes);
    else
        tg_stream_flush(up->stream);
}

/* ---- the supervisor --------------------------------------------------------------------------- */

/* `state` and what it was before: one upstream more there, one less here. */
static void count_state(struct tg_upstream *up, enum tg_upstream_state before, enum tg_upstream_state state)
{
    struct tg_counters *counters = upstream_counters(up);

    if (before == state)
        return;
    atomic_store_explicit(&counters->state_since_ms, tg_clock_now_ms(), memory_order_relaxed);
    tg_figure_add(&counters->states[state], 1);
    tg_figure_add(&counters->states[before], (uint64_t)-1);
}

static void connect_now(struct tg_upstream *up)
{
    const struct tg_link_options options = {
        .worker = up->worker,
        .websockets = up->websockets,
        .http = up->http,
        .tls = up->source->tls,
        .caller = &up->share->caller,
        .config = up->config,
        .target = &up->target,
        .progress = &up->progress,
        .is_once = up->is_once,
        .handler = &upstream_link_handler,
        .arg = up,
    };

    tg_figure_add(&upstream_counters(up)->attempts, 1);
    tg_log(TG_LOG_DEBUG, "upstream", "connecting", TG_F_STR("stream", upstream_name(up)),
           TG_F_STR("host", up->target.host), TG_F_INT("port", up->target.port));
    up->link = tg_link_new(&options);
}

static void begin_connection(void *arg)
{
    upstream_prepare(arg, connect_now);
}

static void start_connection(struct tg_upstream *up)
{
    if (tg_pass_ask(&up->pass, &up->share->caller, up->target.host, up->target.port, begin_connection, up))
        begin_connection(up);
}

static void stop_connection(struct tg_upstream *up, unsigned code)
{
    struct tg_link *link = up->link;

    up->link = NULL;
    tg_pass_give_up(&up->pass);
    tg_fresh_cancel(&up->fresh_wait);
    tg_timer_stop(up->health_timer);
    if (link)
        tg_link_close(link, code);
    tg_outlet_settle(&up->outlet, TG_ERR_CLOSED);
    upstream_on_drained(up); /* those that waited for room wait for nothing now */
}

static void disconnect(struct tg_upstream *up, unsigned code)
{
    if (up->link) { /* else it has ended by itself */
        tg_figure_add(&upstream_counters(up)->failures[TG_REASON_STOPPED], 1);
        tg_log(upstream_log_level(up), "upstream", "disconnected", TG_F_STR("stream", upstream_name(up)),
               TG_F_STR("reason", tg_upstream_reason_text(TG_REASON_STOPPED)));
    }
    stop_connection(up, code);
}

static void set_deadline(struct tg_upstream *up, uint64_t deadline_ms)
{
    uint64_t now_ms = upstream_now_ms(up);

    if (deadline_ms == 0)
        tg_timer_stop(up->supervisor_timer);
    else
        tg_timer_start(up->supervisor_timer, deadline_ms > now_ms ? deadline_ms - now_ms : 0);
}

static void count_recycling(struct tg_upstream *up, bool was_recycling)
{
    bool is_recycling = up->supervisor.is_recycling;

    if (is_recycling != was_recycling)
        tg_figure_add(&upstream_counters(up)->recycling, is_recycling ? 1 : (uint64_t)-1);
}

static uint64_t handle(struct tg_upstream *up, const struct tg_supervisor_event *event, unsigned close_code)
{
    static const struct tg_stream_condition is_up = { .state = TG_STREAM_UP };
    struct tg_supervisor_actions actions;
    enum tg_upstream_state before = up->supervisor.state;
    bool was_recycling = up->supervisor.is_recycling;

    tg_supervisor_handle(&up->supervisor, event, upstream_now_ms(up), &actions);
    if (actions.disconnect)
        disconnect(up, close_code);
    /* The condition before the marker: whoever is woken by the marker sees the new one. */
    upstream_show_condition(up, actions.condition);
    count_state(up, before, up->supervisor.state);
    count_recycling(up, was_recycling);
    if (up->supervisor.state == TG_UPSTREAM_UP && up->supervisor.is_proved)
        upstream_note_accepted(up);
    if (actions.mark_up)
        upstream_mark(up, is_up, actions.flaps);
    if (actions.mark_down)
        upstream_mark(up, event->outage, 0);
    if (actions.connect)
        start_connection(up);
    set_deadline(up, up->supervisor.deadline_ms);
    return actions.delay_ms;
}

uint64_t upstream_handle(struct tg_upstream *up, const struct tg_supervisor_event *event)
{
    return handle(up, event, UPSTREAM_CLOSE_NORMAL);
}

static void on_supervisor_time(void *arg)
{
    upstream_handle(arg, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_TIME });
}

/* The backend has numbered its events: it goes on where it was. */
static bool is_resumable(const struct tg_upstream *up, const struct tg_link_end *end)
{
    return end->status == 0 && up->progress.last_event_id.length > 0;
}

bool upstream_is_over(const struct tg_upstream *up, const struct tg_link_end *end)
{
    return tg_aftermath_is_over(up->source->config, end, up->is_once, is_resumable(up, end));
}

/* The backend may have acted on what a client posted, and would do so again. It would not when it has refused for now,
 * and when it goes on where it was. */
static bool is_past_repeating(const struct tg_upstream *up, const struct tg_link_end *end, bool was_up)
{
    bool was_had = was_up || end->was_sent || end->was_taken;
    bool is_for_now = (end->status == 429 || end->status == 503) && !end->was_taken;

    return up->is_once && was_had && !is_for_now && !is_resumable(up, end);
}

void upstream_fail(struct tg_upstream *up, const struct tg_link_end *end)
{
    bool was_up = up->supervisor.state == TG_UPSTREAM_UP;
    struct tg_supervisor_event event = {
        .kind = TG_SUPERVISOR_FAILED,
        .wait = tg_aftermath_wait(up->config, end),
        .retry_after_ms = end->retry_after_ms,
        .outage = tg_aftermath_outage(end),
    };

    tg_figure_add(&upstream_counters(up)->failures[end->reason], 1);
    if (upstream_note_end(up, end)) /* what has been refused is not what it will ask with */
        event.wait = TG_WAIT_USUAL;
    bool is_over = is_past_repeating(up, end, was_up);
    uint64_t delay_ms = upstream_handle(up, &event);
    upstream_log_failure(up, end, was_up, is_over ? 0 : delay_ms);
    if (is_over)
        upstream_break_off(up, end->status);
}

/* ---- health ----------------------------------------------------------------------------------- */

static void arm_health(struct tg_upstream *up)
{
    uint64_t next_ms = tg_health_next_ms(&up->health);

    if (next_ms == 0)
        tg_timer_stop(up->health_timer);
    else
        tg_timer_start(up->health_timer, next_ms > upstream_now_ms(up) ? next_ms - upstream_now_ms(up) : 0);
}

void upstream_start_health(struct tg_upstream *up)
{
    tg_health_start(&up->health, up->config, upstream_now_ms(up));
    arm_health(up);
}

static void give_up(struct tg_upstream *up, enum tg_upstream_reason reason)
{
    stop_connection(up, UPSTREAM_CLOSE_NORMAL);
    upstream_fail(up, &(struct tg_link_end){ .reason = reason, .detail = "" });
}

static void on_health_time(void *arg)
{
    struct tg_upstream *up = arg;

    if (up->is_held) /* it may have said something, unheard; pings and keepalives go on */
        tg_health_on_message(&up->health, upstream_now_ms(up));
    for (;;) {
        switch (tg_health_poll(&up->health, upstream_now_ms(up))) {
        case TG_HEALTH_NONE:
            arm_health(up);
            return;
        case TG_HEALTH_PING:
            up->link->ops->ping(up->link);
            break;
        case TG_HEALTH_KEEPALIVE:
            /* A backend that does not read gets no second one on top. */
            if (!up->link->ops->has_unsent(up->link))
                up->link->ops->send(up->link, &up->config->keepalive_message);
            break;
        case TG_HEALTH_DEAD:
            /* Within a large message no pong can come, but bytes do. */
            if (up->link->ops->silent_ms(up->link) < upstream_now_ms(up) - up->health.pinged_at_ms)
                break;
            give_up(up, TG_REASON_LIVENESS);
            return;
        case TG_HEALTH_IDLE:
            give_up(up, TG_REASON_IDLE);
            return;
        }
    }
}

/* ---- life ------------------------------------------------------------------------------------- */

enum tg_err tg_upstream_new(struct tg_source *source, struct tg_stream *stream, struct tg_family *family,
                            struct tg_config_upstream *own, struct tg_worker *worker,
                            struct tg_upstream **ret_upstream)
{
    struct tg_upstream *up = tg_alloc(sizeof(*up));

    up->source = source;
    up->share = source->shares[tg_worker_index(worker)];
    up->own = own;
    up->config = own ? own : &source->config->upstream;
    up->worker = worker;
    up->flush_hook.run = on_turn_end;
    if (stream)
        up->stream = tg_stream_ref(stream);
    else
        up->routes = routes_new(up, family);
    if (own)
        up->seen = tg_translator_new_seen(up->share->translator);
    enum tg_err err = tg_target_init(&up->target, &up->config->url);
    if (err < 0) {
        tg_upstream_free(up);
        return err;
    }
    tg_supervisor_init(&up->supervisor, up->config, tg_random_below);
    *ret_upstream = up;
    return TG_OK;
}

void tg_upstream_release(struct tg_upstream *up, bool is_pool_stopped)
{
    struct tg_link *link = up->link;

    upstream_close_line(up);
    up->link = NULL;
    tg_pass_give_up(&up->pass);
    tg_fresh_cancel(&up->fresh_wait);
    if (link && !(is_pool_stopped && upstream_is_websocket(up)))
        tg_link_close(link, UPSTREAM_CLOSE_NORMAL);
    tg_outlet_settle(&up->outlet, TG_ERR_CLOSED);
    if (up->stream && !up->own)
        tg_stream_on_demand(up->stream, NULL, NULL);
    if (up->stream)
        tg_stream_on_outgoing(up->stream, NULL, NULL);
    tg_timer_free(up->supervisor_timer);
    tg_timer_free(up->health_timer);
    up->supervisor_timer = up->health_timer = NULL;
    tg_worker_cancel_turn_hook(up->worker, TG_TURN_PUBLISH, &up->flush_hook);
    up->has_begun = false;
}

void tg_upstream_free(struct tg_upstream *up)
{
    tg_target_deinit(&up->target);
    tg_progress_deinit(&up->progress);
    tg_seen_free(up->seen);
    routes_free(up->routes);
    tg_stream_unref(up->stream);
    upstream_forget(up);
    if (up->own)
        tg_expand_deinit(up->own);
    free(up->own);
    free(up);
}

void tg_upstream_begin(struct tg_upstream *up, struct tg_websockets *websockets, struct tg_http_client *http)
{
    up->has_begun = true;
    up->websockets = websockets;
    up->http = http;
    tg_translator_on_lost(up->share->translator, upstream_on_lost);
    up->supervisor_timer = tg_timer_new(up->worker, on_supervisor_time, up);
    up->health_timer = tg_timer_new(up->worker, on_health_time, up);
    upstream_watch_outgoing(up);
    upstream_handle(up, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_START });
    tg_upstream_check_demand(up);
}

static bool has_demand(const struct tg_upstream *up)
{
    struct tg_stream_stats stats;

    if (up->routes)
        return routes_has_demand(up->routes);
    tg_stream_get_stats(up->stream, &stats);
    return stats.subscribers > 0;
}

static bool asks_for_demand(const struct tg_upstream *up)
{
    return up->has_begun && up->supervisor.is_on_demand;
}

static void show_demand(struct tg_upstream *up, bool has_demand)
{
    const struct tg_supervisor_event event = { .kind = TG_SUPERVISOR_DEMAND, .has_demand = has_demand };

    upstream_handle(up, &event);
}

void tg_upstream_check_demand(struct tg_upstream *up)
{
    if (asks_for_demand(up))
        show_demand(up, has_demand(up));
}

void tg_upstream_on_followed(struct tg_upstream *up)
{
    if (asks_for_demand(up))
        show_demand(up, true);
}

void tg_upstream_halt(struct tg_upstream *up, unsigned close_code)
{
    const struct tg_supervisor_event event = { .kind = TG_SUPERVISOR_STOP };

    if (up->has_begun)
        handle(up, &event, close_code);
}

void tg_upstream_on_second(struct tg_upstream *up, uint64_t now_ms)
{
    if (!up->routes) {
        if (tg_loss_is_due(&up->loss, now_ms))
            (void)upstream_tell_losses(up, up->stream, &up->loss);
        tg_stream_evict(up->stream, now_ms);
        return;
    }
    routes_on_second(up->routes, now_ms);
    tg_upstream_check_demand(up);
}
