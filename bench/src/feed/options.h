/* The command line. */
#ifndef FEED_OPTIONS_H
#define FEED_OPTIONS_H

#include "request.h"

struct feed_options {
    enum feed_post post; /* FEED_POST_NONE: listen */
    uint16_t port;
    struct feed_url url;
    size_t stream_count;
};

/* False after a message to standard error. */
bool feed_options_parse(int argc, char **argv, struct feed_options *ret_options);

#endif
