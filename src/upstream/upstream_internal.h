/* One upstream: what ties the supervisor, the connection, the translator and the stream together. */
#ifndef TIDEGATE_UPSTREAM_INTERNAL_H
#define TIDEGATE_UPSTREAM_INTERNAL_H

#include "context.h"
#include "health.h"
#include "supervisor.h"
#include "target.h"
#include "websocket.h"

#include <stdatomic.h>

/* Written by the upstream's worker, read by any thread; all relaxed. */
struct tg_counters {
    _Atomic uint32_t state;
    _Atomic uint64_t state_since_ms;
    _Atomic uint64_t connects, attempts, messages, message_bytes, oversize;
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
    struct tg_context *context; /* NULL: it has not begun */
    struct tg_supervisor supervisor;
    struct tg_timer *supervisor_timer;
    struct tg_health health;
    struct tg_timer *health_timer;
    struct tg_websocket *websocket; /* the attempt or the connection; NULL: none */
    struct tg_turn_hook flush_hook;
    struct tg_log_limit failure_limit, message_limit;
};

/* Checks what the library needs beyond the configuration's own checks. TG_ERR_TLS, TG_ERR_INVALID with a
 * line. The main thread. */
enum tg_err tg_upstream_new(const struct tg_config_stream *config, const struct tg_config_sse *names,
                            struct tg_stream *stream, struct tg_worker *worker,
                            struct tg_upstream **ret_upstream, struct tg_buffer *ret_error);
/* The main thread, when the pool has been stopped, before tg_context_free. */
void tg_upstream_release(struct tg_upstream *upstream);
void tg_upstream_free(struct tg_upstream *upstream); /* after tg_context_free */

/* The worker's thread. */
void tg_upstream_begin(struct tg_upstream *upstream, struct tg_context *context);
void tg_upstream_check_demand(struct tg_upstream *upstream);
void tg_upstream_halt(struct tg_upstream *upstream);

#endif
