/* DNS and /etc/hosts, by c-ares on the worker's loop.
 *
 * - c-ares 1.34 adapts its time-outs to what it has seen, so an answer may be given up early: hence four tries.
 * - Its own cache (from 1.31 on) is off: a backend that has moved must be found again.
 * - It reads /etc/resolv.conf when the channel is made; so a new one is made when the file has changed. The old one goes
 *   once its last answer has come.
 * - It may answer from within the asking, and never takes a question back. */
#include "resolver.h"

#include <ares.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

enum { TIMEOUT_MS = 1000, TRIES = 4 };

struct watched { /* a descriptor of c-ares */
    struct watched *prev, *next;
    struct tg_watch *watch;
    int fd;
};

struct channel {
    struct tg_dns *dns;
    ares_channel ares;
    struct watched *watched;
    struct tg_timer *timer;
    size_t open; /* questions */
    bool is_old;
};

struct tg_dns {
    struct tg_worker *worker;
    struct tg_resolver *resolver;
    tg_answer_fn *on_answer;
    struct channel *channel; /* NULL: not yet, or it could not be made */
    struct channel *old;     /* one at most: another change waits until it has gone */
    struct timespec config_time;
    struct tg_timer *sweep; /* frees the old one outside of its own callbacks */
};

struct request {
    struct channel *channel;
    uint64_t id;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void start_library(void)
{
    (void)ares_library_init(ARES_LIB_INIT_ALL);
}

/* ---- descriptors and time ----------------------------------------------------------------------- */

static void arm(struct channel *channel)
{
    struct timeval room, *next = ares_timeout(channel->ares, NULL, &room);

    if (next)
        tg_timer_start(channel->timer, (uint64_t)next->tv_sec * 1000 + (uint64_t)next->tv_usec / 1000 + 1);
    else
        tg_timer_stop(channel->timer);
}

static void on_time(void *arg)
{
    struct channel *channel = arg;

    ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    arm(channel);
}

static void on_events(void *arg, int fd, unsigned events)
{
    struct channel *channel = arg;

    ares_process_fd(channel->ares, events & TG_SOCKET_READABLE ? fd : ARES_SOCKET_BAD,
                    events & TG_SOCKET_WRITABLE ? fd : ARES_SOCKET_BAD);
    arm(channel);
}

static void on_socket_state(void *arg, ares_socket_t fd, int wants_read, int wants_write)
{
    struct channel *channel = arg;
    struct watched *watched;

    DL_SEARCH_SCALAR(channel->watched, watched, fd, fd);
    if (!wants_read && !wants_write) {
        if (!watched)
            return;
        DL_DELETE(channel->watched, watched);
        tg_watch_free(watched->watch);
        free(watched);
        return;
    }
    if (!watched) {
        watched = tg_alloc(sizeof(*watched));
        watched->fd = fd;
        watched->watch = tg_watch_new(channel->dns->worker, fd, on_events, channel);
        DL_APPEND(channel->watched, watched);
    }
    if (watched->watch)
        tg_watch_set(watched->watch,
                     (wants_read ? TG_SOCKET_READABLE : 0) | (wants_write ? TG_SOCKET_WRITABLE : 0));
}

/* ---- a channel ---------------------------------------------------------------------------------- */

static struct channel *channel_new(struct tg_dns *dns)
{
    struct channel *channel = tg_alloc(sizeof(*channel));
    struct ares_options options = { .timeout = TIMEOUT_MS,
                                    .tries = TRIES,
                                    .lookups = (char *)"fb", /* the file first */
                                    .sock_state_cb = on_socket_state,
                                    .sock_state_cb_data = channel };
    int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB;

#ifdef ARES_OPT_QUERY_CACHE
    options.qcache_max_ttl = 0;
    mask |= ARES_OPT_QUERY_CACHE;
#endif
    channel->dns = dns;
    if (ares_init_options(&channel->ares, &options, mask) != ARES_SUCCESS) {
        free(channel);
        return NULL;
    }
    channel->timer = tg_timer_new(dns->worker, on_time, channel);
    return channel;
}

static void channel_free(struct channel *channel)
{
    if (!channel)
        return;
    channel->is_old = true;
    ares_destroy(channel->ares); /* answers all questions that are open, and closes what is watched */
    tg_timer_free(channel->timer);
    free(channel);
}

static void on_sweep(void *arg)
{
    struct tg_dns *dns = arg;

    if (dns->old && dns->old->open == 0) {
        channel_free(dns->old);
        dns->old = NULL;
    }
}

static struct timespec config_time(void)
{
    struct stat file;

