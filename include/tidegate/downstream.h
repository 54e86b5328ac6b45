/* Layer 5b, downstream: HTTP/1.1 clients, from accept to the last byte. Never includes upstream: the two meet
 * in stream.h.
 *
 *   listener ─► connection ─► request head ─► route ─┬► subscriber ─► reader/cursor ─► transport ─► client
 *   accept,      transport     strict check           └► response (file, handler, error), keep-alive
 *   limits       plain | TLS   (RFC 9112)
 *
 * The server side speaks to sockets itself, through a transport of two kinds (plain, OpenSSL) that a third
 * (HTTP/2) can join: a subscriber that is up to date costs one send() of bytes that lie ready in the segment.
 *
 * A `tg_server` is one set of listeners with one route table; Tidegate has two, the public one on all workers
 * and the admin one on the first. */
#ifndef TIDEGATE_DOWNSTREAM_H
#define TIDEGATE_DOWNSTREAM_H

#include "tidegate/config.h"
#include "tidegate/net.h"
#include "tidegate/runtime.h"
#include "tidegate/stream.h"

struct tg_server;

/* ---- routes ----------------------------------------------------------------------------------- */

/* What a handler sees of a request; borrowed for the call. */
struct tg_http_request {
    struct tg_str method;
    struct tg_str path;      /* percent-decoded, checked */
    struct tg_str query;     /* as sent, without "?" */
    bool wants_event_stream; /* Accept names text/event-stream */
};

/* What it answers. `body` is taken by the server. */
struct tg_http_response {
    int status;               /* 200 unless set */
    const char *content_type; /* a literal; NULL: no body */
    struct tg_buffer body;
};

/* Answers GET and HEAD (and POST where the route allows it); runs on a worker's thread and must not block. */
typedef void tg_http_handler_fn(void *arg, const struct tg_http_request *request,
                                struct tg_http_response *response);

enum tg_route_kind {
    TG_ROUTE_STREAM,
    TG_ROUTE_SEND, /* a POST's body goes to the backend of the stream: 202 once it is written */
    TG_ROUTE_CONTENT,
    TG_ROUTE_HANDLER
};

/* "{name}" stands for a segment that is not empty: what it is, percent-decoded, must be what stream_config->parameters
 * says, else it is no such path (404); "/" in it counts too, and control characters are never allowed. Where a family's
 * members are picked by the path, it must have all parameters. */
enum { TG_ROUTE_PARAMETERS_MAX = 16 };

struct tg_route {
    const char *path; /* exact, or with "{name}" for whole segments, or a prefix that ends with "*"; copied */
    enum tg_route_kind kind;
    /* TG_ROUTE_STREAM and _SEND: the stream, or the family whose members the request picks; all must outlive the
     * server */
    struct tg_stream *stream;
    struct tg_family *family;
    const struct tg_config_stream *stream_config;
    const struct tg_config_send *send; /* TG_ROUTE_SEND: what a message may be */
    /* Messages of each session, or else of each client address; where the stream is of scope client, sessions that
     * each address opens. NULL: any number */
    const struct tg_config_rate *rate;
    const struct tg_config_cors *cors; /* or NULL */
    /* TG_ROUTE_CONTENT: bytes that outlive the server */
    struct tg_str content;
    const char *content_type;
    /* TG_ROUTE_HANDLER */
    tg_http_handler_fn *handler;
    void *handler_arg;
    bool allows_post; /* the handler gets POSTs too; a body is read and dropped */
};

/* ---- a server; the main thread ---------------------------------------------------------------- */

struct tg_server_options {
    const char *name; /* "public", "admin": for logs and metrics */
    struct tg_worker_pool *pool;
    struct tg_nets *nets; /* of the pool */
    bool first_worker_only;
    const struct tg_config_listener *listeners; /* must outlive the server, like all of these */
    size_t listener_count;
    const struct tg_config_limits *limits;
    const struct tg_config_sse *sse;
    size_t upstreams_max; /* that members may have: without a limit of connections, room is left for them */
};

/* TG_ERR_IN_USE, TG_ERR_IO, TG_ERR_TLS, TG_ERR_INVALID with a line in *ret_error that names the listener. Binds
 * and listens at once (so that a second start on the same port fails here), but accepts only after _start. */
enum tg_err tg_server_new(const struct tg_server_options *options, struct tg_server **ret_server,
                          struct tg_buffer *ret_error);
/* Before the start. TG_ERR_IN_USE: the path is taken, also by one that has other names for the same parameters.
 * TG_ERR_INVALID: it is none, or lacks parameters, or a pattern is broken. */
enum tg_err tg_server_add_route(struct tg_server *server, const struct tg_route *route);
void tg_server_start(struct tg_server *server);
/* The port of a listener, for port 0 and for logs; 0 for a unix socket. */
int tg_server_port(const struct tg_server *server, size_t listener_index);

/* Stops accepting, tells subscribers a jittered `retry:` and closes them spread over `spread_ms`, lets running
 * responses end. Any thread; returns at once. */
void tg_server_drain(struct tg_server *server, uint64_t spread_ms);
/* Connections that are still there; 0 after a drain has ended. Any thread. */
size_t tg_server_connection_count(const struct tg_server *server);
/* The pool must have been stopped. Closes what is left and gives up the listeners. */
void tg_server_free(struct tg_server *server);

/* ---- figures; any thread ---------------------------------------------------------------------- */

enum tg_close_reason {
    TG_CLOSE_CLIENT, /* the client closed or vanished */
    TG_CLOSE_STALL,  /* it took nothing for stall_timeout, or its half-sent event could not be kept */
    TG_CLOSE_DRAIN,
    TG_CLOSE_LIMIT,   /* at accept or at subscribe, for a limit */
    TG_CLOSE_TIMEOUT, /* no complete request in time, or idle keep-alive */
    TG_CLOSE_ERROR,   /* a bad request, a failed TLS handshake, a memory or system error */
    TG_CLOSE_DONE,    /* the response was complete and the connection not to be kept */
    TG_CLOSE_COUNT
};
const char *tg_close_reason_text(enum tg_close_reason reason);

/* What became of the messages that clients sent for backends. */
enum tg_send_result {
    TG_SEND_WRITTEN, /* 202 */
    TG_SEND_REFUSED, /* the request itself, such as one without a session: 4xx but the next two */
    TG_SEND_CLOSED,  /* no backend took messages: 409 */
    TG_SEND_LIMITED, /* too many: 429 */
    TG_SEND_FAILED,  /* 5xx */
    TG_SEND_RESULT_COUNT
};
const char *tg_send_result_text(enum tg_send_result result);

struct tg_server_stats {
    uint64_t accepted;
    uint64_t connections; /* now */
    uint64_t subscribers; /* now */
    uint64_t subscribed;  /* ever */
    uint64_t closed[TG_CLOSE_COUNT];
    uint64_t requests[6]; /* by class of status: [2] counts 2xx; [0] and [1] stay 0 */
    uint64_t sends[TG_SEND_RESULT_COUNT];
    uint64_t bytes_out; /* of event streams */
    uint64_t writes;    /* of event streams: what was handed to the transport, calls */
    uint64_t gaps[5];   /* by enum tg_gap_reason */
    uint64_t heartbeats;
    uint64_t refused;            /* for a limit, answered with 200 + retry or 503 */
    uint64_t handshakes;         /* of TLS, begun */
    uint64_t handshakes_delayed; /* that waited for limits.tls_handshakes */
    uint64_t handshakes_refused; /* for limits.tls_handshakes_per_address */
};
void tg_server_get_stats(const struct tg_server *server, struct tg_server_stats *ret_stats);

#endif
