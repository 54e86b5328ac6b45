/* From a path to a route: an exact path wins over a prefix, and of prefixes the longest. Read-only once
 * filled, so that every worker may ask. */
#ifndef TIDEGATE_DOWNSTREAM_ROUTER_H
#define TIDEGATE_DOWNSTREAM_ROUTER_H

#include "tidegate/downstream.h"

struct tg_router {           /* embedded; zeroed it is empty */
    struct tg_route *routes; /* paths are copies */
    size_t count;
};
void tg_router_deinit(struct tg_router *router);
/* TG_ERR_IN_USE: the path is taken. TG_ERR_INVALID: it does not begin with "/". */
enum tg_err tg_router_add(struct tg_router *router, const struct tg_route *route);
/* NULL when there is none. `path` is percent-decoded. */
const struct tg_route *tg_router_find(const struct tg_router *router, struct tg_str path);

#endif
