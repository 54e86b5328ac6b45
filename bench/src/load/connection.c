#include "connection.h"

#include "common/clock.h"
#include "load.h"
#include "tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51 /* Linux 6.3 */
#endif

enum phase { PHASE_CONNECTING, PHASE_SHAKING, PHASE_OPEN };

struct load_output {
    size_t length;
    char data[];
};

/* ---- output ------------------------------------------------------------------------------------------- */

static void keep_output(struct load_connection *connection, const char *data, size_t length)
{
    size_t before = connection->output ? connection->output->length : 0;
    struct load_output *output = realloc(connection->output, sizeof(*output) + before + length);
    if (!output)
        abort();
    memcpy(output->data + before, data, length);
    output->length = before + length;
    connection->output = output;
}

/* How much the socket has taken, or -1. */
static ssize_t send_some(int fd, const char *data, size_t length)
{
    ssize_t sent;
    do
        sent = send(fd, data, length, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 && errno == EAGAIN ? 0 : sent;
}

bool load_connection_send_raw(struct load_connection *connection, const char *data, size_t length)
{
    ssize_t sent = connection->output ? 0 : send_some(connection->fd, data, length);
    if (sent < 0)
        return false;
    if ((size_t)sent < length)
        keep_output(connection, data + sent, length - (size_t)sent);
    return true;
}

bool load_connection_send(struct load_connection *connection, const char *data, size_t length)
{
    if (connection->tls)
        return load_tls_write(connection->tls, data, length);
    return load_connection_send_raw(connection, data, length);
}

static bool flush(struct load_connection *connection)
{
    struct load_output *output = connection->output;
    if (!output)
        return true;
    ssize_t sent = send_some(connection->fd, output->data, output->length);
    if (sent < 0)
        return false;
    output->length -= (size_t)sent;
    memmove(output->data, output->data + sent, output->length);
    if (output->length == 0) {
        free(output);
        connection->output = NULL;
    }
    return true;
}

/* ---- watching ----------------------------------------------------------------------------------------- */

static void control(struct load_connection *connection, int operation, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = connection };
    if (epoll_ctl(connection->load->loop.epoll_fd, operation, connection->fd, &event) != 0)
        abort();
    connection->events = events;
}

static void watch(struct load_connection *connection)
{
    bool wants_output = connection->phase == PHASE_CONNECTING || connection->output;
    uint32_t events = EPOLLIN | (wants_output ? EPOLLOUT : 0);
    if (events != connection->events)
        control(connection, connection->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, events);
}

void load_connection_pause(struct load_connection *connection)
{
    if (connection->is_paused)
        return;
    connection->is_paused = true;
    control(connection, EPOLL_CTL_DEL,
            0); /* watched for nothing, it would still report a hang-up, for ever */
}

void load_connection_resume(struct load_connection *connection)
{
    if (!connection->is_paused)
        return;
    connection->is_paused = false;
    watch(connection);
}

/* ---- opening and closing ------------------------------------------------------------------------------ */

static bool shake_hands(struct load_connection *connection)
{
    switch (load_tls_shake(connection->tls)) {
    case LOAD_TLS_MORE:
        return true;
    case LOAD_TLS_OK:
        connection->phase = PHASE_OPEN;
        return connection->kind->on_open(connection);
    case LOAD_TLS_END:
        break;
    }
    return false;
}

static bool on_connected(struct load_connection *connection)
{
    if (connection->tls) {
        connection->phase = PHASE_SHAKING;
        return shake_hands(connection);
    }
    connection->phase = PHASE_OPEN;
    return connection->kind->on_open(connection);
}

static int open_socket(const struct sockaddr_in *target, const struct sockaddr_in *source)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    /* The range is cut down to the system's. With one of its own, a socket is given the next free port; without,
     * first every other port is tried, which takes a millisecond once all those are in use. */
    setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &(uint32_t){ 65535u << 16 | 1 }, sizeof(uint32_t));
    if (source) {
        /* The port is chosen when the target is known too, so that each target has all ports. */
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &(int){ 1 }, sizeof(int));
        if (bind(fd, (const struct sockaddr *)source, sizeof(*source)) != 0)
            goto fail;
    }
    if (connect(fd, (const struct sockaddr *)target, sizeof(*target)) == 0 || errno == EINPROGRESS)
        return fd;
fail:;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static bool is_connected(int fd)
{
    struct sockaddr_in peer;
    socklen_t length = sizeof(peer);
    return getpeername(fd, (struct sockaddr *)&peer, &length) == 0;
}

bool load_connection_open(struct load_connection *connection, struct load *load,
                          const struct load_connection_kind *kind, const struct sockaddr_in *source)
{
    const struct load_options *options = &load->options;
    if (!source && options->source.sin_family)
        source = &options->source;
    int fd = open_socket(&options->target, source);
    if (fd < 0)
        return false;
    *connection = (struct load_connection){ .load = load, .kind = kind, .fd = fd, .phase = PHASE_CONNECTING };
    if (load->tls)
        connection->tls = load_tls_new(load->tls, connection);
    /* Over loopback it mostly is by now, which saves waiting for it. What fails will be reported by epoll. */
    if (is_connected(fd))
        (void)on_connected(connection);
    watch(connection);
    return true;
}

void load_connection_close(struct load_connection *connection, bool is_reset)
{
    if (is_reset)
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 },
                   sizeof(struct linger));
    close(connection->fd);
    connection->fd = -1;
    load_tls_free(connection->tls);
    connection->tls = NULL;
    free(connection->output);
    connection->output = NULL;
}

/* ---- input -------------------------------------------------------------------------------------------- */

static bool take_encrypted(struct load_connection *connection, struct load_bytes input)
{
    load_tls_put(connection->tls, input);
    if (connection->phase == PHASE_SHAKING && !shake_hands(connection))
        return false;
    if (connection->phase != PHASE_OPEN)
        return true;
    struct load_bytes plain;
    enum load_tls_result result = load_tls_read(connection->tls, &plain);
    if (plain.length > 0 && !connection->kind->on_input(connection, plain))
        return false;
    return result != LOAD_TLS_END;
}

/* One read only, so that those with much to read do not keep others waiting. */
static bool read_input(struct load_connection *connection)
{
    struct load_loop *loop = &connection->load->loop;
    ssize_t length = recv(connection->fd, loop->input, LOAD_READ_BYTES, 0);
    if (length <= 0)
        return length < 0 && (errno == EAGAIN || errno == EINTR);
    loop->now_ns = bench_now_ns();
    struct load_bytes input = { loop->input, (size_t)length };
    if (connection->tls)
        return take_encrypted(connection, input);
    return connection->kind->on_input(connection, input);
}

void load_connection_on_events(struct load_connection *connection, uint32_t events)
{
    bool goes_on = true;
    if (connection->phase == PHASE_CONNECTING)
        goes_on = !(events & (EPOLLERR | EPOLLHUP)) && on_connected(connection);
    else if (events & EPOLLOUT)
        goes_on = flush(connection);
    if (goes_on && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)))
        goes_on = read_input(connection);
    if (goes_on)
        watch(connection);
    else
        connection->kind->on_end(connection);
}
