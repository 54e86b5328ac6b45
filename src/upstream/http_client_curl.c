/* libcurl on the worker's loop.
 *
 *     CURLMOPT_SOCKETFUNCTION ─► one watch for each descriptor ─► curl_multi_socket_action
 *     CURLMOPT_TIMERFUNCTION  ─► one uv_timer_t; "at once" is the end of the turn, not a timer of 0 ms: libuv 1.44
 *                                goes on with such timers before it looks at any descriptor
 *
 * libcurl may close a descriptor, and get the same number again, within one call: the watch is given up before the
 * descriptor is closed. */
#include "http_curl.h"

#include "tidegate/net.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

struct http_socket {
    struct tg_watch *watch;
    int fd;
    UT_hash_handle hh;
};

/* ---- libcurl as a whole ------------------------------------------------------------------------ */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_curl;

static void init_curl(void)
{
    has_curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    http_tls_init();
}

/* Calls libcurl, then tells of the exchanges that have come to their end. */
static void act(struct tg_http_client *client, curl_socket_t fd, int mask)
{
    int running, left;
    CURLMsg *message;

    client->given_bytes = 0;
    curl_multi_socket_action(client->multi, fd, mask, &running);
    while ((message = curl_multi_info_read(client->multi, &left))) {
        CURLcode result = message->data.result;
        char *exchange = NULL;
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
        http_exchange_on_done((struct tg_http_exchange *)(void *)exchange, result);
    }
}

/* ---- descriptors ------------------------------------------------------------------------------- */

static void on_ready(void *arg, int fd, unsigned events)
{
    act(arg, fd,
        (events & TG_SOCKET_READABLE ? CURL_CSELECT_IN : 0) |
            (events & TG_SOCKET_WRITABLE ? CURL_CSELECT_OUT : 0));
}

static struct http_socket *find_socket(struct tg_http_client *client, int fd)
{
    struct http_socket *socket;

    HASH_FIND_INT(client->sockets, &fd, socket);
    return socket;
}

static struct http_socket *add_socket(struct tg_http_client *client, int fd)
{
    struct tg_watch *watch = tg_watch_new(client->worker, fd, on_ready, client);

    if (!watch) { /* the exchange runs into its timeout; to tell libcurl would end all of them */
        tg_log(TG_LOG_ERROR, "upstream", "descriptor_not_watched");
        return NULL;
    }
    struct http_socket *socket = tg_alloc(sizeof(*socket));
    socket->watch = watch;
    socket->fd = fd;
    HASH_ADD_INT(client->sockets, fd, socket);
    return socket;
}

static void drop_socket(struct tg_http_client *client, struct http_socket *socket)
{
    HASH_DEL(client->sockets, socket);
    tg_watch_free(socket->watch);
    free(socket);
}

static int on_socket(CURL *easy, curl_socket_t fd, int action, void *arg, void *unused)
{
    struct tg_http_client *client = arg;
    struct http_socket *socket = find_socket(client, fd);

    (void)easy, (void)unused;
    if (action == CURL_POLL_REMOVE) {
        if (socket)
            drop_socket(client, socket);
        return 0;
    }
    if (!socket)
        socket = add_socket(client, fd);
    if (!socket)
        return 0;
    tg_watch_set(socket->watch, (action & CURL_POLL_IN ? TG_SOCKET_READABLE : 0) |
                                    (action & CURL_POLL_OUT ? TG_SOCKET_WRITABLE : 0));
    return 0;
}

int http_client_close_socket(void *arg, curl_socket_t fd)
{
    struct tg_http_client *client = arg;
    struct http_socket *socket = find_socket(client, fd);

    if (socket)
        drop_socket(client, socket);
    return close(fd);
}

/* ---- time -------------------------------------------------------------------------------------- */

static void wake_at_turn_end(struct tg_http_client *client)
{
    tg_worker_run_at_turn_end(client->worker, TG_TURN_CATCH_UP, &client->turn_hook);
}

static void on_time(uv_timer_t *timer)
{
    act(TG_CONTAINER_OF(timer, struct tg_http_client, timer), CURL_SOCKET_TIMEOUT, 0);
}

