/* From a checked request to its answer: route, method, limits. */
#include "cors.h"
#include "fanout.h"
#include "notice.h"
#include "query.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COPIED_BODY_BYTES = 8192, /* bodies up to this leave in one write with their head */
    PATH_BYTES = 1024,        /* longer paths are decoded on the heap */
};

/* What is being answered. */
struct reply {
    struct tg_connection *connection;
    const struct tg_request_head *head;
    const struct tg_route *route;
    struct tg_str path;
    struct tg_buffer extra; /* header lines that the route adds */
    struct tg_response response;
};

static void count_request(struct tg_connection *connection, const struct tg_request_head *head, int status)
{
    struct tg_shard *shard = connection->shard;
    int class = status / 100;
    if (class >= 2 && class < (int)TG_COUNT_OF(shard->counters.requests))
        tg_counter_add(&shard->counters.requests[class], 1);
    if (!tg_log_is_enabled(TG_LOG_DEBUG))
        return;
    static const char *const methods[] = { "GET", "HEAD", "OPTIONS", "POST", "other" };
    char id[20];
    tg_connection_format_id(connection, id);
    tg_log(TG_LOG_DEBUG, "downstream", "request", TG_F_STR("id", id),
           TG_F_STR("method", head ? methods[head->method] : "unknown"), TG_F_INT("status", status));
}

static void enter_answer(struct tg_connection *connection, enum tg_err err)
{
    connection->phase = TG_PHASE_ANSWER;
    if (err) /* memory is out: what is in `out` may be half an answer */
        tg_connection_close(connection, TG_CLOSE_ERROR);
}

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
    count_request(connection, NULL, status);
    enter_answer(connection, tg_response_append(&exchange->out, &response, tg_shard_date(connection->shard)));
}

/* ---- answering ---------------------------------------------------------------------------------------- */

static void send_reply(struct reply *reply)
{
    struct tg_connection *connection = reply->connection;
    struct tg_exchange *exchange = connection->exchange;
    struct tg_response *response = &reply->response;
    if (!reply->head->keeps_alive || connection->admission == TG_REFUSED || connection->shard->is_draining)
        response->closes = true;
    response->says_keep_alive = reply->head->minor_version == 0;
    response->is_head = reply->head->method == TG_METHOD_HEAD;
    response->extra = (struct tg_str){ reply->extra.data, reply->extra.length };
    exchange->closes = response->closes;
    exchange->close_reason = connection->admission == TG_REFUSED ? TG_CLOSE_LIMIT : TG_CLOSE_DONE;
    if (connection->shard->is_draining)
        exchange->close_reason = TG_CLOSE_DRAIN;
    count_request(connection, reply->head, response->status);
    enter_answer(connection, tg_response_append(&exchange->out, response, tg_shard_date(connection->shard)));
}

static void reply_status(struct reply *reply, int status, const char *allow)
{
    char text[64];
    int length = snprintf(text, sizeof(text), "%d %s\n", status, tg_response_reason(status));
    reply->response.status = status;
    reply->response.allow = allow;
    if (status != 204) {
        reply->response.content_type = "text/plain; charset=utf-8";
        reply->response.body = (struct tg_str){ text, (size_t)length };
    }
    send_reply(reply);
}

/* Over a limit, or while draining. A native EventSource stops for good on anything but 200, so it is told
 * with 200 when to come back (WHATWG HTML section 9.2.2). */
static void reply_later(struct reply *reply)
{
    struct tg_connection *connection = reply->connection;
    uint64_t retry_ms = tg_notice_jittered_retry_ms(connection->shard->server->options.sse);
    char text[64];
    tg_counter_add(&connection->shard->counters.refused, 1);
    reply->response.closes = true;
    if (!reply->head->wants_event_stream || reply->route->kind != TG_ROUTE_STREAM) {
        reply->response.retry_after_s = retry_ms / 1000 + 1;
        reply_status(reply, 503, NULL);
        return;
    }
    int length = snprintf(text, sizeof(text), "retry: %" PRIu64 "\n" TG_NOTICE_HELLO, retry_ms);
    reply->response.status = 200;
    reply->response.content_type = "text/event-stream";
    reply->response.body = (struct tg_str){ text, (size_t)length };
    send_reply(reply);
}

static void reply_content(struct reply *reply)
{
    struct tg_str content = reply->route->content;
    reply->response.status = 200;
    reply->response.content_type = reply->route->content_type;
    reply->response.is_stored = true;
    reply->response.body = content;
    reply->response.has_long_body = content.length > COPIED_BODY_BYTES;
    if (reply->response.has_long_body && reply->head->method != TG_METHOD_HEAD)
        reply->connection->exchange->content = content;
    send_reply(reply);
}

