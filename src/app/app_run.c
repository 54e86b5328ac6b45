/* Serving, from the start of the workers to the end of the drain, on the main thread.
 *
 *   start ─► wait for a signal ─► drain: not ready, clients told to come back ─► stop the upstreams ─► exit 0
 *
 * The upstreams stay until the drain has ended, so that nobody misses an event of these seconds. A second
 * signal, at any time after the first, ends it at once with exit code 1: during the drain within a second, in which as
 * much is taken apart as can be. */
#include "app_private.h"
#include "heap.h"
#include "signals.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
    DRAIN_GRACE_MS = 2000, /* for responses that are on their way when the spread is over */
    CLOSE_GRACE_MS = 1000, /* for the upstreams' close frames */
    AT_ONCE_S = 1,
    LOOK_EVERY_MS = 20,
    HEAP_EVERY_MS = 2000
};

static void log_listeners(const struct tg_server *server, const char *name,
                          const struct tg_config_listener *listeners, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct tg_config_listener *listener = &listeners[i];
        if (listener->unix_path)
            tg_log(TG_LOG_INFO, "app", "listening", TG_F_STR("server", name),
                   TG_F_STR("unix", listener->unix_path), TG_F_INT_IF("tls", listener->tls.is_set));
        else
            tg_log(TG_LOG_INFO, "app", "listening", TG_F_STR("server", name),
                   TG_F_STR("address", listener->address), TG_F_INT("port", tg_server_port(server, i)),
                   TG_F_INT_IF("tls", listener->tls.is_set));
    }
}

static enum tg_err start(struct tg_app *app)
{
    tg_server_start(app->server);
    if (app->admin_server)
        tg_server_start(app->admin_server);
    tg_upstream_set_start(app->upstreams);
    tg_app_start_families(app);
    enum tg_err err = tg_worker_pool_start(app->pool);
    if (err) {
        tg_log(TG_LOG_ERROR, "app", "workers_failed", TG_F_ERR(err));
        return err;
    }
    log_listeners(app->server, "public", app->config->listeners, app->config->listener_count);
    if (app->admin_server)
        log_listeners(app->admin_server, "admin", &app->admin_listener, 1);
    tg_log(TG_LOG_INFO, "app", "ready", TG_F_STR("version", TIDEGATE_VERSION),
           TG_F_INT("workers", tg_worker_pool_size(app->pool)),
           TG_F_INT("streams", app->config->stream_count));
    return TG_OK;
}

static bool clients_are_gone(const struct tg_app *app)
{
    return tg_server_connection_count(app->server) == 0;
}

static bool upstreams_are_stopped(const struct tg_app *app)
{
    for (size_t i = 0; i < tg_upstream_set_count(app->upstreams); i++) {
        struct tg_upstream_stats stats;
        tg_upstream_set_get_stats(app->upstreams, i, &stats);
        if (stats.states[TG_UPSTREAM_CONNECTING] + stats.states[TG_UPSTREAM_UP] +
                stats.states[TG_UPSTREAM_WAITING] >
            0)
            return false;
    }
    return true;
}

/* Waits until `is_done` or the limit. False: a signal came meanwhile. */
static bool wait_until(const struct tg_app *app, bool (*is_done)(const struct tg_app *app), uint64_t limit_ms)
{
    uint64_t end_ms = tg_clock_now_ms() + limit_ms;
    while (!is_done(app) && tg_clock_now_ms() < end_ms) {
        if (tg_signals_take(LOOK_EVERY_MS))
            return false;
    }
    return true;
}

static bool end_in_order(struct tg_app *app)
{
    uint64_t spread_ms = (uint64_t)app->config->drain_ms;
    if (app->admin)
        tg_admin_set_draining(app->admin);
    tg_server_drain(app->server, spread_ms);
    if (!wait_until(app, clients_are_gone, spread_ms + DRAIN_GRACE_MS))
        return false;
    if (!clients_are_gone(app))
        tg_log(TG_LOG_WARNING, "app", "drain_cut_short",
               TG_F_INT("connections", tg_server_connection_count(app->server)));
    tg_upstream_set_stop(app->upstreams);
    return wait_until(app, upstreams_are_stopped, CLOSE_GRACE_MS);
}

/* Members go long after their clients. */
static uint64_t count_moves(const struct tg_app *app)
{
    struct tg_server_stats stats;
    tg_server_get_stats(app->server, &stats);
    return stats.accepted + (stats.accepted - stats.connections) + atomic_load(&app->member_moves);
}

static int serve_until_signal(const struct tg_app *app)
{
    struct tg_heap_watch watch = { 0 };
    for (;;) {
        int number = tg_signals_take(HEAP_EVERY_MS);
        if (number)
            return number;
        if (tg_heap_watch_is_due(&watch, count_moves(app)))
            tg_heap_give_back();
    }
}

static void on_late_signal(int number)
{
    (void)number;
    _exit(TG_EXIT_FAILURE);
}

/* While all is taken apart, for which a worker that is busy (with a jq filter, say) has to be waited for. */
static void end_by_signals(void)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGALRM };
    const struct sigaction action = { .sa_handler = on_late_signal };
    for (size_t i = 0; i < TG_COUNT_OF(numbers); i++)
        sigaction(numbers[i], &action, NULL);
    tg_signals_unblock_end();
}

enum tg_exit tg_app_run(struct tg_app *app)
{
    if (start(app))
        return TG_EXIT_FAILURE;
    int number = serve_until_signal(app);
    tg_log(TG_LOG_INFO, "app", "draining", TG_F_STR("signal", sigabbrev_np(number)),
           TG_F_INT("connections", tg_server_connection_count(app->server)),
           TG_F_INT("drain_ms", app->config->drain_ms));

    bool is_orderly = end_in_order(app);
    end_by_signals();
    if (!is_orderly) {
        tg_log(TG_LOG_WARNING, "app", "ended_at_once", TG_F_STR("cause", "a second signal"));
        alarm(AT_ONCE_S);
    }
    tg_worker_pool_stop(app->pool);
    tg_log(TG_LOG_INFO, "app", "stopped");
    return is_orderly ? TG_EXIT_OK : TG_EXIT_FAILURE;
}
