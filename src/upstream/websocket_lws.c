/* A connection that is up: receiving, sending, and its end.
 *
 * libwebsockets does not say whether it ended a connection itself, for a breach of the protocol, or the other
 * side did. What the socket still has to say tells them apart: the end of the stream when the other side
 * closed, and more data, or nothing yet, when libwebsockets gave up. */
#include "websocket_lws.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

enum { CLOSING_MS = 1000 };

static void on_deadline(void *arg);

struct tg_websocket *tg_websocket_new(const struct tg_websocket_options *options)
{
    struct tg_websocket *ws = tg_alloc(sizeof(*ws));
    struct tg_worker *worker = options->context->worker;

    ws->options = *options;
    ws->end.detail = "";
    ws->assembler.max_bytes = (size_t)options->config->max_message_bytes;
    ws->deadline = tg_timer_new(worker, on_deadline, ws);
    ws->step = tg_timer_new(worker, attempt_on_step, ws);
    DL_APPEND(options->context->websockets, ws);
    attempt_start(ws);
    return ws;
}

static void free_websocket(struct tg_websocket *ws)
{
    struct outgoing *item, *after;

    DL_DELETE(ws->options.context->websockets, ws);
    LL_FOREACH_SAFE(ws->queue, item, after)
    free(item);
    tg_resolve_cancel(ws->resolve);
    tg_timer_free(ws->deadline);
    tg_timer_free(ws->step);
    tg_target_deinit(&ws->target);
    tg_target_deinit(&ws->location);
    tg_assembler_deinit(&ws->assembler);
    free(ws->subprotocols);
    free(ws);
}

void tg_websocket_abandon(struct tg_websocket *ws)
{
    if (ws->wsi)
        lws_set_opaque_user_data(ws->wsi, NULL);
    free_websocket(ws);
}

