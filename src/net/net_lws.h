/* The libwebsockets context of a worker. For the files of net alone that speak to it. */
#ifndef TIDEGATE_NET_NET_LWS_H
#define TIDEGATE_NET_NET_LWS_H

#include "resolver.h"

#include <libwebsockets.h>
#include <uv.h>

/* From 4.3 on contexts, vhosts and connections are counted in the log that they may write to, and the default one is
 * shared by all threads, without a lock. */
#if LWS_LIBRARY_VERSION_MAJOR > 4 || (LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR >= 3)
#define TG_LWS_COUNTS_LOGS
#endif

#define TG_NET_PROTOCOL "tidegate"

struct tg_net {
    struct tg_worker *worker;
    struct tg_resolver *resolver;
    struct lws_context *lws;
    struct lws_vhost *vhost;
    size_t descriptors_max; /* libwebsockets' table has places for these */
#ifdef TG_LWS_COUNTS_LOGS
    lws_log_cx_t log;
#endif
    struct tg_socket *telling; /* whose on_events is running; NULL: none, or it has been closed within */
    unsigned told;             /* what it is told of */
    bool was_kept;             /* it has been closed within, and its connection is a spare now */
    struct tg_socket *rearm;   /* those that asked for WRITABLE where libwebsockets forgets it */
    struct tg_turn_hook rearm_hook;
    struct tg_spare *spares; /* spare.c */
    size_t spare_count, spares_max, spares_unneeded;
    int idle_fd; /* what the descriptors of spares are open on */
    struct tg_tick tick;
    uv_idle_t reaper; /* counts turns while the context goes */
    int turns_left;
};

/* spare_lws.c: connections of libwebsockets that are kept for the next sockets. */
void tg_spares_init(struct tg_net *net);
void tg_spares_deinit(struct tg_net *net);
/* Takes the place of `fd`, which is closed then. NULL: there is no spare, and nothing has happened. */
struct lws *tg_spare_take(struct tg_net *net, int fd, struct tg_socket *socket);
/* Closes the socket of the connection and keeps the rest. False: there are enough, and nothing has happened. */
bool tg_spare_keep(struct tg_net *net, struct lws *wsi);

/* socket_lws.c: what libwebsockets says of a connection. */
int tg_socket_on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);
void tg_socket_rearm_all(struct tg_turn_hook *hook, struct tg_worker *worker);

#endif
