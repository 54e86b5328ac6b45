/* Paths with parameters, segment by segment: at each place the literal segments, and one for any value.
 *
 *      /quotes/{symbol}        quotes ─► {} ● ─► history ●
 *      /quotes/{symbol}/history
 *
 * A literal segment is tried before the parameter, left to right. Read-only once filled. */
#ifndef TIDEGATE_DOWNSTREAM_ROUTE_TREE_H
#define TIDEGATE_DOWNSTREAM_ROUTE_TREE_H

#include "tidegate/base.h"

#include <uthash.h>

struct tg_route_node { /* the root is embedded; zeroed it is empty */
    char *segment;     /* NULL: the root, or a parameter */
    struct tg_route_node *literals;
    struct tg_route_node *parameter;
    void *value;
    UT_hash_handle hh;
};

void tg_route_tree_deinit(struct tg_route_node *root); /* the values are not freed */
/* `path` begins with "/". False: a path that is the same but for the names of parameters is there already. */
bool tg_route_tree_add(struct tg_route_node *root, const char *path, void *value);
/* `raw` is the path as sent, which says where segments end, and `path` is the same, decoded. NULL: none. The values of
 * the parameters, left to right, lie in `path`; there must be room for as many as any path in the tree has. */
void *tg_route_tree_find(const struct tg_route_node *root, struct tg_str raw, struct tg_str path,
                         struct tg_str *ret_values);

/* Takes the next segment off a path whose first byte is "/"; false at its end. */
bool tg_segment_next(struct tg_str *path, struct tg_str *ret_segment);
/* The segment is "{name}". */
bool tg_segment_is_parameter(struct tg_str segment, struct tg_str *ret_name);

#endif
