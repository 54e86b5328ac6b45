/* A scripted HTTP backend in threads of the test: one that accepts, one for each connection. What it says to which
 * request is a table; what it heard can be looked at. */
#ifndef TIDEGATE_TESTS_HTTP_BACKEND_H
#define TIDEGATE_TESTS_HTTP_BACKEND_H

#include "tidegate/base.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum backend_then {
    BACKEND_GOES_ON, /* keeps the connection for the next request */
    BACKEND_CLOSES,
    BACKEND_RESETS,
    BACKEND_IS_SILENT,    /* until the other side closes */
    BACKEND_ANSWERS_ONCE, /* closes when the next request is there */
};

struct backend_route { /* a table of them ends with a NULL target */
    const char *target;
    const char *answer;
    size_t length; /* 0: up to its NUL */
    enum backend_then then;
};

enum {
    BACKEND_PORT_FIRST = 7150,
    BACKEND_PORT_LAST = 7249,
    BACKEND_OPEN_MAX = 64,
    BACKEND_PATIENCE_S = 60, /* before a test fails */
};

struct backend_slot {
    enum { BACKEND_FREE, BACKEND_RUNS, BACKEND_HAS_ENDED } state;
    pthread_t thread;
    int fd;
};

struct backend { /* zero it, set what goes before `port`; then backend_start */
    const struct backend_route *routes;
    SSL_CTX *tls;
    const char *greeting; /* said before any request; or NULL */
    bool is_patient;      /* what it says to a bad handshake is heard; else it may go under */
    uint16_t port;
    int listener;
    pthread_t acceptor;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    struct backend_slot slots[BACKEND_OPEN_MAX];
    unsigned accepted, open, requests;
    struct tg_buffer log;  /* all requests, one after the other */
    char server_name[256]; /* the latest that TLS was asked for */
    unsigned certificates; /* connections whose client showed one */
};

struct backend_connection {
    struct backend *backend;
    struct backend_slot *slot;
    int fd;
    SSL *ssl;
    struct tg_buffer input;
};

/* ---- one connection ---------------------------------------------------------------------------- */

static inline bool backend_receive(struct backend_connection *connection)
{
    char block[16384];
    ssize_t got = connection->ssl ? SSL_read(connection->ssl, block, sizeof(block))
                                  : recv(connection->fd, block, sizeof(block), 0);

    return got > 0 && tg_buffer_append(&connection->input, block, (size_t)got) == TG_OK;
}