void websocket_kill(struct tg_websocket *ws)
{
    struct lws *wsi = ws->wsi;

    if (!wsi)
        return;
    ws->wsi = NULL;
    lws_set_opaque_user_data(wsi, NULL);
    lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

void websocket_end(struct tg_websocket *ws, enum tg_upstream_reason reason, const char *detail)
{
    const struct tg_websocket_handler *handler = ws->options.handler;
    struct tg_websocket_end end = ws->end;

    end.reason = reason;
    end.detail = detail;
    handler->on_end(ws->options.arg, &end);
    free_websocket(ws);
}

/* Asked from one of its callbacks to close with a reason, libwebsockets 4.1 on libuv hangs up before it has
 * sent the close frame; so this is never called from one. */
void websocket_send_close(struct tg_websocket *ws)
{
    lws_close_reason(ws->wsi, (enum lws_close_status)ws->close_code, NULL, 0);
    lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* Tells the handler that it is over while the closing handshake goes on. */
static void end_and_close(struct tg_websocket *ws, enum tg_upstream_reason reason, const char *detail,
                          unsigned code)
{
    struct tg_websocket_end end = ws->end;

    end.reason = reason;
    end.detail = detail;
    ws->phase = PHASE_CLOSING;
    ws->close_code = code;
    tg_timer_start(ws->deadline, CLOSING_MS);
    if (code != 0)
        tg_timer_start(ws->step, 0);
    ws->options.handler->on_end(ws->options.arg, &end);
}

static void on_deadline(void *arg)
{
    struct tg_websocket *ws = arg;
    bool is_closing = ws->phase == PHASE_CLOSING;

    websocket_kill(ws);
    if (is_closing)
        free_websocket(ws);
    else
        websocket_end(ws, TG_REASON_TIMEOUT, "");
}

void tg_websocket_close(struct tg_websocket *ws, unsigned code)
{
    if (ws->phase != PHASE_OPEN) {
        websocket_kill(ws);
        free_websocket(ws);
        return;
    }
    ws->phase = PHASE_CLOSING;
    ws->close_code = code;
    tg_timer_start(ws->deadline, CLOSING_MS);
    websocket_send_close(ws);
}

/* ---- sending ---------------------------------------------------------------------------------- */

void tg_websocket_send(struct tg_websocket *ws, const struct tg_config_message *message)
{
    struct outgoing *item = tg_alloc(sizeof(*item) + LWS_PRE + message->length);

    item->length = message->length;
    item->is_binary = message->is_binary;
    if (message->length > 0)
        memcpy(item->bytes + LWS_PRE, message->bytes, message->length);
    LL_APPEND(ws->queue, item);
    lws_callback_on_writable(ws->wsi);
}

bool tg_websocket_has_unsent(const struct tg_websocket *ws)
{
    return ws->queue != NULL || lws_partial_buffered(ws->wsi);
}

void tg_websocket_ping(struct tg_websocket *ws)
{
    ws->wants_ping = true;
    lws_callback_on_writable(ws->wsi);
}

static int on_writable(struct tg_websocket *ws)
{
    if (ws->phase != PHASE_OPEN)
        return 0;
    if (lws_partial_buffered(ws->wsi)) {
        lws_callback_on_writable(ws->wsi);
        return 0;
    }
    int written = 0;
    if (ws->queue) {
        struct outgoing *item = ws->queue;
        LL_DELETE(ws->queue, item);
        written = lws_write(ws->wsi, item->bytes + LWS_PRE, item->length,
                            item->is_binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT);
        free(item);
    } else if (ws->wants_ping) {
        unsigned char ping[LWS_PRE + 1] = { 0 };
        ws->wants_ping = false;
        written = lws_write(ws->wsi, ping + LWS_PRE, 0, LWS_WRITE_PING);
    }
    if (ws->queue || ws->wants_ping)
        lws_callback_on_writable(ws->wsi);
    return written < 0 ? -1 : 0;
}

/* ---- receiving -------------------------------------------------------------------------------- */

static int on_piece(struct tg_websocket *ws, const char *bytes, size_t length)
{
    const struct tg_websocket_handler *handler = ws->options.handler;
    struct tg_message message;
    const struct tg_piece piece = {
        .bytes = bytes ? bytes : "",
        .length = length,
        .is_first = lws_is_first_fragment(ws->wsi) != 0,
        .is_last = lws_is_final_fragment(ws->wsi) != 0,
        .is_binary = lws_frame_is_binary(ws->wsi) != 0,
    };

    if (ws->phase != PHASE_OPEN)
        return 0;
    switch (tg_assembler_add(&ws->assembler, &piece, &message)) {
    case TG_ASSEMBLY_MORE:
        break;
    case TG_ASSEMBLY_WHOLE:
        if (handler->on_message(ws->options.arg, &message))
            break;
        end_and_close(ws, TG_REASON_PROTOCOL, "text that is not UTF-8", LWS_CLOSE_STATUS_INVALID_PAYLOAD);
        break;
    case TG_ASSEMBLY_OVERSIZE:
        handler->on_dropped(ws->options.arg, true);
        break;
    case TG_ASSEMBLY_NO_MEMORY:
        handler->on_dropped(ws->options.arg, false);
        break;
    }
    return 0;
}

/* RFC 6455 section 7.4, and the codes registered since. libwebsockets before 4.3 turns codes it does not
 * know, also 1012 to 1014, into 1002 before anybody sees them. */
static bool is_close_code(unsigned code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

/* libwebsockets answers the close frame itself, unless it is the answer to ours. */
static int on_peer_close(struct tg_websocket *ws, const unsigned char *bytes, size_t length)
{
    if (ws->phase != PHASE_OPEN)
        return -1;
    unsigned code = length >= 2 ? (unsigned)bytes[0] << 8 | bytes[1] : 0;
    ws->end.close_code = code;
    if (length == 1)
        end_and_close(ws, TG_REASON_PROTOCOL, "a close frame of one byte", 0);
    else if (length >= 2 && (!is_close_code(code) || code == LWS_CLOSE_STATUS_PROTOCOL_ERR))
        end_and_close(ws, TG_REASON_PROTOCOL, "close code", 0);
    else if (length > 2 && !tg_utf8_is_valid((const char *)bytes + 2, length - 2))
        end_and_close(ws, TG_REASON_PROTOCOL, "a close reason that is not UTF-8", 0);
    else
        end_and_close(ws, TG_REASON_CLOSED, "", 0);
    return 0;
}

static bool has_peer_closed(struct lws *wsi)
{
    char byte;
    SSL *ssl = lws_get_ssl(wsi);

    if (ssl && (SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN))
        return true;
    ssize_t got = recv(lws_get_socket_fd(wsi), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

static void on_closed(struct tg_websocket *ws)
{
    struct lws *wsi = ws->wsi;

    ws->wsi = NULL;
    lws_set_opaque_user_data(wsi, NULL);
    if (ws->phase == PHASE_CLOSING)
        free_websocket(ws);
    else if (ws->phase != PHASE_OPEN)
        websocket_end(ws, ws->phase == PHASE_TLS ? TG_REASON_TLS : TG_REASON_HANDSHAKE, "");
    else
        websocket_end(ws, has_peer_closed(wsi) ? TG_REASON_CLOSED : TG_REASON_PROTOCOL, "");
}

uint64_t tg_websocket_silent_ms(const struct tg_websocket *ws)
{
    struct tcp_info info = { 0 };
    socklen_t size = sizeof(info);

    if (getsockopt(lws_get_socket_fd(ws->wsi), IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return UINT64_MAX;
    return info.tcpi_last_data_recv;
}

/* ---- what libwebsockets tells ----------------------------------------------------------------- */

static void on_established(struct tg_websocket *ws)
{
    ws->phase = PHASE_OPEN;
    ws->end = (struct tg_websocket_end){ .detail = "" };
    tg_timer_stop(ws->deadline);
    tg_timer_stop(ws->step);
    ws->options.handler->on_open(ws->options.arg);
}

int tg_websocket_on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                          size_t length)
{
    struct tg_websocket *ws = wsi ? lws_get_opaque_user_data(wsi) : NULL;

    (void)user;
    if (!ws) /* given up: whatever else it brings is not wanted */
        return reason == LWS_CALLBACK_CLIENT_RECEIVE || reason == LWS_CALLBACK_CLIENT_WRITEABLE ||
                       reason == LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP ||
                       reason == LWS_CALLBACK_CLIENT_ESTABLISHED
                   ? -1
                   : 0;
    switch (reason) {
    case LWS_CALLBACK_WSI_CREATE:
        attempt_on_connected(ws);
        return 0;
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return attempt_write_headers(ws, in, length);
    case LWS_CALLBACK_ESTABLISHED_CLIENT_HTTP:
        ws->wsi = wsi;
        return attempt_on_response(ws);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        ws->wsi = wsi;
        attempt_on_error(ws, in, length);
        return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        on_established(ws);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return on_piece(ws, in, length);
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
        if (ws->phase == PHASE_OPEN)
            ws->options.handler->on_heard(ws->options.arg);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return on_writable(ws);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return on_peer_close(ws, in, length);
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_CLOSED_CLIENT_HTTP:
        on_closed(ws);
        return 0;
    default:
        return 0;
    }
}
