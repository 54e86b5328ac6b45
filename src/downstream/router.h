/* From a path to a route: an exact path wins over one with parameters, that over a prefix. Of those with parameters the
 * one with the first literal segment wins, of prefixes the longest. However many routes there are, a search takes no
 * longer than the path has segments and the prefixes different lengths. Read-only once filled, so that every worker may
 * ask. */
#ifndef TIDEGATE_DOWNSTREAM_ROUTER_H
#define TIDEGATE_DOWNSTREAM_ROUTER_H

#include "route_tree.h"
#include "tidegate/downstream.h"

struct tg_route_entry;

struct tg_router { /* embedded; zeroed it is empty */
    struct tg_route_entry *exact;
    struct tg_route_entry *prefixes; /* without their "*" */
    size_t *prefix_lengths;          /* that there are, the longest first */
    size_t prefix_length_count;
    struct tg_route_node tree;
    struct tg_route_entry *in_tree; /* a list */
};
void tg_router_deinit(struct tg_router *router);
/* TG_ERR_IN_USE: the path is taken. TG_ERR_INVALID: it does not begin with "/", has a parameter twice, has too many of
 * them, or has one and is a prefix; it lacks one that picks the stream; a pattern is broken. */
enum tg_err tg_router_add(struct tg_router *router, const struct tg_route *route);

/* A route, and what the path says. */
struct tg_match {
    const struct tg_route *route;
    /* Of stream_config->parameters, in their order; those that the path does not have are empty. Views into the path. */
    struct tg_str values[TG_ROUTE_PARAMETERS_MAX];
};

/* False: there is none, or a value is not allowed. `raw` is the path as sent, `path` the same, percent-decoded. */
bool tg_router_find(const struct tg_router *router, struct tg_str raw, struct tg_str path,
                    struct tg_match *ret_match);

#endif
