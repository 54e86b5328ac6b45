/* All upstreams, grouped by worker. A group is made when its first upstream is added; what its upstreams need, a
 * libwebsockets context, an HTTP client or both, is made on the worker's own thread when the set is started. */
#include "upstream_internal.h"

#include <stdlib.h>

struct group {
    struct tg_upstream_set *set;
    struct tg_worker *worker;    /* NULL: no upstream lives there */
    struct tg_context *context;  /* NULL: no upstream needs it, or it could not be made */
    struct tg_http_client *http; /* the same */
    struct tg_tick tick;
    bool is_started;
    size_t websocket_count, http_count;
};

struct tg_upstream_set {
    struct tg_worker_pool *pool;
    struct group *groups; /* by worker index */
    struct tg_upstream **upstreams;
    size_t count;
};

static void on_demand(void *arg, bool has_subscribers);

struct tg_upstream_set *tg_upstream_set_new(struct tg_worker_pool *pool)
{
    struct tg_upstream_set *set = tg_alloc(sizeof(*set));

    set->pool = pool;
    set->groups = tg_alloc(tg_worker_pool_size(pool) * sizeof(*set->groups));
    return set;
}

enum tg_err tg_upstream_set_add(struct tg_upstream_set *set, const struct tg_config_stream *config,
                                const struct tg_config_sse *names, struct tg_stream *stream,
                                size_t worker_index, struct tg_buffer *ret_error)
{
    struct tg_worker *worker = tg_worker_pool_get(set->pool, worker_index);
    struct tg_upstream *upstream;
    enum tg_err err = tg_upstream_new(config, names, stream, worker, &upstream, ret_error);

    if (err < 0)
        return err;
    set->upstreams = tg_realloc_array(set->upstreams, set->count + 1, sizeof(struct tg_upstream *));
    set->upstreams[set->count++] = upstream;
    struct group *group = &set->groups[worker_index];
    group->set = set;
    group->worker = worker;
    if (config->upstream.kind == TG_UPSTREAM_WEBSOCKET)
        group->websocket_count++;
    else
        group->http_count++;
    if (config->upstream.connect == TG_CONNECT_ON_DEMAND)
        tg_stream_on_demand(stream, on_demand, upstream);
    return TG_OK;
}

/* ---- mails ------------------------------------------------------------------------------------ */

static void on_tick(struct tg_tick *tick, struct tg_worker *worker, uint64_t now_ms)
{
    struct group *group = TG_CONTAINER_OF(tick, struct group, tick);

    for (size_t i = 0; i < group->set->count; i++)
        if (group->set->upstreams[i]->worker == worker)
            tg_stream_evict(group->set->upstreams[i]->stream, now_ms);
}

static void make_libraries(struct group *group)
{
    size_t worker = tg_worker_index(group->worker);

    if (group->websocket_count > 0)
        group->context = tg_context_new(group->worker, group->websocket_count);
    if (group->websocket_count > 0 && !group->context)
        tg_log(TG_LOG_ERROR, "upstream", "libwebsockets_failed", TG_F_INT("worker", worker),
               TG_F_STR("hint", "is its libuv plug-in installed?"));
    if (group->http_count > 0)
        group->http = tg_http_client_new(group->worker);
    if (group->http_count > 0 && !group->http)
        tg_log(TG_LOG_ERROR, "upstream", "libcurl_failed", TG_F_INT("worker", worker));
}

static void begin(struct group *group, struct tg_upstream *upstream)
{
    bool is_websocket = upstream->config->upstream.kind == TG_UPSTREAM_WEBSOCKET;

    if (is_websocket ? group->context != NULL : group->http != NULL)
        tg_upstream_begin(upstream, group->context, group->http);
}

