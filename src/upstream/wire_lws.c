/* The bytes of a connection, in both directions.
 *
 *     unsent ──► TLS ──► sealed ──► send()                    recv() by libwebsockets ──► TLS ──► phase
 *        └───── no TLS ─────────────►                                   └───── no TLS ────────►
 *
 * libwebsockets connects, polls and reads; it says when the socket takes more, too. The rest is done here: it
 * reads nothing, and spins, while it holds something unsent itself, so that a backend which sends before it
 * reads would stop both; and before 4.3 its raw sockets cannot do TLS. */
#include "websocket_lws.h"

#include <errno.h>
#include <sys/socket.h>

enum {
    RECORD_BYTES = 16 * 1024, /* of plain text, the most that TLS gives at once */
    DRAIN_BLOCKS = 512,       /* more than a socket holds */
};

void wire_reset(struct tg_websocket *ws)
{
    tg_tls_channel_free(ws->channel);
    ws->channel = NULL;
    tg_buffer_deinit(&ws->unsent);
    tg_buffer_deinit(&ws->sealed);
    ws->is_broken = false;
    ws->has_backlog = false;
}

/* ---- sending ---------------------------------------------------------------------------------- */

/* What was to be sent cannot be: the connection makes no sense any more, and ends like one that was closed. */
static void give_up(struct tg_websocket *ws)
{
    ws->is_broken = true;
    shutdown(lws_get_socket_fd(ws->wsi), SHUT_RDWR);
}

static bool append_frame(struct tg_websocket *ws, enum tg_opcode opcode, const void *payload, size_t length)
{
    unsigned char key[TG_FRAME_KEY_BYTES];

    tg_random_bytes(key, sizeof(key));
    if (tg_frame_write(&ws->unsent, opcode, payload, length, key) == TG_OK)
        return true;
    give_up(ws);
    return false;
}

void wire_send_frame(struct tg_websocket *ws, enum tg_opcode opcode, const void *payload, size_t length)
{
    if (append_frame(ws, opcode, payload, length))
        wire_flush(ws);
}

/* Pings and pongs wait here until all else is sent: to a backend that does not read, one ping is enough. */
static void append_control(struct tg_websocket *ws)
{
    struct tg_str payload;

    if (ws->unsent.length > 0 || ws->sealed.length > 0 || ws->phase != PHASE_OPEN)
        return;
    while (tg_pongs_take(&ws->pongs, &payload))
        if (!append_frame(ws, TG_OPCODE_PONG, payload.data, payload.length))
            return;
    if (ws->wants_ping)
        append_frame(ws, TG_OPCODE_PING, NULL, 0);
    ws->wants_ping = false;
}

static void seal(struct tg_websocket *ws)
{
    switch (tg_tls_channel_write(ws->channel, ws->unsent.data, ws->unsent.length)) {
    case TG_OK:
        tg_buffer_deinit(&ws->unsent);
        break;
    case TG_ERR_AGAIN:
        break;
    default:
        give_up(ws);
        break;
    }
}

/* A login message may be large: its memory is not kept. */
static void consume(struct tg_buffer *out, size_t length)
{
    if (length == out->length)
        tg_buffer_deinit(out);
    else
        tg_buffer_consume(out, length);
}

static void flush(struct tg_websocket *ws)
{
    struct tg_buffer *out = ws->channel ? &ws->sealed : &ws->unsent;

    while (!ws->is_broken) {
        append_control(ws);
        if (ws->channel && ws->unsent.length > 0)
            seal(ws);
        if (out->length == 0)
            return;
        ssize_t sent = send(lws_get_socket_fd(ws->wsi), out->data, out->length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            consume(out, (size_t)sent);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            lws_callback_on_writable(ws->wsi);
            return;
        } else if (errno != EINTR) {
            ws->is_broken = true; /* reading will tell */
        }
    }
}

void wire_flush(struct tg_websocket *ws)
{
    flush(ws);
    if (ws->unsent.length > 0 || ws->sealed.length > 0)
        ws->has_backlog = true;
}

/* ---- receiving -------------------------------------------------------------------------------- */

static enum tg_err open_up(struct tg_websocket *ws)
{
    enum tg_err err = tg_tls_channel_shake_hands(ws->channel);

    if (err == TG_OK && !attempt_send_request(ws))
        return TG_ERR_CLOSED;
    return err;
}

static bool receive_sealed(struct tg_websocket *ws, const void *bytes, size_t length)
{
    char plain[RECORD_BYTES];
    enum tg_err err = TG_OK;

    tg_tls_channel_feed(ws->channel, bytes, length);
    if (ws->phase == PHASE_TLS)
        err = open_up(ws);
    while (err == TG_OK) {
        size_t count = 0;
        err = tg_tls_channel_read(ws->channel, plain, sizeof(plain), &count);
        if (err == TG_OK && !websocket_on_bytes(ws, (struct tg_str){ plain, count }))
            return false;
    }
    tg_tls_channel_feed(ws->channel, "", 0);
    if (err == TG_ERR_AGAIN)
        return true;
    websocket_on_lost(ws, err == TG_ERR_TLS ? tg_tls_channel_error(ws->channel) : NULL);
    return false;
}

bool wire_receive(struct tg_websocket *ws, const void *bytes, size_t length)
{
    bool is_alive = ws->channel ? receive_sealed(ws, bytes, length)
                                : websocket_on_bytes(ws, (struct tg_str){ bytes, length });

    if (is_alive) {
        wire_flush(ws); /* what TLS or a ping asks for */
        websocket_tell_drained(ws);
    }
    return is_alive;
}

void wire_hold(struct tg_websocket *ws, bool is_held)
{
    if (ws->wsi && ws->is_held != is_held)
        lws_rx_flow_control(ws->wsi, is_held ? 0 : 1);
    ws->is_held = is_held;
}

bool wire_drain(struct tg_websocket *ws)
{
    char block[RECORD_BYTES];
    int socket = lws_get_socket_fd(ws->wsi);

    ws->is_broken = true;
    for (int i = 0; i < DRAIN_BLOCKS; i++) {
        ssize_t got = recv(socket, block, sizeof(block), MSG_DONTWAIT);
        if (got <= 0)
            return true;
        if (!wire_receive(ws, block, (size_t)got))
            return false;
    }
    return true;
}

/* ---- the end ---------------------------------------------------------------------------------- */

void wire_detach(struct tg_websocket *ws)
{
    struct lws *wsi = ws->wsi;

    if (!wsi)
        return;
    if (ws->channel && ws->phase > PHASE_TCP) {
        tg_tls_channel_close(ws->channel);
        wire_flush(ws);
    }
    ws->wsi = NULL;
    lws_set_opaque_user_data(wsi, NULL);
}

void wire_kill(struct tg_websocket *ws)
{
    struct lws *wsi = ws->wsi;

    wire_detach(ws);
    if (wsi)
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}
