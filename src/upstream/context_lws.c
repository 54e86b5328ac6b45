/* The libwebsockets context of a worker.
 *
 * On a foreign loop a context goes away in steps: the first call of lws_context_destroy begins to close
 * handles, a second one, some turns of the loop later, frees what is left. An idle handle, the reaper, counts
 * those turns. */
#include "context_lws.h"

#include "tls.h"
#include "websocket.h"

#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    BUFFER_BYTES = 32 * 1024, /* what is read at once, and the longest request head */
    HEADER_BYTES = 16 * 1024, /* what fits of a response head */
    FOREVER_S = 24 * 3600,    /* libwebsockets' own timeouts must not fire before ours */
    REAPER_TURNS = 16,
};

/* Making a context sets process-wide variables of libwebsockets. */
static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

static const struct lws_protocols protocols[] = {
    { .name = TG_LWS_PROTOCOL, .callback = tg_websocket_on_event },
    { .name = NULL },
};

struct tg_context *tg_context_new(struct tg_worker *worker, size_t upstream_count)
{
    struct tg_context *context = tg_alloc(sizeof(*context));
    void *loops[1] = { tg_worker_loop(worker) };
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_LIBUV |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .foreign_loops = loops,
        .pcontext = &context->lws,
        .pt_serv_buf_size = BUFFER_BYTES,
        .max_http_header_data2 = HEADER_BYTES,
        .fd_limit_per_thread = (unsigned)upstream_count * 4 + 64, /* those that are closing count, too */
        .timeout_secs = FOREVER_S,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };

    context->worker = worker;
    pthread_mutex_lock(&making);
    lws_set_log_level(0, NULL);
    context->lws = lws_create_context(&info);
    pthread_mutex_unlock(&making);
    if (!context->lws) {
        free(context);
        return NULL;
    }
    return context;
}

struct lws_vhost *tg_context_add_vhost(struct tg_context *context, const char *name,
                                       struct tg_tls_client *tls)
{
    SSL_CTX *ssl = tg_tls_client_peek_context(tls);
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .vhost_name = name,
        .protocols = protocols,
        .provided_client_ssl_ctx = ssl,
        .connect_timeout_secs = FOREVER_S,
        .timeout_secs_ah_idle = FOREVER_S,
        .http_proxy_address = "", /* else the environment's http_proxy would count, for ws:// only */
    };
    struct lws_vhost *vhost = lws_create_vhost(context->lws, &info);

    if (!vhost)
        return NULL;
    SSL_CTX_up_ref(ssl);
    context->tls = tg_realloc_array(context->tls, context->tls_count + 1, sizeof(*context->tls));
    context->tls[context->tls_count++] = ssl;
    return vhost;
}

static void on_reaper_closed(uv_handle_t *handle)
{
    struct tg_context *context = TG_CONTAINER_OF(handle, struct tg_context, reaper);

    for (size_t i = 0; i < context->tls_count; i++)
        SSL_CTX_free(context->tls[i]);
    free(context->tls);
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