static void on_start_mail(void *context, uint64_t id, uint64_t value)
{
    struct group *group = context;

    (void)id, (void)value;
    if (group->is_started)
        return;
    group->is_started = true;
    group->tick.on_tick = on_tick;
    tg_worker_add_tick(group->worker, &group->tick);
    make_libraries(group);
    for (size_t i = 0; i < group->set->count; i++)
        if (group->set->upstreams[i]->worker == group->worker)
            begin(group, group->set->upstreams[i]);
}

static void on_demand_mail(void *context, uint64_t id, uint64_t value)
{
    (void)id, (void)value;
    tg_upstream_check_demand(context);
}

static void on_stop_mail(void *context, uint64_t id, uint64_t value)
{
    (void)id, (void)value;
    tg_upstream_halt(context);
}

/* Any thread. The mail says only that something changed: the worker looks at the number itself, since mails
 * of two threads may come in another order than the changes. */
static void on_demand(void *arg, bool has_subscribers)
{
    struct tg_upstream *upstream = arg;

    (void)has_subscribers;
    tg_worker_post(upstream->worker, on_demand_mail, upstream, 0, 0);
}

/* ---- life ------------------------------------------------------------------------------------- */

void tg_upstream_set_start(struct tg_upstream_set *set)
{
    for (size_t i = 0; i < tg_worker_pool_size(set->pool); i++)
        if (set->groups[i].worker)
            tg_worker_post(set->groups[i].worker, on_start_mail, &set->groups[i], 0, 0);
}

void tg_upstream_set_stop(struct tg_upstream_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        tg_worker_post(set->upstreams[i]->worker, on_stop_mail, set->upstreams[i], 0, 0);
}

void tg_upstream_set_free(struct tg_upstream_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->count; i++) {
        tg_stream_on_demand(set->upstreams[i]->stream, NULL, NULL);
        tg_upstream_release(set->upstreams[i]);
    }
    for (size_t i = 0; i < tg_worker_pool_size(set->pool); i++) {
        tg_context_free(set->groups[i].context);
        if (set->groups[i].http)
            tg_http_client_free(set->groups[i].http);
    }
    for (size_t i = 0; i < set->count; i++)
        tg_upstream_free(set->upstreams[i]);
    free(set->upstreams);
    free(set->groups);
    free(set);
}

/* ---- looking ---------------------------------------------------------------------------------- */

size_t tg_upstream_set_count(const struct tg_upstream_set *set)
{
    return set->count;
}

static uint64_t load(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static enum tg_upstream_state load_state(const struct tg_upstream *upstream)
{
    return (enum tg_upstream_state)atomic_load_explicit(&upstream->counters.state, memory_order_relaxed);
}

static bool is_idle_on_demand(const struct tg_upstream *upstream)
{
    return upstream->config->upstream.connect == TG_CONNECT_ON_DEMAND &&
           load_state(upstream) == TG_UPSTREAM_IDLE;
}

void tg_upstream_set_get_stats(const struct tg_upstream_set *set, size_t index,
                               struct tg_upstream_stats *ret_stats)
{
    const struct tg_upstream *upstream = set->upstreams[index];
    const struct tg_counters *counters = &upstream->counters;
    struct tg_upstream_stats stats = {
        .stream_name = upstream->config->name,
        .state = load_state(upstream),
        .required = upstream->config->upstream.required && !is_idle_on_demand(upstream),
        .connects = load(&counters->connects),
        .attempts = load(&counters->attempts),
        .messages = load(&counters->messages),
        .message_bytes = load(&counters->message_bytes),
        .oversize = load(&counters->oversize),
        .filtered = load(&counters->filtered),
        .repeated = load(&counters->repeated),
        .state_since_ms = load(&counters->state_since_ms),
    };

    _Static_assert(TG_COUNT_OF(stats.misfits) >= TG_MISFIT_COUNT, "room for each misfit");
    for (size_t i = 0; i < TG_REASON_COUNT; i++)
        stats.failures[i] = load(&counters->failures[i]);
    for (size_t i = 0; i < TG_MISFIT_COUNT; i++)
        stats.misfits[i] = load(&counters->misfits[i]);
    *ret_stats = stats;
}
