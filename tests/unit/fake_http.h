/* What a link over HTTP sees, without a network and without a clock: exchanges that the test answers, timers that the
 * test lets fire, and a handler that writes down what it is told. It stands in for upstream/http_*.c and for the
 * runtime's timers at link time: an executable's own functions come before those of a library. */
#ifndef TIDEGATE_TESTS_FAKE_HTTP_H
#define TIDEGATE_TESTS_FAKE_HTTP_H

#include "upstream/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- exchanges --------------------------------------------------------------------------------- */

struct tg_http_exchange {
    const struct tg_http_handler *handler;
    void *arg;
    struct tg_buffer request; /* "GET /path|Name: value|…|body" */
    uint64_t head_timeout_ms, body_timeout_ms;
};

static struct tg_http_exchange *exchange; /* the one under way; NULL: none */
static size_t exchange_count;
static bool is_memory_out;
static bool had_to_connect; /* the exchange that ends next */

struct tg_http_exchange *tg_http_start(struct tg_http_client *client, const struct tg_http_request *request,
                                       const struct tg_http_handler *handler, void *arg)
{
    (void)client;
    assert_null(exchange);
    exchange_count++;
    if (is_memory_out)
        return NULL;
    exchange = tg_alloc(sizeof(*exchange));
    *exchange = (struct tg_http_exchange){ .handler = handler,
                                           .arg = arg,
                                           .head_timeout_ms = request->head_timeout_ms,
                                           .body_timeout_ms = request->body_timeout_ms };
    struct tg_buffer *text = &exchange->request;
    tg_buffer_appendf(text, "%s %s", request->is_post ? "POST" : "GET", request->target->path);
    for (const struct tg_config_header *header = request->headers; header->name; header++)
        tg_buffer_appendf(text, "|%s: %s", header->name, header->value);
    if (request->is_post)
        tg_buffer_appendf(text, "|%s|%.*s", request->content_type, (int)request->body.length,
                          request->body.data);
    return exchange;
}

static inline void drop_exchange(void)
{
    if (exchange)
        tg_buffer_deinit(&exchange->request);
    free(exchange);
    exchange = NULL;
}

void tg_http_cancel(struct tg_http_exchange *cancelled)
{
    assert_ptr_equal(cancelled, exchange);
    drop_exchange();
}

static bool is_exchange_held;

void tg_http_hold(struct tg_http_exchange *held, bool is_held)
{
    assert_ptr_equal(held, exchange);
    is_exchange_held = is_held;
}

static inline void expect_request(const char *expected)
{
    assert_non_null(exchange);
    assert_string_equal(exchange->request.data, expected);
}

static inline void end_with(enum tg_upstream_reason reason, const char *detail)
{
    struct tg_http_exchange ended = *exchange;

    exchange->request = (struct tg_buffer){ 0 };
    drop_exchange();
    tg_buffer_deinit(&ended.request);
    ended.handler->on_end(
        ended.arg,
        &(struct tg_http_end){ .reason = reason, .detail = detail, .had_to_connect = had_to_connect });
}

/* False: there is no more to say, and the exchange is over. */
static inline bool give_head(struct tg_http_answer answer)
{
    bool goes_on = exchange->handler->on_head(exchange->arg, &answer);

    if (exchange && !goes_on)
        end_with(TG_REASON_NONE, "");
    return exchange != NULL && goes_on;
}

static inline bool give_bytes(const char *bytes, size_t length)
{
    char *copy = malloc(length ? length : 1);

    memcpy(copy, bytes, length);
    bool goes_on = exchange->handler->on_body(exchange->arg, copy, length);
    free(copy);
    if (exchange && !goes_on)
        end_with(TG_REASON_NONE, "");
    return exchange != NULL && goes_on;
}

static inline bool give_text(const char *text)
{
    return give_bytes(text, strlen(text));
}

/* A complete answer. */
static inline void answer(struct tg_http_answer head, const char *body)
{
    if (give_head(head) && (*body == '\0' || give_text(body)))
        end_with(TG_REASON_NONE, "");
}

#define HEAD(...) ((struct tg_http_answer){ __VA_ARGS__ })

/* ---- turns -------------------------------------------------------------------------------------- */

static struct tg_pass *waiting_pass; /* NULL: nobody waits for a turn */
static bool is_gate_shut;            /* connections wait for their turn */

bool tg_pass_ask(struct tg_pass *pass, const struct tg_caller *caller, const char *host, uint16_t port,
                 void (*on_turn)(void *arg), void *arg)
{
    (void)host, (void)port;
    if (!is_gate_shut)
        return true;
    assert_null(waiting_pass);
    *pass = (struct tg_pass){ .caller = caller, .ticket = 1, .on_turn = on_turn, .arg = arg };
    waiting_pass = pass;
    return false;
}

void tg_pass_give_up(struct tg_pass *pass)
{
    if (pass == waiting_pass)
        waiting_pass = NULL;
}

/* ---- timers ------------------------------------------------------------------------------------ */

struct tg_timer {
    void (*on_fire)(void *arg);
    void *arg;
    uint64_t at_ms;
    bool is_running;
    struct tg_timer *next;
};

static struct tg_timer *timers;
static uint64_t fake_now_ms;

