/* The libwebsockets context of a worker.
 *
 * On a foreign loop a context goes away in steps: the first call of lws_context_destroy begins to close
 * handles, a second one, some turns of the loop later, frees what is left. An idle handle, the reaper, counts
 * those turns. */
#include "context_lws.h"

#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    BUFFER_BYTES = 128 * 1024, /* what is read at once */
    FOREVER_S = 24 * 3600,     /* libwebsockets' own timeouts must not fire before ours */
    REAPER_TURNS = 16,
    LIST_MAX = 256,      /* connections that may be in a list */
    TABLE_MAX = 1 << 20, /* descriptors that may be in a table */
};

/* Making a context sets process-wide variables of libwebsockets. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static const struct lws_protocols protocols[] = {
    { .name = TG_LWS_PROTOCOL, .callback = tg_websocket_on_event },
    { .name = NULL },
};

/* Below the process's own limit libwebsockets looks for a descriptor's connection in a list, from its beginning,
 * with each event. At that limit it has a table, of 16 bytes for each descriptor there could be. */
static unsigned limit_descriptors(size_t upstream_count)
{
    size_t wanted = upstream_count * 4 + 64; /* those that are closing count, too */
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
        (wanted > limit.rlim_cur || (upstream_count > LIST_MAX && limit.rlim_cur <= TABLE_MAX)))
        wanted = (size_t)limit.rlim_cur;
    return wanted < INT_MAX ? (unsigned)wanted : INT_MAX;
}

static struct lws_context *make_lws(struct tg_context *context, size_t upstream_count)
{
    void *loops[1] = { tg_worker_loop(context->worker) };
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_LIBUV,
        .foreign_loops = loops,
        .pcontext = &context->lws,
        .pt_serv_buf_size = BUFFER_BYTES,
        .fd_limit_per_thread = limit_descriptors(upstream_count),
#ifdef TG_LWS_COUNTS_LOGS
        .log_cx = &context->log,
#endif
        .timeout_secs = FOREVER_S,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    struct lws_context *lws;

    pthread_mutex_lock(&making);
    lws_set_log_level(0, NULL);
    lws = lws_create_context(&info);
    pthread_mutex_unlock(&making);
    return lws;
}

static struct lws_vhost *make_vhost(struct tg_context *context)
{
    const struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_LIBUV,
        .vhost_name = TG_LWS_PROTOCOL,
        .protocols = protocols,
        .connect_timeout_secs = FOREVER_S,
        .http_proxy_address = "", /* else the environment's http_proxy would count */
#ifdef TG_LWS_COUNTS_LOGS
        .log_cx = &context->log,
#endif
    };

    return lws_create_vhost(context->lws, &info);
}

struct tg_context *tg_context_new(struct tg_worker *worker, size_t upstream_count)
{
    struct tg_context *context = tg_alloc(sizeof(*context));

    context->worker = worker;
    context->lws = make_lws(context, upstream_count);
    if (!context->lws) {
        free(context);
        return NULL;
    }
    context->vhost = make_vhost(context);
    if (!context->vhost) {
        tg_context_free(context);
        return NULL;
    }
    return context;
}

static void on_reaper_closed(uv_handle_t *handle)
{
    struct tg_context *context = TG_CONTAINER_OF(handle, struct tg_context, reaper);

    free(context->failed);
    free(context);
}

static void on_reaper_turn(uv_idle_t *handle)
{
    struct tg_context *context = TG_CONTAINER_OF(handle, struct tg_context, reaper);

    if (context->turns_left-- > 0)
        return;
    if (context->lws)
        lws_context_destroy(context->lws);
    uv_close((uv_handle_t *)handle, on_reaper_closed);
}

void tg_context_free(struct tg_context *context)
{
    if (!context)
        return;
    while (context->websockets)
        tg_websocket_abandon(context->websockets);
    tg_handles_reap(context);
    tg_timer_free(context->reap_timer);
    lws_context_destroy(context->lws);
    uv_idle_init(tg_worker_loop(context->worker), &context->reaper);
    uv_idle_start(&context->reaper, on_reaper_turn);
    context->turns_left = REAPER_TURNS;
}
