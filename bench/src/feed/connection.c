/* One connection of the WebSocket server. Epoll is edge-triggered, so that writing needs no changes there. */
#include "memory.h"
#include "server_private.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

static void leave_stream(struct feed_connection *connection)
{
    if (connection->state != FEED_OPEN)
        return;
    struct feed_server *server = connection->server;
    struct feed_server_stream *stream = &server->streams[connection->stream];
    if (feed_queue_length(&connection->queue) > 0) {
        stream->backlog_count--;
        server->backlog_count--;
    }
    DL_DELETE(stream->connections, connection);
    server->connection_count--;
    connection->state = FEED_CLOSING;
}

static void join_stream(struct feed_connection *connection, size_t stream)
{
    struct feed_server *server = connection->server;
    connection->stream = stream;
    connection->state = FEED_OPEN;
    DL_APPEND(server->streams[stream].connections, connection);
    server->connection_count++;
    if (feed_queue_length(&connection->queue) > 0) {
        server->streams[stream].backlog_count++;
        server->backlog_count++;
    }
}

static void close_now(struct feed_connection *connection)
{
    if (connection->fd < 0)
        return;
    leave_stream(connection);
    close(connection->fd);
    connection->fd = -1;
    feed_queue_deinit(&connection->queue);
    DL_APPEND(connection->server->closed, connection);
}

/* After what is queued. */
static void close_soon(struct feed_connection *connection)
{
    leave_stream(connection);
    connection->state = FEED_CLOSING;
    if (feed_queue_length(&connection->queue) == 0)
        close_now(connection);
}

/* ---- writing ----------------------------------------------------------------------------------- */

/* How many bytes the kernel took; -1: the connection was closed. */
static ssize_t send_some(struct feed_connection *connection, const char *data, size_t length)
{
    size_t done = 0;
    while (done < length) {
        ssize_t count = send(connection->fd, data + done, length - done, MSG_NOSIGNAL);
        if (count >= 0) {
            done += (size_t)count;
        } else if (errno == EAGAIN) {
            break;
        } else if (errno != EINTR) {
            close_now(connection);
            return -1;
        }
    }
    return (ssize_t)done;
}

static void queue_rest(struct feed_connection *connection, const char *data, size_t length)
{
    struct feed_server *server = connection->server;
    bool is_first = feed_queue_length(&connection->queue) == 0;
    feed_queue_append(&connection->queue, data, length);
    if (is_first && connection->state == FEED_OPEN) {
        server->streams[connection->stream].backlog_count++;
        server->backlog_count++;
    }
}

void feed_connection_write(struct feed_connection *connection, const void *data, size_t length)
{
    size_t queued = feed_queue_length(&connection->queue);
    if (queued > 0 && queued + length > FEED_QUEUE_LIMIT_BYTES) {
        connection->server->output.counts.overflowed++;
        close_now(connection);
        return;
    }
    ssize_t sent = queued > 0 ? 0 : send_some(connection, data, length);
    if (sent >= 0 && (size_t)sent < length)
        queue_rest(connection, (const char *)data + sent, length - (size_t)sent);
}

static void flush(struct feed_connection *connection)
{
    struct feed_queue *queue = &connection->queue;
    size_t queued = feed_queue_length(queue);
    if (queued == 0)
        return;
    ssize_t sent = send_some(connection, queue->data + queue->start, queued);
    if (sent < 0)
        return;
    feed_queue_drop(queue, (size_t)sent);
    if ((size_t)sent < queued)
        return;
    if (connection->state == FEED_OPEN) {
        connection->server->streams[connection->stream].backlog_count--;
        connection->server->backlog_count--;
    } else if (connection->state == FEED_CLOSING) {
        close_now(connection);
    }
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void write_control(struct feed_connection *connection, enum feed_ws_opcode opcode, const char *payload,
                          size_t length)
{
    char frame[FEED_WS_HEADER_MAX + FEED_WS_CONTROL_MAX];
    size_t header_bytes = feed_ws_header(frame, opcode, length);
    memcpy(frame + header_bytes, payload, length);
    feed_connection_write(connection, frame, header_bytes + length);
}

/* False: it takes more bytes, or the connection is closing. */
static bool read_frame(struct feed_connection *connection, size_t *ret_used)
{
    enum feed_ws_opcode opcode;
    char *payload;
    size_t length;
    switch (feed_ws_read(&connection->reader, connection->input, connection->input_length, ret_used, &opcode,
                         &payload, &length)) {
    case FEED_WS_MORE:
        return *ret_used > 0;
    case FEED_WS_CONTROL:
        if (opcode == FEED_WS_PONG)
            return true;
        write_control(connection, opcode == FEED_WS_PING ? FEED_WS_PONG : FEED_WS_CLOSE, payload, length);
        if (opcode == FEED_WS_CLOSE && connection->fd >= 0)
            close_soon(connection);
        return connection->state == FEED_OPEN;
    case FEED_WS_BAD:
    default:
        close_now(connection);
        return false;
    }
}

/* False: as read_frame(). */
static bool read_head(struct feed_connection *connection, size_t *ret_used)
{
    *ret_used = 0;
    char *end = memmem(connection->input, connection->input_length, "\r\n\r\n", 4);
    if (!end)
        return false;
    *ret_used = (size_t)(end - connection->input) + 4;
    char head[FEED_INPUT_BYTES + 1], answer[FEED_WS_ANSWER_MAX];
    memcpy(head, connection->input, *ret_used);
    head[*ret_used] = '\0';
    size_t stream;
    bool is_upgraded = feed_ws_upgrade(head, connection->server->output.stream_count, answer, &stream);
    feed_connection_write(connection, answer, strlen(answer));
    if (connection->fd < 0)
        return false;
    if (is_upgraded)
        join_stream(connection, stream);
    else
        close_soon(connection);
    return is_upgraded;
}

static void consume(struct feed_connection *connection)
{
    bool has_more = true;
    while (has_more && connection->input_length > 0) {
        size_t used;
        has_more =
            connection->state == FEED_OPENING ? read_head(connection, &used) : read_frame(connection, &used);
        connection->input_length -= used;
        memmove(connection->input, connection->input + used, connection->input_length);
    }
}

static void read_all(struct feed_connection *connection)
{
    while (connection->fd >= 0) {
        ssize_t count = recv(connection->fd, connection->input + connection->input_length,
                             FEED_INPUT_BYTES - connection->input_length, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0 && errno == EAGAIN)
            return;
        if (count <= 0) { /* its end, an error, or a head that does not fit */
            close_now(connection);
            return;
        }
        if (connection->state == FEED_CLOSING)
            continue; /* what comes after a close is nobody's */
        connection->input_length += (size_t)count;
        consume(connection);
    }
}

static void on_ready(struct feed_source *source, uint32_t events)
{
    struct feed_connection *connection = (struct feed_connection *)source;
    if (connection->fd >= 0 && events & EPOLLOUT)
        flush(connection);
    if (connection->fd >= 0 && events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_all(connection);
}

void feed_connection_accept(struct feed_server *server, int fd)
{
    struct feed_connection *connection = feed_alloc(sizeof(*connection));
    connection->source.on_ready = on_ready;
    connection->server = server;
    connection->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &connection->source };
    if (epoll_ctl(server->output.epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
        close_now(connection);
}
