/* From a request to a subscriber, or to the reason why not. */
#include "subscribe.h"
#include "fanout.h"
#include "hold.h"
#include "opening.h"

static bool is_chunked(const struct tg_reply *reply)
{
    return reply->head->minor_version > 0;
}

static enum tg_err append_head(const struct tg_reply *reply, bool closes, struct tg_buffer *out)
{
    return tg_response_append_stream_head(out, tg_shard_date(reply->connection->shard), is_chunked(reply),
                                          closes, (struct tg_str){ reply->extra.data, reply->extra.length });
}

static void refuse(struct tg_reply *reply, int status)
{
    if (status == 503 || (status == 429 && tg_reply_is_to_event_source(reply)))
        tg_reply_later(reply);
    else
        tg_reply_status(reply, status);
}

/* Nothing is opened for it, so it only learns whether its like may ask. */
static int status_of_head(const struct tg_reply *reply)
{
    struct tg_identity identity;
    if (!tg_hold_is_session(reply->route))
        return 200;
    enum tg_err err = tg_opening_identify(&reply->route->stream_config->session, reply->head, &identity);
    if (err)
        return tg_hold_status_of_identity(err);
    return tg_hold_opens_by(reply->route, TG_METHOD_HEAD) ? 200 : 405;
}

static void answer_head(struct tg_reply *reply)
{
    struct tg_exchange *exchange = reply->connection->exchange;
    int status = status_of_head(reply);
    if (status != 200) {
        tg_reply_status(reply, status);
        return;
    }
    exchange->closes = !is_chunked(reply) || !reply->head->keeps_alive;
    exchange->close_reason = TG_CLOSE_DONE;
    tg_reply_count(reply->connection, reply->head, 200);
    tg_reply_enter_answer(reply->connection, append_head(reply, exchange->closes, &exchange->out));
}

/* It says that the connection closes, lest the next request of a client goes under with it. But who has been told so may
 * take its end for that of the body (Node's fetch does, in spite of RFC 9112 section 8): where that alone says that the
 * body is not whole, the connection is only not worth keeping. */
static enum tg_err append_first_head(struct tg_reply *reply, struct tg_buffer *out)
{
    bool is_plain = reply->route->stream_config->session.is_plain;
    if (!is_plain || !is_chunked(reply) || !reply->head->keeps_alive)
        return append_head(reply, true, out);
    enum tg_err err = tg_buffer_append_str(&reply->extra, "Keep-Alive: timeout=0\r\n");
    return err ? err : append_head(reply, false, out);
}

static void subscribe(struct tg_reply *reply, const struct tg_hold *hold, struct tg_str last_id)
{
    struct tg_request_head head = *reply->head; /* what it is in goes once there is a subscriber */
    struct tg_subscription subscription = { .stream = hold->stream,
                                            .family = hold->family,
                                            .config = reply->route->stream_config,
                                            .last_id = last_id,
                                            .is_first = hold->is_new,
                                            .is_bare = !is_chunked(reply) };
    struct tg_buffer out = { 0 };
    enum tg_err err = append_first_head(reply, &out);
    bool is_subscriber = !err && !(err = tg_fanout_subscribe(reply->connection, &subscription, &out));
    tg_buffer_deinit(&out);
    if (is_subscriber) {
        tg_reply_count(reply->connection, &head, 200);
        return;
    }
    tg_hold_release(hold);
    refuse(reply, err == TG_ERR_CLOSED ? 204 : 503);
}

void tg_subscribe_answer(struct tg_reply *reply, const struct tg_match *match)
{
    if (reply->head->method == TG_METHOD_HEAD) {
        answer_head(reply);
        return;
    }
    struct tg_buffer storage = { 0 };
    struct tg_hold hold;
    char **names = reply->connection->shard->server->options.sse->last_event_id_query;
    struct tg_str last_id = tg_opening_last_id(reply->head, names, &storage);
    int status = tg_hold_take(reply, match, last_id, true, &hold);
    if (status)
        refuse(reply, status);
    else
        subscribe(reply, &hold, last_id);
    tg_buffer_deinit(&storage);
}
