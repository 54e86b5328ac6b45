/* Accepting: a few connections in each turn, as time allows (chores.h), and what happens when there is no room for more.
 *
 * When too many connections have not sent a request yet, the oldest of them gives way if it had its chance;
 * else the queue of the kernel holds the new ones back for a moment: a burst of clients is served in order, a
 * crowd that says nothing is thinned out. At the limit of connections, and when descriptors are out, the
 * oldest that does nothing gives way too, so that a silent crowd keeps nobody out. */
#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_MAX = 64,
    DRAIN_ACCEPTS_MAX = 4096,
    PATIENCE_MS = 1000,
    LOGS_PER_SECOND = 1,
};

struct tg_acceptor {
    struct tg_socket socket; /* a listening one: readable when clients wait */
    struct tg_shard *shard;
    struct tg_listener *listener;
};

static void set_accepting(struct tg_shard *shard, bool is_accepting)
{
    if (!shard->acceptors || shard->is_accepting == is_accepting)
        return;
    shard->is_accepting = is_accepting;
    for (size_t i = 0; i < shard->server->options.listener_count; i++)
        tg_socket_watch(&shard->acceptors[i].socket, is_accepting ? TG_SOCKET_READABLE : TG_WATCH_NOTHING);
}

void tg_accept_resume(struct tg_shard *shard)
{
    set_accepting(shard, true);
}

static void warn(struct tg_shard *shard, const char *event)
{
    uint32_t suppressed;
    if (tg_log_limit_allows(&shard->log_limit, LOGS_PER_SECOND, tg_worker_now_ms(shard->worker), &suppressed))
        tg_log(TG_LOG_WARNING, "downstream", event, TG_F_STR("server", shard->server->options.name),
               TG_F_INT_IF("suppressed", suppressed));
}

