/* Layer 3b, net: the one edge to the network. libwebsockets runs the connections of both sides, in its raw role: it polls
 * the sockets of a worker on the worker's loop, says when one is readable or writable and when it is broken, and closes
 * it. HTTP, WebSocket frames and TLS stand above it (docs/libwebsockets.md says why).
 *
 *     tg_net: one for each worker, around a libwebsockets context
 *       └─ tg_socket: a connection that was accepted or made, its bytes (plain or TLS), its events, its end;
 *          or a listening socket, which is readable when clients wait
 *
 * All of it belongs to the worker's thread. Nothing here blocks. */
#ifndef TIDEGATE_NET_H
#define TIDEGATE_NET_H

#include "tidegate/config.h"
#include "tidegate/runtime.h"

struct tg_net;
struct tg_socket;

/* ---- the edge of a worker; the main thread while the worker does not run, or the worker's thread ----- */

/* Raises the process's limit on open files to `wanted`, as far as the system and libwebsockets' tables allow, and returns
 * what it is now. 0: to the default, which is enough for most. Before the first tg_net_new, whose tables have that size. */
size_t tg_net_raise_open_files(size_t wanted);
size_t tg_net_open_files(void); /* that limit; any thread */

/* NULL: memory is out, or libwebsockets cannot be set up on this loop. */
struct tg_net *tg_net_new(struct tg_worker *worker);
/* Its sockets, acceptors and watches must be closed. The loop gives the memory back some turns later. NULL is fine. */
void tg_net_free(struct tg_net *net);
struct tg_worker *tg_net_worker(const struct tg_net *net);
/* Some connections of libwebsockets are kept for the next sockets, each with a descriptor. Gives these back, for when there
 * are no others, and says how many; they come free at the end of the turn. */
size_t tg_net_close_spares(struct tg_net *net);

/* One for each worker of a pool. The main thread, before the workers start and after they have stopped; tg_nets_get is for
 * any thread. NULL: as above. */
struct tg_nets;
struct tg_nets *tg_nets_new(struct tg_worker_pool *pool);
struct tg_net *tg_nets_get(const struct tg_nets *nets, const struct tg_worker *worker);
void tg_nets_free(struct tg_nets *nets); /* NULL is fine */

/* ---- a socket --------------------------------------------------------------------------------- */

/* What happens to a socket. Only the first two can be watched for. */
enum {
    TG_SOCKET_READABLE = 1, /* bytes, or the other side's end: tg_socket_read tells which */
    TG_SOCKET_WRITABLE =
        2, /* takes more, or is connected now; told once for each tg_socket_watch that asks */
    TG_SOCKET_BROKEN =
        4, /* reset, or timed out. What came before it can still be read, within this call alone;
                               nothing follows, and the socket is to be closed. Told whatever is watched for,
                               but not while nothing is */
};

/* How bytes go through a socket: plain, or over TLS. The caller may forget what write() has taken. When the socket does not
 * take all of a TLS record, TLS keeps the rest (has_leftover), and takes nothing more until
 * flush() is done. A unit test has a table of its own. */
struct tg_socket_ops {
    /* NULL: there is none. TG_OK: done. TG_ERR_AGAIN: more input, or has_leftover. TG_ERR_PROTOCOL: plain HTTP where TLS
     * was to begin. TG_ERR_CLOSED, TG_ERR_TLS. */
    enum tg_err (*handshake)(struct tg_socket *socket);
    /* TG_OK with at least one byte, TG_ERR_AGAIN, TG_ERR_CLOSED at the other side's end, TG_ERR_IO, TG_ERR_TLS. */
    enum tg_err (*read)(struct tg_socket *socket, char *ret_bytes, size_t capacity, size_t *ret_length);
    /* TG_OK: *ret_length of them were taken; fewer than all, also 0, mean that the socket is full. TG_ERR_IO. */
    enum tg_err (*write)(struct tg_socket *socket, const char *bytes, size_t length, size_t *ret_length);
    enum tg_err (*flush)(struct tg_socket *socket); /* TG_OK: no leftover; TG_ERR_AGAIN; TG_ERR_IO */
    bool (*has_leftover)(const struct tg_socket *socket);
    bool (*has_input)(const struct tg_socket *socket); /* bytes that no READABLE tells of any more */
    void (*end)(struct tg_socket *socket);             /* the orderly end of what we send */
    void (*deinit)(struct tg_socket *socket);          /* of what lies above the descriptor */
};

struct tg_socket { /* embedded; zero it before its first use */
    const struct tg_socket_ops *ops;
    void *session; /* of TLS */
    void (*on_events)(struct tg_socket *socket, unsigned events);
    struct tg_net *net;
    void *engine; /* libwebsockets' connection; NULL: there is none (any more) */
    struct tg_socket *rearm_next;
    int fd; /* borrowed from the engine */
    uint8_t watched;
    bool is_to_rearm;
    bool is_asked; /* libwebsockets is to tell of WRITABLE */
};

