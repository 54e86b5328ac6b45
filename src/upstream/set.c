/* All upstreams, grouped by worker. What the upstreams of a group need, WebSocket links, an HTTP client or both,
 * is made on the worker's own thread when the set is started. */
#include "set_internal.h"

#include "routes.h"
#include "websockets.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    HTTP_USERS_MAX = 256, /* upstreams that share a client of libcurl's */
    IDLE_MAX = 256,       /* connections over HTTP that the first of them keeps */
    MORE_IDLE_MAX = 16,   /* and each that follows: they stay when many have gone */
};

struct tg_upstream_set *tg_upstream_set_new(struct tg_worker_pool *pool, struct tg_nets *nets)
{
    struct tg_upstream_set *set = tg_alloc(sizeof(*set));

    set->pool = pool;
    set->nets = nets;
    pthread_mutex_init(&set->lock, NULL);
    set->groups = tg_alloc(tg_worker_pool_size(pool) * sizeof(*set->groups));
    for (size_t i = 0; i < tg_worker_pool_size(pool); i++) {
        set->groups[i].set = set;
        set->groups[i].worker = tg_worker_pool_get(pool, i);
    }
    return set;
}

void tg_upstream_set_limit_connects(struct tg_upstream_set *set, const struct tg_config_rate *rate)
{
    set->gates = tg_gates_new(set->pool, rate);
}

/* ---- adding: before the start ---------------------------------------------------------------------- */

void set_link(struct group *group, struct tg_upstream *upstream)
{
    DL_APPEND(group->upstreams, upstream);
    HASH_ADD(hh, group->by_id, id, sizeof(upstream->id), upstream);
    tg_figure_add(&upstream_counters(upstream)->states[upstream->supervisor.state], 1);
}

void set_unlink(struct group *group, struct tg_upstream *upstream)
{
    DL_DELETE(group->upstreams, upstream);
    HASH_DELETE(hh, group->by_id, upstream);
    tg_figure_add(&upstream_counters(upstream)->states[upstream->supervisor.state], (uint64_t)-1);
}

static void make_room(struct group *group, const struct tg_config_upstream *config, size_t count)
{
    if (config->kind == TG_UPSTREAM_WEBSOCKET)
        group->websocket_count += count;
    else
        group->http_count += count;
}

static void add_source(struct tg_upstream_set *set, struct tg_source *source, struct tg_upstream *routed)
{
    set->sources = tg_realloc_array(set->sources, set->count + 1, sizeof(struct tg_source *));
    set->routed = tg_realloc_array(set->routed, set->count + 1, sizeof(struct tg_upstream *));
    set->sources[set->count] = source;
    set->routed[set->count] = routed;
    tg_source_pass_gates(source, set->gates, set->count);
    set->count++;
}

static void on_demand(void *arg, bool has_subscribers)
{
    (void)has_subscribers;
    upstream_post_demand(arg);
}

/* Of a stream, or of all members of a family. */
static enum tg_err add_single(struct tg_upstream_set *set, struct tg_source *source, struct tg_stream *stream,
                              struct tg_family *family, size_t worker_index)
{
    struct group *group = &set->groups[worker_index];
    struct tg_upstream *upstream;
    enum tg_err err = tg_upstream_new(source, stream, family, NULL, group->worker, &upstream);

    if (err < 0) {
        tg_source_free(source);
        return err;
    }
    upstream->group = group;
    upstream->id = ++set->last_id;
    set_link(group, upstream);
    make_room(group, upstream->config, 1);
    add_source(set, source, family ? upstream : NULL);
    if (stream && upstream->config->connect == TG_CONNECT_ON_DEMAND)
        tg_stream_on_demand(stream, on_demand, upstream);
    return TG_OK;
}

enum tg_err tg_upstream_set_add(struct tg_upstream_set *set, const struct tg_config_stream *config,
                                const struct tg_config_sse *names, struct tg_stream *stream,
                                size_t worker_index, struct tg_buffer *ret_error)
{
    struct tg_source *source;
    enum tg_err err = tg_source_new(TG_SOURCE_SHARED, config, names, tg_worker_pool_size(set->pool),
                                    worker_index, &source, ret_error);

    return err < 0 ? err : add_single(set, source, stream, NULL, worker_index);
}

enum tg_err tg_upstream_set_add_routed(struct tg_upstream_set *set, const struct tg_config_stream *config,
                                       const struct tg_config_sse *names, struct tg_family *family,
                                       size_t worker_index, struct tg_buffer *ret_error)
{
    struct tg_source *source;
    enum tg_err err = tg_source_new(TG_SOURCE_ROUTED, config, names, tg_worker_pool_size(set->pool),
                                    worker_index, &source, ret_error);

    return err < 0 ? err : add_single(set, source, NULL, family, worker_index);
}

