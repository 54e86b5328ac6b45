/* A running Tidegate is put together here, bottom up, and taken apart in reverse.
 *
 *   config ─► pool ─► nets ─► streams, registry, families ─► upstreams ─► public server, routes ─► admin server
 *
 * Each stream that is shared is owned by one worker, by its place in the configuration; its upstream lives there too. */
#include "app_private.h"
#include "heap.h"
#include "signals.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Besides clients and upstreams: files, listeners, libraries, refusals, and what is closing. */
enum { DESCRIPTORS_SPARE = 4096 };

static enum tg_err add_shared(struct tg_app *app, size_t index, struct tg_buffer *ret_error)
{
    const struct tg_config_stream *config = &app->config->streams[index];
    struct tg_stream_options options = {
        .name = config->name,
        .retain_events = (uint64_t)config->retain.events,
        .retain_bytes = (uint64_t)config->retain.bytes,
        .retain_age_ms = (uint64_t)config->retain.age_ms,
    };
    app->streams[index] = tg_stream_new(&options);
    if (!app->streams[index])
        return TG_ERR_MEMORY;
    enum tg_err err = tg_registry_add(app->registry, app->streams[index]);
    if (err)
        return err;
    size_t worker = index % tg_worker_pool_size(app->pool);
    return tg_upstream_set_add(app->upstreams, config, &app->config->sse, app->streams[index], worker,
                               ret_error);
}

static enum tg_err add_stream(struct tg_app *app, size_t index)
{
    const struct tg_config_stream *config = &app->config->streams[index];
    struct tg_buffer error = { 0 };
    enum tg_err err =
        tg_app_is_family(config) ? tg_app_add_family(app, index, &error) : add_shared(app, index, &error);
    if (err)
        tg_log(TG_LOG_ERROR, "app", "stream_failed", TG_F_STR("stream", config->name), TG_F_ERR(err),
               TG_F_STR_IF("detail", error.data));
    tg_buffer_deinit(&error);
    return err;
}

static enum tg_err add_streams(struct tg_app *app)
{
    app->registry = tg_registry_new();
    app->upstreams = tg_upstream_set_new(app->pool, app->nets);
    tg_upstream_set_limit_connects(app->upstreams, &app->config->limits.upstream_connects);
    size_t room = app->config->stream_count + 1;
    app->streams = tg_alloc(room * sizeof(*app->streams));
    app->families = tg_alloc(room * sizeof(struct tg_app_family *));
    app->family_names = tg_alloc(room * sizeof(char *));
    app->family_indexes = tg_alloc(room * sizeof(*app->family_indexes));
    enum tg_err err = TG_OK;
    for (size_t i = 0; i < app->config->stream_count && !err; i++)
        err = add_stream(app, i);
    return err;
}

/* A member of a family without `route` has its own. */
static size_t count_upstreams(const struct tg_config *config)
{
    size_t count = 0;
    for (size_t i = 0; i < config->stream_count; i++)
        if (tg_app_is_family(&config->streams[i]) && !config->streams[i].route.by)
            count += (size_t)config->streams[i].max_members;
    return count;
}

/* 0: the default will do. */
static size_t count_descriptors(const struct tg_config *config)
{
    size_t upstreams = count_upstreams(config) + config->stream_count;
    size_t connections = (size_t)config->limits.connections;
    return connections > 0 || upstreams > DESCRIPTORS_SPARE ? connections + upstreams + DESCRIPTORS_SPARE : 0;
}

static enum tg_err add_public_server(struct tg_app *app, const struct tg_route *extra, size_t extra_count)
{
    const struct tg_config *config = app->config;
    struct tg_server_options options = {
        .name = "public",
        .pool = app->pool,
        .nets = app->nets,
        .listeners = config->listeners,
        .listener_count = config->listener_count,
        .limits = &config->limits,
        .sse = &config->sse,
        .upstreams_max = count_upstreams(config),
    };
    struct tg_buffer error = { 0 };
    enum tg_err err = tg_server_new(&options, &app->server, &error);
    if (err)
        tg_log(TG_LOG_ERROR, "app", "listen_failed", TG_F_STR("server", "public"), TG_F_ERR(err),
               TG_F_STR_IF("detail", error.data));
    tg_buffer_deinit(&error);
    for (size_t i = 0; i < extra_count && !err; i++)
        err = tg_server_add_route(app->server, &extra[i]);
    return err ? err : tg_app_add_routes(app);
}

