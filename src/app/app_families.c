/* Streams that are not shared by everyone: families, whose members get their upstreams when somebody asks for them.
 *
 *     client ─► family ─► on_open ─► upstream set ─► …  nobody for linger ─► sweep ─► on_close ─► upstream set */
#include "app_private.h"

#include <stdlib.h>
#include <string.h>

static enum tg_err on_open(void *arg, struct tg_stream *stream, const struct tg_opening *opening)
{
    const struct tg_app_family *family = arg;
    struct tg_app *app = family->app;
    struct tg_buffer error = { 0 };
    enum tg_err err = tg_upstream_set_open(app->upstreams, family->index, stream, opening, &error);
    if (opening->complaint && (err == TG_ERR_INVALID || err == TG_ERR_TOO_LARGE))
        (void)tg_buffer_append(opening->complaint, tg_text_or_empty(error.data),
                               strcspn(tg_text_or_empty(error.data), "\n"));
    if (err) /* told by who asked, who may be many */
        tg_log(TG_LOG_DEBUG, "app", "member_failed",
               TG_F_STR("stream", app->config->streams[family->index].name), TG_F_ERR(err),
               TG_F_STR_IF("detail", error.data));
    else
        atomic_fetch_add(&app->member_moves, 1);
    tg_buffer_deinit(&error);
    return err;
}

static void on_renew(void *arg, struct tg_stream *stream, const struct tg_opening *opening)
{
    const struct tg_app_family *family = arg;
    tg_upstream_set_renew(family->app->upstreams, stream, opening);
}

/* What the member has said counts on, when the member has gone. */
static void on_close(void *arg, struct tg_stream *stream)
{
    struct tg_app_family *family = arg;
    struct tg_stream_stats stats;
    tg_upstream_set_close(family->app->upstreams, family->index, stream);
    atomic_fetch_add(&family->app->member_moves, 1);
    tg_stream_get_stats(stream, &stats);
    atomic_fetch_add(&family->ended_events, stats.events);
    atomic_fetch_add(&family->ended_bytes, stats.bytes);
}

bool tg_app_is_family(const struct tg_config_stream *config)
{
    return config->scope != TG_SCOPE_SHARED || config->route.by != NULL;
}

static struct tg_family *new_family(struct tg_app_family *family, const struct tg_config_stream *config)
{
    return tg_family_new(&(struct tg_family_options){
        .name = config->name,
        .retain_events = (uint64_t)config->retain.events,
        .retain_bytes = (uint64_t)config->retain.bytes,
        .retain_age_ms = (uint64_t)config->retain.age_ms,
        .max_members = (size_t)config->max_members,
        .linger_ms = (uint64_t)config->upstream.linger_ms,
        .hooks = { .open = on_open, .close = on_close, .renew = on_renew, .arg = family },
    });
}

enum tg_err tg_app_add_family(struct tg_app *app, size_t index, struct tg_buffer *ret_error)
{
    const struct tg_config_stream *config = &app->config->streams[index];
    struct tg_app_family *family = tg_alloc(sizeof(*family));
    family->app = app;
    family->index = index;
    family->family = new_family(family, config);
    app->families[index] = family;
    app->family_names[app->family_count] = config->name;
    app->family_indexes[app->family_count++] = index;
    if (config->route.by)
        return tg_upstream_set_add_routed(app->upstreams, config, &app->config->sse, family->family,
                                          index % tg_worker_pool_size(app->pool), ret_error);
    return tg_upstream_set_add_family(app->upstreams, config, &app->config->sse, ret_error);
}

void tg_app_free_families(struct tg_app *app)
{
    for (size_t i = 0; app->families && i < app->config->stream_count; i++) {
        if (!app->families[i])
            continue;
        tg_family_free(app->families[i]->family);
        free(app->families[i]);
    }
    free(app->families);
    free(app->family_names);
    free(app->family_indexes);
}

/* ---- figures ----------------------------------------------------------------------------------- */

/* While a member goes it is counted nowhere for a moment: what is shown of a counter does not go back for that. */
static uint64_t show(_Atomic uint64_t *shown, uint64_t value)
{
    uint64_t before = atomic_load(shown);
    while (before < value && !atomic_compare_exchange_weak(shown, &before, value))
        ;
    return before < value ? value : before;
}

void tg_app_get_family_stats(void *arg, size_t index, struct tg_family_stats *ret_stats)
{
    const struct tg_app *app = arg;
    size_t stream_index = app->family_indexes[index];
    struct tg_app_family *family = app->families[stream_index];
    struct tg_upstream_stats upstream;
    uint64_t events = atomic_load(&family->ended_events), bytes = atomic_load(&family->ended_bytes);
    tg_family_get_stats(family->family, ret_stats);
    tg_upstream_set_get_stats(app->upstreams, stream_index, &upstream);
    ret_stats->events = show(&family->shown_events, ret_stats->events + events);
    ret_stats->bytes = show(&family->shown_bytes, ret_stats->bytes + bytes);
    ret_stats->subscribers -= upstream.held < ret_stats->subscribers ? upstream.held : ret_stats->subscribers;
}

/* ---- the sweep ----------------------------------------------------------------------------------- */

static void on_tick(struct tg_tick *tick, struct tg_worker *worker, uint64_t now_ms)
{
    struct tg_app *app = TG_CONTAINER_OF(tick, struct tg_app, sweep);
    (void)worker;
    (void)now_ms; /* of the loop; families go by the clock itself */
    for (size_t i = 0; i < app->family_count; i++)
        tg_family_sweep(app->families[app->family_indexes[i]]->family, tg_clock_now_ms());
}

static void on_start_mail(void *context, uint64_t id, uint64_t value)
{
    struct tg_app *app = context;
    (void)id;
    (void)value;
    app->sweep.on_tick = on_tick;
    tg_worker_add_tick(tg_worker_pool_get(app->pool, 0), &app->sweep);
}

void tg_app_start_families(struct tg_app *app)
{
    if (app->family_count > 0)
        tg_worker_post(tg_worker_pool_get(app->pool, 0), on_start_mail, app, 0, 0);
}
