/* Publishing by POST, pipelined on one connection that is kept alive, so that messages stay in order. */
#ifndef FEED_PUBLISHER_H
#define FEED_PUBLISHER_H

#include "output.h"
#include "request.h"

/* Connects at once and whenever the connection is lost. NULL: the host is not known. */
struct feed_output *feed_publisher_new(int epoll_fd, size_t stream_count, enum feed_post post,
                                       const struct feed_url *url);

#endif
