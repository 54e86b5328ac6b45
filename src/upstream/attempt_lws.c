/* An attempt to connect: addresses in order, the handshake's headers, redirects.
 *
 * Each address but the last gets its share of the time that is left until TCP is up, so that one that does
 * not answer leaves the others a chance. The next address and the next hop of a redirect start from a timer
 * of 0 ms: never from within a callback of the connection before. */
#include "websocket_lws.h"

#include "retry_after.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t now_ms(const struct tg_websocket *ws)
{
    return tg_worker_now_ms(ws->options.context->worker);
}

static void on_resolved(void *arg, const struct tg_addresses *addresses, const char *error)
{
    struct tg_websocket *ws = arg;

    ws->resolve = NULL;
    if (error) {
        websocket_end(ws, TG_REASON_DNS, error);
        return;
    }
    ws->addresses = *addresses;
    ws->address_index = 0;
    tg_timer_start(ws->step, 0);
}

static void look_up(struct tg_websocket *ws)
{
    const char *host = ws->target.host;

    ws->phase = PHASE_LOOKUP;
    ws->addresses.count = 0;
    ws->address_index = 0;
    if (tg_host_is_address(host)) {
        snprintf(ws->addresses.text[0], TG_ADDRESS_BYTES, "%s", host);
        ws->addresses.count = 1;
        tg_timer_start(ws->step, 0);
        return;
    }
    ws->resolve = tg_resolve_start(ws->options.context->worker, host, on_resolved, ws);
    if (!ws->resolve)
        tg_timer_start(ws->step, 0); /* without addresses: fails there */
}

static char *join(char *const *words)
{
    struct tg_buffer out = { 0 };

    for (size_t i = 0; words && words[i]; i++)
        if (tg_buffer_appendf(&out, "%s%s", i ? ", " : "", words[i]) < 0)
            break;
    return out.data;
}

void attempt_start(struct tg_websocket *ws)
{
    const struct tg_target *target = ws->options.target;
    uint64_t timeout_ms = (uint64_t)ws->options.config->connect_timeout_ms;

    ws->target = (struct tg_target){ .is_secure = target->is_secure,
                                     .host = tg_strdup(target->host),
                                     .port = target->port,
                                     .path = tg_strdup(target->path) };
    ws->subprotocols = join(ws->options.config->subprotocols);
    ws->deadline_ms = now_ms(ws) + timeout_ms;
    tg_timer_start(ws->deadline, timeout_ms);
    look_up(ws);
}

/* ---- one address ------------------------------------------------------------------------------ */

static struct lws *connect_to(struct tg_websocket *ws, const char *address)
{
    static const lws_retry_bo_t no_policy = { 0 }; /* pings and their timeouts are ours */
    char host[TG_TARGET_HOST_MAX + 10];
    struct lws_client_connect_info info = {
        .context = ws->options.context->lws,
        .vhost = ws->options.vhost,
        .address = address,
        .port = ws->target.port,
        .path = ws->target.path,
        .host = host,
        .protocol = ws->subprotocols,
        .local_protocol_name = TG_LWS_PROTOCOL,
        .ietf_version_or_minus_one = -1,
        .alpn = "http/1.1",
        .opaque_user_data = ws,
        .retry_and_idle_policy = &no_policy,
        .ssl_connection =
            LCCSCF_HTTP_NO_FOLLOW_REDIRECT |
            (ws->target.is_secure ? LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK : 0),
    };
    uv_loop_t *loop = tg_worker_loop(ws->options.context->worker);
    uv_handle_t *last;

    tg_target_write_host(&ws->target, host, sizeof(host));
    if (tg_tls_client_expect(ws->options.tls, ws->target.host) < 0)
        return NULL;
    ws->phase = PHASE_TCP;
    tg_handles_mark(loop, &last);
    struct lws *wsi = lws_client_connect_via_info(&info);
    if (!wsi)
        tg_handles_reap_after(loop, last);
    return wsi;
}

static void try_next_address(struct tg_websocket *ws)
{
    while (ws->address_index < ws->addresses.count) {
        ws->wsi = connect_to(ws, ws->addresses.text[ws->address_index++]);
        if (!ws->wsi)
            continue;
        size_t left = ws->addresses.count - ws->address_index;
        uint64_t now = now_ms(ws);
        if (ws->phase == PHASE_TCP && left > 0 && ws->deadline_ms > now)
            tg_timer_start(ws->step, (ws->deadline_ms - now) / (left + 1));
        return;
    }
    if (ws->addresses.count == 0)
        websocket_end(ws, TG_REASON_DNS, "");
    else
        websocket_end(ws, TG_REASON_CONNECT, ws->end.detail);
}

/* Time for the next address, for the next hop, or for the close frame. */
void attempt_on_step(void *arg)
{
    struct tg_websocket *ws = arg;

    if (ws->phase == PHASE_CLOSING) {
        websocket_send_close(ws);
        return;
    }
    websocket_kill(ws); /* an address that did not answer in its time */
    if (!ws->location.host) {
        try_next_address(ws);
        return;
    }
    tg_target_deinit(&ws->target);
    ws->target = ws->location;
    ws->location = (struct tg_target){ 0 };
    ws->end = (struct tg_websocket_end){ .detail = "" };
    if (!tg_target_is_same_site(ws->options.target, &ws->target))
        ws->is_foreign = true;
    ws->options.handler->on_redirect(ws->options.arg, ws->target.host);
    look_up(ws);
}

