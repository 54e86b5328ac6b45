/* A connection that is up: receiving, sending, and its end. */
#include "websocket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { CLOSING_MS = 1000 };

static const struct tg_link_ops websocket_ops;

static void on_deadline(void *arg);

struct tg_link *tg_link_new_websocket(const struct tg_link_options *options)
{
    struct tg_websocket *ws = tg_alloc(sizeof(*ws));

    ws->link.ops = &websocket_ops;
    ws->options = *options;
    ws->end.detail = "";
    ws->reader.assembler.max_bytes = (size_t)options->config->max_message_bytes;
    ws->deadline = tg_timer_new(options->worker, on_deadline, ws);
    ws->step = tg_timer_new(options->worker, attempt_on_step, ws);
    DL_APPEND(options->websockets->list, ws);
    attempt_start(ws);
    return &ws->link;
}

static void free_websocket(struct tg_websocket *ws)
{
    DL_DELETE(ws->options.websockets->list, ws);
    tg_lookup_cancel(ws->lookup);
    tg_pass_give_up(&ws->pass);
    tg_timer_free(ws->deadline);
    tg_timer_free(ws->step);
    tg_target_deinit(&ws->target);
    tg_target_deinit(&ws->location);
    tg_handshake_deinit(&ws->handshake);
    tg_frame_reader_deinit(&ws->reader);
    tg_pongs_deinit(&ws->pongs);
    wire_reset(ws);
    free(ws);
}

struct tg_websockets *tg_websockets_new(struct tg_net *net)
{
    struct tg_websockets *websockets = tg_alloc(sizeof(*websockets));

    websockets->net = net;
    return websockets;
}

void tg_websockets_free(struct tg_websockets *websockets)
{
    while (websockets && websockets->list) {
        struct tg_websocket *ws = websockets->list;
        wire_close(ws);
        free_websocket(ws);
    }
    free(websockets);
}

/* ---- the end ---------------------------------------------------------------------------------- */

static void tell_end(struct tg_websocket *ws, enum tg_upstream_reason reason, const char *detail)
{
    struct tg_link_end end = ws->end;

    end.reason = reason;
    end.detail = detail;
    end.target = &ws->target;
    ws->options.handler->on_end(ws->options.arg, &end);
}

void websocket_end(struct tg_websocket *ws, enum tg_upstream_reason reason, const char *detail)
{
    wire_close(ws);
    tell_end(ws, reason, detail);
    free_websocket(ws);
}

static void start_closing(struct tg_websocket *ws, unsigned code)
{
    const unsigned char payload[2] = { (unsigned char)(code >> 8), (unsigned char)code };

    wire_flush(ws); /* the pongs of the pings before */
    ws->phase = PHASE_CLOSING;
    wire_hold(ws, false);
    tg_timer_start(ws->deadline, CLOSING_MS);
    wire_send_frame(ws, TG_OPCODE_CLOSE, payload, code ? sizeof(payload) : 0);
}

/* Tells the handler that it is over while the closing handshake goes on. */
static void end_and_close(struct tg_websocket *ws, enum tg_upstream_reason reason, const char *detail,
                          unsigned code)
{
    start_closing(ws, code);
    tell_end(ws, reason, detail);
}

static void on_deadline(void *arg)
{
    static const char *const missing[] = {
        [PHASE_LOOKUP] = "no address in time",
        [PHASE_TCP] = "no connection in time",
        [PHASE_TLS] = "no end of the TLS handshake in time",
        [PHASE_REQUEST] = "no answer in time",
    };
    struct tg_websocket *ws = arg;
    bool is_closing = ws->phase == PHASE_CLOSING;

    wire_close(ws);
    if (is_closing)
        free_websocket(ws);
    else
        websocket_end(ws, TG_REASON_TIMEOUT, ws->phase < TG_COUNT_OF(missing) ? missing[ws->phase] : "");
}

static struct tg_websocket *websocket_of(const struct tg_link *link)
{
    return TG_CONTAINER_OF(link, struct tg_websocket, link);
}

static void close_link(struct tg_link *link, unsigned code)
{
    struct tg_websocket *ws = websocket_of(link);

    if (ws->phase == PHASE_OPEN) {
        start_closing(ws, code);
        return;
    }
    wire_close(ws);
    free_websocket(ws);
}

