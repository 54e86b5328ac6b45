/* The names of a worker's backends. resolver.c lets lookups share questions; resolver_cares.c asks DNS;
 * resolver_system.c asks the C library, on two threads for the whole process. */
#ifndef TIDEGATE_NET_RESOLVER_H
#define TIDEGATE_NET_RESOLVER_H

#include "tidegate/net.h"

struct tg_resolver;

/* The main thread, or the worker's. Never fails: without DNS, lookups do. */
struct tg_resolver *tg_resolver_new(struct tg_worker *worker);
void tg_resolver_free(struct tg_resolver *resolver); /* pending lookups get no answer; NULL is fine */

struct tg_lookup *tg_resolver_look_up(struct tg_resolver *resolver, const char *host,
                                      tg_looked_up_fn *on_done, void *arg);

/* ---- the ways to ask ---------------------------------------------------------------------------- */

/* The answer to question `id`; perhaps from within the asking. `error`: NULL, or why there are no addresses; a constant.
 * `is_unknown`: there is no such name. */
typedef void tg_answer_fn(struct tg_resolver *resolver, uint64_t id,
                          const struct tg_host_addresses *addresses, const char *error, bool is_unknown);

struct tg_dns; /* a c-ares channel on the worker's loop */
struct tg_dns *tg_dns_new(struct tg_worker *worker, struct tg_resolver *resolver, tg_answer_fn *on_answer);
void tg_dns_ask(struct tg_dns *dns, uint64_t id, const char *name);
void tg_dns_free(struct tg_dns *dns); /* no answer follows */

struct tg_system_names; /* a worker's way to the threads */
struct tg_system_names *tg_system_names_new(struct tg_worker *worker, struct tg_resolver *resolver,
                                            tg_answer_fn *on_answer);
void tg_system_names_ask(struct tg_system_names *names, uint64_t id, const char *name);
void tg_system_names_free(struct tg_system_names *names); /* no answer follows; threads may still be asking */

#endif