uint64_t tg_worker_now_ms(const struct tg_worker *worker)
{
    (void)worker;
    return fake_now_ms;
}

struct tg_timer *tg_timer_new(struct tg_worker *worker, void (*on_fire)(void *arg), void *arg)
{
    struct tg_timer *timer = tg_alloc(sizeof(*timer));

    (void)worker;
    *timer = (struct tg_timer){ .on_fire = on_fire, .arg = arg, .next = timers };
    timers = timer;
    return timer;
}

void tg_timer_start(struct tg_timer *timer, uint64_t delay_ms)
{
    timer->at_ms = fake_now_ms + delay_ms;
    timer->is_running = true;
}

void tg_timer_free(struct tg_timer *timer)
{
    for (struct tg_timer **at = &timers; *at; at = &(*at)->next)
        if (*at == timer) {
            *at = timer->next;
            break;
        }
    free(timer);
}

/* Until the next timer fires; returns how long that took, or UINT64_MAX when none runs. */
static inline uint64_t pass_time(void)
{
    struct tg_timer *first = NULL;

    for (struct tg_timer *timer = timers; timer; timer = timer->next)
        if (timer->is_running && (!first || timer->at_ms < first->at_ms))
            first = timer;
    if (!first)
        return UINT64_MAX;
    uint64_t delay_ms = first->at_ms - fake_now_ms;
    fake_now_ms = first->at_ms;
    first->is_running = false;
    first->on_fire(first->arg);
    return delay_ms;
}

/* ---- the link and its handler ------------------------------------------------------------------- */

static struct tg_buffer seen;
static struct tg_link *under_test;   /* NULL: it has ended or was closed */
static void (*within_message)(void); /* called in each on_message, or NULL */
static const char *close_within; /* the call in which the handler closes the link: "open", "message", … */

static inline void close_it(void)
{
    struct tg_link *closed = under_test;

    under_test = NULL;
    closed->ops->close(closed, 1000);
}

static inline void note(const char *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline void note(const char *call, const char *format, ...)
{
    char text[2000];
    va_list args;

    assert_non_null(under_test); /* nothing is told after the end */
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    tg_buffer_appendf(&seen, "%s%s;", call, text);
    if (close_within && strcmp(close_within, call) == 0)
        close_it();
}

static inline void fake_on_open(void *arg)
{
    (void)arg;
    note("open", "%s", "");
}

static inline bool fake_on_message(void *arg, const struct tg_message *message)
{
    (void)arg;
    note("message", "%s(%.*s|%.*s|%.*s)", message->is_binary ? " binary" : "", (int)message->type.length,
         tg_text_or_empty(message->type.data), (int)message->id.length, tg_text_or_empty(message->id.data),
         (int)message->length, message->bytes);
    if (within_message)
        within_message();
    return false; /* what it is told here, it need not heed */
}

static inline void fake_on_dropped(void *arg, bool is_oversize)
{
    (void)arg;
    note("dropped", "%s", is_oversize ? "(oversize)" : "(memory)");
}

static inline void fake_on_cursor_missing(void *arg, const char *finds)
{
    (void)arg;
    note("no_cursor", "(%s)", finds);
}

static inline void fake_on_no_line(void *arg)
{
    (void)arg;
    note("no_line", "%s", "");
}

static inline void fake_on_heard(void *arg)
{
    (void)arg;
    note("heard", "%s", "");
}

static inline void fake_on_redirect(void *arg, const char *host)
{
    (void)arg;
    note("redirect", "(%s)", host);
}

static inline void fake_on_end(void *arg, const struct tg_link_end *end)
{
    (void)arg;
    note("end", "(%s %u %u %s)", tg_upstream_reason_text(end->reason), end->status,
         (unsigned)end->retry_after_ms, end->detail);
    under_test = NULL;
}

static const struct tg_link_handler fake_handler = {
    .on_open = fake_on_open,
    .on_message = fake_on_message,
    .on_dropped = fake_on_dropped,
    .on_heard = fake_on_heard,
    .on_cursor_missing = fake_on_cursor_missing,
    .on_no_line = fake_on_no_line,
    .on_redirect = fake_on_redirect,
    .on_end = fake_on_end,
};

/* What was told since the last time. */
static inline void expect_told(const char *expected)
{
    assert_string_equal(tg_text_or_empty(seen.data), expected);
    tg_buffer_clear(&seen);
}

static inline void start_link(struct tg_link *(*new_link)(const struct tg_link_options *options),
                              const struct tg_config_upstream *config, struct tg_progress *progress)
{
    static const struct tg_target target = { .host = (char *)"a.example",
                                             .port = 80,
                                             .path = (char *)"/feed" };
    const struct tg_link_options options = {
        .config = config, .target = &target, .progress = progress, .handler = &fake_handler
    };

    size_t told = seen.length;

    under_test = new_link(&options);
    assert_int_equal(seen.length, told);
}

static inline int tear_down(void **state)
{
    (void)state;
    close_within = NULL;
    within_message = NULL;
    if (under_test)
        close_it();
    assert_null(exchange);
    assert_null(timers);
    tg_buffer_deinit(&seen);
    exchange_count = 0;
    is_memory_out = had_to_connect = is_gate_shut = false;
    waiting_pass = NULL;
    return 0;
}

#endif