/* No descriptors: with the one in reserve the client at least sees a close and not silence. */
static void turn_one_away(struct tg_acceptor *acceptor)
{
    struct tg_shard *shard = acceptor->shard;
    if (shard->reserve_fd >= 0) {
        close(shard->reserve_fd);
        int fd = accept4(acceptor->socket.fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0) {
            close(fd);
            tg_counter_add(&shard->counters.accepted, 1);
            tg_counter_add(&shard->counters.closed[TG_CLOSE_LIMIT], 1);
        }
    }
    shard->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Closes the oldest connection of a list if it had its chance. */
static bool give_way(struct tg_shard *shard, enum tg_list list, const char *warning)
{
    struct tg_connection *oldest = tg_connection_oldest(shard, list);
    if (!oldest || tg_worker_now_ms(shard->worker) - oldest->since_ms < PATIENCE_MS)
        return false;
    warn(shard, warning);
    tg_connection_close(oldest, TG_CLOSE_LIMIT);
    return true;
}

/* False: leave the others in the queue for now. */
static bool make_room(struct tg_shard *shard)
{
    return shard->pending_count < shard->server->pending_limit ||
           give_way(shard, TG_LIST_PENDING, "too_many_pending_requests");
}

/* accept(2) takes a descriptor before it looks into the queue. */
static bool is_queue_empty(const struct tg_acceptor *acceptor)
{
    struct pollfd queue = { .fd = acceptor->socket.fd, .events = POLLIN };
    return poll(&queue, 1, 0) == 0;
}

static bool free_descriptor(struct tg_shard *shard)
{
    static const char warning[] = "out_of_file_descriptors";
    struct tg_net *net = tg_shard_net(shard);
    if (tg_net_close_spares(net) > 0)
        return true;
    if (!give_way(shard, TG_LIST_REFUSED, warning) && !give_way(shard, TG_LIST_IDLE, warning) &&
        !give_way(shard, TG_LIST_PENDING, warning))
        return false;
    (void)tg_net_close_spares(net); /* the one that gave way may be a spare now */
    return true;
}

static enum tg_admission take_admission(struct tg_shard *shard, bool must_refuse)
{
    static const char warning[] = "too_many_connections";
    struct tg_admissions *admissions = &shard->server->admissions;
    enum tg_admission admission = tg_admissions_take(admissions, must_refuse);
    if (admission != TG_ADMITTED && !must_refuse &&
        (give_way(shard, TG_LIST_IDLE, warning) || give_way(shard, TG_LIST_PENDING, warning))) {
        tg_admissions_give(admissions, admission);
        admission = tg_admissions_take(admissions, must_refuse);
    }
    if (admission != TG_ADMITTED && !must_refuse)
        warn(shard, warning);
    if (admission == TG_TURNED_AWAY && give_way(shard, TG_LIST_REFUSED, warning))
        admission = tg_admissions_take(admissions, must_refuse);
    return admission;
}

static void admit(struct tg_acceptor *acceptor, int fd, const struct sockaddr *peer)
{
    struct tg_shard *shard = acceptor->shard;
    struct tg_server *server = shard->server;
    struct tg_address *address = NULL;
    bool must_refuse = shard->is_draining || tg_addresses_take(server->addresses, peer, &address) != TG_OK;
    enum tg_admission admission = take_admission(shard, must_refuse);
    if (admission == TG_TURNED_AWAY) {
        tg_addresses_give(server->addresses, address);
        tg_counter_add(&shard->counters.accepted, 1);
        tg_counter_add(&shard->counters.closed[TG_CLOSE_LIMIT], 1);
        close(fd);
        return;
    }
    tg_connection_open(shard, fd, acceptor->listener->tls, address, admission);
}

/* TG_ERR_AGAIN: the queue is empty, or a descriptor comes free, but not within this turn. TG_ERR_LIMIT: no more for
 * now. */
static enum tg_err accept_one(struct tg_acceptor *acceptor)
{
    struct sockaddr_storage peer = { 0 };
    socklen_t length = sizeof(peer);
    int fd = accept4(acceptor->socket.fd, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        admit(acceptor, fd, (struct sockaddr *)&peer);
        return TG_OK;
    }
    switch (errno) {
    case EAGAIN:
        return TG_ERR_AGAIN;
    case EMFILE:
    case ENFILE:
        if (is_queue_empty(acceptor) || free_descriptor(acceptor->shard))
            return TG_ERR_AGAIN;
        warn(acceptor->shard, "out_of_file_descriptors");
        turn_one_away(acceptor);
        return TG_ERR_LIMIT;
    case ENOBUFS:
    case ENOMEM:
        warn(acceptor->shard, "out_of_socket_memory");
        return TG_ERR_LIMIT;
    default: /* the client has gone already, accept(2) */
        return TG_OK;
    }
}

static void on_acceptable(struct tg_socket *socket, unsigned events)
{
    struct tg_acceptor *acceptor = TG_CONTAINER_OF(socket, struct tg_acceptor, socket);
    struct tg_shard *shard = acceptor->shard;
    (void)events;
    for (int i = 0; i == 0 || (i < ACCEPTS_MAX && tg_chores_have_time(shard)); i++) {
        uint64_t start_ns = shard->chores.clock_ns();
        enum tg_err err = make_room(shard) ? accept_one(acceptor) : TG_ERR_LIMIT;
        tg_chores_spend(shard, start_ns);
        if (err == TG_ERR_LIMIT) /* until the next tick, or until one has sent its request */
            set_accepting(shard, false);
        if (err)
            return;
    }
}

void tg_accept_start(struct tg_shard *shard)
{
    struct tg_server *server = shard->server;
    size_t index = tg_worker_index(shard->worker) % server->shard_count;
    shard->acceptors = tg_alloc(server->options.listener_count * sizeof(*shard->acceptors));
    shard->is_accepting = true;
    for (size_t i = 0; i < server->options.listener_count; i++) {
        struct tg_acceptor *acceptor = &shard->acceptors[i];
        struct tg_listener *listener = &server->listeners[i];
        acceptor->shard = shard;
        acceptor->listener = listener;
        enum tg_err err =
            tg_socket_adopt(&acceptor->socket, tg_shard_net(shard), listener->fds[index], on_acceptable);
        listener->fds[index] = -1;
        if (err)
            tg_log(TG_LOG_ERROR, "downstream", "listener_lost", TG_F_STR("server", server->options.name),
                   TG_F_INT("port", listener->port), TG_F_ERR(err));
    }
}

void tg_accept_abandon(struct tg_shard *shard)
{
    if (!shard->acceptors)
        return;
    for (size_t i = 0; i < shard->server->options.listener_count; i++)
        tg_socket_close(&shard->acceptors[i].socket);
    free(shard->acceptors);
    shard->acceptors = NULL;
    shard->is_accepting = false;
}

void tg_accept_stop(struct tg_shard *shard)
{
    for (size_t i = 0; shard->acceptors && i < shard->server->options.listener_count; i++) {
        enum tg_err err = TG_OK;
        for (int count = 0; !err && count < DRAIN_ACCEPTS_MAX; count++)
            err = accept_one(&shard->acceptors[i]);
    }
    tg_accept_abandon(shard);
}
