/* A message's way out: which stream, whether it is allowed now, and on to the wait. */
#include "send.h"
#include "hold.h"
#include "opening.h"
#include "throttle.h"
#include "wait.h"

/* False: it was answered. */
static bool is_allowed(struct tg_reply *reply, const struct tg_stream *session)
{
    bool is_allowed = tg_throttle_allows(reply, session);
    if (!is_allowed)
        tg_reply_status(reply, 429);
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
