/* What the files that use libwebsockets share. */
#ifndef TIDEGATE_UPSTREAM_CONTEXT_LWS_H
#define TIDEGATE_UPSTREAM_CONTEXT_LWS_H

#include "context.h"

#include <libwebsockets.h>
#include <uv.h>

#define TG_LWS_PROTOCOL "tidegate"

/* From 4.3 on libwebsockets counts what may log to a log: not atomically, and to one log for the whole process
 * unless a context and its vhost have their own. When the count of one shared by threads comes out too low, it
 * aborts. */
#if LWS_LIBRARY_VERSION_NUMBER >= 4003000
#define TG_LWS_COUNTS_LOGS
#endif

struct tg_context {
    struct tg_worker *worker;
    struct lws_context *lws; /* libwebsockets sets it to NULL when the last of it is gone */
    struct lws_vhost *vhost;
#ifdef TG_LWS_COUNTS_LOGS
    lws_log_cx_t log; /* silent */
#endif
    struct tg_websocket *websockets;
    uv_idle_t reaper;
    int turns_left;      /* until the reaper strikes */
    const void **failed; /* connections that left a handle behind: addresses, nothing to follow */
    size_t failed_count;
    struct tg_timer *reap_timer; /* or NULL */
};

/* websocket_lws.c */
int tg_websocket_on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                          size_t length);
void tg_websocket_abandon(struct tg_websocket *websocket);

/* handles_lws.c: poll handles that libwebsockets before 4.3 leaves behind in the loop, when a connection
 * could not be made. A mark, before an attempt, tells those that were made since from all others. */
uv_handle_t *tg_handles_mark(struct tg_context *context);
void tg_handles_unmark(struct tg_context *context, uv_handle_t *mark, bool has_connection);
void tg_handles_reap_later(struct tg_context *context, struct lws *wsi); /* within its callback */
void tg_handles_reap(struct tg_context *context);                        /* what waits for later, now */

#endif
