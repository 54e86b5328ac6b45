#include "publisher.h"

#include "common/clock.h"
#include "memory.h"
#include "response.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    RETRY_NS = 100000000,
    READ_BYTES = 16384,
};

/* Messages of a stream that have no number yet. */
struct due {
    size_t stream;
    uint64_t count;
};

struct publisher {
    struct feed_output output; /* first */
    struct feed_source source;
    enum feed_post post;
    struct feed_url url;
    struct sockaddr_storage address;
    socklen_t address_length;
    int fd; /* -1: none */
    bool is_connected;
    uint64_t retry_ns; /* no new attempt before */
    struct feed_response response;
    size_t pipeline;                               /* requests that may be unanswered */
    size_t batch_messages;                         /* for each request */
    struct feed_queue requests[FEED_PIPELINE_MAX]; /* a ring; queue.start: how much the kernel has */
    size_t first, count;                           /* those that are not answered */
    struct due *dues;                              /* one for each burst; empty before more are added */
    size_t dues_first, dues_end, dues_capacity;
};

static struct publisher *from_output(struct feed_output *output)
{
    return (struct publisher *)output;
}

static struct feed_queue *get_request(struct publisher *publisher, size_t i)
{
    return &publisher->requests[(publisher->first + i) % FEED_PIPELINE_MAX];
}

/* ---- the connection ---------------------------------------------------------------------------- */

static void disconnect(struct publisher *publisher)
{
    if (publisher->fd >= 0)
        close(publisher->fd);
    publisher->fd = -1;
    publisher->is_connected = false;
    publisher->response = (struct feed_response){ 0 };
    for (size_t i = 0; i < publisher->count; i++) /* what was not answered is sent again */
        get_request(publisher, i)->start = 0;
}

static void connect_now(struct publisher *publisher, uint64_t now_ns)
{
    publisher->retry_ns = now_ns + RETRY_NS;
    publisher->fd = socket(publisher->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (publisher->fd < 0)
        return;
    setsockopt(publisher->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = &publisher->source };
    if ((connect(publisher->fd, (struct sockaddr *)&publisher->address, publisher->address_length) != 0 &&
         errno != EINPROGRESS) ||
        epoll_ctl(publisher->output.epoll_fd, EPOLL_CTL_ADD, publisher->fd, &event) != 0)
        disconnect(publisher);
}

/* ---- writing ----------------------------------------------------------------------------------- */

static struct feed_message take_message(struct publisher *publisher)
{
    struct due *due = &publisher->dues[publisher->dues_first];
    struct feed_message message = { due->stream, ++publisher->output.last_seqs[due->stream], bench_now_ns() };
    if (--due->count == 0)
        publisher->dues_first++;
    return message;
}

static bool has_due(const struct publisher *publisher)
{
    return publisher->dues_first < publisher->dues_end;
}

static void build(struct publisher *publisher)
{
    struct feed_message messages[FEED_MESSAGES_MAX];
    size_t count = 0;
    while (count < publisher->batch_messages && has_due(publisher))
        messages[count++] = take_message(publisher);
    struct feed_output *output = &publisher->output;
    struct feed_queue *request = get_request(publisher, publisher->count++);
    request->start = request->end = 0;
    feed_request_append(request, publisher->post, &publisher->url, messages, count, output->size_bytes);
    output->counts.sent += count;
    output->counts.bytes += count * output->size_bytes;
    output->counts.last_ns = messages[count - 1].t_ns;
}

/* Hands to the kernel what it takes. False: the connection is broken. */
static bool flush(struct publisher *publisher)
{
    struct iovec parts[FEED_PIPELINE_MAX];
    int part_count = 0;
    for (size_t i = 0; i < publisher->count; i++) {
        struct feed_queue *request = get_request(publisher, i);
        if (request->start < request->end)
            parts[part_count++] =
                (struct iovec){ request->data + request->start, request->end - request->start };
    }
    if (part_count == 0)
        return true;
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = (size_t)part_count };
    ssize_t written = sendmsg(publisher->fd, &message, MSG_NOSIGNAL);
    if (written < 0)
        return errno == EAGAIN || errno == EINTR;
    size_t rest = (size_t)written;
    for (size_t i = 0; i < publisher->count; i++) {
        struct feed_queue *request = get_request(publisher, i);
        size_t part = request->end - request->start < rest ? request->end - request->start : rest;
        request->start += part;
        rest -= part;
    }
    return true;
}

