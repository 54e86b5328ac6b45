/* Listening sockets: bound and listening before any worker runs, one for each worker that accepts on them. */
#ifndef TIDEGATE_DOWNSTREAM_LISTENER_H
#define TIDEGATE_DOWNSTREAM_LISTENER_H

#include "tidegate/config.h"

struct tg_tls_server;

struct tg_listener { /* embedded */
    const struct tg_config_listener *config;
    int port; /* 0 for a unix socket */
    int *fds; /* one for each worker; -1 once taken */
    size_t fd_count;
    struct tg_tls_server *tls;            /* NULL: plain */
    unsigned long unix_device, unix_inode; /* of the socket file: what is removed at the end must be ours */
};

struct tg_listener_options {
    const struct tg_config_sse *sse;
    size_t fd_count;
    bool is_dual_stack; /* an address of "::" takes IPv4 too */
};

/* On failure a line that names the listener is in *ret_error; deinit is not needed then. */
enum tg_err tg_listener_init(struct tg_listener *listener, const struct tg_config_listener *config,
                             const struct tg_listener_options *options, struct tg_buffer *ret_error);
void tg_listener_deinit(struct tg_listener *listener);

#endif
