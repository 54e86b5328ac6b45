/* What of a client's query is added to the URL for the backend. Pure. */
#ifndef TIDEGATE_UPSTREAM_FORWARD_QUERY_H
#define TIDEGATE_UPSTREAM_FORWARD_QUERY_H

#include "tidegate/base.h"

/* Appends the pairs of the query to a path, which may have a query of its own. Those whose name the path has
 * already, or that is `reserved` (or NULL), are left out: who configures the URL has the last word, whichever of
 * two the backend takes. What some backends take for the end of a pair, and what a URL cannot have, is
 * percent-encoded. */
enum tg_err tg_forward_query(struct tg_buffer *path, struct tg_str query, const char *reserved);

#endif
