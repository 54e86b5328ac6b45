/* Accepting, reading requests and sending; see server.h. */
#include "server.h"
#include "request.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_BYTES_MAX = 16 * 1024, BACKLOG = 4096, SSL_BYTES_MAX = 1 << 30 };

/* ---- lists -------------------------------------------------------------------------------------------- */

static struct floor_list *list_of(struct floor_server *server, const struct floor_client *client)
{
    return client->state == FLOOR_FRESH    ? &server->fresh
           : client->state == FLOOR_BEHIND ? &server->behind
                                           : NULL;
}

/* The last of the old list takes its place there, so whoever walks over a list does it from the end. */
static void set_state(struct floor_server *server, int fd, enum floor_state state)
{
    struct floor_client *client = &server->clients[fd];
    struct floor_list *list = list_of(server, client);
    if (list) {
        int last_fd = list->fds[--list->count];
        list->fds[client->slot] = last_fd;
        server->clients[last_fd].slot = client->slot;
    }
    client->state = (uint8_t)state;
    list = list_of(server, client);
    if (list) {
        client->slot = list->count;
        list->fds[list->count++] = fd;
    }
}

static void drop_client(struct floor_server *server, int fd)
{
    struct floor_client *client = &server->clients[fd];
    set_state(server, fd, FLOOR_FREE);
    SSL_free(client->ssl);
    free(client->request);
    *client = (struct floor_client){ 0 };
    close(fd);
}

/* ---- input and output --------------------------------------------------------------------------------- */

