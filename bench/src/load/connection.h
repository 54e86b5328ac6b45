/* A connection that we open: TCP, TLS where asked for, and on top of them whatever its kind makes of it.
 * When it ends, kind->on_end is called, once; but not for what is closed by load_connection_close(). */
#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include "http1.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load;
struct load_connection;
struct load_output;
struct load_tls;

struct load_connection_kind {
    /* Connected, and the TLS handshake done. False, here and below: end it. */
    bool (*on_open)(struct load_connection *connection);
    /* What was read, in load->loop.now_ns; it lies in a buffer that all connections share. */
    bool (*on_input)(struct load_connection *connection, struct load_bytes input);
    /* It is over. This is where load_connection_close() is due, and where what embeds it may be freed. */
    void (*on_end)(struct load_connection *connection);
};

struct load_connection { /* embedded */
    struct load *load;
    const struct load_connection_kind *kind;
    int fd;
    uint8_t phase;
    bool is_paused;
    uint32_t events;            /* what it is watched for */
    uint32_t client_count;      /* for the kind: clients on it */
    struct load_tls *tls;       /* NULL: plain */
    struct load_output *output; /* what the socket has not taken yet, or NULL */
};

/* Starts to connect, from `source` or, if that is NULL, from where the command line says. kind->on_open may be called within, but not on_end. False, with
 * errno: it could not even start, and there is nothing to close. */
bool load_connection_open(struct load_connection *connection, struct load *load,
                          const struct load_connection_kind *kind, const struct sockaddr_in *source);

/* From on_open on. What the socket does not take is kept. False: the connection is broken. */
bool load_connection_send(struct load_connection *connection, const char *data, size_t length);
/* Below TLS. */
bool load_connection_send_raw(struct load_connection *connection, const char *data, size_t length);

/* Nothing is read, nor is it noticed that the peer has closed, until it goes on. */
void load_connection_pause(struct load_connection *connection);
void load_connection_resume(struct load_connection *connection);

/* With `is_reset` no TIME_WAIT is left behind. */
void load_connection_close(struct load_connection *connection, bool is_reset);

/* For the loop. */
void load_connection_on_events(struct load_connection *connection, uint32_t events);

#endif