    return stat("/etc/resolv.conf", &file) == 0 ? file.st_mtim : (struct timespec){ 0 };
}

static struct channel *current(struct tg_dns *dns)
{
    struct timespec now = config_time();
    bool has_changed = memcmp(&now, &dns->config_time, sizeof(now)) != 0;

    if (dns->channel && has_changed && !dns->old) {
        dns->old = dns->channel;
        dns->channel = NULL;
        tg_timer_start(dns->sweep, 0);
    }
    if (!dns->channel) {
        dns->config_time = now;
        dns->channel = channel_new(dns);
    }
    return dns->channel;
}

/* ---- asking ------------------------------------------------------------------------------------- */

static void collect(const struct ares_addrinfo *result, struct tg_host_addresses *ret_addresses)
{
    for (const struct ares_addrinfo_node *node = result->nodes;
         node && ret_addresses->count < TG_HOST_ADDRESSES_MAX; node = node->ai_next) {
        const void *address = node->ai_family == AF_INET6
                                  ? (const void *)&((const struct sockaddr_in6 *)node->ai_addr)->sin6_addr
                                  : (const void *)&((const struct sockaddr_in *)node->ai_addr)->sin_addr;
        if (inet_ntop(node->ai_family, address, ret_addresses->text[ret_addresses->count],
                      TG_HOST_ADDRESS_BYTES))
            ret_addresses->count++;
    }
}

static void on_result(void *arg, int status, int timeouts, struct ares_addrinfo *result)
{
    struct request *request = arg;
    struct channel *channel = request->channel;
    struct tg_dns *dns = channel->dns;
    struct tg_host_addresses addresses = { 0 };

    (void)timeouts;
    channel->open--;
    if (result)
        collect(result, &addresses);
    if (result)
        ares_freeaddrinfo(result);
    if (status != ARES_EDESTRUCTION)
        dns->on_answer(dns->resolver, request->id, &addresses, ares_strerror(status),
                       status == ARES_ENOTFOUND || status == ARES_ENODATA);
    free(request);
    if (channel == dns->old && channel->open == 0 && status != ARES_EDESTRUCTION)
        tg_timer_start(dns->sweep, 0);
}

void tg_dns_ask(struct tg_dns *dns, uint64_t id, const char *name)
{
    const struct ares_addrinfo_hints hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct channel *channel = current(dns);
    static const struct tg_host_addresses none;

    if (!channel) {
        dns->on_answer(dns->resolver, id, &none, "DNS cannot be asked", false);
        return;
    }
    struct request *request = tg_alloc(sizeof(*request));
    *request = (struct request){ .channel = channel, .id = id };
    channel->open++;
    ares_getaddrinfo(channel->ares, name, NULL, &hints, on_result, request);
    arm(channel);
}

/* ---- life --------------------------------------------------------------------------------------- */

struct tg_dns *tg_dns_new(struct tg_worker *worker, struct tg_resolver *resolver, tg_answer_fn *on_answer)
{
    struct tg_dns *dns = tg_alloc(sizeof(*dns));

    pthread_once(&library_once, start_library);
    dns->worker = worker;
    dns->resolver = resolver;
    dns->on_answer = on_answer;
    dns->sweep = tg_timer_new(worker, on_sweep, dns);
    return dns;
}

void tg_dns_free(struct tg_dns *dns)
{
    if (!dns)
        return;
    channel_free(dns->channel);
    channel_free(dns->old);
    tg_timer_free(dns->sweep);
    free(dns);
}
