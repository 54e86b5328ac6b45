/* An exchange from its start over its hops to its end.
 *
 *     tg_http_start ─► due ─► hop ─► hop ─► end
 *                              │  http_exchange_on_done, the time that is over, or tg_http_cancel
 *
 * A name lookup cannot be called off: it is a thread of libcurl's, and before 8.14 libcurl may touch freed memory when
 * it parts with one that is just coming to its end. So an exchange that ends during a lookup stays, over but in the
 * multi, until the lookup has ended, and then gets no socket. */
#include "http_curl.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum { LOOKUP_MAX_MS = 24 * 3600 * 1000 }; /* libcurl is not to give up on one that nobody waits for */

static const char no_memory[] = "no memory for the request";

static void on_timeout(void *arg);

/* ---- start and release ------------------------------------------------------------------------- */

static struct tg_config_header *copy_headers(const struct tg_config_header *headers)
{
    size_t count = 0;

    while (headers && headers[count].name)
        count++;
    struct tg_config_header *copy = tg_alloc((count + 1) * sizeof(*copy));
    for (size_t i = 0; i < count; i++) {
        copy[i].name = tg_strdup(headers[i].name);
        copy[i].value = tg_strdup(headers[i].value);
    }
    return copy;
}

static void free_headers(struct tg_config_header *headers)
{
    for (struct tg_config_header *header = headers; header->name; header++) {
        free(header->name);
        free(header->value);
    }
    free(headers);
}

struct tg_http_exchange *tg_http_start(struct tg_http_client *client, const struct tg_http_request *request,
                                       const struct tg_http_handler *handler, void *arg)
{
    struct tg_http_exchange *exchange = tg_alloc(sizeof(*exchange));

    if (request->is_post && tg_buffer_append(&exchange->body, request->body.data, request->body.length) < 0) {
        free(exchange);
        return NULL;
    }
    exchange->client = client;
    exchange->config = request->config;
    exchange->caller = request->caller;
    exchange->handler = *handler;
    exchange->arg = arg;
    tg_target_copy(&exchange->origin, request->target);
    tg_target_copy(&exchange->target, request->target);
    exchange->is_post = request->is_post;
    exchange->is_once = request->is_once;
    exchange->content_type = request->content_type ? tg_strdup(request->content_type) : NULL;
    exchange->headers = copy_headers(request->headers);
    exchange->body_timeout_ms = request->body_timeout_ms;
    exchange->timer = tg_timer_new(client->worker, on_timeout, exchange);
    if (request->head_timeout_ms > 0) {
        exchange->head_deadline_ms = tg_worker_now_ms(client->worker) + request->head_timeout_ms;
        tg_timer_start(exchange->timer, request->head_timeout_ms);
    }
    DL_APPEND(client->running, exchange);
    http_client_defer(exchange);
    return exchange;
}

static void close_hop(struct tg_http_exchange *exchange)
{
    if (!exchange->easy)
        return;
    http_client_remove(exchange);
    http_hop_deinit(exchange);
    exchange->is_looking_up = false;
}

void http_exchange_abandon(struct tg_http_exchange *exchange)
{
    struct tg_http_exchange **list = exchange->is_due ? &exchange->client->due : &exchange->client->running;

    close_hop(exchange);
    tg_pass_give_up(&exchange->pass);
    DL_DELETE(*list, exchange);
    tg_timer_free(exchange->timer);
    tg_target_deinit(&exchange->origin);
    tg_target_deinit(&exchange->target);
    tg_target_deinit(&exchange->location);
    tg_buffer_deinit(&exchange->body);
    free(exchange->content_type);
    free_headers(exchange->headers);
    free(exchange);
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void let_go(struct tg_http_exchange *exchange)
{
    if (exchange->is_looking_up)
        curl_easy_setopt(exchange->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)LOOKUP_MAX_MS);
    else
        http_exchange_abandon(exchange);
}

static bool was_sent(const struct tg_http_exchange *exchange)
{
    long bytes = 0;

    return exchange->easy && curl_easy_getinfo(exchange->easy, CURLINFO_REQUEST_SIZE, &bytes) == CURLE_OK &&
           bytes > 0;
}

static void end(struct tg_http_exchange *exchange, struct tg_http_end how)
{
    how.was_sent = was_sent(exchange);
    how.was_taken = exchange->is_taken;
    how.target = &exchange->target;
    how.had_to_connect = exchange->had_to_connect;
    exchange->is_over = true;
    tg_timer_stop(exchange->timer);
    exchange->handler.on_end(exchange->arg, &how);
    let_go(exchange);
}

static void on_timeout(void *arg)
{
    struct tg_http_exchange *exchange = arg;
    bool has_head = exchange->phase == HTTP_BODY;

    end(exchange,
        (struct tg_http_end){ .reason = TG_REASON_TIMEOUT,
                              .detail = has_head ? "the answer did not end in time" : "no answer in time" });
}

