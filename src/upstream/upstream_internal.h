/* One upstream: what ties the supervisor, the link, the translator and the stream together. upstream.c starts and ends
 * links as the supervisor says, upstream_messages.c takes what they deliver. */
#ifndef TIDEGATE_UPSTREAM_INTERNAL_H
#define TIDEGATE_UPSTREAM_INTERNAL_H

#include "health.h"
#include "link.h"
#include "supervisor.h"

#include <stdatomic.h>

/* Written by the upstream's worker, read by any thread; all relaxed. */
struct tg_counters {
    _Atomic uint32_t state;
    _Atomic uint64_t state_since_ms;
    _Atomic uint64_t connects, attempts, messages, message_bytes, oversize, filtered, repeated;
    _Atomic uint64_t failures[TG_REASON_COUNT];
    _Atomic uint64_t misfits[TG_MISFIT_COUNT];
};

struct tg_upstream {
    const struct tg_config_stream *config;
    const struct tg_config_sse *names;
    struct tg_stream *stream;
    struct tg_worker *worker;
    struct tg_counters counters;
    struct tg_tls_client *tls;
    struct tg_target target;
    struct tg_translator *translator;

    /* from tg_upstream_begin on; the worker's thread */
    bool has_begun;
    struct tg_context *context;
    struct tg_http_client *http;
    struct tg_progress progress;
    struct tg_supervisor supervisor;
    struct tg_timer *supervisor_timer;
    struct tg_health health;
    struct tg_timer *health_timer;
    struct tg_link *link; /* the attempt or the connection; NULL: none */
    struct tg_turn_hook flush_hook;
    struct tg_log_limit failure_limit, message_limit;
};

/* Checks what the libraries need beyond the configuration's own checks. TG_ERR_TLS, TG_ERR_INVALID with a
 * line. The main thread. */
enum tg_err tg_upstream_new(const struct tg_config_stream *config, const struct tg_config_sse *names,
                            struct tg_stream *stream, struct tg_worker *worker,
                            struct tg_upstream **ret_upstream, struct tg_buffer *ret_error);
/* The main thread, when the pool has been stopped, before tg_context_free and tg_http_client_free. */
void tg_upstream_release(struct tg_upstream *upstream);
void tg_upstream_free(struct tg_upstream *upstream); /* after those */

/* The worker's thread. Of context and http client the one that its kind needs must be there. */
void tg_upstream_begin(struct tg_upstream *upstream, struct tg_context *context, struct tg_http_client *http);
void tg_upstream_check_demand(struct tg_upstream *upstream);
void tg_upstream_halt(struct tg_upstream *upstream);

/* ---- between upstream.c and upstream_messages.c ------------------------------------------------ */

extern const struct tg_link_handler upstream_link_handler; /* its argument is the upstream */

uint64_t upstream_now_ms(const struct tg_upstream *up);
const char *upstream_name(const struct tg_upstream *up);
void upstream_count(_Atomic uint64_t *counter, uint64_t count);
enum tg_err upstream_append(struct tg_upstream *up, const struct tg_event *event);
/* Tells the supervisor, does what it says, and returns how long it will wait before the next attempt. May close the
 * link. */
uint64_t upstream_handle(struct tg_upstream *up, const struct tg_supervisor_event *event,
                         enum tg_upstream_reason reason);
void upstream_start_health(struct tg_upstream *up);
/* The link has ended; up->link is no more. */
void upstream_fail(struct tg_upstream *up, const struct tg_link_end *end);

#endif
