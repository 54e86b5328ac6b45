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
    bool is_within_writable;
    struct tg_socket *rearm; /* those that asked for WRITABLE where libwebsockets forgets it */
    struct tg_turn_hook rearm_hook;
    uv_idle_t reaper; /* counts turns while the context goes */
    int turns_left;
};

/* socket_lws.c: what libwebsockets says of a connection. */
int tg_socket_on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t length);
void tg_socket_rearm_all(struct tg_turn_hook *hook, struct tg_worker *worker);

#endif
