/* Binding. Every worker gets a listening socket of its own: of TCP by SO_REUSEPORT, so that the kernel
 * spreads the connections; of a unix socket by dup(), since there it cannot.
 *
 * SO_REUSEPORT would also let a second process bind the same port and take half of the connections. So the
 * first bind does without: it finds the port in use if it is. */
#include "listener.h"
#include "tidegate/net.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 4096, KEEPALIVE_PROBES = 3, UNSENT_BYTES = 64 * 1024, USER_TIMEOUT_STALLS = 3 };

static enum tg_err fail(const struct tg_config_listener *config, enum tg_err err, const char *what,
                        struct tg_buffer *ret_error)
{
    int code = errno;
    if (code == EADDRINUSE)
        err = TG_ERR_IN_USE;
    if (config->unix_path)
        (void)tg_buffer_appendf(ret_error, "listener unix:%s: %s: %s", config->unix_path, what,
                                strerror(code));
    else
        (void)tg_buffer_appendf(ret_error, "listener %s port %d: %s: %s",
                                config->address ? config->address : "0.0.0.0", (int)config->port, what,
                                strerror(code));
    return err;
}

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* Accepted sockets inherit all of these from the listening one (tcp(7)): no system calls for each connection.
 * Within a heartbeat keepalive finds clients that vanished while nothing was sent; TCP_USER_TIMEOUT is the
 * last resort where something was, and must be longer than stall_timeout: it also ends clients whose window
 * stays shut, and those who open it by less than a segment at a time. For frozen clients the kernel would by
 * itself buffer megabytes (tcp_wmem): TCP_NOTSENT_LOWAT limits what it takes beyond what the client's window
 * lets out. */
static void set_tcp_options(int fd, const struct tg_listener_options *options)
{
    int heartbeat_s = (int)(options->sse->heartbeat_ms / 1000);
    int64_t timeout_ms = options->sse->stall_timeout_ms * USER_TIMEOUT_STALLS;
    if (timeout_ms > INT_MAX)
        timeout_ms = INT_MAX;
    int interval_s = heartbeat_s / KEEPALIVE_PROBES / 2;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, UNSENT_BYTES);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, heartbeat_s / 2 > 1 ? heartbeat_s / 2 : 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s > 1 ? interval_s : 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
    set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)timeout_ms);
}

/* Keeps errno. */
static void close_quietly(int fd)
{
    int code = errno;
    if (fd >= 0)
        close(fd);
    errno = code;
}

static int open_tcp(const struct sockaddr *address, socklen_t length, bool is_dual_stack, bool is_shared)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (is_shared)
        set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (address->sa_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_dual_stack);
    if (bind(fd, address, length) != 0 || listen(fd, BACKLOG) != 0) {
        close_quietly(fd);
        return -1;
    }
    return fd;
}

static in_port_t *port_of(struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return &((struct sockaddr_in6 *)(void *)address)->sin6_port;
    return &((struct sockaddr_in *)(void *)address)->sin_port;
}

static enum tg_err bind_tcp(struct tg_listener *listener, const struct tg_listener_options *options,
                            struct sockaddr_storage *address, socklen_t length)
{
    struct sockaddr *generic = (struct sockaddr *)address;
    bool is_shared = options->fd_count > 1;
    if (is_shared && listener->config->port != 0) {
        int probe = open_tcp(generic, length, options->is_dual_stack, false);
        if (probe < 0)
            return TG_ERR_IO;
        close(probe);
    }
    for (size_t i = 0; i < options->fd_count; i++) {
        int fd = listener->fds[i] = open_tcp(generic, length, options->is_dual_stack, is_shared);
        if (fd < 0 || getsockname(fd, generic, &length) != 0) /* with port 0 the first one chooses */
            return TG_ERR_IO;
        set_tcp_options(fd, options);
    }
    listener->port = ntohs(*port_of(generic));
    return TG_OK;
}

