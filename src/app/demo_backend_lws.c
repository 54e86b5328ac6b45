/* The demo's legacy backend, by libwebsockets with its own poll loop.
 *
 *   timer ─► market: one more quote ─► each session that is logged in: its place in the market ─► frames
 *
 * Other threads leave orders in atomics and wake the loop. While it stalls, the sessions' places move on
 * without a word being sent: what was made meanwhile is lost to them, as it is with real backends. */
#include "demo_backend.h"

#include "demo_quotes.h"

#include <jansson.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    QUOTE_EVERY_MS = 80,
    QUOTE_JITTER_MS = 90,
    LOGIN_LIMIT_MS = 5000,
    PING_LIMIT_MS = 30000,
    MESSAGE_MAX = 256,
    BURST_MAX = 2000
};

struct session {
    struct lws *wsi;
    struct tg_demo_backend *backend;
    struct session *prev, *next;
    bool is_logged_in;
    bool owes_welcome;
    uint64_t next_seq;
    uint64_t deadline_ms; /* for the login, then for the next ping */
};

struct tg_demo_backend {
    struct lws_context *context;
    int port;
    pthread_t thread;
    bool has_thread;

    /* the backend's thread alone */
    lws_sorted_usec_list_t timer;
    struct tg_demo_market market;
    struct session *sessions;

    /* orders and figures; any thread */
    atomic_bool is_stopping, is_to_drop;
    atomic_uint_fast64_t stall_until_ms, refuse_until_ms, burst;
    atomic_uint_fast64_t quotes, session_count;
};

/* ---- sessions ---------------------------------------------------------------------------------- */

static bool is_stalled(const struct tg_demo_backend *backend)
{
    return tg_clock_now_ms() < atomic_load(&backend->stall_until_ms);
}

