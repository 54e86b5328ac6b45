/* One upstream.
 *
 * Everything that happens becomes an event for the supervisor, and whatever it wants done is done in
 * `handle`. What the connection delivers goes through the translator into the stream; readers are told once,
 * at the end of the turn. */
#include "upstream_internal.h"

#include "check.h"
#include "tls.h"

#include <stdlib.h>

enum { CLOSE_NORMAL = 1000, CLOSE_GOING_AWAY = 1001 };

static const struct tg_websocket_handler websocket_handler;

static uint64_t now_ms(const struct tg_upstream *up)
{
    return tg_worker_now_ms(up->worker);
}

static const char *name_of(const struct tg_upstream *up)
{
    return up->config->name;
}

/* One thread writes: no need for an atomic addition. */
static void add(_Atomic uint64_t *counter, uint64_t count)
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

static enum tg_err append(struct tg_upstream *up, const struct tg_event *event)
{
    tg_worker_run_at_turn_end(up->worker, TG_TURN_PUBLISH, &up->flush_hook);
    return tg_stream_append(up->stream, event, now_ms(up));
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
        err = append(up, &event);
    }
    if (err < 0)
        tg_log(TG_LOG_ERROR, "upstream", "marker_lost", TG_F_STR("stream", name_of(up)), TG_F_ERR(err));
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
    const struct tg_websocket_options options = {
        .context = up->context,
        .tls = up->tls,
        .config = &up->config->upstream,
        .target = &up->target,
        .handler = &websocket_handler,
        .arg = up,
    };

    add(&up->counters.attempts, 1);
    tg_log(TG_LOG_DEBUG, "upstream", "connecting", TG_F_STR("stream", name_of(up)),
           TG_F_STR("host", up->target.host), TG_F_INT("port", up->target.port));
    up->websocket = tg_websocket_new(&options);
}

static void stop_connection(struct tg_upstream *up, unsigned code)
{
    struct tg_websocket *websocket = up->websocket;

    up->websocket = NULL;
    tg_timer_stop(up->health_timer);
    if (websocket)
        tg_websocket_close(websocket, code);
}

/* Tells the supervisor, does what it says, and returns how long it will wait before the next attempt. */
static uint64_t handle(struct tg_upstream *up, const struct tg_supervisor_event *event,
                       enum tg_upstream_reason reason)
{
    struct tg_supervisor_actions actions;
    bool is_stop = event->kind == TG_SUPERVISOR_STOP;

    tg_supervisor_handle(&up->supervisor, event, now_ms(up), &actions);
    if (actions.disconnect) {
        add(&up->counters.failures[TG_REASON_STOPPED], 1);
        tg_log(TG_LOG_INFO, "upstream", "disconnected", TG_F_STR("stream", name_of(up)),
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
        tg_timer_start(up->supervisor_timer, deadline_ms > now_ms(up) ? deadline_ms - now_ms(up) : 0);
    return actions.delay_ms;
}

static void on_supervisor_time(void *arg)
{
    handle(arg, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_TIME }, TG_REASON_NONE);
}

static void log_failure(struct tg_upstream *up, const struct tg_websocket_end *end, bool was_up,
                        uint64_t delay_ms)
{
    uint32_t suppressed;

    if (!tg_log_limit_allows(&up->failure_limit, 1, tg_clock_now_ms(), &suppressed))
        return;
    tg_log(TG_LOG_WARNING, "upstream", was_up ? "disconnected" : "attempt_failed",
           TG_F_STR("stream", name_of(up)), TG_F_STR("reason", tg_upstream_reason_text(end->reason)),
           TG_F_STR("detail", end->detail), TG_F_INT("status", end->status),
           TG_F_INT("close_code", end->close_code), TG_F_INT("retry_ms", delay_ms),
           TG_F_INT("suppressed", suppressed));
}

/* The connection or the attempt is over; up->websocket is no more. */
static void fail(struct tg_upstream *up, const struct tg_websocket_end *end)
{
    bool was_up = up->supervisor.state == TG_UPSTREAM_UP;
    const struct tg_supervisor_event event = {
        .kind = TG_SUPERVISOR_FAILED,
        .retry_after_ms = end->retry_after_ms,
    };

    add(&up->counters.failures[end->reason], 1);
    uint64_t delay_ms = handle(up, &event, end->reason);
    log_failure(up, end, was_up, delay_ms);
}

/* ---- health ----------------------------------------------------------------------------------- */

static void arm_health(struct tg_upstream *up)
{
    uint64_t next_ms = tg_health_next_ms(&up->health);

    if (next_ms == 0)
        tg_timer_stop(up->health_timer);
    else
        tg_timer_start(up->health_timer, next_ms > now_ms(up) ? next_ms - now_ms(up) : 0);
}

static void give_up(struct tg_upstream *up, enum tg_upstream_reason reason)
{
    stop_connection(up, CLOSE_NORMAL);
    fail(up, &(struct tg_websocket_end){ .reason = reason, .detail = "" });
}

static void on_health_time(void *arg)
{
    struct tg_upstream *up = arg;

    for (;;) {
        switch (tg_health_poll(&up->health, now_ms(up))) {
        case TG_HEALTH_NONE:
            arm_health(up);
            return;
        case TG_HEALTH_PING:
            tg_websocket_ping(up->websocket);
            break;
        case TG_HEALTH_KEEPALIVE:
            /* A backend that does not read gets no second one on top. */
            if (!tg_websocket_has_unsent(up->websocket))
                tg_websocket_send(up->websocket, &up->config->upstream.keepalive_message);
            break;
        case TG_HEALTH_DEAD:
            /* Within a large message no pong can come, but bytes do. */
            if (tg_websocket_silent_ms(up->websocket) < now_ms(up) - up->health.pinged_at_ms)
                break;
            give_up(up, TG_REASON_LIVENESS);
            return;
        case TG_HEALTH_IDLE:
            give_up(up, TG_REASON_IDLE);
            return;
        }
    }
}

/* ---- what the connection tells ---------------------------------------------------------------- */

static void on_open(void *arg)
{
    struct tg_upstream *up = arg;
    const struct tg_config_upstream *config = &up->config->upstream;

    add(&up->counters.connects, 1);
    tg_log(TG_LOG_INFO, "upstream", "connected", TG_F_STR("stream", name_of(up)));
    for (size_t i = 0; i < config->on_open_count; i++)
        tg_websocket_send(up->websocket, &config->on_open[i]);
    tg_health_start(&up->health, config, now_ms(up));
    arm_health(up);
    handle(up, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_OPENED }, TG_REASON_NONE);
}

