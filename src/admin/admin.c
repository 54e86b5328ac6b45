/* The admin's pages: life, readiness, and the three routes. */
#include "tidegate/admin.h"

#include "metrics.h"

#include <stdatomic.h>
#include <stdlib.h>

struct tg_admin {
    struct tg_admin_sources sources;
    atomic_bool is_draining;
};

struct tg_admin *tg_admin_new(const struct tg_admin_sources *sources)
{
    struct tg_admin *admin = tg_alloc(sizeof(*admin));
    admin->sources = *sources;
    return admin;
}

void tg_admin_free(struct tg_admin *admin)
{
    free(admin);
}

void tg_admin_set_draining(struct tg_admin *admin)
{
    atomic_store(&admin->is_draining, true);
}

void tg_admin_write_metrics(const struct tg_admin *admin, struct tg_buffer *out)
{
    tg_metrics_write(&admin->sources, out);
}

bool tg_admin_write_readiness(const struct tg_admin *admin, struct tg_buffer *out)
{
    if (atomic_load(&admin->is_draining)) {
        tg_buffer_append_str(out, "draining\n");
        return false;
    }
    bool is_ready = true;
    for (size_t i = 0; i < tg_upstream_set_count(admin->sources.upstreams); i++) {
        struct tg_upstream_stats stats;
        tg_upstream_set_get_stats(admin->sources.upstreams, i, &stats);
        if (!stats.required || stats.state == TG_UPSTREAM_UP || stats.recycling > 0)
            continue;
        tg_buffer_appendf(out, "upstream of %s is %s\n", stats.stream_name,
                          tg_upstream_state_text(stats.state));
        is_ready = false;
    }
    if (is_ready)
        tg_buffer_append_str(out, "ready\n");
    return is_ready;
}

/* ---- handlers ---------------------------------------------------------------------------------- */

static const char plain_text[] = "text/plain; charset=utf-8";

static void on_health(void *arg, const struct tg_http_request *request, struct tg_http_response *response)
{
    (void)arg;
    (void)request;
    response->content_type = plain_text;
    tg_buffer_append_str(&response->body, "ok\n");
}

static void on_readiness(void *arg, const struct tg_http_request *request, struct tg_http_response *response)
{
    (void)request;
    response->content_type = plain_text;
    response->status = tg_admin_write_readiness(arg, &response->body) ? 200 : 503;
}

static void on_metrics(void *arg, const struct tg_http_request *request, struct tg_http_response *response)
{
    (void)request;
    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    tg_admin_write_metrics(arg, &response->body);
}

enum tg_err tg_admin_add_routes(struct tg_admin *admin, struct tg_server *server)
{
    const struct tg_route routes[] = {
        { .path = "/healthz", .kind = TG_ROUTE_HANDLER, .handler = on_health, .handler_arg = admin },
        { .path = "/readyz", .kind = TG_ROUTE_HANDLER, .handler = on_readiness, .handler_arg = admin },
        { .path = "/metrics", .kind = TG_ROUTE_HANDLER, .handler = on_metrics, .handler_arg = admin },
    };
    enum tg_err err = TG_OK;
    for (size_t i = 0; i < TG_COUNT_OF(routes) && !err; i++)
        err = tg_server_add_route(server, &routes[i]);
    return err;
}
