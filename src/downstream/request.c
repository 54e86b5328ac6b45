/* From a checked request to its answer: route, method, limits; what is not a stream is answered here. */
#include "cors.h"
#include "fields.h"
#include "hold.h"
#include "reply.h"
#include "router.h"
#include "send.h"
#include "subscribe.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    COPIED_BODY_BYTES = 8192, /* bodies up to this leave in one write with their head */
    PATH_BYTES = 1024,        /* longer paths are decoded on the heap */
};

/* ---- refusing what cannot be read --------------------------------------------------------------------- */

void tg_request_reject(struct tg_connection *connection, int status, enum tg_close_reason reason)
{
    if (!connection->exchange)
        connection->exchange = tg_alloc(sizeof(*connection->exchange));
    struct tg_exchange *exchange = connection->exchange;
    char text[64];
    int length = snprintf(text, sizeof(text), "%d %s\n", status, tg_response_reason(status));
    struct tg_response response = {
        .status = status,
        .content_type = "text/plain; charset=utf-8",
        .body = { text, (size_t)length },
        .closes = true,
        .allow = status == 405 ? "GET, HEAD, OPTIONS" : NULL,
    };
    exchange->closes = true;
    exchange->is_broken = true;
    exchange->close_reason = reason;
    tg_reply_count(connection, NULL, status);
    tg_reply_enter_answer(connection,
                          tg_response_append(&exchange->out, &response, tg_shard_date(connection->shard)));
}

/* ---- which route -------------------------------------------------------------------------------------- */

/* The request's path, decoded: what a match points into. */
struct place {
    struct tg_match match;
    struct tg_str path;
    char *allocated;
    char bytes[PATH_BYTES];
};

/* False: there is no such route. To be left in any case. */
static bool find_place(const struct tg_connection *connection, struct place *place)
{
    struct tg_str raw = connection->exchange->head.target.path;
    place->allocated = raw.length <= sizeof(place->bytes) ? NULL : tg_alloc(raw.length);
    char *path = place->allocated ? place->allocated : place->bytes;
    (void)tg_path_decode(raw, path, &place->path.length);
    place->path.data = path;
    return tg_router_find(&connection->shard->server->router, raw, place->path, &place->match);
}

static void leave_place(struct place *place)
{
    free(place->allocated);
}

/* ---- bodies ------------------------------------------------------------------------------------------- */

static bool must_refuse(const struct tg_connection *connection)
{
    return connection->admission == TG_REFUSED || connection->shard->is_draining;
}

/* False: nobody wants it. */
static bool is_body_wanted(const struct tg_route *route, uint64_t *ret_max_bytes)
{
    if (route->kind == TG_ROUTE_SEND) {
        *ret_max_bytes = (uint64_t)route->send->max_body_bytes;
        return true;
    }
    if (!tg_route_is_opened_by_post(route))
        return false;
    *ret_max_bytes = (uint64_t)route->stream_config->session.max_body_bytes;
    return true;
}

bool tg_request_takes_body(struct tg_connection *connection)
{
    struct tg_exchange *exchange = connection->exchange;
    struct place place;
    uint64_t max_bytes;
    if (exchange->head.method != TG_METHOD_POST)
        return true;
    bool is_wanted = find_place(connection, &place) && is_body_wanted(place.match.route, &max_bytes);
    leave_place(&place);
    if (!is_wanted)
        return true;
    if (tg_fields_has_coding(exchange->head.fields))
        exchange->body_status = 415;
    else if (tg_body_keep(&exchange->body, max_bytes))
        exchange->body_status = 413;
    exchange->is_broken = exchange->body_status || must_refuse(connection);
    return !exchange->is_broken;
}

/* ---- answering ---------------------------------------------------------------------------------------- */

static void reply_content(struct tg_reply *reply)
{
    struct tg_str content = reply->route->content;
    reply->response.status = 200;
    reply->response.content_type = reply->route->content_type;
    reply->response.is_stored = true;
    reply->response.body = content;
    reply->response.has_long_body = content.length > COPIED_BODY_BYTES;
    if (reply->response.has_long_body && reply->head->method != TG_METHOD_HEAD)
        reply->connection->exchange->content = content;
    tg_reply_send(reply);
}

static void reply_handler(struct tg_reply *reply, struct tg_str path)
{
    struct tg_http_request request = {
        .method = reply->head->method_name,
        .path = path,
        .query = reply->head->target.query,
        .wants_event_stream = reply->head->wants_event_stream,
    };
    struct tg_http_response answer = { .status = 200 };
    reply->route->handler(reply->route->handler_arg, &request, &answer);
    reply->response.status = answer.status;
    reply->response.content_type = answer.content_type;
    if (answer.content_type)
        reply->response.body = (struct tg_str){ answer.body.data, answer.body.length };
    tg_reply_send(reply);
    tg_buffer_deinit(&answer.body);
}

/* A GET may resume the session of a route that opens them by POST alone: that is for the session to say. */
static bool allows_method(const struct tg_route *route, enum tg_method method)
{
    switch (method) {
    case TG_METHOD_GET:
    case TG_METHOD_HEAD:
        return route->kind != TG_ROUTE_SEND;
    case TG_METHOD_POST:
        return route->kind == TG_ROUTE_SEND || (route->kind == TG_ROUTE_HANDLER && route->allows_post) ||
               tg_route_is_opened_by_post(route);
    case TG_METHOD_OPTIONS:
        return true;
    case TG_METHOD_OTHER:
        break;
    }
    return false;
}

/* Sending something, or opening a connection to a backend in the client's name. */
static bool is_action(const struct tg_reply *reply)
{
    bool is_session = reply->route->kind == TG_ROUTE_STREAM && tg_hold_is_session(reply->route);
    return reply->head->method == TG_METHOD_POST || (reply->head->method == TG_METHOD_GET && is_session);
}

static void answer_route(struct tg_reply *reply, const struct place *place)
{
    const struct tg_request_head *head = reply->head;
    if (tg_reply_set_route(reply, place->match.route))
        return;
    if (!allows_method(reply->route, head->method))
        tg_reply_status(reply, 405);
    else if (head->method == TG_METHOD_OPTIONS)
        tg_reply_status(reply, 204);
    else if (head->has_unknown_expectation)
        tg_reply_status(reply, 417);
    else if (must_refuse(reply->connection))
        tg_reply_later(reply);
    else if (is_action(reply) && !tg_cors_allows_action(reply->route->cors, head))
        tg_reply_status(reply, 403);
    else if (reply->connection->exchange->body_status)
        tg_reply_status(reply, reply->connection->exchange->body_status);
    else if (reply->route->kind == TG_ROUTE_STREAM)
        tg_subscribe_answer(reply, &place->match);
    else if (reply->route->kind == TG_ROUTE_SEND)
        tg_send_answer(reply, &place->match);
    else if (reply->route->kind == TG_ROUTE_CONTENT)
        reply_content(reply);
    else
        reply_handler(reply, place->path);
}

void tg_request_answer(struct tg_connection *connection)
{
    struct tg_reply reply;
    struct place place;
    tg_reply_init(&reply, connection);
    bool is_found = find_place(connection, &place);
    if (reply.head->method == TG_METHOD_OPTIONS && tg_str_equals(reply.head->target.path, TG_STR("*")))
        tg_reply_status(&reply, 204);
    else if (is_found)
        answer_route(&reply, &place);
    else
        tg_reply_status(&reply, 404);
    leave_place(&place);
    tg_reply_deinit(&reply);
}
