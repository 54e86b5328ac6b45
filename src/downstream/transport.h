/* How bytes get to and from a client: plain TCP and unix sockets, or TLS. The worker's thread; never blocks.
 *
 * What write() has taken is on its way: the caller may forget it. A TLS transport that cannot hand all of a
 * record to the socket keeps the remainder itself (has_leftover) and takes nothing more until flush() is
 * done. */
#ifndef TIDEGATE_DOWNSTREAM_TRANSPORT_H
#define TIDEGATE_DOWNSTREAM_TRANSPORT_H

#include "tidegate/config.h"

struct tg_transport;
struct tg_tls_context;

struct tg_transport_ops {
    /* TG_OK: done. TG_ERR_AGAIN: more input, or has_leftover. TG_ERR_PROTOCOL: plain HTTP on a TLS port.
     * TG_ERR_CLOSED, TG_ERR_TLS. NULL: there is none. */
    enum tg_err (*handshake)(struct tg_transport *transport);
    /* TG_OK with at least one byte, TG_ERR_AGAIN, TG_ERR_CLOSED at the client's end, TG_ERR_IO. */
    enum tg_err (*read)(struct tg_transport *transport, char *bytes, size_t capacity, size_t *ret_length);
    /* TG_OK: *ret_length of them were taken; fewer than all, also 0, mean that the socket is full. TG_ERR_IO.
     */
    enum tg_err (*write)(struct tg_transport *transport, const char *bytes, size_t length,
                         size_t *ret_length);
    enum tg_err (*flush)(struct tg_transport *transport); /* TG_OK: no leftover; TG_ERR_AGAIN; TG_ERR_IO */
    bool (*has_leftover)(const struct tg_transport *transport);
    bool (*has_input)(
        const struct tg_transport *transport);   /* bytes that the socket no longer shows as readable */
    void (*end)(struct tg_transport *transport); /* the orderly end of what we send */
    void (*deinit)(struct tg_transport *transport);
};

struct tg_transport { /* embedded */
    const struct tg_transport_ops *ops;
    void *session;
    int fd; /* borrowed */
};

void tg_transport_init_plain(struct tg_transport *transport, int fd);
enum tg_err tg_transport_init_tls(struct tg_transport *transport, int fd, struct tg_tls_context *context);

/* One certificate for the connections of one listener, on all workers. TG_ERR_TLS with a line in *ret_error.
 */
enum tg_err tg_tls_context_new(const struct tg_config_tls_server *config, struct tg_tls_context **ret_context,
                               struct tg_buffer *ret_error);
void tg_tls_context_free(struct tg_tls_context *context); /* NULL is fine; connections may outlive it */

/* The socket alone, for both kinds: as `read` and `write` above say. */
enum tg_err tg_socket_read(int fd, char *bytes, size_t capacity, size_t *ret_length);
enum tg_err tg_socket_write(int fd, const char *bytes, size_t length, size_t *ret_length);

#endif
