/* The plain transport: the socket, and nothing between. */
#include "transport.h"

#include <errno.h>
#include <sys/socket.h>

enum tg_err tg_socket_read(int fd, char *bytes, size_t capacity, size_t *ret_length)
{
    ssize_t length;
    do {
        length = recv(fd, bytes, capacity, 0);
    } while (length < 0 && errno == EINTR);
    if (length == 0)
        return TG_ERR_CLOSED;
    if (length < 0)
        return errno == EAGAIN ? TG_ERR_AGAIN : TG_ERR_IO;
    *ret_length = (size_t)length;
    return TG_OK;
}

enum tg_err tg_socket_write(int fd, const char *bytes, size_t length, size_t *ret_length)
{
    ssize_t sent;
    do {
        sent = send(fd, bytes, length, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN)
        return TG_ERR_IO;
    *ret_length = sent < 0 ? 0 : (size_t)sent;
    return TG_OK;
}

static enum tg_err plain_read(struct tg_transport *transport, char *bytes, size_t capacity,
                              size_t *ret_length)
{
    return tg_socket_read(transport->fd, bytes, capacity, ret_length);
}

static enum tg_err plain_write(struct tg_transport *transport, const char *bytes, size_t length,
                               size_t *ret_length)
{
    return tg_socket_write(transport->fd, bytes, length, ret_length);
}

static enum tg_err plain_flush(struct tg_transport *transport)
{
    (void)transport;
    return TG_OK;
}

static bool plain_has_none(const struct tg_transport *transport)
{
    (void)transport;
    return false;
}

static void plain_end(struct tg_transport *transport)
{
    shutdown(transport->fd, SHUT_WR);
}

static void plain_deinit(struct tg_transport *transport)
{
    (void)transport;
}

static const struct tg_transport_ops plain_ops = {
    .read = plain_read,
    .write = plain_write,
    .flush = plain_flush,
    .has_leftover = plain_has_none,
    .has_input = plain_has_none,
    .end = plain_end,
    .deinit = plain_deinit,
};

void tg_transport_init_plain(struct tg_transport *transport, int fd)
{
    *transport = (struct tg_transport){ .ops = &plain_ops, .fd = fd };
}
