/* The client's side of a test: a pool of one worker with an HTTP client, and calls, each of which is an exchange with
 * all that came of it. Include cmocka.h first. */
#ifndef TIDEGATE_TESTS_HTTP_CALLS_H
#define TIDEGATE_TESTS_HTTP_CALLS_H

#include "upstream/http.h"

#include <dirent.h>
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CALL_PATIENCE_S = 60 }; /* before a test fails */

struct caller {
    struct tg_worker_pool *pool;
    struct tg_worker *worker;
    struct tg_http_client *client;
};

enum reaction { GOES_ON, REFUSES, CANCELS };

#define HEADER(name_, value_)                                                                                \
    {                                                                                                        \
        .name = (char *)(name_), .value = (char *)(value_)                                                   \
    }

struct call {
    struct caller *caller;
    struct tg_config_upstream config;
    struct tg_target target;
    struct tg_http_request request;
    enum reaction at_start, at_redirect, at_head, at_body;
    void (*on_body)(struct call *call); /* or NULL; the worker's thread, like the next one */
    void (*on_end)(struct call *call);

    struct tg_http_exchange *exchange;
    unsigned heads, ends;
    unsigned status;
    char content_type[64], etag[64], last_modified[64];
    uint64_t retry_after_ms;
    struct tg_buffer body;
    size_t body_bytes, largest_piece;
    bool keeps_body;
    struct tg_buffer redirects; /* their hosts, each with a space behind it */
    enum tg_upstream_reason reason;
    char detail[512];
    sem_t got_head, got_body, done;
};

/* ---- the caller -------------------------------------------------------------------------------- */

static inline void caller_start(struct caller *caller)
{
    assert_int_equal(tg_worker_pool_new(1, &caller->pool), TG_OK);
    caller->worker = tg_worker_pool_get(caller->pool, 0);
    caller->client = tg_http_client_new(caller->worker, 256);
    assert_non_null(caller->client);
    assert_int_equal(tg_worker_pool_start(caller->pool), TG_OK);
}

static inline void caller_stop(struct caller *caller)
{
    tg_worker_pool_stop(caller->pool);
    tg_http_client_free(caller->client);
    tg_worker_pool_free(caller->pool);
    assert_false(tg_worker_pool_has_stragglers());
}

/* libuv opens some for the process with its first loop. */
static inline void settle_descriptors(void)
{
    struct tg_worker_pool *pool;

    assert_int_equal(tg_worker_pool_new(1, &pool), TG_OK);
    tg_worker_pool_free(pool);
}

static inline size_t count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* ---- what comes of a call ---------------------------------------------------------------------- */

static inline void on_call_over(void *context, uint64_t id, uint64_t value)
{
    struct call *call = context;

    (void)id, (void)value;
    sem_post(&call->done);
}

/* What should not come any more has a turn's time to come all the same. */
static inline void call_do_cancel(struct call *call)
{
    tg_http_cancel(call->exchange);
    call->exchange = NULL;
    tg_worker_post(call->caller->worker, on_call_over, call, 0, 0);
}

static inline bool call_react(struct call *call, enum reaction reaction)
{
    if (reaction == CANCELS)
        call_do_cancel(call);
    return reaction != REFUSES;
}

static inline void copy_text(struct tg_str from, char *ret_text, size_t size)
{
    size_t length = from.length < size ? from.length : size - 1;

    if (length > 0)
        memcpy(ret_text, from.data, length);
    ret_text[length] = '\0';
}

static inline bool on_call_head(void *arg, const struct tg_http_answer *answer)
{
    struct call *call = arg;

    call->heads++;
    call->status = answer->status;
    call->retry_after_ms = answer->retry_after_ms;
    copy_text(answer->content_type, call->content_type, sizeof(call->content_type));
    copy_text(answer->etag, call->etag, sizeof(call->etag));
    copy_text(answer->last_modified, call->last_modified, sizeof(call->last_modified));
    sem_post(&call->got_head);
    return call_react(call, call->at_head);
}

static inline bool on_call_body(void *arg, const char *bytes, size_t length)
{
    struct call *call = arg;

    call->body_bytes += length;
    if (length > call->largest_piece)
        call->largest_piece = length;
    if (call->keeps_body)
        tg_buffer_append(&call->body, bytes, length);
    sem_post(&call->got_body);
    if (call->on_body)
        call->on_body(call);
    return call_react(call, call->at_body);
}

static inline void on_call_redirect(void *arg, const char *host)
{
    struct call *call = arg;

    tg_buffer_appendf(&call->redirects, "%s ", host);
    call_react(call, call->at_redirect);
}

static inline void on_call_end(void *arg, const struct tg_http_end *end)
{
    struct call *call = arg;

    call->ends++;
    call->exchange = NULL;
    call->reason = end->reason;
    copy_text(tg_str_from(end->detail), call->detail, sizeof(call->detail));
    if (call->on_end)
        call->on_end(call);
    sem_post(&call->done);
}

/* ---- a call ------------------------------------------------------------------------------------ */

static inline void call_init(struct call *call, struct caller *caller, const char *host, uint16_t port,
                             const char *path)
{
    *call = (struct call){ .caller = caller, .keeps_body = true };
    call->config.max_redirects = 5;
    call->config.tls.verify = true;
    call->target = (struct tg_target){ .host = tg_strdup(host), .port = port, .path = tg_strdup(path) };
    call->request = (struct tg_http_request){ .config = &call->config,
                                              .target = &call->target,
                                              .head_timeout_ms = CALL_PATIENCE_S * 1000 };
    sem_init(&call->got_head, 0, 0);
    sem_init(&call->got_body, 0, 0);
    sem_init(&call->done, 0, 0);
}

static inline void call_deinit(struct call *call)
{
    tg_target_deinit(&call->target);
    tg_buffer_deinit(&call->body);
    tg_buffer_deinit(&call->redirects);
    sem_destroy(&call->got_head);
    sem_destroy(&call->got_body);
    sem_destroy(&call->done);
}

/* The worker's thread. */
static inline void call_do_start(struct call *call)
{
    static const struct tg_http_handler handler = {
        .on_head = on_call_head,
        .on_body = on_call_body,
        .on_redirect = on_call_redirect,
        .on_end = on_call_end,
    };

    call->exchange = tg_http_start(call->caller->client, &call->request, &handler, call);
    call_react(call, call->at_start);
}

static inline void on_start_wanted(void *context, uint64_t id, uint64_t value)
{
    (void)id, (void)value;
    call_do_start(context);
}

static inline void on_cancel_wanted(void *context, uint64_t id, uint64_t value)
{
    (void)id, (void)value;
    call_do_cancel(context);
}

static inline void call_start(struct call *call)
{
    tg_worker_post(call->caller->worker, on_start_wanted, call, 0, 0);
}

static inline void call_cancel(struct call *call)
{
    tg_worker_post(call->caller->worker, on_cancel_wanted, call, 0, 0);
}

static inline void await(sem_t *event)
{
    struct timespec limit;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += CALL_PATIENCE_S;
    while (sem_timedwait(event, &limit) != 0)
        if (errno == ETIMEDOUT)
            fail_msg("what should have happened has not");
}

static inline void call_run(struct call *call)
{
    call_start(call);
    await(&call->done);
}

static inline const char *call_body(const struct call *call)
{
    return call->body.length > 0 ? call->body.data : "";
}

static inline const char *call_redirects(const struct call *call)
{
    return call->redirects.length > 0 ? call->redirects.data : "";
}

#endif
