/* One connection to a WebSocket backend, from the name lookup to the closing handshake.
 *
 *     lookup ─► TCP ─► TLS ─► request ─► open ─► closing
 *       ▲        │               │
 *       │        └─ refused: the next address
 *       └────────── redirect ────┘
 *
 * It tells its handler when it is open, what it receives, and once, at the end, why it is over; after that,
 * and after tg_websocket_close, the pointer is no longer valid for the caller. The worker's thread
 * throughout. */
#ifndef TIDEGATE_UPSTREAM_WEBSOCKET_H
#define TIDEGATE_UPSTREAM_WEBSOCKET_H

#include "context.h"
#include "target.h"
#include "tidegate/translate.h"
#include "tidegate/upstream.h"
#include "tls.h"

struct tg_websocket;

struct tg_websocket_end {
    enum tg_upstream_reason reason;
    uint64_t retry_after_ms; /* 0: the backend did not say */
    unsigned status;         /* of the HTTP answer that was no upgrade; 0: none */
    unsigned close_code;     /* the backend's; 0: none */
    const char *detail;      /* for the log, borrowed; "" when there is nothing to add */
};

struct tg_websocket_handler {
    void (*on_open)(void *arg);
    /* False: the message is text but not UTF-8; the connection is then failed. */
    bool (*on_message)(void *arg, const struct tg_message *message);
    void (*on_dropped)(void *arg,
                       bool is_oversize); /* a message over max_message, or too big for the memory left */
    void (*on_heard)(void *arg);          /* a pong */
    void (*on_redirect)(void *arg, const char *host);
    void (*on_end)(void *arg, const struct tg_websocket_end *end);
};

struct tg_websocket_options {
    struct tg_context *context;
    const struct tg_tls_client *tls;
    const struct tg_config_upstream *config;
    const struct tg_target *target; /* copied */
    const struct tg_websocket_handler *handler;
    void *arg;
};

/* Begins to connect; on_end is never called from within. */
struct tg_websocket *tg_websocket_new(const struct tg_websocket_options *options);
/* Sends a close frame with this code, then hangs up after a second at most. No call of the handler follows.
 */
void tg_websocket_close(struct tg_websocket *websocket, unsigned code);

/* While it is open. Messages are sent in order, each when the connection takes it. */
void tg_websocket_send(struct tg_websocket *websocket, const struct tg_config_message *message);
bool tg_websocket_has_unsent(const struct tg_websocket *websocket);
void tg_websocket_ping(struct tg_websocket *websocket);
/* How long ago the last byte came in, whatever it was part of. */
uint64_t tg_websocket_silent_ms(const struct tg_websocket *websocket);

#endif
