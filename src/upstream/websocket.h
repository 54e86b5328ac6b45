/* One connection to a WebSocket backend, from the name lookup to the closing handshake: attempt.c brings it up,
 * websocket.c runs it, wire.c carries its bytes.
 *
 *     lookup ─► TCP ─► TLS ─► request ─► open ─► closing
 *       ▲        │               │
 *       │        └─ refused: the next address
 *       └────────── redirect ────┘ */
#ifndef TIDEGATE_UPSTREAM_WEBSOCKET_H
#define TIDEGATE_UPSTREAM_WEBSOCKET_H

#include "frames.h"
#include "handshake.h"
#include "link.h"
#include "tls_channel.h"
#include "websockets.h"

enum phase { PHASE_LOOKUP, PHASE_TCP, PHASE_TLS, PHASE_REQUEST, PHASE_OPEN, PHASE_CLOSING };

struct tg_websocket {
    struct tg_link link;
    struct tg_websocket *prev, *next; /* of the worker */
    struct tg_link_options options;
    struct tg_link_end end; /* filled while it comes to that */
    enum phase phase;
    struct tg_socket socket;

    /* the wire */
    struct tg_tls_channel *channel; /* NULL: no TLS */
    struct tg_buffer unsent;        /* for the other side, in the clear */
    struct tg_buffer sealed;        /* with TLS: the same, on its way out */
    bool is_broken;                 /* nothing can be sent any more */
    bool has_backlog;               /* something was left unsent; the handler is to hear when it has gone */

    /* the attempt */
    struct tg_target target;   /* where it goes now */
    struct tg_target location; /* where a redirect leads; empty: nowhere */
    bool is_foreign;           /* it has left the configured host: nothing secret in the headers */
    int64_t hops;
    struct tg_pass pass; /* the next hop waits for its turn */
    uint64_t left_ms;    /* of the time that the attempt has; it does not run meanwhile */
    struct tg_lookup *lookup;
    struct tg_host_addresses addresses;
    size_t address_index;      /* the next one to try */
    struct tg_timer *deadline; /* the attempt takes too long, or the closing */
    struct tg_timer *step;     /* the next step, or: this address takes too long */
    uint64_t deadline_ms;
    struct tg_handshake handshake;

    /* the open connection */
    struct tg_frame_reader reader;
    bool is_held; /* nothing is to be read */
    bool wants_ping;
    struct tg_pongs pongs;
};

/* attempt.c */
void attempt_start(struct tg_websocket *ws);
void attempt_on_step(void *arg);
bool attempt_on_connected(struct tg_websocket *ws); /* TCP is up; false: it is of no use */
void attempt_on_refused(struct tg_websocket *ws);   /* TCP failed */
/* TLS is up, or not needed; false when the request cannot be made. */
bool attempt_send_request(struct tg_websocket *ws);
/* False when this was the end of the connection, and perhaps of `ws`; else what is left of the block are
 * frames. */
bool attempt_on_answer(struct tg_websocket *ws, struct tg_str *block);

/* wire.c */
void wire_reset(struct tg_websocket *ws);              /* nothing of the connection before is left */
void wire_hold(struct tg_websocket *ws, bool is_held); /* while it is open */
void wire_flush(struct tg_websocket *ws); /* sends what can be sent now; the rest when it can be */
void wire_send_frame(struct tg_websocket *ws, enum tg_opcode opcode, const void *payload, size_t length);
bool wire_open(struct tg_websocket *ws,
               const char *address);      /* begins to connect; false: it failed at once */
void wire_close(struct tg_websocket *ws); /* says so to TLS, and closes the socket, if there is one */

/* websocket.c */
/* In the clear. False when this was the end of the connection, and perhaps of `ws`. */
bool websocket_on_bytes(struct tg_websocket *ws, struct tg_str block);
void websocket_on_open(struct tg_websocket *ws);
void websocket_tell_drained(struct tg_websocket *ws); /* if there was a backlog, and there is none any more */
void websocket_on_lost(struct tg_websocket *ws, const char *tls_error); /* NULL: closed; frees it */
void websocket_end(struct tg_websocket *ws, enum tg_upstream_reason reason,
                   const char *detail); /* frees it */

#endif
