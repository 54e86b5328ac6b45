/* The clients: an array with one place for each descriptor, and in two more arrays who of them is up to date and who
 * has yet to get something.
 *
 *      handshake ─► request ─┬─► fresh  ◄─┐  one send() for each event
 *                            └─► behind ──┘  position in the log; written to when the socket is writable
 *
 * Nothing is allocated for a client but what OpenSSL wants, and a buffer for a request that comes in pieces. */
#ifndef FLOOR_SERVER_H
#define FLOOR_SERVER_H

#include "log.h"

#include <openssl/ssl.h>

enum floor_state { FLOOR_FREE, FLOOR_HANDSHAKE, FLOOR_REQUEST, FLOOR_FRESH, FLOOR_BEHIND };

struct floor_client {
    SSL *ssl;          /* NULL: plain */
    char *request;     /* what has come of it, or NULL */
    uint64_t position; /* FLOOR_BEHIND: of the first byte in the log that it lacks */
    int slot;          /* FLOOR_FRESH, FLOOR_BEHIND: its place in that list */
    uint16_t request_length;
    uint8_t state;
};

struct floor_list { /* of descriptors, in no order */
    int *fds;
    int count;
};

struct floor_server {
    int epoll_fd;
    int listen_fd;
    int port;
    int capacity; /* descriptors from here on are turned away */
    SSL_CTX *tls; /* NULL: plain */
    struct floor_log *log;
    struct floor_client *clients; /* by descriptor */
    struct floor_list fresh, behind;
    uint64_t least_position; /* nobody who is behind is before it */
};

/* Listens on 127.0.0.1, and adds itself to epoll. False with errno. */
bool floor_server_init(struct floor_server *server, int epoll_fd, int port, SSL_CTX *tls,
                       struct floor_log *log);
void floor_server_accept(struct floor_server *server);
/* A client's descriptor is ready. Call it for all that one epoll_wait() gave before the next floor_server_accept(),
 * so that no client gets what was meant for one before it. */
void floor_server_on_ready(struct floor_server *server, int fd, uint32_t events);
/* The log's last event, of so many bytes, goes to all that are up to date. */
void floor_server_broadcast(struct floor_server *server, size_t length);

/* tls.c: NULL, and an error on standard error. */
SSL_CTX *floor_tls_new(const char *certificate_path, const char *key_path);

#endif
