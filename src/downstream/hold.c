/* Choosing the stream. */
#include "hold.h"
#include "key.h"
#include "opening.h"
#include "throttle.h"

enum { LOGS_PER_SECOND = 1 };

bool tg_hold_is_session(const struct tg_route *route)
{
    return route->family && route->stream_config->scope == TG_SCOPE_CLIENT;
}

bool tg_hold_opens_by(const struct tg_route *route, enum tg_method method)
{
    const struct tg_config_session *session = &route->stream_config->session;
    return method == TG_METHOD_POST ? session->is_opened_by_post : session->is_opened_by_get;
}

static void tell_failure(const struct tg_reply *reply, enum tg_err err)
{
    struct tg_shard *shard = reply->connection->shard;
    uint32_t suppressed;
    if (tg_log_limit_allows(&shard->log_limit, LOGS_PER_SECOND, tg_worker_now_ms(shard->worker), &suppressed))
        tg_log(TG_LOG_WARNING, "downstream", "opening_failed",
               TG_F_STR("stream", reply->route->stream_config->name), TG_F_ERR(err),
               TG_F_STR_IF("complaint", reply->complaint.data), TG_F_INT_IF("suppressed", suppressed));
}

/* What the client sent cannot go to the backend, or is more than backends take: it never will be, so that even a native
 * EventSource is to stop, which it does for good on anything but 200. */
static int status_of(const struct tg_reply *reply, enum tg_err err)
{
    if (!err)
        return 0;
    tell_failure(reply, err);
    if (err == TG_ERR_INVALID)
        return 400;
    if (err == TG_ERR_TOO_LARGE)
        return 431;
    return err == TG_ERR_LIMIT || tg_reply_is_to_event_source(reply) ? 503 : 502;
}

static enum tg_err begin_opening(struct tg_reply *reply, const struct tg_match *match,
                                 struct tg_opening_parts *parts)
{
    struct tg_connection *connection = reply->connection;
    const struct tg_server *server = connection->shard->server;
    enum tg_err err = tg_opening_init(parts, match->route->stream_config, reply->head, match->values,
                                      server->options.sse->last_event_id_query);
    parts->opening.worker_index = tg_worker_index(connection->shard->worker);
    parts->opening.has_body = tg_hold_is_session(match->route) && reply->head->method == TG_METHOD_POST;
    if (parts->opening.has_body)
        parts->opening.body = tg_exchange_peek_body(connection);
    parts->opening.complaint = &reply->complaint;
    return err;
}

static int join(struct tg_reply *reply, const struct tg_match *match, struct tg_hold *ret_hold)
{
    struct tg_opening_parts parts;
    struct tg_buffer key = { 0 };
    struct tg_hold hold = { .family = match->route->family };
    enum tg_err err = begin_opening(reply, match, &parts);
    if (!err)
        err = tg_key_join(match->values, match->route->stream_config->parameter_count, &key);
    if (!err)
        err = tg_family_join(hold.family, (struct tg_str){ key.data, key.length }, &parts.opening,
                             &hold.stream);
    tg_opening_deinit(&parts);
    tg_buffer_deinit(&key);
    if (!err)
        *ret_hold = hold;
    return status_of(reply, err);
}

static int open_session(struct tg_reply *reply, const struct tg_match *match, const unsigned char *identity,
                        struct tg_hold *ret_hold)
{
    struct tg_opening_parts parts;
    struct tg_hold hold = { .family = match->route->family, .is_new = true };
    if (!tg_throttle_allows(reply, NULL))
        return 429;
    enum tg_err err = begin_opening(reply, match, &parts);
    if (!err)
        err = tg_family_open_session(hold.family, identity, &parts.opening, &hold.stream);
    tg_opening_deinit(&parts);
    if (!err)
        *ret_hold = hold;
    return status_of(reply, err);
}

int tg_hold_status_of_identity(enum tg_err err)
{
    if (err == TG_ERR_NOT_FOUND)
        return 401;
    return err == TG_ERR_INVALID ? 400 : 503;
}

/* The session that the id names, if it is this client's, and of this path. */
static bool resume(const struct tg_match *match, struct tg_str last_id, const unsigned char *digest,
                   struct tg_hold *hold)
{
    if (last_id.length == 0 || tg_family_resume(hold->family, last_id, digest, &hold->stream))
        return false;
    if (tg_family_session_has(hold->stream, match->values))
        return true;
    tg_hold_release(hold);
    return false;
}

/* Its client has shown who it is by now, as far as it must. */
static void renew(const struct tg_reply *reply, const struct tg_match *match, bool is_message,
                  const struct tg_hold *hold)
{
    const struct tg_server *server = reply->connection->shard->server;
    const struct tg_config_stream *config = match->route->stream_config;
    struct tg_opening_parts parts;
    if (!config->session.is_renewed)
        return;
    enum tg_err err = tg_opening_init_renewal(&parts, config, reply->head, is_message,
                                              server->options.sse->last_event_id_query);
    if (!err && (parts.opening.header_count > 0 || parts.opening.query.length > 0))
        tg_family_renew(hold->family, hold->stream, &parts.opening);
    tg_opening_deinit(&parts);
}

static int take_session(struct tg_reply *reply, const struct tg_match *match, struct tg_str last_id,
                        bool opens, struct tg_hold *ret_hold)
{
    struct tg_hold hold = { .family = match->route->family };
    struct tg_identity identity;
    enum tg_err err = tg_opening_identify(&match->route->stream_config->session, reply->head, &identity);
    if (err)
        return tg_hold_status_of_identity(err);
    const unsigned char *digest = identity.is_set ? identity.digest : NULL;
    if (resume(match, last_id, digest, &hold)) {
        renew(reply, match, !opens, &hold);
        *ret_hold = hold;
        return 0;
    }
    if (!opens)
        return 404;
    if (!tg_hold_opens_by(match->route, reply->head->method))
        return 405;
    return open_session(reply, match, digest, ret_hold);
}

int tg_hold_take(struct tg_reply *reply, const struct tg_match *match, struct tg_str last_id, bool opens,
                 struct tg_hold *ret_hold)
{
    if (tg_hold_is_session(match->route))
        return take_session(reply, match, last_id, opens, ret_hold);
    if (match->route->family)
        return join(reply, match, ret_hold);
    *ret_hold = (struct tg_hold){ .stream = match->route->stream };
    return 0;
}

void tg_hold_release(const struct tg_hold *hold)
{
    if (hold->family)
        tg_family_leave(hold->family, hold->stream);
}