enum tg_err tg_upstream_set_add_family(struct tg_upstream_set *set, const struct tg_config_stream *config,
                                       const struct tg_config_sse *names, struct tg_buffer *ret_error)
{
    size_t worker_count = tg_worker_pool_size(set->pool);
    struct tg_source *source;
    enum tg_err err = tg_source_new(TG_SOURCE_FAMILY, config, names, worker_count, 0, &source, ret_error);

    if (err < 0)
        return err;
    for (size_t i = 0; i < worker_count; i++) /* they may all come in there */
        make_room(&set->groups[i], &config->upstream, (size_t)config->max_members);
    add_source(set, source, NULL);
    return TG_OK;
}

/* ---- the worker's thread --------------------------------------------------------------------------- */

static void on_tick(struct tg_tick *tick, struct tg_worker *worker, uint64_t now_ms)
{
    struct group *group = TG_CONTAINER_OF(tick, struct group, tick);
    struct tg_upstream *upstream;

    (void)worker;
    DL_FOREACH(group->upstreams, upstream)
    tg_upstream_on_second(upstream, now_ms);
}

static bool add_http(struct group *group)
{
    size_t idle_max = group->http_share_count == 0 ? IDLE_MAX : MORE_IDLE_MAX;
    struct tg_http_client *client = tg_http_client_new(group->worker, idle_max);

    if (!client)
        return false;
    group->https = tg_realloc_array(group->https, group->http_share_count + 1, sizeof(*group->https));
    group->https[group->http_share_count++] = (struct http_share){ .client = client };
    return true;
}

static bool has_room(const struct http_share *share, const char *ca)
{
    bool is_same = strcmp(tg_text_or_empty(share->ca), tg_text_or_empty(ca)) == 0;

    return share->users == 0 || (share->users < HTTP_USERS_MAX && is_same);
}

static struct http_share *share_with_room(const struct group *group, const char *ca)
{
    for (size_t i = 0; i < group->http_share_count; i++)
        if (has_room(&group->https[i], ca))
            return &group->https[i];
    return NULL;
}

/* NULL: there is none. */
static struct tg_http_client *join_http(struct group *group, const char *ca)
{
    struct http_share *share = share_with_room(group, ca);

    if (!share && group->http_share_count > 0)
        share = add_http(group) ? share_with_room(group, ca) : &group->https[0];
    if (!share)
        return NULL;
    if (share->users++ == 0)
        share->ca = ca;
    return share->client;
}

void set_leave_http(struct group *group, const struct tg_upstream *upstream)
{
    for (size_t i = 0; upstream->http && i < group->http_share_count; i++)
        if (group->https[i].client == upstream->http)
            group->https[i].users--;
}

static void make_libraries(struct group *group)
{
    size_t worker = tg_worker_index(group->worker);

    if (group->websocket_count > 0)
        group->websockets = tg_websockets_new(tg_nets_get(group->set->nets, group->worker));
    if (group->http_count > 0 && !add_http(group))
        tg_log(TG_LOG_ERROR, "upstream", "libcurl_failed", TG_F_INT("worker", worker));
}

static bool open_line(struct group *group, struct tg_upstream *upstream)
{
    if (!tg_translator_has_filter(upstream->share->translator))
        return true;
    if (!group->filters)
        group->filters = tg_jq_pool_new(group->worker);
    if (upstream_open_line(upstream, group->filters))
        return true;
    tg_log(TG_LOG_ERROR, "upstream", "not_begun", TG_F_STR("stream", upstream_name(upstream)),
           TG_F_ERR(TG_ERR_MEMORY));
    return false;
}

void set_begin(struct group *group, struct tg_upstream *upstream)
{
    struct tg_http_client *http = NULL;

    if (group->is_stopped)
        return;
    if (!open_line(group, upstream))
        return;
    if (!upstream_is_websocket(upstream))
        http = join_http(group, upstream->source->config->upstream.tls.ca);
    if (upstream_is_websocket(upstream) ? group->websockets != NULL : http != NULL)
        tg_upstream_begin(upstream, group->websockets, http);
}

static void on_start_mail(void *context, uint64_t id, uint64_t value)
{
    struct group *group = context;
    struct tg_upstream *upstream;

    (void)id, (void)value;
    if (group->is_started)
        return;
    group->is_started = true;
    group->tick.on_tick = on_tick;
    tg_worker_add_tick(group->worker, &group->tick);
    make_libraries(group);
    DL_FOREACH(group->upstreams, upstream)
    set_begin(group, upstream);
}

