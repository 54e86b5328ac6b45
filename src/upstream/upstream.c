/* One upstream: its life.
 *
 * Everything that happens becomes an event for the supervisor, and whatever it wants done is done in
 * `upstream_handle`. What is appended to the stream is told to its readers once, at the end of the turn. */
#include "upstream_internal.h"

#include "check.h"
#include "tls.h"

#include <stdlib.h>

enum { CLOSE_NORMAL = 1000, CLOSE_GOING_AWAY = 1001 };

uint64_t upstream_now_ms(const struct tg_upstream *up)
{
    return tg_worker_now_ms(up->worker);
}

const char *upstream_name(const struct tg_upstream *up)
{
    return up->config->name;
}

/* One thread writes: no need for an atomic addition. */
void upstream_count(_Atomic uint64_t *counter, uint64_t count)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);

    atomic_store_explicit(counter, value + count, memory_order_relaxed);
}

/* ---- the stream ------------------------------------------------------------------------------- */

static void on_turn_end(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct tg_upstream *up = TG_CONTAINER_OF(hook, struct tg_upstream, flush_hook);

    (void)worker;
    tg_stream_flush(up->stream);
}

enum tg_err upstream_append(struct tg_upstream *up, const struct tg_event *event)
{
    tg_worker_run_at_turn_end(up->worker, TG_TURN_PUBLISH, &up->flush_hook);
    return tg_stream_append(up->stream, event, upstream_now_ms(up));
}

static void append_marker(struct tg_upstream *up, enum tg_upstream_reason reason)
{
    struct tg_buffer data = { 0 };
    enum tg_err err;

    if (reason == TG_REASON_NONE)
        err = tg_buffer_append_str(&data, "{\"state\":\"up\"}");
    else
        err = tg_buffer_appendf(&data, "{\"state\":\"down\",\"reason\":\"%s\"}",
                                tg_upstream_reason_text(reason));
    if (err == TG_OK) {
        struct tg_event event = {
            .type = tg_str_from(up->names->upstream_event),
            .data = { data.data, data.length },
            .is_control = true,
        };
        err = upstream_append(up, &event);
    }
    if (err < 0)
        tg_log(TG_LOG_ERROR, "upstream", "marker_lost", TG_F_STR("stream", upstream_name(up)), TG_F_ERR(err));
    tg_buffer_deinit(&data);
}

/* ---- the supervisor --------------------------------------------------------------------------- */

static void set_state(struct tg_upstream *up, enum tg_stream_state stream_state)
{
    uint32_t state = up->supervisor.state;

    if (tg_stream_get_state(up->stream) != stream_state)
        tg_stream_set_state(up->stream, stream_state);
    if (atomic_load_explicit(&up->counters.state, memory_order_relaxed) == state)
        return;
    atomic_store_explicit(&up->counters.state_since_ms, tg_clock_now_ms(), memory_order_relaxed);
    atomic_store_explicit(&up->counters.state, state, memory_order_relaxed);
}

static void start_connection(struct tg_upstream *up)
{
    const struct tg_link_options options = {
        .worker = up->worker,
        .context = up->context,
        .http = up->http,
        .tls = up->tls,
        .config = &up->config->upstream,
        .target = &up->target,
        .progress = &up->progress,
        .handler = &upstream_link_handler,
        .arg = up,
    };

    upstream_count(&up->counters.attempts, 1);
    tg_log(TG_LOG_DEBUG, "upstream", "connecting", TG_F_STR("stream", upstream_name(up)),
           TG_F_STR("host", up->target.host), TG_F_INT("port", up->target.port));
    up->link = tg_link_new(&options);
}

static void stop_connection(struct tg_upstream *up, unsigned code)
{
    struct tg_link *link = up->link;

    up->link = NULL;
    tg_timer_stop(up->health_timer);
    if (link)
        tg_link_close(link, code);
}

uint64_t upstream_handle(struct tg_upstream *up, const struct tg_supervisor_event *event,
                         enum tg_upstream_reason reason)
{
    struct tg_supervisor_actions actions;
    bool is_stop = event->kind == TG_SUPERVISOR_STOP;

    tg_supervisor_handle(&up->supervisor, event, upstream_now_ms(up), &actions);
    if (actions.disconnect) {
        upstream_count(&up->counters.failures[TG_REASON_STOPPED], 1);
        tg_log(TG_LOG_INFO, "upstream", "disconnected", TG_F_STR("stream", upstream_name(up)),
               TG_F_STR("reason", tg_upstream_reason_text(TG_REASON_STOPPED)));
        stop_connection(up, is_stop ? CLOSE_GOING_AWAY : CLOSE_NORMAL);
    }
    /* The state before the marker: whoever is woken by the marker sees the new one. */
    set_state(up, actions.stream_state);
    if (actions.mark_up)
        append_marker(up, TG_REASON_NONE);
    if (actions.mark_down)
        append_marker(up, reason);
    if (actions.connect)
        start_connection(up);
    uint64_t deadline_ms = up->supervisor.deadline_ms;
    if (deadline_ms == 0)
        tg_timer_stop(up->supervisor_timer);
    else
        tg_timer_start(up->supervisor_timer,
                       deadline_ms > upstream_now_ms(up) ? deadline_ms - upstream_now_ms(up) : 0);
    return actions.delay_ms;
}

static void on_supervisor_time(void *arg)
{
    upstream_handle(arg, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_TIME }, TG_REASON_NONE);
}

