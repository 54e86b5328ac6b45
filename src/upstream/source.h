/* What the upstreams of one configured stream have in common, be it one or ten thousand: trust, rules, figures.
 *
 *     source ─┬─ tls, config
 *             ├─ share of worker 0: counters, translator, until
 *             └─ share of worker 1: …
 *
 * A share is used by its worker alone (its figures are read by any thread), so nothing in it needs a lock, and what an
 * upstream has counted stays when it goes. */
#ifndef TIDEGATE_UPSTREAM_SOURCE_H
#define TIDEGATE_UPSTREAM_SOURCE_H

#include "fresh.h"
#include "gate.h"
#include "rule_watch.h"
#include "tidegate/translate.h"
#include "tidegate/upstream.h"
#include "tls.h"

#include <stdatomic.h>

/* Written by the share's worker, read by any thread; all relaxed. */
struct tg_counters {
    _Atomic uint64_t states[TG_UPSTREAM_STATE_COUNT]; /* how many upstreams are in each */
    _Atomic uint64_t recycling;        /* and how many of them are between two answers of a healthy backend */
    _Atomic uint64_t state_since_ms;                  /* the last change */
    _Atomic uint64_t delayed, waiting;                /* attempts, for limits.upstream_connects: ever, now */
    _Atomic uint64_t connects, attempts, messages, message_bytes, filtered, repeated, refused, held,
        cursor_missing, untyped;
    _Atomic uint64_t endings[TG_ENDING_COUNT];
    _Atomic uint64_t failures[TG_REASON_COUNT];
    _Atomic uint64_t misfits[TG_MISFIT_COUNT];
};

struct tg_share {
    struct tg_counters counters;
    struct tg_caller caller;
    struct tg_fresh_queue fresh;
    struct tg_translator *translator;
    struct tg_until *until; /* NULL: it has no end of its own */
    struct tg_rule_watch rule_watch;
    struct tg_log_limit open_limit, failure_limit, message_limit, hint_limit, renewal_limit;
};

enum tg_source_kind {
    TG_SOURCE_SHARED, /* one upstream, one stream */
    TG_SOURCE_FAMILY, /* an upstream for each member */
    TG_SOURCE_ROUTED, /* one upstream for all members */
};

struct tg_source {
    enum tg_source_kind kind;
    const struct tg_config_stream *config;
    const struct tg_config_sse *names;
    struct tg_tls_client *tls; /* websocket */
    struct tg_fresh *fresh;    /* NULL: no file is read again */
    size_t share_count;        /* one for each worker */
    struct tg_share **shares;  /* NULL: no upstream lives there */
};

/* Checks the configuration beyond its own checks. For a family there is a share for each worker, else for the one of
 * this index. TG_ERR_TLS, TG_ERR_INVALID with a line. The main thread. */
enum tg_err tg_source_new(enum tg_source_kind kind, const struct tg_config_stream *config,
                          const struct tg_config_sse *names, size_t worker_count, size_t worker_index,
                          struct tg_source **ret_source, struct tg_buffer *ret_error);
/* Its attempts to connect ask these; before its upstreams begin. `number` tells sources apart. */
void tg_source_pass_gates(struct tg_source *source, struct tg_gates *gates, uint64_t number);
void tg_source_announce(const struct tg_source *source); /* at the start: logs what ought to be known */
void tg_source_free(struct tg_source *source);           /* NULL is fine */

void tg_figure_add(_Atomic uint64_t *counter, uint64_t count); /* the share's thread */
void tg_source_get_stats(const struct tg_source *source,
                         struct tg_upstream_stats *ret_stats); /* any thread */

#endif