static void on_stop_mail(void *context, uint64_t id, uint64_t value)
{
    struct group *group = context;
    struct tg_upstream *upstream;

    (void)id, (void)value;
    group->is_stopped = true;
    set_take_changes(group);
    DL_FOREACH(group->upstreams, upstream)
    tg_upstream_halt(upstream, UPSTREAM_CLOSE_GOING_AWAY);
}

static struct tg_upstream *find(const struct group *group, uint64_t id)
{
    struct tg_upstream *upstream = NULL;

    HASH_FIND(hh, group->by_id, &id, sizeof(id), upstream);
    return upstream && upstream->has_begun ? upstream : NULL;
}

/* The mail says only that something changed: the worker looks at the number itself, since mails of two threads may come
 * in another order than the changes. */
static void on_demand_mail(void *context, uint64_t id, uint64_t value)
{
    struct tg_upstream *upstream = find(context, id);

    (void)value;
    if (upstream)
        tg_upstream_check_demand(upstream);
}

static void on_renewed_mail(void *context, uint64_t id, uint64_t value)
{
    struct tg_upstream *upstream = find(context, id);

    (void)value;
    if (upstream)
        tg_upstream_on_renewed(upstream);
}

static void on_outgoing_mail(void *context, uint64_t id, uint64_t value)
{
    struct tg_upstream *upstream = find(context, id);

    if (upstream)
        upstream_take_outgoing(upstream, value);
}

/* ---- any thread -------------------------------------------------------------------------------------- */

void upstream_post_demand(const struct tg_upstream *up)
{
    tg_worker_post(up->worker, on_demand_mail, up->group, up->id, 0);
}

void upstream_post_renewed(const struct tg_upstream *up)
{
    tg_worker_post(up->worker, on_renewed_mail, up->group, up->id, 0);
}

void upstream_post_outgoing(const struct tg_upstream *up, uint64_t stream_id)
{
    tg_worker_post(up->worker, on_outgoing_mail, up->group, up->id, stream_id);
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static bool is_used(const struct group *group)
{
    return group->websocket_count > 0 || group->http_count > 0;
}

void tg_upstream_set_start(struct tg_upstream_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        tg_source_announce(set->sources[i]);
    for (size_t i = 0; i < tg_worker_pool_size(set->pool); i++)
        if (is_used(&set->groups[i]))
            tg_worker_post(set->groups[i].worker, on_start_mail, &set->groups[i], 0, 0);
}

void tg_upstream_set_stop(struct tg_upstream_set *set)
{
    for (size_t i = 0; i < tg_worker_pool_size(set->pool); i++)
        if (is_used(&set->groups[i]))
            tg_worker_post(set->groups[i].worker, on_stop_mail, &set->groups[i], 0, 0);
}

static void release_group(struct group *group)
{
    struct tg_upstream *upstream;

    set_drop_changes(group);
    DL_FOREACH(group->upstreams, upstream)
    tg_upstream_release(upstream, true);
    tg_jq_pool_free(group->filters);
    tg_websockets_free(group->websockets);
    for (size_t i = 0; i < group->http_share_count; i++)
        tg_http_client_free(group->https[i].client);
    free(group->https);
}

static void free_group(struct group *group)
{
    struct tg_upstream *upstream, *next;

    HASH_CLEAR(hh, group->by_id);
    DL_FOREACH_SAFE(group->upstreams, upstream, next)
    tg_upstream_free(upstream);
}

void tg_upstream_set_free(struct tg_upstream_set *set)
{
    if (!set)
        return;
    size_t worker_count = tg_worker_pool_size(set->pool);
    for (size_t i = 0; i < worker_count; i++)
        release_group(&set->groups[i]);
    HASH_CLEAR(by_stream, set->by_stream);
    for (size_t i = 0; i < worker_count; i++)
        free_group(&set->groups[i]);
    for (size_t i = 0; i < set->count; i++)
        tg_source_free(set->sources[i]);
    tg_gates_free(set->gates);
    pthread_mutex_destroy(&set->lock);
    free(set->sources);
    free(set->routed);
    free(set->groups);
    free(set);
}

/* ---- looking ------------------------------------------------------------------------------------------- */

size_t tg_upstream_set_count(const struct tg_upstream_set *set)
{
    return set->count;
}

void tg_upstream_set_get_stats(const struct tg_upstream_set *set, size_t index,
                               struct tg_upstream_stats *ret_stats)
{
    tg_source_get_stats(set->sources[index], ret_stats);
}
