/* The bytes of a connection, in both directions.
 *
 *     unsent ──► TLS ──► sealed ──► send()                    recv() ──► TLS ──► phase
 *        └───── no TLS ─────────────►                    └───── no TLS ────────►
 *
 * One block is read in each turn, so that a backend that never stops does not hold up the rest. */
#include "websocket.h"

#include <sys/socket.h>

enum {
    RECORD_BYTES = 16 * 1024, /* of plain text, the most that TLS gives at once */
    DRAIN_BLOCKS = 64,        /* more than a socket holds */
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

static void watch(struct tg_websocket *ws, unsigned events)
{
    tg_socket_watch(&ws->socket, events | (ws->socket.watched & TG_SOCKET_WRITABLE));
}

void wire_hold(struct tg_websocket *ws, bool is_held)
{
    ws->is_held = is_held;
    watch(ws, is_held ? 0 : TG_SOCKET_READABLE);
}

/* ---- sending ---------------------------------------------------------------------------------- */

/* What was to be sent cannot be: the connection makes no sense any more, and ends like one that was closed. */
static void give_up(struct tg_websocket *ws)
{
    ws->is_broken = true;
    shutdown(ws->socket.fd, SHUT_RDWR);
    watch(ws, TG_SOCKET_READABLE); /* which tells of it */
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
        size_t taken = 0;
        if (tg_descriptor_write(ws->socket.fd, out->data, out->length, &taken)) {
            ws->is_broken = true; /* reading will tell */
            return;
        }
        bool is_full = taken < out->length;
        consume(out, taken);
        if (is_full) {
            tg_socket_watch(&ws->socket, ws->socket.watched | TG_SOCKET_WRITABLE);
            return;
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

static bool receive(struct tg_websocket *ws, const void *bytes, size_t length)
{
    bool is_alive = ws->channel ? receive_sealed(ws, bytes, length)
                                : websocket_on_bytes(ws, (struct tg_str){ bytes, length });

    if (is_alive) {
        wire_flush(ws); /* what TLS or a ping asks for */
        websocket_tell_drained(ws);
    }
    return is_alive;
}

/* TG_ERR_AGAIN: nothing more is there for now. TG_ERR_CLOSED: that was the end of it, and perhaps of `ws`. TG_ERR_IO: the
 * same, but nobody has been told. */
static enum tg_err read_block(struct tg_websocket *ws)
{
    char *block = ws->options.websockets->block;
    size_t length = 0;
    enum tg_err err = tg_descriptor_read(ws->socket.fd, block, TG_WEBSOCKET_BLOCK_BYTES, &length);

    if (err)
        return err == TG_ERR_AGAIN ? TG_ERR_AGAIN : TG_ERR_IO;
    return receive(ws, block, length) ? TG_OK : TG_ERR_CLOSED;
}

static void on_broken(struct tg_websocket *ws)
{
    enum tg_err err = TG_OK;

    ws->is_broken = true;
    for (int i = 0; i < DRAIN_BLOCKS && !err; i++)
        err = read_block(ws);
    if (err != TG_ERR_CLOSED)
        websocket_on_lost(ws, NULL);
}

static void on_readable(struct tg_websocket *ws)
{
    if (read_block(ws) == TG_ERR_IO) {
        ws->is_broken = true;
        websocket_on_lost(ws, NULL);
    }
}

static void on_tcp(struct tg_websocket *ws, unsigned events)
{
    if ((events & TG_SOCKET_BROKEN) || tg_socket_error(&ws->socket) != 0)
        attempt_on_refused(ws);
    else if (!attempt_on_connected(ws))
        websocket_on_lost(ws, NULL);
}

static void on_events(struct tg_socket *socket, unsigned events)
{
    struct tg_websocket *ws = TG_CONTAINER_OF(socket, struct tg_websocket, socket);

    if (ws->phase == PHASE_TCP) {
        on_tcp(ws, events);
    } else if (events & TG_SOCKET_BROKEN) {
        on_broken(ws);
    } else if (events & TG_SOCKET_READABLE) {
        on_readable(ws);
    } else {
        wire_flush(ws);
        websocket_tell_drained(ws);
    }
}

/* ---- the beginning and the end ------------------------------------------------------------------ */

bool wire_open(struct tg_websocket *ws, const char *address)
{
    return tg_socket_connect_to(&ws->socket, ws->options.websockets->net, address, ws->target.port,
                                on_events) == TG_OK;
}

void wire_close(struct tg_websocket *ws)
{
    if (!tg_socket_is_open(&ws->socket))
        return;
    if (ws->channel && ws->phase > PHASE_TCP) {
        tg_tls_channel_close(ws->channel);
        wire_flush(ws);
    }
    tg_socket_close(&ws->socket);
}
