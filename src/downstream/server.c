/* The server's façade: main thread on one side, mails to the shards on the other. */
#include "rate_limit.h"
#include "shard.h"
#include "tidegate/downstream.h"

#include <stdlib.h>
#include <string.h>

enum { RATE_BUCKETS = 32 * 1024 }; /* 2 MiB; who sends no faster than allowed needs one for moments only */

static enum tg_err init_listeners(struct tg_server *server, struct tg_buffer *ret_error)
{
    const struct tg_server_options *options = &server->options;
    server->listeners = tg_alloc(options->listener_count * sizeof(*server->listeners));
    for (size_t i = 0; i < options->listener_count; i++) {
        struct tg_listener_options listener_options = {
            .sse = options->sse,
            .fd_count = server->shard_count,
            .is_dual_stack = tg_config_listener_is_dual_stack(&options->listeners[i], options->listeners,
                                                              options->listener_count),
        };
        enum tg_err err =
            tg_listener_init(&server->listeners[i], &options->listeners[i], &listener_options, ret_error);
        if (err)
            return err;
    }
    return TG_OK;
}

static void init_limits(struct tg_server *server)
{
    const struct tg_config_limits *limits = server->options.limits;
    const struct tg_config_sse *sse = server->options.sse;
    size_t room = tg_limits_connections(tg_net_open_files());
    size_t wanted = (size_t)limits->connections;
    size_t unless_set = tg_limits_leave_room(room, server->options.upstreams_max);
    server->admissions.limit = wanted == 0 ? unless_set : wanted < room ? wanted : room;
    if (wanted > room)
        tg_log(TG_LOG_WARNING, "downstream", "connections_limited_by_open_files",
               TG_F_STR("server", server->options.name), TG_F_INT("wanted", wanted),
               TG_F_INT("allowed", room));
    server->addresses = tg_addresses_new((size_t)limits->connections_per_address);
    for (size_t i = 0; i < server->options.listener_count; i++)
        if (server->options.listeners[i].tls.is_set && !server->hellos.all && !server->hellos.by_address)
            tg_hellos_init(&server->hellos, limits);
    size_t share = ((size_t)limits->pending_requests + server->shard_count - 1) / server->shard_count;
    server->pending_limit = share > 0 ? share : 1;
    server->heartbeat_s = sse->heartbeat_ms >= 1000 ? (uint32_t)(sse->heartbeat_ms / 1000) : 1;
    server->stall_s = sse->stall_timeout_ms >= 1000 ? (uint32_t)(sse->stall_timeout_ms / 1000) : 1;
}

enum tg_err tg_server_new(const struct tg_server_options *options, struct tg_server **ret_server,
                          struct tg_buffer *ret_error)
{
    struct tg_server *server = tg_alloc(sizeof(*server));
    server->options = *options;
    server->shard_count = options->first_worker_only ? 1 : tg_worker_pool_size(options->pool);
    enum tg_err err = init_listeners(server, ret_error);
    if (err)
        goto fail;
    init_limits(server);
    server->shards = tg_alloc(server->shard_count * sizeof(*server->shards));
    for (size_t i = 0; i < server->shard_count; i++)
        server->shards[i] = tg_shard_new(server, tg_worker_pool_get(options->pool, i));
    *ret_server = server;
    return TG_OK;
fail:
    tg_server_free(server);
    return err;
}

enum tg_err tg_server_add_route(struct tg_server *server, const struct tg_route *route)
{
    if (route->rate && !server->rate_limit)
        server->rate_limit = tg_rate_limit_new(RATE_BUCKETS);
    return tg_router_add(&server->router, route);
}

static void on_start_mail(void *context, uint64_t id, uint64_t value)
{
    (void)id;
    (void)value;
    tg_shard_start(context);
}

void tg_server_start(struct tg_server *server)
{
    for (size_t i = 0; i < server->shard_count; i++)
        tg_worker_post(server->shards[i]->worker, on_start_mail, server->shards[i], 0, 0);
}

int tg_server_port(const struct tg_server *server, size_t listener_index)
{
    return listener_index < server->options.listener_count ? server->listeners[listener_index].port : 0;
}

static void on_drain_mail(void *context, uint64_t id, uint64_t value)
{
    (void)id;
    tg_drain_begin(context, value);
}

void tg_server_drain(struct tg_server *server, uint64_t spread_ms)
{
    for (size_t i = 0; i < server->shard_count; i++)
        tg_worker_post(server->shards[i]->worker, on_drain_mail, server->shards[i], 0, spread_ms);
}

size_t tg_server_connection_count(const struct tg_server *server)
{
    return atomic_load_explicit(&server->admissions.admitted, memory_order_relaxed) +
           atomic_load_explicit(&server->admissions.refused, memory_order_relaxed);
}

void tg_server_get_stats(const struct tg_server *server, struct tg_server_stats *ret_stats)
{
    struct tg_server_stats sum = { 0 };
    for (size_t i = 0; i < server->shard_count; i++)
        tg_counters_sum(&server->shards[i]->counters, &sum);
    *ret_stats = sum;
}

void tg_server_free(struct tg_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; server->shards && i < server->shard_count; i++)
        tg_shard_free(server->shards[i]);
    for (size_t i = 0; server->listeners && i < server->options.listener_count; i++) {
        if (server->listeners[i].config)
            tg_listener_deinit(&server->listeners[i]);
    }
    tg_addresses_free(server->addresses);
    tg_rate_limit_free(server->rate_limit);
    tg_hellos_deinit(&server->hellos);
    tg_router_deinit(&server->router);
    free(server->shards);
    free(server->listeners);
    free(server);
}
