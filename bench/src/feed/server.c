#include "server.h"

#include "common/clock.h"
#include "common/payload.h"
#include "memory.h"
#include "server_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

/* ---- output ------------------------------------------------------------------------------------ */

static size_t get_connection_count(const struct feed_output *output)
{
    return ((const struct feed_server *)output)->connection_count;
}

static void start(struct feed_output *output)
{
    struct feed_server *server = (struct feed_server *)output;
    server->header_bytes = feed_ws_header(server->header, FEED_WS_TEXT, output->size_bytes);
    size_t frame_bytes = server->header_bytes + output->size_bytes;
    server->block_messages = frame_bytes < FEED_BLOCK_BYTES ? FEED_BLOCK_BYTES / frame_bytes : 1;
    server->block = feed_realloc(server->block, server->block_messages * frame_bytes);
}

static size_t get_room(const struct feed_output *output, size_t stream)
{
    const struct feed_server *server = (const struct feed_server *)output;
    const struct feed_server_stream *target = &server->streams[stream];
    return target->connections && target->backlog_count == 0 ? server->block_messages : 0;
}

/* Builds the frames of the stream's next messages; gives their length. */
static size_t build(struct feed_server *server, size_t stream, size_t count)
{
    struct feed_output *output = &server->output;
    uint64_t t_ns = bench_now_ns();
    char *at = server->block;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && !output->has_batch_time)
            t_ns = bench_now_ns();
        memcpy(at, server->header, server->header_bytes);
        bench_payload_write(at + server->header_bytes, output->size_bytes, ++output->last_seqs[stream], t_ns);
        at += server->header_bytes + output->size_bytes;
    }
    output->counts.sent += count;
    output->counts.bytes += count * output->size_bytes;
    return (size_t)(at - server->block);
}

static void send_messages(struct feed_output *output, size_t stream, uint64_t count)
{
    struct feed_server *server = (struct feed_server *)output;
    while (count > 0) {
        size_t part = count < server->block_messages ? (size_t)count : server->block_messages;
        size_t length = build(server, stream, part);
        struct feed_connection *connection, *next;
        DL_FOREACH_SAFE(server->streams[stream].connections, connection, next)
        feed_connection_write(connection, server->block, length);
        count -= part;
    }
    output->counts.last_ns = bench_now_ns();
}

static bool is_busy(const struct feed_output *output)
{
    (void)output;
    return false;
}

static bool is_written(const struct feed_output *output)
{
    return ((const struct feed_server *)output)->backlog_count == 0;
}

static void stop(struct feed_output *output)
{
    (void)output;
}

static uint64_t tick(struct feed_output *output, uint64_t now_ns)
{
    (void)now_ns;
    struct feed_server *server = (struct feed_server *)output;
    struct feed_connection *connection, *next;
    DL_FOREACH_SAFE(server->closed, connection, next)
    free(connection);
    server->closed = NULL;
    return UINT64_MAX;
}

static const struct feed_output_ops ops = {
    .connection_count = get_connection_count,
    .start = start,
    .room = get_room,
    .send = send_messages,
    .is_busy = is_busy,
    .is_written = is_written,
    .stop = stop,
    .tick = tick,
};

/* ---- listening --------------------------------------------------------------------------------- */

static void on_acceptable(struct feed_source *source, uint32_t events)
{
    (void)events;
    struct feed_server *server =
        (struct feed_server *)((char *)source - offsetof(struct feed_server, source));
    for (;;) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0)
            feed_connection_accept(server, fd);
        else if (errno != EINTR && errno != ECONNABORTED)
            return;
    }
}

static int listen_on(uint16_t port, uint16_t *ret_port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        close(fd);
        return -1;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

struct feed_output *feed_server_new(int epoll_fd, size_t stream_count, uint16_t port, uint16_t *ret_port)
{
    int fd = listen_on(port, ret_port);
    if (fd < 0)
        return NULL;
    struct feed_server *server = feed_alloc(sizeof(*server));
    server->output = (struct feed_output){ .ops = &ops, .epoll_fd = epoll_fd, .stream_count = stream_count };
    server->output.last_seqs = feed_alloc(stream_count * sizeof(*server->output.last_seqs));
    server->streams = feed_alloc(stream_count * sizeof(*server->streams));
    server->source.on_ready = on_acceptable;
    server->fd = fd;
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &server->source };
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        return NULL;
    return &server->output;
}
