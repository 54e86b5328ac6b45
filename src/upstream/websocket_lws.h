/* Inside a connection: attempt_lws.c brings it up, websocket_lws.c runs it. */
#ifndef TIDEGATE_UPSTREAM_WEBSOCKET_LWS_H
#define TIDEGATE_UPSTREAM_WEBSOCKET_LWS_H

#include "assembler.h"
#include "context_lws.h"
#include "resolve.h"
#include "tls.h"
#include "websocket.h"

enum phase { PHASE_LOOKUP, PHASE_TCP, PHASE_TLS, PHASE_REQUEST, PHASE_OPEN, PHASE_CLOSING };

struct outgoing {
    struct outgoing *next;
    size_t length;
    bool is_binary;
    unsigned char bytes[]; /* LWS_PRE of room, then the message */
};

struct tg_websocket {
    struct tg_websocket *prev, *next; /* of the context */
    struct tg_websocket_options options;
    struct tg_websocket_end end; /* filled while it comes to that */
    enum phase phase;
    struct lws *wsi;

    /* the attempt */
    struct tg_target target;   /* where it goes now */
    struct tg_target location; /* where a redirect leads; empty: nowhere */
    bool is_foreign;           /* it has left the configured host: nothing secret in the headers */
    int64_t hops;
    struct tg_resolve *resolve;
    struct tg_addresses addresses;
    size_t address_index;      /* the next one to try */
    char *subprotocols;        /* as a header value; NULL: none */
    struct tg_timer *deadline; /* the attempt takes too long, or the closing */
    struct tg_timer *step;     /* the next step, or: this address takes too long */
    uint64_t deadline_ms;

    /* the open connection */
    struct tg_assembler assembler;
    struct outgoing *queue;
    bool wants_ping;
    unsigned close_code; /* closing: what to send; 0: libwebsockets answers the other side */
};

/* attempt_lws.c */
void attempt_start(struct tg_websocket *ws);
void attempt_on_step(void *arg);
void attempt_on_connected(struct tg_websocket *ws); /* TCP is up */
int attempt_write_headers(struct tg_websocket *ws, char **position, size_t room);
int attempt_on_response(struct tg_websocket *ws); /* not 0: no upgrade */
void attempt_on_error(struct tg_websocket *ws, const char *detail, size_t length);

/* websocket_lws.c */
void websocket_end(struct tg_websocket *ws, enum tg_upstream_reason reason,
                   const char *detail);             /* frees it */
void websocket_send_close(struct tg_websocket *ws); /* ws->close_code; may free it */
void websocket_kill(struct tg_websocket *ws);       /* drops the wsi; not from within its callbacks */

#endif
