/* One upstream: what is done to its stream, or to all that it feeds. What is appended is told to readers once, at
 * the end of the turn. */
#include "upstream_internal.h"

#include "expand.h"
#include "routes.h"

#include <string.h>

/* Its clients get the backend's events alone. */
static bool is_plain(const struct tg_upstream *up)
{
    return up->source->config->session.is_plain;
}

enum tg_err upstream_append(struct tg_upstream *up, const struct tg_event *event)
{
    tg_worker_run_at_turn_end(up->worker, TG_TURN_PUBLISH, &up->flush_hook);
    if (up->routes)
        return routes_append(up->routes, tg_translator_key(up->share->translator), event);
    enum tg_err err = upstream_tell_losses(up, up->stream, &up->loss);
    if (err < 0)
        return err; /* it would be in front of what was lost before it */
    struct tg_event numbered = *event;
    if (up->source->config->scope == TG_SCOPE_CLIENT)
        numbered.id = TG_STR(""); /* the backend's own would not name the session */
    numbered.has_no_id = is_plain(up);
    err = tg_stream_append(up->stream, &numbered, upstream_now_ms(up));
    if (err == TG_OK)
        tg_loss_on_event(&up->loss);
    return err;
}

static enum tg_err append_to_all(struct tg_upstream *up, const struct tg_event *event)
{
    tg_worker_run_at_turn_end(up->worker, TG_TURN_PUBLISH, &up->flush_hook);
    if (up->routes)
        return routes_append_to_all(up->routes, event);
    (void)upstream_tell_losses(up, up->stream, &up->loss);
    return tg_stream_append(up->stream, event, upstream_now_ms(up));
}

static void append_marker(struct tg_upstream *up, struct tg_str data)
{
    struct tg_event event = {
        .type = tg_str_from(up->source->names->upstream_event),
        .data = data,
        .is_control = true,
    };
    enum tg_err err = append_to_all(up, &event);

    if (err < 0)
        tg_log(TG_LOG_ERROR, "upstream", "marker_lost", TG_F_STR("stream", upstream_name(up)), TG_F_ERR(err));
}

void upstream_mark(struct tg_upstream *up, struct tg_stream_condition condition, uint64_t flaps)
{
    struct tg_buffer data = { 0 };

    if (is_plain(up))
        return;
    enum tg_err err = tg_stream_condition_write(&data, condition, flaps);
    if (err == TG_OK)
        upstream_in_order(up, append_marker, tg_buffer_view(&data));
    else
        tg_log(TG_LOG_ERROR, "upstream", "marker_lost", TG_F_STR("stream", upstream_name(up)), TG_F_ERR(err));
    tg_buffer_deinit(&data);
}

void upstream_show_condition(struct tg_upstream *up, struct tg_stream_condition condition)
{
    if (up->routes)
        routes_show_condition(up->routes, condition);
    else if (!tg_stream_condition_equals(tg_stream_get_condition(up->stream), condition))
        tg_stream_set_condition(up->stream, condition);
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void end_with_farewell(struct tg_upstream *up, struct tg_stream *stream)
{
    struct tg_buffer data = { 0 };
    /* With an id it also reaches a client that comes back after the last event before it. */
    struct tg_event farewell = { .type = tg_str_from(up->source->names->end_event),
                                 .is_control = !up->is_broken_off };
    enum tg_err err = tg_buffer_appendf(&data, "{\"reason\":\"%s\"", up->farewell);

    if (err == TG_OK && up->refusal)
        err = tg_buffer_appendf(&data, ",\"status\":%u", up->refusal);
    if (err == TG_OK)
        err = tg_buffer_append_str(&data, "}");
    farewell.data = tg_buffer_view(&data);
    err = tg_stream_end(stream, err == TG_OK ? &farewell : NULL, upstream_now_ms(up));
    if (err < 0 && err != TG_ERR_CLOSED)
        tg_log(TG_LOG_ERROR, "upstream", "farewell_lost", TG_F_STR("stream", upstream_name(up)),
               TG_F_ERR(err));
    tg_buffer_deinit(&data);
}

void upstream_end_stream(struct tg_upstream *up, struct tg_stream *stream)
{
    if (!is_plain(up))
        end_with_farewell(up, stream);
    else if (up->is_broken_off)
        tg_stream_break_off(stream);
    else
        tg_stream_end(stream, NULL, upstream_now_ms(up));
}

/* `bytes`: the pointer to the reason. */
static void finish(struct tg_upstream *up, struct tg_str bytes)
{
    if (up->farewell)
        return;
    memcpy(&up->farewell, bytes.data, sizeof(up->farewell));
    tg_figure_add(&upstream_counters(up)->endings[up->is_broken_off ? TG_ENDING_FAILED : TG_ENDING_COMPLETE],
                  1);
    tg_log(upstream_log_level(up), "upstream", "ended", TG_F_STR("stream", upstream_name(up)),
           TG_F_STR("reason", up->farewell));
    tg_upstream_halt(up, UPSTREAM_CLOSE_NORMAL);
    if (up->own)
        upstream_forget_body(up);
    if (up->own)
        tg_expand_drop_messages(up->own); /* the session stays for linger, the prompt need not */
    if (up->routes)
        routes_end_all(up->routes);
    else {
        (void)upstream_tell_losses(up, up->stream, &up->loss);
        upstream_end_stream(up, up->stream);
    }
}

void upstream_finish(struct tg_upstream *up, const char *reason)
{
    if (up->farewell || up->is_finishing)
        return;
    up->is_finishing = true;
    if (upstream_has_waiting(up))
        tg_upstream_halt(up, UPSTREAM_CLOSE_NORMAL);
    upstream_in_order(up, finish, (struct tg_str){ (const char *)&reason, sizeof(reason) });
}

void upstream_finish_now(struct tg_upstream *up, const char *reason)
{
    up->is_finishing = true;
    finish(up, (struct tg_str){ (const char *)&reason, sizeof(reason) });
}

void upstream_break_off(struct tg_upstream *up, unsigned status)
{
    up->is_broken_off = true;
    up->refusal = status;
    upstream_finish(up, "failed");
}
