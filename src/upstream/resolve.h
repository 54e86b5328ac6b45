/* Names to addresses, off the worker's thread. */
#ifndef TIDEGATE_UPSTREAM_RESOLVE_H
#define TIDEGATE_UPSTREAM_RESOLVE_H

#include "tidegate/runtime.h"

enum { TG_ADDRESSES_MAX = 8, TG_ADDRESS_BYTES = 64 };

struct tg_addresses {
    size_t count;
    char text[TG_ADDRESSES_MAX][TG_ADDRESS_BYTES];
};

/* `error` is NULL, or why there are none. Called on the worker's thread, never from within tg_resolve_start.
 */
typedef void tg_resolved_fn(void *arg, const struct tg_addresses *addresses, const char *error);

struct tg_resolve;
/* NULL when it cannot be started. */
struct tg_resolve *tg_resolve_start(struct tg_worker *worker, const char *host, tg_resolved_fn *on_resolved,
                                    void *arg);
/* Before on_resolved was called: it will not be. NULL is fine. */
void tg_resolve_cancel(struct tg_resolve *resolve);

#endif
