/* What stands on the command line. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct load_options {
    struct sockaddr_in target;
    struct sockaddr_in source; /* sin_family 0: the system chooses */
    const char *authority;     /* the target as it was written */
    const char *path;          /* may hold "{stream}" */
    uint32_t stream_count;
    bool is_tls, is_h2;
    uint32_t streams_per_connection;
    const char *progress_file; /* NULL: none */
    uint32_t slot;
};

/* Ends the program with 2, and words on standard error, when there is anything wrong. */
void load_options_parse(int argc, char **argv, struct load_options *ret_options);

#endif