/* Takes a connected, non-blocking descriptor, also on failure. Nothing is watched for yet.
 * TG_ERR_MEMORY, TG_ERR_LIMIT (more descriptors than libwebsockets has a table for). */
enum tg_err tg_socket_adopt(struct tg_socket *socket, struct tg_net *net, int fd,
                            void (*on_events)(struct tg_socket *socket, unsigned events));

struct sockaddr;
/* Begins to connect, without blocking and without Nagle's delay; on_events is never called from within. WRITABLE:
 * connected. BROKEN: not, and tg_socket_error says why. TG_ERR_IO with errno set: it failed at once, and the socket is
 * closed. */
enum tg_err tg_socket_connect(struct tg_socket *socket, struct tg_net *net, const struct sockaddr *address,
                              size_t address_length,
                              void (*on_events)(struct tg_socket *socket, unsigned events));
/* The same to an IP address in text form, perhaps with a scope ("fe80::1%eth0"). TG_ERR_INVALID: it is none. */
enum tg_err tg_socket_connect_to(struct tg_socket *socket, struct tg_net *net, const char *address, int port,
                                 void (*on_events)(struct tg_socket *socket, unsigned events));
/* The pending error of the socket (SO_ERROR), as an errno; 0: none. Clears it. */
int tg_socket_error(const struct tg_socket *socket);

/* Reports these events from now on, and no others: READABLE again and again while there is something to read, WRITABLE
 * once. 0: none. */
void tg_socket_watch(struct tg_socket *socket, unsigned events);

/* Closes at once, without an orderly end; its memory is the caller's again. May be called within on_events, and for a
 * socket that is closed or was never opened. The kernel still sends the bytes that it has taken. */
void tg_socket_close(struct tg_socket *socket);
static inline bool tg_socket_is_open(const struct tg_socket *socket)
{
    return socket->engine != NULL;
}

/* The table for sockets without TLS, and its functions for code that works below TLS. */
extern const struct tg_socket_ops tg_socket_plain_ops;
enum tg_err tg_descriptor_read(int fd, char *ret_bytes, size_t capacity, size_t *ret_length);
enum tg_err tg_descriptor_write(int fd, const char *bytes, size_t length, size_t *ret_length);

/* ---- TLS towards clients ---------------------------------------------------------------------- */

/* One certificate for the connections of one listener, on all workers. TG_ERR_TLS with a line in *ret_error. */
struct tg_tls_server;
enum tg_err tg_tls_server_new(const struct tg_config_tls_server *config, struct tg_tls_server **ret_server,
                              struct tg_buffer *ret_error);
void tg_tls_server_free(struct tg_tls_server *server); /* NULL is fine; connections may outlive it */

/* From now on an accepted socket speaks TLS: begin with ops->handshake. TG_ERR_MEMORY. */
enum tg_err tg_socket_accept_tls(struct tg_socket *socket, struct tg_tls_server *server);
/* Back to plain bytes, after a failed handshake. */
void tg_socket_drop_tls(struct tg_socket *socket);

/* ---- descriptors that a library owns (libcurl, c-ares) ---------------------------------------- */

struct tg_watch;

/* Watches for nothing yet. NULL: the descriptor cannot be polled. */
struct tg_watch *tg_watch_new(struct tg_worker *worker, int fd,
                              void (*on_events)(void *arg, int fd, unsigned events), void *arg);
/* TG_SOCKET_READABLE, TG_SOCKET_WRITABLE, both, or 0; reported again and again. An error of the descriptor is reported as
 * both, so that the library finds it. */
void tg_watch_set(struct tg_watch *watch, unsigned events);
/* Before the descriptor is closed. May be called within on_events. NULL is fine. */
void tg_watch_free(struct tg_watch *watch);

/* ---- names ------------------------------------------------------------------------------------ */

enum { TG_HOST_ADDRESSES_MAX = 8, TG_HOST_ADDRESS_BYTES = 64 };

struct tg_host_addresses {
    size_t count; /* in the order in which they should be tried (RFC 6724) */
    char text[TG_HOST_ADDRESSES_MAX][TG_HOST_ADDRESS_BYTES];
};

/* `error` is NULL, or says why there are none; `addresses` is borrowed for the call. */
typedef void tg_looked_up_fn(void *arg, const struct tg_host_addresses *addresses, const char *error);

struct tg_lookup;
/* Looks a host up. An address is its own answer, and `*.localhost` is this host (RFC 6761 section 6.3). Other names come
 * from /etc/hosts or the DNS servers of /etc/resolv.conf. The system (nsswitch.conf) answers for names under `.local`, and
 * for those without a dot that DNS does not know, two at a time. Lookups of one name share one question. on_done is never
 * called from within; it is called once unless the lookup is cancelled. There is no deadline: cancel it. */
struct tg_lookup *tg_net_look_up(struct tg_net *net, const char *host, tg_looked_up_fn *on_done, void *arg);
/* on_done will not be called. NULL is fine. */
void tg_lookup_cancel(struct tg_lookup *lookup);

#endif
