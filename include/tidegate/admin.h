/* Layer 6, admin: what an operator asks: is it alive, is it ready, what does it count.
 *
 *     GET /healthz   200 "ok" while the process serves
 *     GET /readyz    200 when every required upstream is up, else 503 with a line for each that is not;
 *                    503 from the moment a drain begins
 *     GET /metrics   Prometheus text format 0.0.4
 *
 * Answers come from figures that other layers keep as atomics; nothing here stops a worker. */
#ifndef TIDEGATE_ADMIN_H
#define TIDEGATE_ADMIN_H

#include "tidegate/downstream.h"
#include "tidegate/stream.h"
#include "tidegate/upstream.h"

/* Where the figures are; all outlive the admin. */
struct tg_admin_sources {
    struct tg_server *const *servers;
    const char *const *server_names;
    size_t server_count;
    struct tg_registry *registry;
    const struct tg_upstream_set *upstreams;
    /* Configured streams that are families; `events` and `bytes` are those of members that have gone, too. */
    size_t family_count;
    const char *const *family_names;
    void (*get_family_stats)(void *arg, size_t index, struct tg_family_stats *ret_stats);
    void *families_arg;
    uint64_t started_ms; /* wall clock */
};

struct tg_admin;
struct tg_admin *tg_admin_new(const struct tg_admin_sources *sources);
void tg_admin_free(struct tg_admin *admin);
/* Adds the three routes to a server that is not started. */
enum tg_err tg_admin_add_routes(struct tg_admin *admin, struct tg_server *server);
/* Not ready from now on, for good. Any thread. */
void tg_admin_set_draining(struct tg_admin *admin);

/* The pages themselves, for tests and for whoever has no HTTP at hand; any thread. */
void tg_admin_write_metrics(const struct tg_admin *admin, struct tg_buffer *out);
bool tg_admin_write_readiness(const struct tg_admin *admin, struct tg_buffer *out);

#endif