/* Without a close frame, as a crash would. */
static void cut(struct session *session)
{
    lws_set_timeout(session->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void on_opened(struct session *session, struct lws *wsi, struct tg_demo_backend *backend)
{
    *session = (struct session){ .wsi = wsi, .backend = backend };
    session->deadline_ms = tg_clock_now_ms() + LOGIN_LIMIT_MS;
    DL_APPEND(backend->sessions, session);
}

static void on_closed(struct session *session)
{
    struct tg_demo_backend *backend = session->backend;
    DL_DELETE(backend->sessions, session);
    if (session->is_logged_in)
        atomic_fetch_sub(&backend->session_count, 1);
}

static void log_in(struct session *session)
{
    if (!session->is_logged_in)
        atomic_fetch_add(&session->backend->session_count, 1);
    session->is_logged_in = true;
    session->owes_welcome = true;
    session->next_seq = session->backend->market.last_seq + 1;
    lws_callback_on_writable(session->wsi);
}

/* False: hang up. */
static bool on_message(struct session *session, const char *bytes, size_t length)
{
    json_t *message = length <= MESSAGE_MAX ? json_loadb(bytes, length, 0, NULL) : NULL;
    const char *op = tg_text_or_empty(json_string_value(json_object_get(message, "op")));
    const char *token = tg_text_or_empty(json_string_value(json_object_get(message, "token")));
    bool is_welcome = true;
    if (strcmp(op, "login") == 0 && strcmp(token, TG_DEMO_TOKEN) == 0)
        log_in(session);
    else if (strcmp(op, "ping") != 0 || !session->is_logged_in)
        is_welcome = false;
    if (is_welcome)
        session->deadline_ms = tg_clock_now_ms() + PING_LIMIT_MS;
    json_decref(message);
    return is_welcome;
}

static int send_text(struct session *session, const struct tg_buffer *text)
{
    unsigned char frame[LWS_PRE + 1024];
    size_t length = text->length < 1024 ? text->length : 1024;
    memcpy(frame + LWS_PRE, text->data, length);
    return lws_write(session->wsi, frame + LWS_PRE, length, LWS_WRITE_TEXT) < 0 ? -1 : 0;
}

/* The text of the next message that the session is due; false when there is none. */
static bool take_next(struct session *session, struct tg_buffer *text)
{
    const struct tg_demo_market *market = &session->backend->market;
    if (!session->is_logged_in || is_stalled(session->backend))
        return false;
    if (session->owes_welcome) {
        session->owes_welcome = false;
        tg_buffer_append_str(text, "{\"type\":\"welcome\",\"payload\":{\"server\":\"freight-feed 1.7\"}}");
        return true;
    }
    if (session->next_seq + TG_DEMO_QUOTES_KEPT <= market->last_seq)
        session->next_seq = market->last_seq + 1; /* too slow: it keeps nothing for long */
    const struct tg_demo_quote *quote = tg_demo_market_find(market, session->next_seq);
    if (!quote)
        return false;
    session->next_seq++;
    tg_demo_quote_append(text, quote);
    return true;
}

static int on_writable(struct session *session)
{
    struct tg_buffer text = { 0 };
    int result = 0;
    while (!result && !lws_send_pipe_choked(session->wsi)) {
        tg_buffer_clear(&text);
        if (!take_next(session, &text))
            break;
        result = send_text(session, &text);
    }
    tg_buffer_deinit(&text);
    if (!result && session->is_logged_in && session->next_seq <= session->backend->market.last_seq)
        lws_callback_on_writable(session->wsi);
    return result;
}

/* ---- the loop ---------------------------------------------------------------------------------- */

static void wake_sessions(struct tg_demo_backend *backend)
{
    bool says_nothing = is_stalled(backend);
    uint64_t now_ms = tg_clock_now_ms();
    struct session *session;
    DL_FOREACH(backend->sessions, session)
    {
        if (now_ms > session->deadline_ms)
            cut(session);
        if (says_nothing)
            session->next_seq = backend->market.last_seq + 1;
        else if (session->is_logged_in)
            lws_callback_on_writable(session->wsi);
    }
}

static void on_timer(lws_sorted_usec_list_t *timer)
{
    struct tg_demo_backend *backend = lws_container_of(timer, struct tg_demo_backend, timer);
    tg_demo_market_step(&backend->market);
    atomic_store(&backend->quotes, backend->market.last_seq);
    wake_sessions(backend);
    uint64_t wait_ms = QUOTE_EVERY_MS + tg_random_below(QUOTE_JITTER_MS);
    lws_sul_schedule(backend->context, 0, timer, on_timer, (lws_usec_t)wait_ms * LWS_US_PER_MS);
}

static void on_orders(struct tg_demo_backend *backend)
{
    uint64_t burst = atomic_exchange(&backend->burst, 0);
    for (uint64_t i = 0; i < burst && i < BURST_MAX; i++)
        tg_demo_market_step(&backend->market);
    atomic_store(&backend->quotes, backend->market.last_seq);
    if (atomic_exchange(&backend->is_to_drop, false)) {
        struct session *session;
        DL_FOREACH(backend->sessions, session)
        cut(session);
    }
    wake_sessions(backend);
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    struct tg_demo_backend *backend = lws_context_user(lws_get_context(wsi));
    switch (reason) {
    case LWS_CALLBACK_FILTER_NETWORK_CONNECTION:
        return tg_clock_now_ms() < atomic_load(&backend->refuse_until_ms);
    case LWS_CALLBACK_ESTABLISHED:
        on_opened(user, wsi, backend);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return on_message(user, in, length) ? 0 : -1;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(user);
    case LWS_CALLBACK_CLOSED:
        on_closed(user);
        return 0;
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        on_orders(backend);
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, length);
    }
}

static void *run(void *arg)
{
    struct tg_demo_backend *backend = arg;
    lws_sul_schedule(backend->context, 0, &backend->timer, on_timer, 1);
    while (!atomic_load(&backend->is_stopping)) {
        if (lws_service(backend->context, 0) < 0)
            break;
    }
    lws_sul_cancel(&backend->timer);
    return NULL;
}

/* ---- life -------------------------------------------------------------------------------------- */

static const struct lws_protocols protocols[] = {
    { .name = "feed", .callback = on_lws, .per_session_data_size = sizeof(struct session) },
    { 0 },
};

enum tg_err tg_demo_backend_new(const char *address, int port, struct tg_demo_backend **ret_backend)
{
    struct tg_demo_backend *backend = tg_alloc(sizeof(*backend));
    bool is_any = strcmp(address, "0.0.0.0") == 0;
    struct lws_context_creation_info info = {
        .port = port,
        .iface = is_any ? NULL : address,
        .protocols = protocols,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .user = backend,
        .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DISABLE_IPV6 |
                   LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | LWS_SERVER_OPTION_VALIDATE_UTF8,
    };
    enum tg_err err = TG_ERR_MEMORY;
    tg_demo_market_init(&backend->market);
    lws_set_log_level(0, NULL);
    backend->context = lws_create_context(&info);
    if (!backend->context)
        goto fail;
    err = TG_ERR_IN_USE;
    struct lws_vhost *vhost = lws_create_vhost(backend->context, &info);
    if (!vhost)
        goto fail;
    backend->port = lws_get_vhost_listen_port(vhost);
    err = TG_ERR_LIMIT;
    if (pthread_create(&backend->thread, NULL, run, backend))
        goto fail;
    backend->has_thread = true;
    *ret_backend = backend;
    return TG_OK;
fail:
    tg_demo_backend_free(backend);
    return err;
}

int tg_demo_backend_port(const struct tg_demo_backend *backend)
{
    return backend->port;
}

void tg_demo_backend_free(struct tg_demo_backend *backend)
{
    if (!backend)
        return;
    if (backend->has_thread) {
        atomic_store(&backend->is_stopping, true);
        lws_cancel_service(backend->context);
        pthread_join(backend->thread, NULL);
    }
    if (backend->context)
        lws_context_destroy(backend->context);
    free(backend);
}

/* ---- orders ------------------------------------------------------------------------------------ */

void tg_demo_backend_drop(struct tg_demo_backend *backend)
{
    atomic_store(&backend->is_to_drop, true);
    lws_cancel_service(backend->context);
}

void tg_demo_backend_stall(struct tg_demo_backend *backend, uint64_t duration_ms)
{
    atomic_store(&backend->stall_until_ms, tg_clock_now_ms() + duration_ms);
}

void tg_demo_backend_refuse(struct tg_demo_backend *backend, uint64_t duration_ms)
{
    atomic_store(&backend->refuse_until_ms, tg_clock_now_ms() + duration_ms);
    tg_demo_backend_drop(backend);
}

void tg_demo_backend_burst(struct tg_demo_backend *backend, uint64_t quotes)
{
    atomic_fetch_add(&backend->burst, quotes);
    lws_cancel_service(backend->context);
}

static uint64_t left_ms(uint64_t until_ms)
{
    uint64_t now_ms = tg_clock_now_ms();
    return until_ms > now_ms ? until_ms - now_ms : 0;
}

void tg_demo_backend_get_stats(const struct tg_demo_backend *backend, struct tg_demo_backend_stats *ret_stats)
{
    *ret_stats = (struct tg_demo_backend_stats){
        .quotes = atomic_load(&backend->quotes),
        .sessions = atomic_load(&backend->session_count),
        .stalled_ms = left_ms(atomic_load(&backend->stall_until_ms)),
        .refusing_ms = left_ms(atomic_load(&backend->refuse_until_ms)),
    };
}
