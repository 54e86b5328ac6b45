/* A message's way out: which stream, whether it is allowed now, and on to the wait. */
#include "send.h"
#include "hold.h"
#include "opening.h"
#include "rate_limit.h"
#include "wait.h"

#include <string.h>
#include <sys/socket.h>

/* Clients that cannot be told apart (on a unix socket) count as one. */
static enum tg_err append_address(struct tg_buffer *key, int fd)
{
    struct sockaddr_storage peer = { 0 };
    socklen_t length = sizeof(peer);
    unsigned char address[TG_ADDRESS_KEY_BYTES];
    if (getpeername(fd, (struct sockaddr *)&peer, &length) != 0)
        peer.ss_family = AF_UNSPEC;
    (void)tg_address_make_key((const struct sockaddr *)&peer, address);
    return tg_buffer_append(key, address, sizeof(address));
}

/* The route, and the session or else (NULL) the client's address. */
static enum tg_err make_key(const struct tg_reply *reply, const struct tg_stream *session,
                            struct tg_buffer *key)
{
    enum tg_err err = tg_buffer_append(key, &reply->route, sizeof(reply->route));
    if (err)
        return err;
    return session ? tg_buffer_append_str(key, tg_stream_epoch(session))
                   : append_address(key, reply->connection->transport.fd);
}

/* False: it was answered. */
static bool is_allowed(struct tg_reply *reply, const struct tg_stream *session)
{
    struct tg_shard *shard = reply->connection->shard;
    const struct tg_config_send *send = reply->route->send;
    struct tg_rate rate = { .per_second = (uint64_t)send->per_second, .burst = (uint64_t)send->burst };
    struct tg_buffer key = { 0 };
    uint64_t wait_ms = 0;
    if (send->per_second <= 0)
        return true;
    bool is_allowed = !make_key(reply, session, &key) &&
                      tg_rate_limit_take(shard->server->rate_limit, (struct tg_str){ key.data, key.length },
                                         &rate, tg_worker_now_ms(shard->worker), &wait_ms);
    tg_buffer_deinit(&key);
    if (!is_allowed)
        tg_reply_retry(reply, 429, wait_ms > 1000 ? (wait_ms + 999) / 1000 : 1);
    return is_allowed;
}

static void send_message(struct tg_reply *reply, const struct tg_hold *hold)
{
    struct tg_str message = tg_exchange_peek_body(reply->connection);
    bool is_session = tg_hold_is_session(reply->route);
    if (is_session && !is_allowed(reply, hold->stream)) {
        tg_hold_release(hold);
        return;
    }
    enum tg_err err = tg_wait_send(reply->connection, reply->route, hold, message);
    if (!err)
        return;
    tg_hold_release(hold);
    if (err == TG_ERR_LIMIT)
        tg_reply_retry(reply, 429, 1);
    else
        tg_reply_status(reply, err == TG_ERR_CLOSED ? 409 : 503);
}

void tg_send_answer(struct tg_reply *reply, const struct tg_match *match)
{
    struct tg_str message = tg_exchange_peek_body(reply->connection);
    struct tg_buffer storage = { 0 };
    struct tg_hold hold;
    if (!reply->route->send->is_binary && !tg_utf8_is_valid(message.data, message.length)) {
        tg_reply_status(reply, 400);
        return;
    }
    /* Before a member is made for it. */
    if (!tg_hold_is_session(reply->route) && !is_allowed(reply, NULL))
        return;
    char **names = reply->connection->shard->server->options.sse->last_event_id_query;
    struct tg_str last_id = tg_opening_last_id(reply->head, names, &storage);
    int status = tg_hold_take(reply, match, last_id, false, &hold);
    tg_buffer_deinit(&storage);
    if (status == 503)
        tg_reply_later(reply);
    else if (status)
        tg_reply_status(reply, status);
    else
        send_message(reply, &hold);
}