static inline void backend_send(struct backend_connection *connection, const char *bytes, size_t length)
{
    while (length > 0) {
        int piece = length > 16384 ? 16384 : (int)length;
        ssize_t sent = connection->ssl ? SSL_write(connection->ssl, bytes, piece)
                                       : send(connection->fd, bytes, (size_t)piece, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        length -= (size_t)sent;
    }
}

static inline size_t backend_request_length(const struct tg_buffer *input)
{
    const char *end = input->length > 0 ? strstr(input->data, "\r\n\r\n") : NULL;

    if (!end)
        return 0;
    size_t length = (size_t)(end - input->data) + 4;
    const char *field = strcasestr(input->data, "\r\nContent-Length: ");
    if (field && field < end)
        length += strtoul(field + strlen("\r\nContent-Length: "), NULL, 10);
    return length <= input->length ? length : 0;
}

/* Takes the next request off the input and into the log; its target into *ret_target. */
static inline bool backend_read_request(struct backend_connection *connection, char *ret_target, size_t size)
{
    struct backend *backend = connection->backend;
    size_t length;

    while ((length = backend_request_length(&connection->input)) == 0)
        if (!backend_receive(connection))
            return false;
    const char *start = strchr(connection->input.data, ' ');
    size_t target_length = start ? strcspn(start + 1, " ") : 0;
    if (!start || target_length >= size)
        return false;
    memcpy(ret_target, start + 1, target_length);
    ret_target[target_length] = '\0';
    pthread_mutex_lock(&backend->lock);
    tg_buffer_append(&backend->log, connection->input.data, length);
    backend->requests++;
    pthread_cond_broadcast(&backend->changed);
    pthread_mutex_unlock(&backend->lock);
    tg_buffer_consume(&connection->input, length);
    return true;
}

static inline enum backend_then backend_answer(struct backend_connection *connection, const char *target)
{
    static const char missing[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    const struct backend_route *route = connection->backend->routes;

    while (route->target && strcmp(route->target, target) != 0)
        route++;
    if (!route->target) {
        backend_send(connection, missing, strlen(missing));
        return BACKEND_GOES_ON;
    }
    /* Once the answer is there, the test that the table belongs to may be over. */
    enum backend_then then = route->then;
    backend_send(connection, route->answer, route->length ? route->length : strlen(route->answer));
    return then;
}

static inline bool backend_shake_hands(struct backend_connection *connection)
{
    struct backend *backend = connection->backend;

    if (!backend->tls)
        return true;
    connection->ssl = SSL_new(backend->tls);
    SSL_set_fd(connection->ssl, connection->fd);
    if (SSL_accept(connection->ssl) != 1) {
        char ignored[1024];
        shutdown(connection->fd, SHUT_WR);
        while (backend->is_patient && recv(connection->fd, ignored, sizeof(ignored), 0) > 0)
            ;
        return false;
    }
    const char *name = SSL_get_servername(connection->ssl, TLSEXT_NAMETYPE_host_name);
    X509 *certificate = SSL_get1_peer_certificate(connection->ssl);
    pthread_mutex_lock(&backend->lock);
    strncpy(backend->server_name, tg_text_or_empty(name), sizeof(backend->server_name) - 1);
    backend->certificates += certificate ? 1 : 0;
    pthread_mutex_unlock(&backend->lock);
    X509_free(certificate);
    return true;
}

static inline void backend_converse(struct backend_connection *connection)
{
    enum backend_then then = BACKEND_GOES_ON;
    char target[9000];

    if (connection->backend->greeting)
        backend_send(connection, connection->backend->greeting, strlen(connection->backend->greeting));
    while (then == BACKEND_GOES_ON && backend_read_request(connection, target, sizeof(target)))
        then = backend_answer(connection, target);
    if (then == BACKEND_IS_SILENT)
        while (backend_receive(connection))
            ;
    if (then == BACKEND_ANSWERS_ONCE)
        backend_read_request(connection, target, sizeof(target));
    if (then == BACKEND_RESETS)
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
    else if (connection->ssl)
        SSL_shutdown(connection->ssl);
}

static inline void *backend_run_connection(void *arg)
{
    struct backend_connection *connection = arg;
    struct backend *backend = connection->backend;

    if (backend_shake_hands(connection))
        backend_converse(connection);
    if (connection->ssl) {
        SSL_free(connection->ssl);
        ERR_clear_error();
    }
    pthread_mutex_lock(&backend->lock);
    connection->slot->state = BACKEND_HAS_ENDED;
    close(connection->fd);
    backend->open--;
    pthread_cond_broadcast(&backend->changed);
    pthread_mutex_unlock(&backend->lock);
    tg_buffer_deinit(&connection->input);
    free(connection);
    return NULL;
}

/* ---- all of them ------------------------------------------------------------------------------- */

static inline struct backend_slot *backend_find_slot(struct backend *backend)
{
    for (size_t i = 0; i < BACKEND_OPEN_MAX; i++) {
        struct backend_slot *slot = &backend->slots[i];
        if (slot->state == BACKEND_RUNS)
            continue;
        if (slot->state == BACKEND_HAS_ENDED)
            pthread_join(slot->thread, NULL);
        slot->state = BACKEND_FREE;
        return slot;
    }
    return NULL;
}

/* With the lock, so that the thread cannot end before its slot says that it runs. */
static inline void backend_take(struct backend *backend, int fd)
{
    struct backend_slot *slot = backend_find_slot(backend);

    if (!slot) {
        close(fd);
        return;
    }
    struct backend_connection *connection = tg_alloc(sizeof(*connection));
    *connection = (struct backend_connection){ .backend = backend, .slot = slot, .fd = fd };
    slot->state = BACKEND_RUNS;
    slot->fd = fd;
    backend->accepted++;
    backend->open++;
    pthread_create(&slot->thread, NULL, backend_run_connection, connection);
}

static inline void *backend_run(void *arg)
{
    struct backend *backend = arg;
    int fd;

    while ((fd = accept4(backend->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        pthread_mutex_lock(&backend->lock);
        backend_take(backend, fd);
        pthread_mutex_unlock(&backend->lock);
    }
    return NULL;
}

/* A bound socket, or -1. One that does not listen refuses whoever connects to its port. */
static inline int backend_bind(bool is_listening, uint16_t *ret_port)
{
    for (uint16_t port = BACKEND_PORT_FIRST; port <= BACKEND_PORT_LAST; port++) {
        const struct sockaddr_in address = { .sin_family = AF_INET,
                                             .sin_port = htons(port),
                                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), reuse = is_listening;
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
        if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
            (!is_listening || listen(fd, 128) == 0)) {
            *ret_port = port;
            return fd;
        }
        close(fd);
    }
    return -1;
}

static inline bool backend_start(struct backend *backend)
{
    pthread_mutex_init(&backend->lock, NULL);
    pthread_cond_init(&backend->changed, NULL);
    backend->listener = backend_bind(true, &backend->port);
    return backend->listener >= 0 && pthread_create(&backend->acceptor, NULL, backend_run, backend) == 0;
}

/* Waits until a counter of the backend has this value; false: it does not get there. */
static inline bool backend_wait(struct backend *backend, const unsigned *counter, unsigned value)
{
    struct timespec limit;
    int err = 0;

    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += BACKEND_PATIENCE_S;
    pthread_mutex_lock(&backend->lock);
    while (*counter != value && err == 0)
        err = pthread_cond_timedwait(&backend->changed, &backend->lock, &limit);
    bool has_value = *counter == value;
    pthread_mutex_unlock(&backend->lock);
    return has_value;
}

static inline unsigned backend_count(struct backend *backend, const unsigned *counter)
{
    pthread_mutex_lock(&backend->lock);
    unsigned value = *counter;
    pthread_mutex_unlock(&backend->lock);
    return value;
}

/* How often `text` stands in what was heard. */
static inline unsigned backend_heard(struct backend *backend, const char *text)
{
    unsigned count = 0;

    pthread_mutex_lock(&backend->lock);
    const char *at = backend->log.length > 0 ? backend->log.data : "";
    while ((at = strstr(at, text))) {
        at += strlen(text);
        count++;
    }
    pthread_mutex_unlock(&backend->lock);
    return count;
}

static inline void backend_stop(struct backend *backend)
{
    bool is_used[BACKEND_OPEN_MAX];

    shutdown(backend->listener, SHUT_RDWR);
    pthread_join(backend->acceptor, NULL);
    close(backend->listener);
    pthread_mutex_lock(&backend->lock);
    for (size_t i = 0; i < BACKEND_OPEN_MAX; i++) {
        is_used[i] = backend->slots[i].state != BACKEND_FREE;
        if (backend->slots[i].state == BACKEND_RUNS)
            shutdown(backend->slots[i].fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&backend->lock);
    for (size_t i = 0; i < BACKEND_OPEN_MAX; i++)
        if (is_used[i])
            pthread_join(backend->slots[i].thread, NULL);
    tg_buffer_deinit(&backend->log);
    pthread_cond_destroy(&backend->changed);
    pthread_mutex_destroy(&backend->lock);
}

#endif