static void reply_handler(struct reply *reply)
{
    struct tg_http_request request = {
        .method = reply->head->method_name,
        .path = reply->path,
        .query = reply->head->target.query,
        .wants_event_stream = reply->head->wants_event_stream,
    };
    struct tg_http_response answer = { .status = 200 };
    reply->route->handler(reply->route->handler_arg, &request, &answer);
    reply->response.status = answer.status;
    reply->response.content_type = answer.content_type;
    if (answer.content_type)
        reply->response.body = (struct tg_str){ answer.body.data, answer.body.length };
    send_reply(reply);
    tg_buffer_deinit(&answer.body);
}

/* The header wins over the query, since a native reconnect keeps the old URL. */
static struct tg_str last_event_id(const struct reply *reply, struct tg_buffer *storage)
{
    if (reply->head->last_event_id.length > 0)
        return reply->head->last_event_id;
    char **name = reply->connection->shard->server->options.sse->last_event_id_query;
    for (; name && *name; name++) {
        if (tg_query_get(reply->head->target.query, *name, storage))
            return (struct tg_str){ storage->data, storage->length };
    }
    return (struct tg_str){ NULL, 0 };
}

static void reply_stream(struct reply *reply)
{
    struct tg_connection *connection = reply->connection;
    struct tg_exchange *exchange = connection->exchange;
    bool is_chunked = reply->head->minor_version > 0;
    struct tg_buffer out = { 0 }, id_storage = { 0 };
    enum tg_err err =
        tg_response_append_stream_head(&out, tg_shard_date(connection->shard), is_chunked,
                                       (struct tg_str){ reply->extra.data, reply->extra.length });
    count_request(connection, reply->head, 200);
    if (err || reply->head->method == TG_METHOD_HEAD) {
        exchange->closes = !is_chunked || !reply->head->keeps_alive;
        exchange->close_reason = TG_CLOSE_DONE;
        if (!err)
            err = tg_buffer_append(&exchange->out, out.data, out.length);
        enter_answer(connection, err);
    } else {
        struct tg_str last_id = last_event_id(reply, &id_storage);
        tg_fanout_subscribe(connection, reply->route, last_id, !is_chunked, &out);
    }
    tg_buffer_deinit(&id_storage);
    tg_buffer_deinit(&out);
}

static void answer_route(struct reply *reply)
{
    const struct tg_request_head *head = reply->head;
    bool allows_post = reply->route->kind == TG_ROUTE_HANDLER && reply->route->allows_post;
    const char *allow = allows_post ? "GET, HEAD, POST, OPTIONS" : "GET, HEAD, OPTIONS";
    if (tg_cors_append(&reply->extra, reply->route->cors, head, allow)) {
        enter_answer(reply->connection, TG_ERR_MEMORY);
        return;
    }
    if (head->method == TG_METHOD_OTHER || (head->method == TG_METHOD_POST && !allows_post))
        reply_status(reply, 405, allow);
    else if (head->method == TG_METHOD_OPTIONS)
        reply_status(reply, 204, allow);
    else if (head->has_unknown_expectation)
        reply_status(reply, 417, NULL);
    else if (reply->connection->admission == TG_REFUSED || reply->connection->shard->is_draining)
        reply_later(reply);
    else if (reply->route->kind == TG_ROUTE_STREAM)
        reply_stream(reply);
    else if (reply->route->kind == TG_ROUTE_CONTENT)
        reply_content(reply);
    else
        reply_handler(reply);
}

void tg_request_answer(struct tg_connection *connection)
{
    const struct tg_request_head *head = &connection->exchange->head;
    struct tg_str raw = head->target.path;
    struct reply reply = { .connection = connection, .head = head };
    char place[PATH_BYTES];
    char *path = raw.length <= sizeof(place) ? place : tg_alloc(raw.length);
    (void)tg_path_decode(raw, path, &reply.path.length);
    reply.path.data = path;
    if (head->method == TG_METHOD_OPTIONS && tg_str_equals(raw, TG_STR("*"))) {
        reply_status(&reply, 204, "GET, HEAD, OPTIONS");
    } else {
        reply.route = tg_router_find(&connection->shard->server->router, reply.path);
        if (reply.route)
            answer_route(&reply);
        else
            reply_status(&reply, 404, NULL);
    }
    tg_buffer_deinit(&reply.extra);
    if (path != place)
        free(path);
}
