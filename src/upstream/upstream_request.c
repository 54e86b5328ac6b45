/* One upstream: what its next request is made of.
 *
 *     begin ─► files are read again (fresh.c) ─► what clients have brought (credentials.c) ─► expand ─► go
 *
 * What is up is not disturbed: a connection goes on with what it was made with, while a poll is a request each time. Where
 * something new cannot be part of a request, what was good stays. */
#include "upstream_internal.h"

#include "aftermath.h"

#include "expand.h"

#include <stdlib.h>
#include <string.h>

/* What a member was opened with, for when its configuration is made again. */
struct visit {
    struct tg_pair *parameters;
    size_t parameter_count;
    bool has_body;
    struct tg_buffer body; /* kept only where files are read again */
};

/* ---- remembering ---------------------------------------------------------------------------------- */

static struct tg_str copy(struct tg_str text)
{
    return (struct tg_str){ tg_strndup(tg_text_or_empty(text.data), text.length), text.length };
}

static void free_visit(struct visit *visit)
{
    if (!visit)
        return;
    for (size_t i = 0; i < visit->parameter_count; i++) {
        free((char *)visit->parameters[i].name.data);
        free((char *)visit->parameters[i].value.data);
    }
    free(visit->parameters);
    tg_buffer_deinit(&visit->body);
    free(visit);
}

enum tg_err upstream_remember(struct tg_upstream *up, const struct tg_opening *opening)
{
    struct visit *visit = tg_alloc(sizeof(*visit));
    bool needs_body = opening->has_body && up->source->fresh;

    if (needs_body && tg_buffer_append(&visit->body, opening->body.data, opening->body.length) < 0) {
        free(visit);
        return TG_ERR_MEMORY;
    }
    visit->has_body = opening->has_body;
    visit->parameters = tg_alloc((opening->parameter_count + 1) * sizeof(*visit->parameters));
    for (size_t i = 0; i < opening->parameter_count; i++)
        visit->parameters[visit->parameter_count++] =
            (struct tg_pair){ copy(opening->parameters[i].name), copy(opening->parameters[i].value) };
    up->visit = visit;
    tg_renewal_init(&up->renewal, tg_credentials_new(opening));
    return TG_OK;
}

void upstream_forget_body(struct tg_upstream *up)
{
    if (up->visit)
        tg_buffer_deinit(&up->visit->body);
}

void upstream_forget(struct tg_upstream *up)
{
    free_visit(up->visit);
    tg_renewal_deinit(&up->renewal);
    tg_credentials_free(up->renewed);
    tg_generation_unref(up->generation);
}

void upstream_add_parameters(const struct tg_upstream *up, struct tg_secrets *secrets)
{
    for (size_t i = 0; up->visit && i < up->visit->parameter_count; i++)
        tg_secrets_add(secrets, up->visit->parameters[i].value);
}

/* ---- making it again ------------------------------------------------------------------------------ */

static const struct tg_config_stream *config_of(const struct tg_upstream *up,
                                                const struct tg_generation *generation)
{
    return generation ? tg_generation_config(generation) : up->source->config;
}

static void complain(struct tg_upstream *up, const char *why)
{
    uint32_t suppressed;

    if (tg_log_limit_allows(&up->share->renewal_limit, 1, tg_clock_now_ms(), &suppressed))
        tg_log(TG_LOG_WARNING, "upstream", "request_not_renewed", TG_F_STR("stream", upstream_name(up)),
               TG_F_STR("why", why), TG_F_INT_IF("suppressed", suppressed));
}

/* What goes along only with the messages of the first time, and was not kept, stays as it is. */
static void keep_messages(struct tg_config_upstream *from, struct tg_config_upstream *to)
{
    const struct tg_config_upstream made = *to;

    to->on_open = from->on_open;
    to->on_open_count = from->on_open_count;
    to->body = from->body;
    to->content_type = from->content_type;
    to->method = from->method;
    from->on_open = made.on_open;
    from->on_open_count = made.on_open_count;
    from->body = made.body;
    from->content_type = made.content_type;
}

static enum tg_err expand(const struct tg_upstream *up, const struct tg_config_stream *config,
                          const struct tg_credentials *credentials, struct tg_config_upstream *ret_config,
                          struct tg_buffer *ret_error)
{
    bool has_body = up->visit->has_body && up->source->fresh;
    const struct tg_opening opening = {
        .parameters = up->visit->parameters,
        .parameter_count = up->visit->parameter_count,
        .headers = credentials->headers,
        .header_count = credentials->header_count,
        .query = credentials->query,
        .has_body = has_body,
        .body = tg_buffer_view(&up->visit->body),
    };

