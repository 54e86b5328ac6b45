/* Spares: connections of libwebsockets whose socket is closed, kept for the next ones.
 *
 *     close:  dup2(idle, fd): the client's socket is closed, the descriptor's number stays with the connection
 *     adopt:  dup2(new, fd), close(new): the new socket takes its place
 *
 * When libwebsockets closes a connection it walks its whole table, to assert that nothing else has the descriptor (Debian
 * builds it so): 0.8 us for each 1,000 descriptors that the process may have. Making one costs two allocations and a
 * system call. Crowds that come and go need neither.
 *
 * A spare is not watched. Its descriptor is open on an eventfd that all spares share, so that must never be in the epoll
 * set: a connection is kept only if nothing is asked of libwebsockets for it. Spares that were not needed for a second
 * are closed, so that a crowd leaves nothing behind. */
#include "net_lws.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
    SPARES_MAX = 512,
    SPARES_MIN = 8,
    SHARE = 128,   /* of the descriptors: spares keep few from clients */
    TRIM_MAX = 64, /* in each second, since closing takes long */
};

struct tg_spare {
    struct lws *wsi;
    int fd;
};

static void close_spare(struct tg_net *net)
{
    struct tg_spare *spare = &net->spares[--net->spare_count];

    lws_set_timeout(spare->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static void on_tick(struct tg_tick *tick, struct tg_worker *worker, uint64_t now_ms)
{
    struct tg_net *net = TG_CONTAINER_OF(tick, struct tg_net, tick);
    size_t count = net->spares_unneeded < TRIM_MAX ? net->spares_unneeded : TRIM_MAX;

    (void)worker, (void)now_ms;
    while (count-- > 0)
        close_spare(net);
    net->spares_unneeded = net->spare_count;
}

size_t tg_net_close_spares(struct tg_net *net)
{
    size_t count = net->spare_count;

    while (net->spare_count > 0)
        close_spare(net);
    net->spares_unneeded = 0;
    return count;
}

void tg_spares_init(struct tg_net *net)
{
    size_t share = net->descriptors_max / SHARE;

    net->spares_max = share < SPARES_MIN ? SPARES_MIN : share > SPARES_MAX ? SPARES_MAX : share;
    net->spares = tg_alloc(net->spares_max * sizeof(*net->spares));
    net->idle_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    net->tick.on_tick = on_tick;
    tg_worker_add_tick(net->worker, &net->tick);
}

void tg_spares_deinit(struct tg_net *net)
{
    net->tick.on_tick = NULL;
    while (net->spare_count > 0)
        close_spare(net);
    free(net->spares);
    net->spares = NULL;
    net->spares_max = 0;
    if (net->idle_fd >= 0)
        close(net->idle_fd);
}

/* So many have been there all the time since the last tick. */
static void note_need(struct tg_net *net)
{
    if (net->spares_unneeded > net->spare_count)
        net->spares_unneeded = net->spare_count;
}

struct lws *tg_spare_take(struct tg_net *net, int fd, struct tg_socket *socket)
{
    if (net->spare_count == 0)
        return NULL;
    struct tg_spare *spare = &net->spares[net->spare_count - 1];
    if (dup3(fd, spare->fd, O_CLOEXEC) < 0)
        return NULL;
    net->spare_count--;
    note_need(net);
    close(fd);
    lws_set_opaque_user_data(spare->wsi, socket);
    lws_rx_flow_control(spare->wsi, 1);
    return spare->wsi;
}

bool tg_spare_keep(struct tg_net *net, struct lws *wsi)
{
    int fd = lws_get_socket_fd(wsi);

    if (net->idle_fd < 0 || net->spare_count == net->spares_max || fd < 0)
        return false;
    lws_rx_flow_control(wsi, 0);
    if (dup3(net->idle_fd, fd, O_CLOEXEC) < 0)
        return false;
    net->spares[net->spare_count++] = (struct tg_spare){ .wsi = wsi, .fd = fd };
    return true;
}
