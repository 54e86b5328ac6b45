/* An attempt to connect: addresses in order, the opening handshake, redirects.
 *
 * Each address but the last gets its share of the time that is left until TCP is up, so that one that does
 * not answer leaves the others a chance. The next address and the next hop of a redirect start from a timer
 * of 0 ms: never from within a callback of the connection before. */
#include "websocket.h"

#include "retry_after.h"

#include <stdio.h>

static uint64_t now_ms(const struct tg_websocket *ws)
{
    return tg_worker_now_ms(ws->options.worker);
}

static void on_resolved(void *arg, const struct tg_host_addresses *addresses, const char *error)
{
    struct tg_websocket *ws = arg;

    ws->lookup = NULL;
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
    ws->phase = PHASE_LOOKUP;
    ws->addresses.count = 0;
    ws->lookup = tg_net_look_up(ws->options.websockets->net, ws->target.host, on_resolved, ws);
}

static void start_time(struct tg_websocket *ws, uint64_t timeout_ms)
{
    ws->deadline_ms = now_ms(ws) + timeout_ms;
    tg_timer_start(ws->deadline, timeout_ms);
}

void attempt_start(struct tg_websocket *ws)
{
    tg_target_copy(&ws->target, ws->options.target);
    start_time(ws, (uint64_t)ws->options.config->connect_timeout_ms);
    look_up(ws);
}

static void on_turn(void *arg)
{
    struct tg_websocket *ws = arg;

    start_time(ws, ws->left_ms);
    look_up(ws);
}

static void take_turn(struct tg_websocket *ws)
{
    uint64_t now = now_ms(ws);

    if (tg_pass_ask(&ws->pass, ws->options.caller, ws->target.host, ws->target.port, on_turn, ws)) {
        look_up(ws);
        return;
    }
    ws->phase = PHASE_LOOKUP;
    ws->left_ms = ws->deadline_ms > now ? ws->deadline_ms - now : 0;
    tg_timer_stop(ws->deadline);
}

/* ---- one address ------------------------------------------------------------------------------ */

static bool prepare_tls(struct tg_websocket *ws)
{
    struct ssl_st *session = tg_tls_client_new_session(ws->options.tls, ws->target.host);

    if (session)
        ws->channel = tg_tls_channel_new(session, &ws->sealed);
    return ws->channel != NULL;
}

static bool connect_to(struct tg_websocket *ws, const char *address)
{
    wire_reset(ws);
    if (ws->target.is_secure && !prepare_tls(ws))
        return false;
    ws->phase = PHASE_TCP;
    return wire_open(ws, address);
}

static void try_next_address(struct tg_websocket *ws)
{
    while (ws->address_index < ws->addresses.count) {
        if (!connect_to(ws, ws->addresses.text[ws->address_index++]))
            continue;
        size_t left = ws->addresses.count - ws->address_index;
        uint64_t now = now_ms(ws);
        if (left > 0 && ws->deadline_ms > now)
            tg_timer_start(ws->step, (ws->deadline_ms - now) / (left + 1));
        return;
    }
    websocket_end(ws, TG_REASON_CONNECT, "refused, or not to be reached");
}

/* Time for the next address, or for the next hop. */
void attempt_on_step(void *arg)
{
    struct tg_websocket *ws = arg;

    wire_close(ws); /* an address that did not answer in its time */
    if (!ws->location.host) {
        try_next_address(ws);
        return;
    }
    tg_target_deinit(&ws->target);
    ws->target = ws->location;
    ws->location = (struct tg_target){ 0 };
    ws->end = (struct tg_link_end){ .detail = "" };
    if (!tg_target_is_same_site(ws->options.target, &ws->target))
        ws->is_foreign = true;
    ws->options.handler->on_redirect(ws->options.arg, ws->target.host);
    take_turn(ws);
}

bool attempt_on_connected(struct tg_websocket *ws)
{
    tg_timer_stop(ws->step);
    tg_socket_watch(&ws->socket, TG_SOCKET_READABLE);
    if (!ws->channel)
        return attempt_send_request(ws);
    ws->phase = PHASE_TLS;
    if (tg_tls_channel_shake_hands(ws->channel) != TG_ERR_AGAIN)
        return false;
    wire_flush(ws);
    return true;
}

void attempt_on_refused(struct tg_websocket *ws)
{
    wire_close(ws);
    tg_timer_start(ws->step, 0);
}

/* ---- the request ------------------------------------------------------------------------------ */

bool attempt_send_request(struct tg_websocket *ws)
{
    unsigned char nonce[TG_HANDSHAKE_NONCE_BYTES];
    const struct tg_handshake_request request = {
        .target = &ws->target,
        .config = ws->options.config,
        .is_foreign = ws->is_foreign,
        .nonce = nonce,
    };

    ws->phase = PHASE_REQUEST;
    tg_random_bytes(nonce, sizeof(nonce));
    tg_handshake_deinit(&ws->handshake);
    tg_handshake_init(&ws->handshake, nonce, ws->options.config->subprotocols);
    if (tg_handshake_write(&ws->unsent, &request) < 0)
        return false;
    wire_flush(ws);
    return true;
}

/* ---- the answer ------------------------------------------------------------------------------- */

/* NULL: ws->location is where to go next. */
static const char *follow(struct tg_websocket *ws)
{
    const char *location = ws->handshake.location;

    if (ws->hops >= ws->options.config->max_redirects)
        return "too many";
    if (!location || ws->handshake.is_location_doubtful)
        return "no Location that can be used";
    switch (tg_target_follow(&ws->target, location, &ws->location)) {
    case TG_OK:
        ws->hops++;
        return NULL;
    case TG_ERR_TLS:
        return "it would leave TLS";
    default:
        return "no Location that can be used";
    }
}

static void on_other_status(struct tg_websocket *ws)
{
    ws->end.status = ws->handshake.status;
    if (tg_status_is_redirect(ws->end.status)) {
        const char *error = follow(ws);
        if (error) {
            websocket_end(ws, TG_REASON_REDIRECT, error);
            return;
        }
        wire_close(ws);
        tg_timer_start(ws->step, 0);
        return;
    }
    if (ws->handshake.retry_after)
        tg_retry_after_parse(ws->handshake.retry_after, tg_clock_wall_ms(), &ws->end.retry_after_ms);
    websocket_end(ws, TG_REASON_HANDSHAKE, "");
}

bool attempt_on_answer(struct tg_websocket *ws, struct tg_str *block)
{
    switch (tg_handshake_read(&ws->handshake, block)) {
    case TG_HANDSHAKE_MORE:
        return true;
    case TG_HANDSHAKE_OPEN:
        websocket_on_open(ws);
        return true;
    case TG_HANDSHAKE_OTHER:
        on_other_status(ws);
        return false;
    case TG_HANDSHAKE_BROKEN:
        websocket_end(ws, TG_REASON_HANDSHAKE, ws->handshake.error);
        return false;
    }
    return false;
}
