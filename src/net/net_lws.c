/* The libwebsockets context of a worker.
 *
 * On a foreign loop a context goes away in steps: the first call of lws_context_destroy begins to close handles, a second
 * one, some turns of the loop later, frees what is left. An idle handle, the reaper, counts those turns. */
#include "net_lws.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    FOREVER_S = 24 * 3600, /* libwebsockets' own timeouts must not fire before ours */
    REAPER_TURNS = 16,
    OPEN_FILES_DEFAULT = 64 * 1024,
    TABLE_MAX = 1 << 20, /* descriptors; libwebsockets' table takes 16 bytes for each */
};

/* Making a context sets process-wide variables of libwebsockets. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static const struct lws_protocols protocols[] = {
    { .name = TG_NET_PROTOCOL, .callback = tg_socket_on_lws },
    { .name = NULL },
};

/* libwebsockets finds a connection in a table only if that table has a place for each descriptor the process may have;
 * below that it searches a list for each event. So the process is given no more descriptors than the table may have. */
size_t tg_net_raise_open_files(size_t wanted)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 0;
    rlim_t most = limit.rlim_max < TABLE_MAX ? limit.rlim_max : TABLE_MAX;
    rlim_t least = wanted > 0 ? wanted : OPEN_FILES_DEFAULT;
    struct rlimit raised = { least < most ? least : most, limit.rlim_max };
    if (limit.rlim_cur > most || limit.rlim_cur < raised.rlim_cur)
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0)
            limit = raised;
    return (size_t)limit.rlim_cur;
}

size_t tg_net_open_files(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (size_t)limit.rlim_cur : 0;
}

static struct lws_context *make_lws(struct tg_net *net)
{
    void *loops[1] = { tg_worker_loop(net->worker) };
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_LIBUV,
        .foreign_loops = loops,
        .pcontext = &net->lws,
#ifdef TG_LWS_COUNTS_LOGS
        .log_cx = &net->log,
#endif
        .timeout_secs = FOREVER_S,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    struct lws_context *lws = NULL;

    pthread_mutex_lock(&making);
    lws_set_log_level(0, NULL);
    net->descriptors_max = tg_net_open_files();
    if (net->descriptors_max > 0)
        lws = lws_create_context(&info);
    pthread_mutex_unlock(&making);
    return lws;
}

static struct lws_vhost *make_vhost(struct tg_net *net)
{
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .options = LWS_SERVER_OPTION_LIBUV,
        .vhost_name = TG_NET_PROTOCOL,
        .protocols = protocols,
        .connect_timeout_secs = FOREVER_S,
#ifdef TG_LWS_COUNTS_LOGS
        .log_cx = &net->log,
#endif
    };

    return lws_create_vhost(net->lws, &info);
}

struct tg_net *tg_net_new(struct tg_worker *worker)
{
    struct tg_net *net = tg_alloc(sizeof(*net));

    net->worker = worker;
    net->rearm_hook.run = tg_socket_rearm_all;
    net->resolver = tg_resolver_new(worker);
    net->lws = make_lws(net);
    if (!net->lws) {
        tg_resolver_free(net->resolver);
        free(net);
        return NULL;
    }
    tg_spares_init(net);
    net->vhost = make_vhost(net);
    if (!net->vhost) {
        tg_net_free(net);
        return NULL;
    }
    return net;
}

struct tg_lookup *tg_net_look_up(struct tg_net *net, const char *host, tg_looked_up_fn *on_done, void *arg)
{
    return tg_resolver_look_up(net->resolver, host, on_done, arg);
}

struct tg_worker *tg_net_worker(const struct tg_net *net)
{
    return net->worker;
}

static void on_reaper_closed(uv_handle_t *handle)
{
    free(TG_CONTAINER_OF(handle, struct tg_net, reaper));
}

static void on_reaper_turn(uv_idle_t *handle)
{
    struct tg_net *net = TG_CONTAINER_OF(handle, struct tg_net, reaper);

    if (net->turns_left-- > 0)
        return;
    if (net->lws)
        lws_context_destroy(net->lws);
    uv_close((uv_handle_t *)handle, on_reaper_closed);
}

void tg_net_free(struct tg_net *net)
{
    if (!net)
        return;
    tg_resolver_free(net->resolver);
    tg_worker_cancel_turn_hook(net->worker, TG_TURN_PUBLISH, &net->rearm_hook);
    tg_spares_deinit(net);
    lws_context_destroy(net->lws);
    uv_idle_init(tg_worker_loop(net->worker), &net->reaper);
    uv_idle_start(&net->reaper, on_reaper_turn);
    net->turns_left = REAPER_TURNS;
}

/* ---- one for each worker ----------------------------------------------------------------------- */

struct tg_nets {
    size_t count;
    struct tg_net *nets[];
};

struct tg_nets *tg_nets_new(struct tg_worker_pool *pool)
{
    size_t count = tg_worker_pool_size(pool);
    struct tg_nets *nets = tg_alloc(sizeof(*nets) + count * sizeof(*nets->nets));

    for (; nets->count < count; nets->count++) {
        struct tg_net *net = tg_net_new(tg_worker_pool_get(pool, nets->count));
        if (!net) {
            tg_nets_free(nets);
            return NULL;
        }
        nets->nets[nets->count] = net;
    }
    return nets;
}

struct tg_net *tg_nets_get(const struct tg_nets *nets, const struct tg_worker *worker)
{
    return nets->nets[tg_worker_index(worker)];
}

void tg_nets_free(struct tg_nets *nets)
{
    for (size_t i = 0; nets && i < nets->count; i++)
        tg_net_free(nets->nets[i]);
    free(nets);
}