    return tg_expand(config, &opening, ret_config, ret_error);
}

/* The generation is taken where it can be used. */
static enum tg_err make_own(struct tg_upstream *up, const struct tg_config_stream *config,
                            struct tg_buffer *ret_error)
{
    struct tg_config_upstream made;
    struct tg_target target;
    enum tg_err err = expand(up, config, tg_renewal_peek(&up->renewal), &made, ret_error);

    if (err < 0)
        return err;
    err = tg_target_init(&target, &made.url);
    if (err < 0) {
        tg_buffer_append_str(ret_error, "url: what the client sent makes none\n");
        tg_expand_deinit(&made);
        return err;
    }
    if (!up->source->fresh)
        keep_messages(up->own, &made);
    tg_expand_deinit(up->own);
    *up->own = made;
    tg_target_deinit(&up->target);
    up->target = target;
    return TG_OK;
}

static enum tg_err make_shared(struct tg_upstream *up, const struct tg_config_stream *config,
                               struct tg_buffer *ret_error)
{
    struct tg_target target;
    enum tg_err err = tg_target_init(&target, &config->upstream.url);

    if (err < 0) {
        tg_buffer_append_str(ret_error, "url: expected one of printable ASCII\n");
        return err;
    }
    up->config = &config->upstream;
    tg_target_deinit(&up->target);
    up->target = target;
    return TG_OK;
}

static bool make(struct tg_upstream *up, const struct tg_config_stream *config)
{
    struct tg_buffer error = { 0 };
    enum tg_err err = up->own ? make_own(up, config, &error) : make_shared(up, config, &error);

    if (err < 0) {
        const char *why = tg_text_or_empty(error.data);
        size_t length = strcspn(why, "\n");
        char *line = tg_strndup(why, length);
        complain(up, length > 0 ? line : tg_err_text(err));
        free(line);
    }
    tg_buffer_deinit(&error);
    return err == TG_OK;
}

/* ---- what is new ---------------------------------------------------------------------------------- */

static bool take_renewed(struct tg_upstream *up)
{
    bool may_be_renewed = up->own && up->source->config->session.is_renewed;
    struct tg_credentials *renewed = may_be_renewed ? upstream_take_renewed(up) : NULL;

    return renewed && tg_renewal_offer(&up->renewal, renewed);
}

static bool take_generation(struct tg_upstream *up, struct tg_generation **ret_generation)
{
    struct tg_generation *generation = up->source->fresh ? tg_fresh_take(up->source->fresh) : NULL;

    *ret_generation = generation;
    return generation != up->generation;
}

static void renew(struct tg_upstream *up)
{
    struct tg_generation *generation;
    bool has_files = take_generation(up, &generation), has_credentials = take_renewed(up);
    bool is_made = true;

    if (has_files || has_credentials || up->is_request_stale)
        is_made = make(up, config_of(up, generation));
    if (!is_made && up->renewal.uses_newest) { /* the likeliest cause, and the files may do without */
        tg_renewal_drop_newest(&up->renewal);
        is_made = make(up, config_of(up, generation));
    }
    up->is_request_stale = false;
    if (!is_made) {
        tg_generation_unref(generation);
        return;
    }
    tg_generation_unref(up->generation);
    up->generation = generation;
}

static void on_fresh(void *arg)
{
    struct tg_upstream *up = arg;

    renew(up);
    up->go(up);
}

void upstream_prepare(struct tg_upstream *up, void (*go)(struct tg_upstream *up))
{
    struct tg_fresh_queue *queue = &up->share->fresh;

    if (!queue->fresh) {
        renew(up);
        go(up);
        return;
    }
    up->go = go;
    up->fresh_wait.on_fresh = on_fresh;
    up->fresh_wait.arg = up;
    tg_fresh_ask(queue, up->worker, &up->fresh_wait);
}

/* ---- what the backend says to it ------------------------------------------------------------------- */

void upstream_note_accepted(struct tg_upstream *up)
{
    if (up->renewal.newest)
        tg_renewal_on_accepted(&up->renewal);
}

bool upstream_note_end(struct tg_upstream *up, const struct tg_link_end *end)
{
    if (!tg_aftermath_is_refusal(up->config, end) || !tg_renewal_on_refused(&up->renewal))
        return false;
    up->is_request_stale = true;
    return true;
}

/* An attempt that is under way is to be judged by what it asked with. */
void tg_upstream_on_renewed(struct tg_upstream *up)
{
    if (up->supervisor.state != TG_UPSTREAM_WAITING || !take_renewed(up))
        return;
    up->is_request_stale = true;
    upstream_handle(up, &(struct tg_supervisor_event){ .kind = TG_SUPERVISOR_RENEWED });
}