void websocket_on_lost(struct tg_websocket *ws, const char *tls_error)
{
    if (ws->phase == PHASE_CLOSING) {
        wire_close(ws);
        free_websocket(ws);
    } else if (ws->phase == PHASE_OPEN) {
        websocket_end(ws, tls_error ? TG_REASON_PROTOCOL : TG_REASON_CLOSED, tg_text_or_empty(tls_error));
    } else {
        bool is_tls = tls_error || ws->phase == PHASE_TLS;
        websocket_end(ws, is_tls ? TG_REASON_TLS : TG_REASON_HANDSHAKE,
                      tls_error ? tls_error : "closed before the handshake was over");
    }
}

static void hold(struct tg_link *link, bool is_held)
{
    struct tg_websocket *ws = websocket_of(link);

    if (ws->phase == PHASE_OPEN)
        wire_hold(ws, is_held);
}

/* ---- sending ---------------------------------------------------------------------------------- */

static void send_message(struct tg_link *link, const struct tg_config_message *message)
{
    wire_send_frame(websocket_of(link), message->is_binary ? TG_OPCODE_BINARY : TG_OPCODE_TEXT,
                    message->bytes, message->length);
}

static bool has_unsent(const struct tg_link *link)
{
    const struct tg_websocket *ws = websocket_of(link);

    /* What there was no memory for is in neither: it goes nowhere, and the link ends. */
    return ws->is_broken || ws->unsent.length > 0 || ws->sealed.length > 0;
}

void websocket_tell_drained(struct tg_websocket *ws)
{
    if (!ws->has_backlog || ws->phase != PHASE_OPEN || has_unsent(&ws->link))
        return;
    ws->has_backlog = false;
    ws->options.handler->on_drained(ws->options.arg);
}

static void send_ping(struct tg_link *link)
{
    struct tg_websocket *ws = websocket_of(link);

    ws->wants_ping = true;
    wire_flush(ws);
}

/* ---- receiving -------------------------------------------------------------------------------- */

static void on_ping(struct tg_websocket *ws, struct tg_str payload)
{
    if (tg_pongs_are_full(&ws->pongs))
        wire_flush(ws);
    tg_pongs_add(&ws->pongs, payload); /* goes out when the block has been read */
}

static void on_frame(struct tg_websocket *ws, enum tg_frame_kind kind, const struct tg_frame *frame)
{
    const struct tg_link_handler *handler = ws->options.handler;

    switch (kind) {
    case TG_FRAME_NONE:
        break;
    case TG_FRAME_MESSAGE:
        if (!handler->on_message(ws->options.arg, &frame->message))
            end_and_close(ws, TG_REASON_PROTOCOL, "text that is not UTF-8", TG_CLOSE_NOT_UTF8);
        break;
    case TG_FRAME_OVERSIZE:
    case TG_FRAME_NO_MEMORY:
        handler->on_dropped(ws->options.arg, kind == TG_FRAME_OVERSIZE);
        break;
    case TG_FRAME_PING:
        on_ping(ws, frame->payload);
        break;
    case TG_FRAME_PONG:
        handler->on_heard(ws->options.arg);
        break;
    case TG_FRAME_CLOSE:
        ws->end.close_code = frame->close_code;
        ws->end.close_reason = frame->payload;
        end_and_close(ws, TG_REASON_CLOSED, "", frame->close_code);
        ws->end.close_reason = (struct tg_str){ 0 }; /* it goes with the block */
        break;
    case TG_FRAME_BREACH:
        end_and_close(ws, TG_REASON_PROTOCOL, frame->breach, TG_CLOSE_PROTOCOL);
        break;
    }
}

bool websocket_on_bytes(struct tg_websocket *ws, struct tg_str block)
{
    struct tg_frame frame;

    if (ws->phase == PHASE_REQUEST && !attempt_on_answer(ws, &block))
        return false;
    while (ws->phase == PHASE_OPEN && block.length > 0)
        on_frame(ws, tg_frame_read(&ws->reader, &block, &frame), &frame);
    return true;
}

static uint64_t silent_ms(const struct tg_link *link)
{
    struct tcp_info info = { 0 };
    socklen_t size = sizeof(info);

    if (getsockopt(websocket_of(link)->socket.fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return UINT64_MAX;
    return info.tcpi_last_data_recv;
}

static const struct tg_link_ops websocket_ops = {
    .close = close_link,
    .hold = hold,
    .send = send_message,
    .has_unsent = has_unsent,
    .ping = send_ping,
    .silent_ms = silent_ms,
};

void websocket_on_open(struct tg_websocket *ws)
{
    ws->phase = PHASE_OPEN;
    ws->end = (struct tg_link_end){ .detail = "" };
    tg_timer_stop(ws->deadline);
    tg_timer_stop(ws->step);
    tg_handshake_deinit(&ws->handshake);
    ws->options.handler->on_open(ws->options.arg);
}