static enum tg_err init_tcp(struct tg_listener *listener, const struct tg_listener_options *options,
                            struct tg_buffer *ret_error)
{
    const struct tg_config_listener *config = listener->config;
    const struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    struct sockaddr_storage address = { 0 };
    char port[16];
    snprintf(port, sizeof(port), "%d", (int)config->port);
    int code = getaddrinfo(config->address ? config->address : "0.0.0.0", port, &hints, &found);
    if (code != 0) {
        (void)tg_buffer_appendf(ret_error, "listener %s port %s: %s", config->address, port,
                                gai_strerror(code));
        return TG_ERR_INVALID;
    }
    socklen_t length = found->ai_addrlen;
    memcpy(&address, found->ai_addr, length);
    freeaddrinfo(found);
    enum tg_err err = bind_tcp(listener, options, &address, length);
    return err ? fail(config, err, "cannot listen", ret_error) : TG_OK;
}

/* A file without a process behind it is left over from one that was killed. */
static bool is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool is_refused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
                      (errno == ECONNREFUSED || errno == ENOENT);
    close_quietly(fd);
    return !is_refused;
}

static enum tg_err init_unix(struct tg_listener *listener, const struct tg_listener_options *options,
                             struct tg_buffer *ret_error)
{
    const struct tg_config_listener *config = listener->config;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct stat status;
    if (strlen(config->unix_path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return fail(config, TG_ERR_INVALID, "cannot listen", ret_error);
    }
    strcpy(address.sun_path, config->unix_path);
    if (lstat(config->unix_path, &status) == 0) {
        errno = EADDRINUSE;
        if (!S_ISSOCK(status.st_mode) || is_answered(&address))
            return fail(config, TG_ERR_IN_USE, "cannot listen", ret_error);
        unlink(config->unix_path);
    }
    int fd = listener->fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        return fail(config, TG_ERR_IO, "cannot bind", ret_error);
    if (stat(config->unix_path, &status) == 0) {
        listener->unix_device = status.st_dev;
        listener->unix_inode = status.st_ino;
    }
    /* Before listen(): nobody connects while the mode is not yet the one wanted. */
    if (chmod(config->unix_path, (mode_t)config->unix_mode) != 0 || listen(fd, BACKLOG) != 0)
        return fail(config, TG_ERR_IO, "cannot listen", ret_error);
    for (size_t i = 1; i < options->fd_count; i++) {
        listener->fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (listener->fds[i] < 0)
            return fail(config, TG_ERR_IO, "cannot duplicate the socket", ret_error);
    }
    return TG_OK;
}

enum tg_err tg_listener_init(struct tg_listener *listener, const struct tg_config_listener *config,
                             const struct tg_listener_options *options, struct tg_buffer *ret_error)
{
    *listener = (struct tg_listener){ .config = config, .fd_count = options->fd_count };
    listener->fds = tg_alloc(options->fd_count * sizeof(*listener->fds));
    for (size_t i = 0; i < options->fd_count; i++)
        listener->fds[i] = -1;
    enum tg_err err = TG_OK;
    if (config->tls.is_set)
        err = tg_tls_server_new(&config->tls, &listener->tls, ret_error);
    if (!err && config->unix_path)
        err = init_unix(listener, options, ret_error);
    else if (!err)
        err = init_tcp(listener, options, ret_error);
    if (err)
        tg_listener_deinit(listener);
    return err;
}

void tg_listener_deinit(struct tg_listener *listener)
{
    struct stat status;
    for (size_t i = 0; i < listener->fd_count; i++)
        close_quietly(listener->fds[i]);
    if (listener->unix_inode != 0 && stat(listener->config->unix_path, &status) == 0 &&
        status.st_dev == listener->unix_device && status.st_ino == listener->unix_inode)
        unlink(listener->config->unix_path);
    free(listener->fds);
    tg_tls_server_free(listener->tls);
    *listener = (struct tg_listener){ 0 };
}
