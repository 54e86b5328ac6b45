/* A socket, run by libwebsockets in its raw-file role: the one role that leaves reading and writing to us, can stay
 * half-closed, and is the same for connections that we accepted and that we made.
 *
 *     RAW_RX_FILE         ─► READABLE
 *     RAW_WRITEABLE_FILE  ─► WRITABLE
 *     RAW_CLOSE_FILE      ─► BROKEN, when the other side or the network ended it
 *
 * What libwebsockets does, and what follows:
 * - It calls RAW_CLOSE_FILE twice for each connection: after the first there is no socket any more to tell.
 * - Within a callback a connection is closed by returning -1 (it is looked at afterwards), outside with KILL_SYNC.
 * - Before 4.3 a wish for WRITABLE within RAW_WRITEABLE_FILE is forgotten: it is asked for again at the end of the turn.
 * - Nothing takes back a wish for WRITABLE, so one that is no longer watched for is not told.
 * - It closes the descriptor, a moment later than it forgets the connection.
 * - Without a place in its table it leaks the connection it was to adopt, so that is looked at before. */
#include "net_lws.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- events ------------------------------------------------------------------------------------ */

/* What the callback is to return: not 0, libwebsockets closes the connection. */
static int tell(struct tg_net *net, struct tg_socket *socket, unsigned events)
{
    net->telling = socket;
    net->told = events;
    net->was_kept = false;
    socket->on_events(socket, events);
    bool is_there = net->telling != NULL;
    net->telling = NULL;
    net->told = 0;
    return is_there || net->was_kept ? 0 : -1;
}

static void forget(struct tg_socket *socket)
{
    struct tg_net *net = socket->net;

    if (socket->is_to_rearm)
        for (struct tg_socket **at = &net->rearm; *at; at = &(*at)->rearm_next)
            if (*at == socket) {
                *at = socket->rearm_next;
                break;
            }
    socket->is_to_rearm = false;
    lws_set_opaque_user_data(socket->engine, NULL);
    socket->engine = NULL;
    socket->fd = -1;
}

static int on_writable(struct tg_net *net, struct tg_socket *socket)
{
    if (!(socket->watched & TG_SOCKET_WRITABLE))
        return 0;
    socket->watched &= (uint8_t)~TG_SOCKET_WRITABLE;
    return tell(net, socket, TG_SOCKET_WRITABLE);
}

static void on_closing(struct tg_net *net, struct tg_socket *socket)
{
    if (tell(net, socket, TG_SOCKET_BROKEN) == 0)
        forget(socket);
}

int tg_socket_on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length)
{
    struct tg_socket *socket = lws_get_opaque_user_data(wsi);

    (void)user, (void)in, (void)length;
    if (!socket || !socket->engine)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_RAW_RX_FILE:
        if (!(socket->watched & TG_SOCKET_READABLE))
            return 0;
        return tell(socket->net, socket, TG_SOCKET_READABLE);
    case LWS_CALLBACK_RAW_WRITEABLE_FILE:
        socket->is_asked = false;
        return on_writable(socket->net, socket);
    case LWS_CALLBACK_RAW_CLOSE_FILE:
        on_closing(socket->net, socket);
        return 0;
    default:
        return 0;
    }
}

/* ---- watching ---------------------------------------------------------------------------------- */

static void ask_for_writable(struct tg_socket *socket)
{
    struct tg_net *net = socket->net;

    if (net->told != TG_SOCKET_WRITABLE || net->telling != socket) {
        socket->is_asked = true;
        lws_callback_on_writable(socket->engine);
        return;
    }
    if (socket->is_to_rearm)
        return;
    socket->is_to_rearm = true;
    socket->rearm_next = net->rearm;
    net->rearm = socket;
    tg_worker_run_at_turn_end(net->worker, TG_TURN_PUBLISH, &net->rearm_hook);
}

void tg_socket_rearm_all(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct tg_net *net = TG_CONTAINER_OF(hook, struct tg_net, rearm_hook);

    (void)worker;
    while (net->rearm) {
        struct tg_socket *socket = net->rearm;
        net->rearm = socket->rearm_next;
        socket->is_to_rearm = false;
        if (socket->watched & TG_SOCKET_WRITABLE) {
            socket->is_asked = true;
            lws_callback_on_writable(socket->engine);
        }
    }
}