static void pump(struct publisher *publisher)
{
    if (!publisher->is_connected)
        return;
    while (publisher->count < publisher->pipeline && has_due(publisher))
        build(publisher);
    if (!flush(publisher))
        disconnect(publisher);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void on_answer(struct publisher *publisher)
{
    if (publisher->response.status / 100 != 2)
        publisher->output.counts.failed++;
    publisher->first = (publisher->first + 1) % FEED_PIPELINE_MAX;
    publisher->count--;
    publisher->retry_ns = 0; /* a server that answers may be asked again at once */
}

/* False: the connection is of no more use. */
static bool take(struct publisher *publisher, const char *data, size_t length)
{
    while (length > 0) {
        size_t used;
        int result = feed_response_read(&publisher->response, data, length, &used);
        if (result < 0 || (result > 0 && publisher->count == 0))
            return false;
        if (result > 0)
            on_answer(publisher);
        if (result > 0 && publisher->response.is_last)
            return false;
        data += used;
        length -= used;
    }
    return true;
}

static void read_all(struct publisher *publisher)
{
    char data[READ_BYTES];
    for (;;) {
        ssize_t length = recv(publisher->fd, data, sizeof(data), 0);
        if (length < 0 && errno == EINTR)
            continue;
        if (length < 0 && errno == EAGAIN)
            return;
        if (length == 0 && publisher->count > 0 && feed_response_end(&publisher->response))
            on_answer(publisher);
        if (length <= 0 || !take(publisher, data, (size_t)length)) {
            disconnect(publisher);
            return;
        }
    }
}

static void on_ready(struct feed_source *source, uint32_t events)
{
    struct publisher *publisher = (struct publisher *)((char *)source - offsetof(struct publisher, source));
    if (publisher->fd < 0)
        return;
    if (events & (EPOLLERR | EPOLLHUP) && !publisher->is_connected) {
        disconnect(publisher);
        return;
    }
    if (events & EPOLLOUT)
        publisher->is_connected = true;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        read_all(publisher);
    pump(publisher);
}

/* ---- output ------------------------------------------------------------------------------------ */

static size_t get_connection_count(const struct feed_output *output)
{
    return ((const struct publisher *)output)->is_connected ? 1 : 0;
}

static void start(struct feed_output *output)
{
    struct publisher *publisher = from_output(output);
    publisher->pipeline = feed_request_pipeline(publisher->post);
    publisher->batch_messages = feed_request_messages(publisher->post, output->size_bytes);
}

static bool is_busy(const struct feed_output *output)
{
    const struct publisher *publisher = (const struct publisher *)output;
    return !publisher->is_connected || has_due(publisher);
}

static size_t get_room(const struct feed_output *output, size_t stream)
{
    (void)stream;
    const struct publisher *publisher = (const struct publisher *)output;
    return is_busy(output) ? 0 : (publisher->pipeline - publisher->count) * publisher->batch_messages;
}

static void send_messages(struct feed_output *output, size_t stream, uint64_t count)
{
    struct publisher *publisher = from_output(output);
    if (!has_due(publisher))
        publisher->dues_first = publisher->dues_end = 0;
    if (publisher->dues_end == publisher->dues_capacity) {
        publisher->dues_capacity = publisher->dues_capacity ? publisher->dues_capacity * 2 : 64;
        publisher->dues = feed_realloc(publisher->dues, publisher->dues_capacity * sizeof(*publisher->dues));
    }
    publisher->dues[publisher->dues_end++] = (struct due){ stream, count };
    pump(publisher);
}

static bool is_written(const struct feed_output *output)
{
    const struct publisher *publisher = (const struct publisher *)output;
    return publisher->count == 0 && !has_due(publisher);
}

static void stop(struct feed_output *output)
{
    struct publisher *publisher = from_output(output);
    publisher->dues_first = publisher->dues_end = 0;
}

static uint64_t tick(struct feed_output *output, uint64_t now_ns)
{
    struct publisher *publisher = from_output(output);
    if (publisher->fd >= 0)
        return UINT64_MAX;
    if (now_ns >= publisher->retry_ns)
        connect_now(publisher, now_ns);
    return publisher->fd >= 0 ? UINT64_MAX : publisher->retry_ns;
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

struct feed_output *feed_publisher_new(int epoll_fd, size_t stream_count, enum feed_post post,
                                       const struct feed_url *url)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *found = NULL;
    if (getaddrinfo(url->host, url->port, &hints, &found) != 0)
        return NULL;
    struct publisher *publisher = feed_alloc(sizeof(*publisher));
    memcpy(&publisher->address, found->ai_addr, found->ai_addrlen);
    publisher->address_length = found->ai_addrlen;
    freeaddrinfo(found);
    publisher->output =
        (struct feed_output){ .ops = &ops, .epoll_fd = epoll_fd, .stream_count = stream_count };
    publisher->output.last_seqs = feed_alloc(stream_count * sizeof(*publisher->output.last_seqs));
    publisher->source.on_ready = on_ready;
    publisher->post = post;
    publisher->url = *url;
    publisher->fd = -1;
    return &publisher->output;
}