static void log_dropped(struct tg_upstream *up, const char *why, size_t length)
{
    uint32_t suppressed;

    if (tg_log_limit_allows(&up->message_limit, 1, tg_clock_now_ms(), &suppressed))
        tg_log(TG_LOG_WARNING, "upstream", "message_dropped", TG_F_STR("stream", name_of(up)),
               TG_F_STR("why", why), TG_F_INT("bytes", length), TG_F_INT("suppressed", suppressed));
}

struct emission {
    struct tg_upstream *upstream;
    enum tg_err err;
};

static void on_event(void *arg, const struct tg_event *event)
{
    struct emission *emission = arg;

    emission->err = append(emission->upstream, event);
}

static bool on_message(void *arg, const struct tg_message *message)
{
    struct tg_upstream *up = arg;
    struct emission emission = { .upstream = up };

    add(&up->counters.messages, 1);
    add(&up->counters.message_bytes, message->length);
    tg_health_on_message(&up->health, now_ms(up));
    enum tg_misfit misfit = tg_translator_run(up->translator, message, on_event, &emission);
    if (misfit == TG_MISFIT_NONE && emission.err < 0)
        misfit = emission.err == TG_ERR_MEMORY ? TG_MISFIT_MEMORY : TG_MISFIT_EVENT;
    if (misfit != TG_MISFIT_NONE) {
        add(&up->counters.misfits[misfit], 1);
        log_dropped(up, tg_misfit_text(misfit), message->length);
    }
    if (misfit == TG_MISFIT_UTF8)
        return false;
    if (!up->supervisor.is_proved)
        handle(up, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_PROVED }, TG_REASON_NONE);
    return true;
}

static void on_dropped(void *arg, bool is_oversize)
{
    struct tg_upstream *up = arg;

    tg_health_on_message(&up->health, now_ms(up));
    if (is_oversize)
        add(&up->counters.oversize, 1);
    else
        add(&up->counters.misfits[TG_MISFIT_MEMORY], 1);
    log_dropped(up, is_oversize ? "oversize" : "memory", (size_t)up->config->upstream.max_message_bytes);
}

static void on_heard(void *arg)
{
    struct tg_upstream *up = arg;

    tg_health_on_heard(&up->health);
}

static void on_redirect(void *arg, const char *host)
{
    struct tg_upstream *up = arg;

    tg_log(TG_LOG_INFO, "upstream", "redirect", TG_F_STR("stream", name_of(up)), TG_F_STR("host", host));
}

static void on_end(void *arg, const struct tg_websocket_end *end)
{
    struct tg_upstream *up = arg;

    up->websocket = NULL;
    tg_timer_stop(up->health_timer);
    fail(up, end);
}

static const struct tg_websocket_handler websocket_handler = {
    .on_open = on_open,
    .on_message = on_message,
    .on_dropped = on_dropped,
    .on_heard = on_heard,
    .on_redirect = on_redirect,
    .on_end = on_end,
};

/* ---- life ------------------------------------------------------------------------------------- */

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
    up->translator = tg_translator_new(&config->translate);
    up->flush_hook.run = on_turn_end;
    up->counters.state_since_ms = tg_clock_now_ms();
    if (err == TG_OK)
        err = tg_upstream_check_target(tg_target_init(&up->target, &config->upstream.url), ret_error);
    if (err == TG_OK)
        err = tg_tls_client_new(&config->upstream.tls, &up->tls, ret_error);
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
    tg_stream_unref(up->stream);
    free(up);
}

void tg_upstream_begin(struct tg_upstream *up, struct tg_context *context)
{
    up->context = context;
    if (!up->config->upstream.tls.verify && up->target.is_secure)
        tg_log(TG_LOG_WARNING, "upstream", "unverified_tls", TG_F_STR("stream", name_of(up)),
               TG_F_STR("host", up->target.host));
    up->supervisor_timer = tg_timer_new(up->worker, on_supervisor_time, up);
    up->health_timer = tg_timer_new(up->worker, on_health_time, up);
    handle(up, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_START }, TG_REASON_NONE);
    tg_upstream_check_demand(up);
}

void tg_upstream_check_demand(struct tg_upstream *up)
{
    struct tg_stream_stats stats;

    if (!up->context || !up->supervisor.is_on_demand)
        return;
    tg_stream_get_stats(up->stream, &stats);
    const struct tg_supervisor_event event = {
        .kind = TG_SUPERVISOR_DEMAND,
        .has_demand = stats.subscribers > 0,
    };
    handle(up, &event, TG_REASON_NONE);
}

void tg_upstream_halt(struct tg_upstream *up)
{
    if (up->context)
        handle(up, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_STOP }, TG_REASON_NONE);
}