void http_exchange_begin_body(struct tg_http_exchange *exchange)
{
    exchange->phase = HTTP_BODY;
    if (exchange->body_timeout_ms > 0)
        tg_timer_start(exchange->timer, exchange->body_timeout_ms);
    else
        tg_timer_stop(exchange->timer);
}

void tg_http_hold(struct tg_http_exchange *exchange, bool is_held)
{
    exchange->is_held = is_held;
    if (!is_held && exchange->is_paused)
        http_client_defer(exchange);
}

void tg_http_cancel(struct tg_http_exchange *exchange)
{
    assert(!exchange->is_over);
    exchange->is_over = true;
    tg_timer_stop(exchange->timer);
    http_client_defer(exchange);
}

/* ---- hops -------------------------------------------------------------------------------------- */

static void begin_hop(struct tg_http_exchange *exchange)
{
    exchange->phase = HTTP_HEAD;
    exchange->head_bytes = 0;
    exchange->error[0] = '\0';
    exchange->hop = ++exchange->client->hops;
    exchange->tls_alert = NULL;
    if (!http_hop_init(exchange)) {
        end(exchange, (struct tg_http_end){ .reason = TG_REASON_CONNECT, .detail = no_memory });
    } else if (!http_client_add(exchange)) {
        http_hop_deinit(exchange);
        end(exchange, (struct tg_http_end){ .reason = TG_REASON_CONNECT, .detail = no_memory });
    }
}

/* What libcurl has kept comes in from within. */
static void resume(struct tg_http_exchange *exchange)
{
    exchange->is_paused = false;
    exchange->client->given_bytes = 0;
    CURLcode result = curl_easy_pause(exchange->easy, CURLPAUSE_CONT);
    if (result != CURLE_OK)
        http_exchange_on_done(exchange, result);
}

void http_exchange_step(struct tg_http_exchange *exchange)
{
    if (exchange->is_over)
        let_go(exchange);
    else if (exchange->is_paused && !exchange->is_held)
        resume(exchange);
    else if (!exchange->is_paused)
        begin_hop(exchange);
}

static void on_turn(void *arg)
{
    struct tg_http_exchange *exchange = arg;

    if (exchange->head_deadline_ms > 0) {
        exchange->head_deadline_ms = tg_worker_now_ms(exchange->client->worker) + exchange->left_ms;
        tg_timer_start(exchange->timer, exchange->left_ms);
    }
    http_client_defer(exchange);
}

static void take_turn(struct tg_http_exchange *exchange)
{
    const struct tg_target *target = &exchange->target;
    uint64_t now_ms = tg_worker_now_ms(exchange->client->worker);

    if (tg_pass_ask(&exchange->pass, exchange->caller, target->host, target->port, on_turn, exchange)) {
        begin_hop(exchange);
        return;
    }
    exchange->left_ms = exchange->head_deadline_ms > now_ms ? exchange->head_deadline_ms - now_ms : 0;
    tg_timer_stop(exchange->timer);
}

static bool is_same_place(const struct tg_target *a, const struct tg_target *b)
{
    return strcmp(a->host, b->host) == 0 && a->port == b->port;
}

static void follow(struct tg_http_exchange *exchange)
{
    bool may_be_connected = is_same_place(&exchange->target, &exchange->location);

    close_hop(exchange);
    tg_target_deinit(&exchange->target);
    exchange->target = exchange->location;
    exchange->location = (struct tg_target){ 0 };
    if (!tg_target_is_same_site(&exchange->origin, &exchange->target))
        exchange->is_foreign = true;
    exchange->handler.on_redirect(exchange->arg, exchange->target.host);
    if (exchange->is_over)
        return;
    if (may_be_connected)
        begin_hop(exchange);
    else
        take_turn(exchange);
}

static void note_connect(struct tg_http_exchange *exchange)
{
    long connects = 0;

    if (is_same_place(&exchange->origin, &exchange->target) &&
        curl_easy_getinfo(exchange->easy, CURLINFO_NUM_CONNECTS, &connects) == CURLE_OK && connects > 0)
        exchange->had_to_connect = true;
}

void http_exchange_on_done(struct tg_http_exchange *exchange, CURLcode result)
{
    exchange->is_looking_up = false;
    note_connect(exchange);
    if (exchange->is_over) {
        if (!exchange->is_due) /* else it was cancelled in this turn, and its step is to come */
            http_exchange_abandon(exchange);
        return;
    }
    switch (exchange->phase) {
    case HTTP_REDIRECT:
        follow(exchange);
        return;
    case HTTP_UNWANTED:
        end(exchange, (struct tg_http_end){ .reason = TG_REASON_NONE, .detail = "" });
        return;
    case HTTP_FAILED:
        end(exchange, exchange->failure);
        return;
    case HTTP_HEAD:
    case HTTP_BODY:
        end(exchange, http_answer_failure(exchange, result));
        return;
    }
}
