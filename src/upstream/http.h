/* HTTP towards a backend: one request, its redirects, and the answer as it comes in. libcurl does the protocol, TLS,
 * content codings and the reuse of connections; only files named *_curl.c include it.
 *
 *     request ─► on_head ─► on_body, on_body, … ─► on_end
 *        ▲  └─ redirect: on_redirect, up to config->max_redirects
 *
 * The worker's thread throughout. */
#ifndef TIDEGATE_UPSTREAM_HTTP_H
#define TIDEGATE_UPSTREAM_HTTP_H

#include "gate.h"
#include "target.h"
#include "tidegate/runtime.h"
#include "tidegate/upstream.h"

/* One or more for each worker that has upstreams of these kinds: connections are kept in it and used again, up to `idle_max`
 * that are idle. libcurl looks through all connections to a backend for each that comes or goes: few upstreams should share
 * one. */
struct tg_http_client;
struct tg_http_client *tg_http_client_new(struct tg_worker *worker,
                                          size_t idle_max); /* NULL when libcurl cannot start */
/* Drops all connections; no exchange may be left. The main thread, when the pool has been stopped. What the loop has
 * to give back is given back while the pool is freed. */
void tg_http_client_free(struct tg_http_client *client);

/* All borrowed for the call of tg_http_start. Headers and credentials of `config` go with it, the client certificate
 * too, and tls.server_name counts, but all of them only as long as a redirect has not left the configured site
 * (tg_target_is_same_site). A header of `config` stands in for one of the same name in `headers`. */
struct tg_http_request {
    const struct tg_config_upstream *config; /* headers, auth, tls, max_redirects; outlives the exchange */
    const struct tg_target *target;
    const struct tg_caller *caller; /* a redirect to another host or port waits for its turn. Or NULL */
    const struct tg_config_header *headers; /* more of them: Accept and the like; ends with a NULL name */
    bool is_post;
    bool is_once;       /* it is not tried again on a new connection when an old one turns out to be dead */
    struct tg_str body; /* of a POST */
    const char *content_type; /* of the body */
    uint64_t head_timeout_ms; /* from the start to the end of the answer's head, redirects included */
    uint64_t body_timeout_ms; /* from there to its end; 0: as long as it takes */
};

/* Views into the answer's head, for the call; empty: not given. Several Content-Type lines are one list, with commas. */
struct tg_http_answer {
    unsigned status;
    struct tg_str content_type, etag, last_modified;
    uint64_t retry_after_ms; /* Retry-After, RFC 9110 section 10.2.3; 0: not given */
};

struct tg_http_end {
    enum tg_upstream_reason reason; /* TG_REASON_NONE: the answer is complete */
    const char *detail;             /* for the log, borrowed; "" when there is nothing to add */
    const struct tg_target *target; /* of the last hop, borrowed; NULL: there was none */
    bool was_sent;                  /* at least in part, on the last hop: somebody may have acted on it */
    bool had_to_connect;            /* to the target of the request: there was no kept connection to it */
    bool was_taken; /* a POST, by who then redirected to what is to be got: it has been acted on */
};

struct tg_http_handler {
    /* False: the body is not wanted; on_end follows with TG_REASON_NONE. */
    bool (*on_head)(void *arg, const struct tg_http_answer *answer);
    /* Without transfer and content codings. False: no more is wanted, as above. */
    bool (*on_body)(void *arg, const char *bytes, size_t length);
    void (*on_redirect)(void *arg, const char *host);
    /* The exchange is over and its pointer no longer valid; a new one may be started from within. */
    void (*on_end)(void *arg, const struct tg_http_end *end);
};

struct tg_http_exchange;
/* Never calls the handler from within. NULL: memory is out. */
struct tg_http_exchange *tg_http_start(struct tg_http_client *client, const struct tg_http_request *request,
                                       const struct tg_http_handler *handler, void *arg);
/* Nothing more of the body is told, nor read beyond what libcurl holds, until it is held no more. */
void tg_http_hold(struct tg_http_exchange *exchange, bool is_held);
/* No call of the handler follows. May be called from within on_head, on_body and on_redirect. */
void tg_http_cancel(struct tg_http_exchange *exchange);

#endif