void tg_socket_watch(struct tg_socket *socket, unsigned events)
{
    unsigned before = socket->watched;

    if (!socket->engine || before == events)
        return;
    socket->watched = (uint8_t)events;
    if ((before ^ events) & TG_SOCKET_READABLE)
        lws_rx_flow_control(socket->engine, events & TG_SOCKET_READABLE ? 1 : 0);
    if (events & ~before & TG_SOCKET_WRITABLE)
        ask_for_writable(socket);
}

/* ---- life -------------------------------------------------------------------------------------- */

enum tg_err tg_socket_adopt(struct tg_socket *socket, struct tg_net *net, int fd,
                            void (*on_events)(struct tg_socket *socket, unsigned events))
{
    const lws_adopt_desc_t adoption = {
        .vh = net->vhost,
        .type = LWS_ADOPT_RAW_FILE_DESC,
        .fd.filefd = fd,
        .vh_prot_name = TG_NET_PROTOCOL,
        .opaque = socket,
    };

    *socket = (struct tg_socket){ .ops = &tg_socket_plain_ops,
                                  .on_events = on_events,
                                  .net = net,
                                  .fd = fd,
                                  .watched = TG_SOCKET_READABLE };
    struct lws *wsi = tg_spare_take(net, fd, socket);
    if (wsi)
        socket->fd = lws_get_socket_fd(wsi);
    else if ((size_t)fd < net->descriptors_max)
        wsi = lws_adopt_descriptor_vhost_via_info(&adoption);
    if (!wsi) {
        close(fd);
        socket->fd = -1;
        return TG_ERR_LIMIT;
    }
    socket->engine = wsi;
    return TG_OK;
}

static int open_connecting(const struct sockaddr *address, size_t length)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* not on a Unix socket */
    if (connect(fd, address, (socklen_t)length) == 0 || errno == EINPROGRESS)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

enum tg_err tg_socket_connect(struct tg_socket *socket, struct tg_net *net, const struct sockaddr *address,
                              size_t address_length,
                              void (*on_events)(struct tg_socket *socket, unsigned events))
{
    int fd = open_connecting(address, address_length);

    if (fd < 0) {
        *socket = (struct tg_socket){ .fd = -1 };
        return TG_ERR_IO;
    }
    enum tg_err err = tg_socket_adopt(socket, net, fd, on_events);
    if (!err)
        tg_socket_watch(socket, TG_SOCKET_WRITABLE);
    return err;
}

enum tg_err tg_socket_connect_to(struct tg_socket *socket, struct tg_net *net, const char *address, int port,
                                 void (*on_events)(struct tg_socket *socket, unsigned events))
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
    struct addrinfo *place;
    char service[16];

    snprintf(service, sizeof(service), "%d", port);
    *socket = (struct tg_socket){ .fd = -1 };
    if (getaddrinfo(address, service, &hints, &place) != 0)
        return TG_ERR_INVALID;
    enum tg_err err = tg_socket_connect(socket, net, place->ai_addr, place->ai_addrlen, on_events);
    freeaddrinfo(place);
    return err;
}

int tg_socket_error(const struct tg_socket *socket)
{
    int error = 0;
    socklen_t length = sizeof(error);

    if (getsockopt(socket->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
        return errno;
    return error;
}

/* libwebsockets is done with a connection that it tells BROKEN of; and one that it is still to tell of WRITABLE cannot be
 * called idle. */
static bool may_be_kept(const struct tg_socket *socket)
{
    bool is_own = socket->net->telling == socket;

    return !socket->is_asked && !socket->is_to_rearm && !(is_own && socket->net->told != TG_SOCKET_READABLE);
}

void tg_socket_close(struct tg_socket *socket)
{
    struct lws *wsi = socket->engine;
    struct tg_net *net = socket->net;

    if (socket->ops)
        socket->ops->deinit(socket);
    socket->ops = &tg_socket_plain_ops;
    if (!wsi)
        return;
    bool is_own = net->telling == socket;
    bool is_kept = may_be_kept(socket) && tg_spare_keep(net, wsi);
    forget(socket);
    if (is_own) { /* unless it is kept, the callback that we are in closes it */
        net->telling = NULL;
        net->was_kept = is_kept;
    } else if (!is_kept) {
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    }
}
