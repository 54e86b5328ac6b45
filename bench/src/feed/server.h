/* The WebSocket server. */
#ifndef FEED_SERVER_H
#define FEED_SERVER_H

#include "output.h"

/* Listens on 127.0.0.1; port 0 takes any. NULL with errno. */
struct feed_output *feed_server_new(int epoll_fd, size_t stream_count, uint16_t port, uint16_t *ret_port);

#endif