/* What OpenSSL could not do: 0 if it has to wait, else -1. */
static ssize_t result_of_ssl(SSL *ssl, int result)
{
    int code = SSL_get_error(ssl, result);
    ERR_clear_error();
    return code == SSL_ERROR_WANT_READ || code == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* How many bytes were taken; 0: none now; -1: the client is gone. */
static ssize_t send_bytes(struct floor_server *server, int fd, const char *bytes, size_t length)
{
    SSL *ssl = server->clients[fd].ssl;
    if (ssl) {
        int taken = SSL_write(ssl, bytes, length < SSL_BYTES_MAX ? (int)length : SSL_BYTES_MAX);
        return taken > 0 ? taken : result_of_ssl(ssl, taken);
    }
    ssize_t taken = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    return taken < 0 && errno == EAGAIN ? 0 : taken;
}

/* The same for reading; -1 also at the end. */
static ssize_t receive_bytes(struct floor_server *server, int fd, char *bytes, size_t capacity)
{
    SSL *ssl = server->clients[fd].ssl;
    if (ssl) {
        int length = SSL_read(ssl, bytes, (int)capacity);
        return length > 0 ? length : result_of_ssl(ssl, length);
    }
    ssize_t length = recv(fd, bytes, capacity, MSG_DONTWAIT);
    return length < 0 && errno == EAGAIN ? 0 : length > 0 ? length : -1;
}

/* ---- who is behind ------------------------------------------------------------------------------------ */

static void write_behind(struct floor_server *server, int fd)
{
    struct floor_client *client = &server->clients[fd];
    if (client->position < floor_log_begin(server->log)) {
        drop_client(server, fd);
        return;
    }
    while (client->position < server->log->end) {
        size_t left = server->log->end - client->position;
        ssize_t taken = send_bytes(server, fd, floor_log_at(server->log, client->position), left);
        if (taken < 0)
            drop_client(server, fd);
        if (taken <= 0)
            return;
        client->position += (size_t)taken;
        /* A socket that took a part has no room; it will tell. OpenSSL takes one record at a time. */
        if ((size_t)taken < left && !client->ssl)
            return;
    }
    set_state(server, fd, FLOOR_FRESH);
}

static void fall_behind(struct floor_server *server, int fd, uint64_t position)
{
    server->clients[fd].position = position;
    if (server->behind.count == 0 || position < server->least_position)
        server->least_position = position;
    set_state(server, fd, FLOOR_BEHIND);
}

/* Closes those whose next byte is no longer in the log. */
static void drop_lost(struct floor_server *server)
{
    uint64_t begin = floor_log_begin(server->log), least = UINT64_MAX;
    if (server->behind.count == 0 || server->least_position >= begin)
        return;
    for (int i = server->behind.count; i-- > 0;) {
        int fd = server->behind.fds[i];
        uint64_t position = server->clients[fd].position;
        if (position < begin)
            drop_client(server, fd);
        else if (position < least)
            least = position;
    }
    server->least_position = least;
}

void floor_server_broadcast(struct floor_server *server, size_t length)
{
    uint64_t start = server->log->end - length;
    const char *bytes = floor_log_at(server->log, start);
    for (int i = server->fresh.count; i-- > 0;) {
        int fd = server->fresh.fds[i];
        ssize_t taken = send_bytes(server, fd, bytes, length);
        if (taken == (ssize_t)length)
            continue;
        if (taken < 0) {
            drop_client(server, fd);
            continue;
        }
        fall_behind(server, fd, start + (size_t)taken);
        if (taken > 0 && server->clients[fd].ssl)
            write_behind(server, fd);
    }
    drop_lost(server);
}

/* ---- requests ----------------------------------------------------------------------------------------- */

/* The head and what it asks for of the log in one send(); two calls of OpenSSL. */
static void start_stream(struct floor_server *server, int fd, uint64_t position)
{
    size_t head_length, left = server->log->end - position;
    const char *head = floor_stream_head(&head_length), *bytes = floor_log_at(server->log, position);
    ssize_t taken;
    if (server->clients[fd].ssl) {
        taken = send_bytes(server, fd, head, head_length);
    } else {
        struct iovec parts[] = { { (char *)head, head_length }, { (char *)bytes, left } };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = left > 0 ? 2 : 1 };
        taken = sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (taken < (ssize_t)head_length) { /* a new socket has room for the head, or it is broken */
        drop_client(server, fd);
        return;
    }
    position += (size_t)taken - head_length;
    if (position == server->log->end) {
        set_state(server, fd, FLOOR_FRESH);
        return;
    }
    fall_behind(server, fd, position);
    if (server->clients[fd].ssl)
        write_behind(server, fd);
}

static void answer(struct floor_server *server, int fd, const struct floor_request *request)
{
    struct floor_client *client = &server->clients[fd];
    struct floor_log *log = server->log;
    if (request->is_stream) {
        uint64_t position =
            request->last_id ? floor_log_seek(log, request->last_id, request->last_id_length) : log->end;
        start_stream(server, fd, position);
    } else {
        size_t length;
        const char *bytes = floor_not_found(&length);
        if (send_bytes(server, fd, bytes, length) > 0 && client->ssl)
            SSL_shutdown(client->ssl);
        drop_client(server, fd);
        return;
    }
    free(client->request);
    client->request = NULL;
}

/* False: the client has said too much without a blank line, or there is no memory. */
static bool keep_part(struct floor_client *client, const char *bytes, size_t length)
{
    if (length >= REQUEST_BYTES_MAX)
        return false;
    if (!client->request)
        client->request = malloc(REQUEST_BYTES_MAX);
    if (!client->request)
        return false;
    memmove(client->request, bytes, length);
    client->request_length = (uint16_t)length;
    return true;
}

static void read_request(struct floor_server *server, int fd)
{
    static char common[REQUEST_BYTES_MAX];
    struct floor_client *client = &server->clients[fd];
    while (client->state == FLOOR_REQUEST) {
        struct floor_request request;
        char *bytes = client->request ? client->request : common;
        size_t length = client->request_length, capacity = REQUEST_BYTES_MAX - length;
        ssize_t got = receive_bytes(server, fd, bytes + length, capacity);
        if (got == 0)
            return;
        length += got > 0 ? (size_t)got : 0;
        if (got > 0 && floor_request_parse(bytes, length, &request))
            answer(server, fd, &request);
        else if (got < 0 || !keep_part(client, bytes, length))
            drop_client(server, fd);
    }
}

/* ---- life --------------------------------------------------------------------------------------------- */

static void shake_hands(struct floor_server *server, int fd)
{
    struct floor_client *client = &server->clients[fd];
    int result = SSL_do_handshake(client->ssl);
    if (result == 1) {
        set_state(server, fd, FLOOR_REQUEST);
        read_request(server, fd);
    } else if (result_of_ssl(client->ssl, result) < 0) {
        drop_client(server, fd);
    }
}

/* What a client says once it has its stream is of no interest, but that it goes is. */
static void drain_input(struct floor_server *server, int fd)
{
    static char nowhere[4096];
    ssize_t length;
    do {
        length = receive_bytes(server, fd, nowhere, sizeof(nowhere));
    } while (length > 0);
    if (length < 0)
        drop_client(server, fd);
}

void floor_server_on_ready(struct floor_server *server, int fd, uint32_t events)
{
    struct floor_client *client = &server->clients[fd];
    bool has_input = events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    if (client->state == FLOOR_HANDSHAKE)
        shake_hands(server, fd);
    else if (client->state == FLOOR_REQUEST && has_input)
        read_request(server, fd);
    else if (client->state != FLOOR_FREE && has_input)
        drain_input(server, fd);
    if (client->state == FLOOR_BEHIND && (events & EPOLLOUT))
        write_behind(server, fd);
}

static bool open_client(struct floor_server *server, int fd)
{
    struct floor_client *client = &server->clients[fd];
    /* Edges, so that nobody has to tell epoll anything again. */
    struct epoll_event event = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = fd };
    *client = (struct floor_client){ .state = FLOOR_REQUEST };
    if (server->tls) {
        client->state = FLOOR_HANDSHAKE;
        client->ssl = SSL_new(server->tls);
        if (!client->ssl || SSL_set_fd(client->ssl, fd) != 1)
            return false;
        SSL_set_accept_state(client->ssl);
    }
    return epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void floor_server_accept(struct floor_server *server)
{
    int fd;
    while ((fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0 ||
           errno == ECONNABORTED || errno == EINTR) {
        if (fd >= server->capacity)
            close(fd);
        else if (fd >= 0 && !open_client(server, fd))
            drop_client(server, fd);
    }
}

/* Accepted sockets inherit TCP_NODELAY from the listening one. */
static bool listen_on(struct floor_server *server, int port)
{
    int on = 1;
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    server->listen_fd = fd;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, length) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) != 0)
        return false;
    server->port = ntohs(address.sin_port);
    return true;
}

bool floor_server_init(struct floor_server *server, int epoll_fd, int port, SSL_CTX *tls,
                       struct floor_log *log)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    int capacity = limit.rlim_max < (1 << 20) ? (int)limit.rlim_max : 1 << 20;
    *server = (struct floor_server){ .epoll_fd = epoll_fd, .capacity = capacity, .tls = tls, .log = log };
    server->clients = calloc((size_t)capacity, sizeof(*server->clients));
    server->fresh.fds = calloc((size_t)capacity, sizeof(int));
    server->behind.fds = calloc((size_t)capacity, sizeof(int));
    if (!server->clients || !server->fresh.fds || !server->behind.fds || !listen_on(server, port))
        return false;
    struct epoll_event event = { .events = EPOLLIN, .data.fd = server->listen_fd };
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event) == 0;
}
