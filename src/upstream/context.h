/* One libwebsockets context for each worker that has upstreams, on the worker's own loop. */
#ifndef TIDEGATE_UPSTREAM_CONTEXT_H
#define TIDEGATE_UPSTREAM_CONTEXT_H

#include "tidegate/runtime.h"

struct tg_websocket;

struct tg_context;

/* For up to `upstream_count` upstreams. NULL when libwebsockets cannot start. The worker's thread. */
struct tg_context *tg_context_new(struct tg_worker *worker, size_t upstream_count);
/* Drops all connections at once. The main thread, when the pool has been stopped; what libwebsockets still
 * has to close is closed while the pool is freed. */
void tg_context_free(struct tg_context *context);

#endif