static void make_admin(struct tg_app *app)
{
    app->shown_servers[0] = app->server;
    app->shown_servers[1] = app->admin_server;
    app->shown_names[0] = "public";
    app->shown_names[1] = "admin";
    app->admin = tg_admin_new(&(struct tg_admin_sources){
        .servers = app->shown_servers,
        .server_names = app->shown_names,
        .server_count = TG_COUNT_OF(app->shown_servers),
        .registry = app->registry,
        .upstreams = app->upstreams,
        .family_count = app->family_count,
        .family_names = app->family_names,
        .get_family_stats = tg_app_get_family_stats,
        .families_arg = app,
        .started_ms = tg_clock_wall_ms(),
    });
}

/* Its default port may belong to somebody else; only who asked for it must get it. */
static enum tg_err add_admin_server(struct tg_app *app)
{
    const struct tg_config_admin *config = &app->config->admin;
    if (!config->enabled)
        return TG_OK;
    app->admin_listener = (struct tg_config_listener){ .address = config->address, .port = config->port };
    struct tg_server_options options = {
        .name = "admin",
        .pool = app->pool,
        .nets = app->nets,
        .first_worker_only = true,
        .listeners = &app->admin_listener,
        .listener_count = 1,
        .limits = &app->config->limits,
        .sse = &app->config->sse,
    };
    struct tg_buffer error = { 0 };
    enum tg_err err = tg_server_new(&options, &app->admin_server, &error);
    if (err)
        tg_log(config->is_set ? TG_LOG_ERROR : TG_LOG_WARNING, "app",
               config->is_set ? "listen_failed" : "admin_left_out", TG_F_STR("server", "admin"),
               TG_F_ERR(err), TG_F_STR_IF("detail", error.data));
    tg_buffer_deinit(&error);
    if (err)
        return config->is_set ? err : TG_OK;
    make_admin(app);
    return tg_admin_add_routes(app->admin, app->admin_server);
}

enum tg_err tg_app_new(struct tg_config *config, const struct tg_route *extra_routes,
                       size_t extra_route_count, struct tg_app **ret_app)
{
    struct tg_app *app = tg_alloc(sizeof(*app));
    app->config = config;
    tg_log_configure((enum tg_log_level)config->log.level, (enum tg_log_format)config->log.format);
    tg_log(TG_LOG_INFO, "app", "configuration", TG_F_STR("file", config->source));
    for (char **line = config->warnings; line && *line; line++)
        tg_log(TG_LOG_WARNING, "app", "configuration_warning", TG_F_STR("detail", *line));
    tg_signals_block(&app->signals_before);
    tg_heap_configure();

    enum tg_err err = tg_worker_pool_new((size_t)config->workers, &app->pool);
    if (err) {
        tg_log(TG_LOG_ERROR, "app", "workers_failed", TG_F_ERR(err));
        goto fail;
    }
    tg_net_raise_open_files(count_descriptors(config));
    app->nets = tg_nets_new(app->pool);
    if (!app->nets) {
        err = TG_ERR_MEMORY;
        tg_log(TG_LOG_ERROR, "app", "libwebsockets_failed",
               TG_F_STR("hint", "is its libuv plug-in installed?"));
        goto fail;
    }
    err = add_streams(app);
    if (err)
        goto fail;
    err = add_public_server(app, extra_routes, extra_route_count);
    if (err)
        goto fail;
    err = add_admin_server(app);
    if (err)
        goto fail;
    *ret_app = app;
    return TG_OK;
fail:
    tg_app_free(app);
    return err;
}

void tg_app_free(struct tg_app *app)
{
    if (!app)
        return;
    if (app->pool)
        tg_worker_pool_stop(app->pool);
    if (app->admin_server)
        tg_server_free(app->admin_server);
    if (app->admin)
        tg_admin_free(app->admin);
    if (app->server)
        tg_server_free(app->server);
    tg_app_free_families(app);
    if (app->upstreams)
        tg_upstream_set_free(app->upstreams);
    for (size_t i = 0; app->streams && i < app->config->stream_count; i++)
        tg_stream_unref(app->streams[i]);
    free(app->streams);
    if (app->registry)
        tg_registry_free(app->registry);
    tg_nets_free(app->nets);
    if (app->pool)
        tg_worker_pool_free(app->pool);
    for (size_t i = 0; app->files && i < app->config->route_count; i++)
        tg_buffer_deinit(&app->files[i]);
    free(app->files);
    if (!tg_worker_pool_has_stragglers()) /* one of them may be reading a file again */
        tg_config_free(app->config);
    pthread_sigmask(SIG_SETMASK, &app->signals_before, NULL);
    free(app);
}

struct tg_server *tg_app_peek_server(const struct tg_app *app)
{
    return app->server;
}
