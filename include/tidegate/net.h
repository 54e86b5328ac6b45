/* Layer 3b, net: the one edge to the network. libwebsockets runs the connections of both sides, in its raw role: it polls
 * the sockets of a worker on the worker's loop, says when one is readable or writable and when it is broken, and closes
 * it. HTTP, WebSocket frames and TLS stand above it (docs/libwebsockets.md says why).
 *
 *     tg_net (one for each worker, around a libwebsockets context)
 *       ├─ tg_socket    bytes of one connection, accepted or connected: read and write, its events, its end
 *       ├─ tg_acceptor  a listening socket: tells that clients wait
 *       └─ tg_watch     a descriptor that a library owns (libcurl, c-ares): tells when it is ready
 *
 * All of it belongs to the worker's thread. Nothing here blocks. */
#ifndef TIDEGATE_NET_H
#define TIDEGATE_NET_H

#include "tidegate/runtime.h"

struct tg_net;
struct tg_socket;
struct tg_tls_session;

/* ---- the edge of a worker; the main thread while the worker does not run, or the worker's thread ----- */

/* NULL: memory is out, or libwebsockets cannot be set up on this loop. */
struct tg_net *tg_net_new(struct tg_worker *worker);
/* Its sockets, acceptors and watches must be closed. The loop gives the memory back some turns later. NULL is fine. */
void tg_net_free(struct tg_net *net);
struct tg_worker *tg_net_worker(const struct tg_net *net);

/* ---- a socket --------------------------------------------------------------------------------- */

/* What happens to a socket. Of these, the first two are also what can be watched for. */
enum {
    TG_SOCKET_READABLE = 1, /* bytes, or the other side's end: tg_socket_read tells which */
    TG_SOCKET_WRITABLE =
        2, /* takes more, or is connected now; told once for each tg_socket_watch that asks */
    TG_SOCKET_BROKEN =
        4, /* reset, or timed out. What came before it can still be read, within this call alone;
                               nothing follows, and the socket is to be closed. Told whatever is watched for,
                               but not while nothing is */
};

/* How bytes go through a socket: as they are, or sealed by TLS. A unit test has a table of its own. */
struct tg_socket_ops {
    /* TG_OK with at least one byte, TG_ERR_AGAIN, TG_ERR_CLOSED at the other side's end, TG_ERR_IO, TG_ERR_TLS. */
    enum tg_err (*read)(struct tg_socket *socket, void *ret_bytes, size_t capacity, size_t *ret_length);
    /* TG_OK: *ret_length of them were taken, and may be forgotten; fewer than all, also 0, mean that the socket is
     * full. TG_ERR_IO. */
    enum tg_err (*write)(struct tg_socket *socket, const void *bytes, size_t length, size_t *ret_length);
};

struct tg_socket { /* embedded; zero it before its first use */
    const struct tg_socket_ops *ops;
    void (*on_events)(struct tg_socket *socket, unsigned events);
    struct tg_net *net;
    void *engine; /* libwebsockets' connection; NULL: there is none (any more) */
    struct tg_socket *rearm_next;
    int fd; /* borrowed from the engine */
    uint8_t watched;
    bool is_to_rearm;
};

/* Takes a connected, non-blocking descriptor, also on failure. Nothing is watched for yet.
 * TG_ERR_MEMORY, TG_ERR_LIMIT (more descriptors than libwebsockets has a table for). */
enum tg_err tg_socket_adopt(struct tg_socket *socket, struct tg_net *net, int fd,
                            void (*on_events)(struct tg_socket *socket, unsigned events));

struct sockaddr;
/* Begins to connect, without blocking; on_events is never called from within. WRITABLE: connected. BROKEN: not, and
 * tg_socket_error says why. TG_ERR_IO with errno set: it failed at once, and the socket is closed. */
enum tg_err tg_socket_connect(struct tg_socket *socket, struct tg_net *net, const struct sockaddr *address,
                              size_t address_length,
                              void (*on_events)(struct tg_socket *socket, unsigned events));
/* The pending error of the socket (SO_ERROR), as an errno; 0: none. Clears it. */
int tg_socket_error(const struct tg_socket *socket);

/* From now on tells of these events, and of no others: READABLE again and again while there is something, WRITABLE
 * once. 0: of nothing. */
void tg_socket_watch(struct tg_socket *socket, unsigned events);

/* Closes at once; its memory is the caller's again. May be called within on_events. A socket that is closed, or was
 * never opened, is fine. Bytes that the kernel has taken are still sent. */
void tg_socket_close(struct tg_socket *socket);
static inline bool tg_socket_is_open(const struct tg_socket *socket)
{
    return socket->engine != NULL;
}

/* Says that we send no more; what comes can still be read. */
void tg_socket_shut_writing(struct tg_socket *socket);

/* The table for sockets without TLS, and its functions for who is below TLS. */
extern const struct tg_socket_ops tg_socket_plain_ops;
enum tg_err tg_descriptor_read(int fd, void *ret_bytes, size_t capacity, size_t *ret_length);
enum tg_err tg_descriptor_write(int fd, const void *bytes, size_t length, size_t *ret_length);

#endif
