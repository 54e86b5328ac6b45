/* The demo's legacy backend: a WebSocket server on a thread of its own.
 *
 * It is as awkward as real ones: a client must send {"op":"login","token":"demo"} within 5 s, and then
 * {"op":"ping"} at least every 30 s, or it hangs up. It keeps nothing: what is said while nobody listens is
 * lost. */
#ifndef TIDEGATE_APP_DEMO_BACKEND_H
#define TIDEGATE_APP_DEMO_BACKEND_H

#include "tidegate/base.h"

#define TG_DEMO_TOKEN "demo"

struct tg_demo_backend;

/* Main thread. `address`: a literal IPv4 address. TG_ERR_IN_USE when it cannot be listened at. */
enum tg_err tg_demo_backend_new(const char *address, int port, struct tg_demo_backend **ret_backend);
int tg_demo_backend_port(const struct tg_demo_backend *backend);
void tg_demo_backend_free(struct tg_demo_backend *backend); /* NULL is fine */

/* ---- trouble on demand; any thread, returns at once ------------------------------------------- */
void tg_demo_backend_drop(struct tg_demo_backend *backend);                        /* cuts all connections */
void tg_demo_backend_stall(struct tg_demo_backend *backend, uint64_t duration_ms); /* says nothing */
void tg_demo_backend_refuse(struct tg_demo_backend *backend,
                            uint64_t duration_ms); /* and cuts all connections */
void tg_demo_backend_burst(struct tg_demo_backend *backend, uint64_t quotes);

struct tg_demo_backend_stats {
    uint64_t quotes;                  /* made since the start */
    uint64_t sessions;                /* connections that are logged in */
    uint64_t stalled_ms, refusing_ms; /* how much longer */
};
void tg_demo_backend_get_stats(const struct tg_demo_backend *backend,
                               struct tg_demo_backend_stats *ret_stats);

#endif
