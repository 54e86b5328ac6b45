/* The server and its connections. */
#ifndef FEED_SERVER_PRIVATE_H
#define FEED_SERVER_PRIVATE_H

#include "output.h"
#include "queue.h"
#include "websocket.h"

enum {
    FEED_INPUT_BYTES = 8192,           /* a request's head must fit */
    FEED_BLOCK_BYTES = 256 << 10,      /* what is built before it is sent */
    FEED_QUEUE_LIMIT_BYTES = 64 << 20, /* of one connection */
};

enum feed_connection_state { FEED_OPENING, FEED_OPEN, FEED_CLOSING };

struct feed_connection {
    struct feed_source source;
    struct feed_server *server;
    int fd;
    enum feed_connection_state state; /* closing: when the queue is empty */
    size_t stream;
    struct feed_connection *prev, *next; /* in the stream's list, or in that of the closed ones */
    struct feed_queue queue;
    struct feed_ws_reader reader;
    size_t input_length;
    char input[FEED_INPUT_BYTES];
};

struct feed_server_stream {
    struct feed_connection *connections; /* the open ones */
    size_t backlog_count;                /* those of them that have bytes waiting */
};

struct feed_server {
    struct feed_output output; /* first */
    struct feed_source source; /* of the listening socket */
    int fd;
    struct feed_server_stream *streams;
    size_t connection_count; /* open ones */
    size_t backlog_count;
    struct feed_connection *closed; /* freed when no event can name them any more */
    char header[FEED_WS_HEADER_MAX];
    size_t header_bytes;
    char *block;
    size_t block_messages; /* how many it holds */
};

void feed_connection_accept(struct feed_server *server, int fd);
void feed_connection_write(struct feed_connection *connection, const void *data, size_t length);

#endif
