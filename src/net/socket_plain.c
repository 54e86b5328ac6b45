/* Bytes as they are: the descriptor, and nothing between. */
#include "tidegate/net.h"

#include <errno.h>
#include <sys/socket.h>

enum tg_err tg_descriptor_read(int fd, char *ret_bytes, size_t capacity, size_t *ret_length)
{
    ssize_t length;

    do {
        length = recv(fd, ret_bytes, capacity, MSG_DONTWAIT);
    } while (length < 0 && errno == EINTR);
    if (length == 0)
        return TG_ERR_CLOSED;
    if (length < 0)
        return errno == EAGAIN ? TG_ERR_AGAIN : TG_ERR_IO;
    *ret_length = (size_t)length;
    return TG_OK;
}

enum tg_err tg_descriptor_write(int fd, const char *bytes, size_t length, size_t *ret_length)
{
    ssize_t sent;

    do {
        sent = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno != EAGAIN)
        return TG_ERR_IO;
    *ret_length = sent < 0 ? 0 : (size_t)sent;
    return TG_OK;
}

static enum tg_err plain_read(struct tg_socket *socket, char *ret_bytes, size_t capacity, size_t *ret_length)
{
    return tg_descriptor_read(socket->fd, ret_bytes, capacity, ret_length);
}

static enum tg_err plain_write(struct tg_socket *socket, const char *bytes, size_t length, size_t *ret_length)
{
    return tg_descriptor_write(socket->fd, bytes, length, ret_length);
}

static enum tg_err plain_flush(struct tg_socket *socket)
{
    (void)socket;
    return TG_OK;
}

static bool plain_has_none(const struct tg_socket *socket)
{
    (void)socket;
    return false;
}

static void plain_end(struct tg_socket *socket)
{
    shutdown(socket->fd, SHUT_WR);
}

static void plain_deinit(struct tg_socket *socket)
{
    (void)socket;
}

const struct tg_socket_ops tg_socket_plain_ops = {
    .read = plain_read,
    .write = plain_write,
    .flush = plain_flush,
    .has_leftover = plain_has_none,
    .has_input = plain_has_none,
    .end = plain_end,
    .deinit = plain_deinit,
};