static int on_time_wanted(CURLM *multi, long delay_ms, void *arg)
{
    struct tg_http_client *client = arg;

    (void)multi;
    client->is_action_due = delay_ms == 0;
    if (delay_ms > 0)
        uv_timer_start(&client->timer, on_time, (uint64_t)delay_ms, 0);
    else
        uv_timer_stop(&client->timer);
    if (client->is_action_due)
        wake_at_turn_end(client);
    return 0;
}

/* ---- exchanges --------------------------------------------------------------------------------- */

void http_client_defer(struct tg_http_exchange *exchange)
{
    struct tg_http_client *client = exchange->client;

    if (!exchange->is_due) {
        DL_DELETE(client->running, exchange);
        DL_APPEND(client->due, exchange);
        exchange->is_due = true;
    }
    wake_at_turn_end(client);
}

/* Those only that are due now: a handler may add more. */
static void step_all(struct tg_http_client *client)
{
    struct tg_http_exchange *exchange;
    size_t left;

    DL_COUNT(client->due, exchange, left);
    for (; left > 0 && client->due; left--) {
        exchange = client->due;
        DL_DELETE(client->due, exchange);
        DL_APPEND(client->running, exchange);
        exchange->is_due = false;
        http_exchange_step(exchange);
    }
}

static void on_turn_end(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct tg_http_client *client = TG_CONTAINER_OF(hook, struct tg_http_client, turn_hook);

    (void)worker;
    step_all(client);
    if (!client->is_action_due)
        return;
    client->is_action_due = false;
    act(client, CURL_SOCKET_TIMEOUT, 0);
}

/* The limit is one for all connections, those in use too. */
static void limit_connections(struct tg_http_client *client)
{
    curl_multi_setopt(client->multi, CURLMOPT_MAXCONNECTS, (long)(client->transfers + client->idle_max));
}

bool http_client_add(struct tg_http_exchange *exchange)
{
    struct tg_http_client *client = exchange->client;

    if (curl_multi_add_handle(client->multi, exchange->easy) != CURLM_OK)
        return false;
    client->transfers++;
    limit_connections(client);
    return true;
}

void http_client_remove(struct tg_http_exchange *exchange)
{
    struct tg_http_client *client = exchange->client;

    curl_multi_remove_handle(client->multi, exchange->easy);
    client->transfers--;
    limit_connections(client);
}

/* ---- the client -------------------------------------------------------------------------------- */

static CURLM *new_multi(struct tg_http_client *client)
{
    CURLM *multi = curl_multi_init();

    if (!multi)
        return NULL;
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_time_wanted);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    return multi;
}

struct tg_http_client *tg_http_client_new(struct tg_worker *worker, size_t idle_max)
{
    pthread_once(&once, init_curl);
    if (!has_curl)
        return NULL;
    struct tg_http_client *client = tg_alloc(sizeof(*client));
    client->worker = worker;
    client->idle_max = idle_max;
    client->turn_hook.run = on_turn_end;
    client->multi = new_multi(client);
    if (!client->multi) {
        free(client);
        return NULL;
    }
    uv_timer_init(tg_worker_loop(worker), &client->timer);
    return client;
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(TG_CONTAINER_OF(handle, struct tg_http_client, timer));
}

void tg_http_client_free(struct tg_http_client *client)
{
    struct tg_http_exchange *exchange, *next_exchange;
    struct http_socket *socket, *next_socket;

    if (!client)
        return;
    step_all(client); /* those that were cancelled in the last turn */
    assert(!client->due);
    DL_FOREACH_SAFE(client->running, exchange, next_exchange)
    {
        assert(exchange->is_over);
        http_exchange_abandon(exchange);
    }
    curl_multi_cleanup(client->multi);
    HASH_ITER(hh, client->sockets, socket, next_socket)
    drop_socket(client, socket);
    tg_worker_cancel_turn_hook(client->worker, TG_TURN_CATCH_UP, &client->turn_hook);
    uv_close((uv_handle_t *)&client->timer, on_timer_closed);
}