static void log_failure(struct tg_upstream *up, const struct tg_link_end *end, bool was_up, uint64_t delay_ms)
{
    uint32_t suppressed;

    if (!tg_log_limit_allows(&up->failure_limit, 1, tg_clock_now_ms(), &suppressed))
        return;
    tg_log(TG_LOG_WARNING, "upstream", was_up ? "disconnected" : "attempt_failed",
           TG_F_STR("stream", upstream_name(up)), TG_F_STR("reason", tg_upstream_reason_text(end->reason)),
           TG_F_STR("detail", end->detail), TG_F_INT("status", end->status),
           TG_F_INT("close_code", end->close_code), TG_F_INT("retry_ms", delay_ms),
           TG_F_INT("suppressed", suppressed));
}

void upstream_fail(struct tg_upstream *up, const struct tg_link_end *end)
{
    bool was_up = up->supervisor.state == TG_UPSTREAM_UP;
    const struct tg_supervisor_event event = {
        .kind = TG_SUPERVISOR_FAILED,
        .retry_after_ms = end->retry_after_ms,
    };

    upstream_count(&up->counters.failures[end->reason], 1);
    uint64_t delay_ms = upstream_handle(up, &event, end->reason);
    log_failure(up, end, was_up, delay_ms);
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
    tg_health_start(&up->health, &up->config->upstream, upstream_now_ms(up));
    arm_health(up);
}

static void give_up(struct tg_upstream *up, enum tg_upstream_reason reason)
{
    stop_connection(up, CLOSE_NORMAL);
    upstream_fail(up, &(struct tg_link_end){ .reason = reason, .detail = "" });
}

static void on_health_time(void *arg)
{
    struct tg_upstream *up = arg;

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
                up->link->ops->send(up->link, &up->config->upstream.keepalive_message);
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

static bool is_websocket(const struct tg_config_stream *config)
{
    return config->upstream.kind == TG_UPSTREAM_WEBSOCKET;
}

enum tg_err tg_upstream_new(const struct tg_config_stream *config, const struct tg_config_sse *names,
                            struct tg_stream *stream, struct tg_worker *worker,
                            struct tg_upstream **ret_upstream, struct tg_buffer *ret_error)
{
    struct tg_upstream *up = tg_alloc(sizeof(*up));
    enum tg_err err = tg_upstream_check(&config->upstream, ret_error);

    up->config = config;
    up->names = names;
    up->worker = worker;
    up->stream = tg_stream_ref(stream);
    up->flush_hook.run = on_turn_end;
    up->counters.state_since_ms = tg_clock_now_ms();
    if (err == TG_OK)
        err = tg_upstream_check_target(tg_target_init(&up->target, &config->upstream.url), ret_error);
    if (err == TG_OK && is_websocket(config))
        err = tg_tls_client_new(&config->upstream.tls, &up->tls, ret_error);
    else if (err == TG_OK)
        err = tg_tls_client_check(&config->upstream.tls, ret_error);
    if (err == TG_OK)
        err = tg_translator_new(&config->translate, &up->translator, ret_error);
    if (err < 0)
        goto fail;
    tg_supervisor_init(&up->supervisor, &config->upstream, tg_random_below);
    *ret_upstream = up;
    return TG_OK;

fail:
    tg_upstream_free(up);
    return err;
}

void tg_upstream_release(struct tg_upstream *up)
{
    if (up->link && !is_websocket(up->config)) /* those are dropped with their context */
        tg_link_close(up->link, 0);
    up->link = NULL;
    tg_timer_free(up->supervisor_timer);
    tg_timer_free(up->health_timer);
    up->supervisor_timer = up->health_timer = NULL;
    tg_worker_cancel_turn_hook(up->worker, TG_TURN_PUBLISH, &up->flush_hook);
}

void tg_upstream_free(struct tg_upstream *up)
{
    tg_tls_client_free(up->tls);
    tg_target_deinit(&up->target);
    tg_translator_free(up->translator);
    tg_progress_deinit(&up->progress);
    tg_stream_unref(up->stream);
    free(up);
}

void tg_upstream_begin(struct tg_upstream *up, struct tg_context *context, struct tg_http_client *http)
{
    up->has_begun = true;
    up->context = context;
    up->http = http;
    if (!up->config->upstream.tls.verify && up->target.is_secure)
        tg_log(TG_LOG_WARNING, "upstream", "unverified_tls", TG_F_STR("stream", upstream_name(up)),
               TG_F_STR("host", up->target.host));
    up->supervisor_timer = tg_timer_new(up->worker, on_supervisor_time, up);
    up->health_timer = tg_timer_new(up->worker, on_health_time, up);
    upstream_handle(up, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_START }, TG_REASON_NONE);
    tg_upstream_check_demand(up);
}

void tg_upstream_check_demand(struct tg_upstream *up)
{
    struct tg_stream_stats stats;

    if (!up->has_begun || !up->supervisor.is_on_demand)
        return;
    tg_stream_get_stats(up->stream, &stats);
    const struct tg_supervisor_event event = {
        .kind = TG_SUPERVISOR_DEMAND,
        .has_demand = stats.subscribers > 0,
    };
    upstream_handle(up, &event, TG_REASON_NONE);
}

void tg_upstream_halt(struct tg_upstream *up)
{
    if (up->has_begun)
        upstream_handle(up, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_STOP }, TG_REASON_NONE);
}