void attempt_on_connected(struct tg_websocket *ws)
{
    if (ws->phase != PHASE_TCP)
        return;
    ws->phase = ws->target.is_secure ? PHASE_TLS : PHASE_REQUEST;
    tg_timer_stop(ws->step);
}

/* ---- the request ------------------------------------------------------------------------------ */

static enum tg_err append_header(struct tg_buffer *out, const char *name, const char *value)
{
    return tg_buffer_appendf(out, "%s: %s\r\n", name, value);
}

static enum tg_err append_basic(struct tg_buffer *out, const char *user, const char *password)
{
    struct tg_buffer plain = { 0 };
    enum tg_err err = tg_buffer_appendf(&plain, "%s:%s", user, password ? password : "");

    if (err == TG_OK)
        err = tg_buffer_append_str(out, "Authorization: Basic ");
    if (err == TG_OK)
        err = tg_base64_encode(out, plain.data, plain.length);
    if (err == TG_OK)
        err = tg_buffer_append_str(out, "\r\n");
    tg_buffer_deinit(&plain);
    return err;
}

int attempt_write_headers(struct tg_websocket *ws, char **position, size_t room)
{
    const struct tg_config_upstream *config = ws->options.config;
    struct tg_buffer out = { 0 };
    enum tg_err err = TG_OK;

    ws->phase = PHASE_REQUEST;
    if (config->origin)
        err = append_header(&out, "Origin", config->origin);
    if (!ws->is_foreign) {
        for (const struct tg_config_header *h = config->headers; h && h->name && err == TG_OK; h++)
            err = append_header(&out, h->name, h->value);
        if (config->basic_user && err == TG_OK)
            err = append_basic(&out, config->basic_user, config->basic_password);
        if (config->bearer && err == TG_OK)
            err = tg_buffer_appendf(&out, "Authorization: Bearer %s\r\n", config->bearer);
    }
    bool does_fit = err == TG_OK && out.length <= room;
    if (does_fit && out.length > 0) {
        memcpy(*position, out.data, out.length);
        *position += out.length;
    }
    tg_buffer_deinit(&out);
    return does_fit ? 0 : -1;
}

/* ---- the answer ------------------------------------------------------------------------------- */

static bool is_redirect(unsigned status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool copy_header(struct tg_websocket *ws, enum lws_token_indexes token, char *ret_value, size_t size)
{
    return lws_hdr_copy(ws->wsi, ret_value, (int)size, token) > 0;
}

static void read_location(struct tg_websocket *ws)
{
    char location[2 * TG_TARGET_PATH_MAX];

    ws->end.reason = TG_REASON_REDIRECT;
    if (ws->hops >= ws->options.config->max_redirects) {
        ws->end.detail = "too many";
        return;
    }
    if (!copy_header(ws, WSI_TOKEN_HTTP_LOCATION, location, sizeof(location))) {
        ws->end.detail = "no Location that can be used";
        return;
    }
    switch (tg_target_follow(&ws->target, location, &ws->location)) {
    case TG_OK:
        ws->hops++;
        ws->end.reason = TG_REASON_NONE;
        break;
    case TG_ERR_TLS:
        ws->end.detail = "it would leave TLS";
        break;
    default:
        ws->end.detail = "no Location that can be used";
        break;
    }
}

int attempt_on_response(struct tg_websocket *ws)
{
    char text[64];
    unsigned status = lws_http_client_http_response(ws->wsi);

    ws->end.reason = TG_REASON_HANDSHAKE;
    if (status == 101)
        return lws_hdr_total_length(ws->wsi, WSI_TOKEN_HTTP) > 0 ? 0 : -1; /* HTTP/1.0 cannot upgrade */
    ws->end.status = status;
    if (is_redirect(status))
        read_location(ws);
    else if (copy_header(ws, WSI_TOKEN_HTTP_RETRY_AFTER, text, sizeof(text)))
        tg_retry_after_parse(text, tg_clock_wall_ms(), &ws->end.retry_after_ms);
    return -1;
}

static enum tg_upstream_reason reason_of(const struct tg_websocket *ws)
{
    if (ws->end.reason != TG_REASON_NONE)
        return ws->end.reason;
    return ws->phase == PHASE_TLS ? TG_REASON_TLS : TG_REASON_HANDSHAKE;
}

void attempt_on_error(struct tg_websocket *ws, const char *detail, size_t length)
{
    char text[128];
    struct lws *wsi = ws->wsi;

    snprintf(text, sizeof(text), "%.*s", detail ? (int)length : 0, detail ? detail : "");
    ws->wsi = NULL;
    lws_set_opaque_user_data(wsi, NULL);
    tg_handles_reap_later(ws->options.context, wsi);
    if (ws->phase == PHASE_TCP || ws->location.host) {
        tg_timer_start(ws->step, 0);
        return;
    }
    const char *tls_error = tg_tls_client_last_error(ws->options.tls);
    if (ws->phase == PHASE_TLS && tls_error)
        snprintf(text, sizeof(text), "%s", tls_error);
    websocket_end(ws, reason_of(ws), *ws->end.detail ? ws->end.detail : text);
}
