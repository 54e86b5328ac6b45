/* Answers that are more than their bytes: what they mean for the connection, and for the figures. */
#include "reply.h"
#include "cors.h"
#include "notice.h"

#include <inttypes.h>
#include <stdio.h>

enum { COMPLAINT_MAX = 160 }; /* bytes of it in an answer */

/* ---- what a reply is about ---------------------------------------------------------------------------- */

void tg_reply_init(struct tg_reply *reply, struct tg_connection *connection)
{
    *reply = (struct tg_reply){ .connection = connection, .head = &connection->exchange->head };
}

void tg_reply_deinit(struct tg_reply *reply)
{
    tg_buffer_deinit(&reply->extra);
    tg_buffer_deinit(&reply->complaint);
}

bool tg_route_is_opened_by_post(const struct tg_route *route)
{
    return route->kind == TG_ROUTE_STREAM && route->family &&
           route->stream_config->scope == TG_SCOPE_CLIENT && route->stream_config->session.is_opened_by_post;
}

static const char *allow_of_stream(const struct tg_route *route)
{
    if (!tg_route_is_opened_by_post(route))
        return "GET, HEAD, OPTIONS";
    return route->stream_config->session.is_opened_by_get ? "GET, HEAD, POST, OPTIONS" : "POST, OPTIONS";
}

const char *tg_route_allow(const struct tg_route *route)
{
    switch (route->kind) {
    case TG_ROUTE_STREAM:
        return allow_of_stream(route);
    case TG_ROUTE_SEND:
        return "POST, OPTIONS";
    case TG_ROUTE_HANDLER:
        return route->allows_post ? "GET, HEAD, POST, OPTIONS" : "GET, HEAD, OPTIONS";
    case TG_ROUTE_CONTENT:
        break;
    }
    return "GET, HEAD, OPTIONS";
}

enum tg_err tg_reply_set_route(struct tg_reply *reply, const struct tg_route *route)
{
    reply->route = route;
    enum tg_err err = tg_cors_append(&reply->extra, route->cors, reply->head, tg_route_allow(route));
    if (err)
        tg_reply_enter_answer(reply->connection, err);
    return err;
}

bool tg_reply_is_to_event_source(const struct tg_reply *reply)
{
    return reply->head->method == TG_METHOD_GET && reply->head->wants_event_stream;
}

/* ---- sending ------------------------------------------------------------------------------------------ */

void tg_reply_count(struct tg_connection *connection, const struct tg_request_head *head, int status)
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

static enum tg_send_result send_result_of(int status)
{
    if (status == 202)
        return TG_SEND_WRITTEN;
    if (status == 409)
        return TG_SEND_CLOSED;
    if (status == 429)
        return TG_SEND_LIMITED;
    return status < 500 ? TG_SEND_REFUSED : TG_SEND_FAILED;
}

static void count_send(const struct tg_reply *reply)
{
    struct tg_counters *counters = &reply->connection->shard->counters;
    if (reply->route && reply->route->kind == TG_ROUTE_SEND && reply->head->method == TG_METHOD_POST)
        tg_counter_add(&counters->sends[send_result_of(reply->response.status)], 1);
}

void tg_reply_enter_answer(struct tg_connection *connection, enum tg_err err)
{
    connection->phase = TG_PHASE_ANSWER;
    if (err) /* memory is out: what is in `out` may be half an answer */
        tg_connection_close(connection, TG_CLOSE_ERROR);
}

void tg_reply_send(struct tg_reply *reply)
{
    struct tg_connection *connection = reply->connection;
    struct tg_exchange *exchange = connection->exchange;
    struct tg_response *response = &reply->response;
    if (!reply->head->keeps_alive || exchange->is_broken || connection->admission == TG_REFUSED ||
        connection->shard->is_draining)
        response->closes = true;
    response->says_keep_alive = reply->head->minor_version == 0;
    response->is_head = reply->head->method == TG_METHOD_HEAD;
    response->extra = (struct tg_str){ reply->extra.data, reply->extra.length };
    exchange->closes = response->closes;
    exchange->close_reason = connection->admission == TG_REFUSED ? TG_CLOSE_LIMIT : TG_CLOSE_DONE;
    if (connection->shard->is_draining)
        exchange->close_reason = TG_CLOSE_DRAIN;
    tg_reply_count(connection, reply->head, response->status);
    count_send(reply);
    tg_reply_enter_answer(connection,
                          tg_response_append(&exchange->out, response, tg_shard_date(connection->shard)));
}

/* RFC 9110 section 11.6.1: a 401 says what is asked for. Of what identifies a client here only the credentials of
 * Authorization have schemes of their own. */
static enum tg_err append_challenge(struct tg_reply *reply)
{
    const struct tg_config_session *session = &reply->route->stream_config->session;
    const char *scheme = "ApiKey";
    if (session->identity_cookie)
        scheme = "Cookie";
    else if (tg_str_equals_nocase(tg_str_from(session->identity_header), TG_STR("Authorization")))
        scheme = "Bearer";
    return tg_buffer_appendf(&reply->extra, "WWW-Authenticate: %s\r\n", scheme);
}

void tg_reply_status(struct tg_reply *reply, int status)
{
    if (status == 401 && append_challenge(reply)) {
        tg_reply_enter_answer(reply->connection, TG_ERR_MEMORY);
        return;
    }
    const char *complaint = tg_text_or_empty(reply->complaint.data);
    char text[256];
    int length = snprintf(text, sizeof(text), "%d %s\n%.*s%s", status, tg_response_reason(status),
                          COMPLAINT_MAX, complaint, *complaint ? "\n" : "");
    reply->response.status = status;
    if (status == 405 || (status == 204 && reply->head->method == TG_METHOD_OPTIONS))
        reply->response.allow = reply->route ? tg_route_allow(reply->route) : "GET, HEAD, OPTIONS";
    if (status != 202 && status != 204) {
        reply->response.content_type = "text/plain; charset=utf-8";
        reply->response.body = (struct tg_str){ text, (size_t)length };
    }
    tg_reply_send(reply);
}

void tg_reply_retry(struct tg_reply *reply, int status, uint64_t retry_after_s)
{
    reply->response.retry_after_s = retry_after_s;
    tg_reply_status(reply, status);
}

/* A native EventSource stops for good on anything but 200, so it is told with 200 when to come back (WHATWG HTML
 * section 9.2.2). It cannot POST. */
void tg_reply_later(struct tg_reply *reply)
{
    struct tg_connection *connection = reply->connection;
    uint64_t retry_ms = tg_notice_jittered_retry_ms(connection->shard->server->options.sse);
    char text[64];
    tg_counter_add(&connection->shard->counters.refused, 1);
    reply->response.closes = true;
    if (!reply->head->wants_event_stream || reply->route->kind != TG_ROUTE_STREAM ||
        reply->head->method == TG_METHOD_POST) {
        tg_reply_retry(reply, 503, retry_ms / 1000 + 1);
        return;
    }
    int length = snprintf(text, sizeof(text), "retry: %" PRIu64 "\n" TG_NOTICE_HELLO, retry_ms);
    reply->response.status = 200;
    reply->response.content_type = "text/event-stream";
    reply->response.body = (struct tg_str){ text, (size_t)length };
    tg_reply_send(reply);
}
