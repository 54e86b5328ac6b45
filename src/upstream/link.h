/* A link: what the supervisor keeps up. A WebSocket connection, the one long answer of an SSE or NDJSON backend, or a
 * run of polls; to the upstream they are all the same.
 *
 *     tg_link_new ─► … ─► on_open ─► on_message, on_message, … ─► on_end
 *                    └──────────── it never opened ──────────────► on_end
 *
 * After on_end, and after tg_link_close, which the handler may call, the pointer is no longer valid for the caller. The
 * worker's thread. */
#ifndef TIDEGATE_UPSTREAM_LINK_H
#define TIDEGATE_UPSTREAM_LINK_H

#include "gate.h"
#include "http.h"
#include "progress.h"
#include "target.h"
#include "tidegate/translate.h"
#include "tidegate/upstream.h"
#include "tls.h"

struct tg_link;
struct tg_websockets;

struct tg_link_end {
    enum tg_upstream_reason reason;
    uint64_t retry_after_ms; /* the next attempt is not to be earlier; 0: the backend did not say */
    unsigned status;         /* of the HTTP answer that ended it; 0: none */
    unsigned close_code;     /* of a WebSocket backend; 0: none */
    bool is_finished;        /* sse, ndjson: in good order, by 204 or the end of a complete answer */
    bool has_messages;       /* the same: after it had brought some */
    bool was_sent;           /* over HTTP: some of the request was */
    bool was_taken;     /* over HTTP: the body was, by who then redirected to another request, without it */
    const char *detail; /* for the log, borrowed; "" when there is nothing to add */
    struct tg_str close_reason;     /* of a WebSocket backend, borrowed: UTF-8, anything else is possible */
    const struct tg_target *target; /* where it was under way, borrowed; NULL: as configured */
};

struct tg_link_handler {
    void (*on_open)(void *arg);
    /* False: the message is text but not UTF-8; a WebSocket connection is then failed (RFC 6455 section 8.1). */
    bool (*on_message)(void *arg, const struct tg_message *message);
    void (*on_dropped)(void *arg, bool is_oversize); /* over max_message, or too big for the memory left */
    void (*on_heard)(void *arg); /* a sign of life that is no message: a pong, a comment, a 304 */
    /* Polls: an answer without its cursor, and what it has there instead. */
    void (*on_cursor_missing)(void *arg, const char *finds);
    /* Lines, where the configuration does not say so: for a while the first one has not come to its end. */
    void (*on_no_line)(void *arg);
    void (*on_redirect)(void *arg, const char *host);
    /* poll: it is time for the next request, which `ops->ask` makes, from within or later. NULL: it is made at once. */
    void (*on_due)(void *arg);
    void (*on_drained)(void *arg); /* what has_unsent said of has gone; links that send alone */
    void (*on_end)(void *arg, const struct tg_link_end *end);
};

struct tg_link_options {
    struct tg_worker *worker;
    struct tg_websockets *websockets; /* websocket */
    struct tg_http_client *http;      /* the other kinds */
    const struct tg_tls_client *tls;
    const struct tg_caller *caller; /* its first connection has had its turn; the others ask. Or NULL */
    const struct tg_config_upstream *config;
    const struct tg_target *target; /* copied */
    struct tg_progress *progress;   /* how far the links before have come; outlives the link */
    bool is_once;                   /* sse, ndjson: the request is not tried again by itself */
    const struct tg_link_handler *handler;
    void *arg;
};

/* What a kind of link can do. Each struct of a kind begins with a struct tg_link. */
struct tg_link_ops {
    void (*close)(struct tg_link *link, unsigned code);
    void (*hold)(struct tg_link *link, bool is_held);
    /* while it is open; NULL for all but websocket */
    void (*send)(struct tg_link *link, const struct tg_config_message *message);
    bool (*has_unsent)(const struct tg_link *link);
    void (*ping)(struct tg_link *link);
    uint64_t (*silent_ms)(const struct tg_link *link); /* since the last byte came in */
    /* after on_due; poll alone: asks, from now on by these; the target is copied */
    void (*ask)(struct tg_link *link, const struct tg_config_upstream *config,
                const struct tg_target *target);
};
struct tg_link {
    const struct tg_link_ops *ops;
};

/* Begins to connect, by config->kind; on_end is never called from within. */
struct tg_link *tg_link_new(const struct tg_link_options *options);
/* No call of the handler follows. A WebSocket sends a close frame with this code and hangs up after a second at most;
 * the others hang up. */
void tg_link_close(struct tg_link *link, unsigned code);
/* Nothing more is read from the backend, which has to wait then, until it is held no more. What has been read already is
 * still told. May be called from within the handler; how an end is noticed meanwhile is open. */
void tg_link_hold(struct tg_link *link, bool is_held);

/* The kinds; used by tg_link_new alone. */
struct tg_link *tg_link_new_websocket(const struct tg_link_options *options); /* websocket_lws.c */
struct tg_link *tg_link_new_lines(const struct tg_link_options *options); /* link_lines.c: sse and ndjson */
struct tg_link *tg_link_new_poll(const struct tg_link_options *options);  /* link_poll.c */

#endif
