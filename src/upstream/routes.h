/* The streams of an upstream that feeds many: members of a family, one for each key.
 *
 *     event ─► key ─► tg_family_join ─► feed ─► append
 *     clients ─► tg_family_join ─► hooks ─► mail ─► feed        (there before its first event)
 *
 * A feed is what the upstream knows of a member. It holds the member as long as that retains events; without events and
 * clients the family closes it. All feeds share the upstream's outages and its end. The worker's thread, but for
 * routes_new, routes_prepare and routes_free. */
#ifndef TIDEGATE_UPSTREAM_ROUTES_H
#define TIDEGATE_UPSTREAM_ROUTES_H

#include "tidegate/stream.h"

struct routes;
struct tg_upstream;

struct routes *routes_new(struct tg_upstream *upstream, struct tg_family *family);
/* The pool has been stopped; the family may have been freed. */
void routes_free(struct routes *routes);

/* A stream that will be a member's, and counts who opens it: it is shown how the backend is, before its first reader
 * looks. Any thread. */
void routes_prepare(const struct routes *routes, struct tg_stream *stream);
/* A member has come, and has gone. True: a client follows it already. */
bool routes_on_opened(struct routes *routes, struct tg_stream *stream);
void routes_on_closed(struct routes *routes, struct tg_stream *stream);

/* TG_ERR_LIMIT: the key would be one too many. What tg_stream_append says. Losses of the stream are told before. */
enum tg_err routes_append(struct routes *routes, struct tg_str key, const struct tg_event *event);
/* A message is lost that was for the stream of this key; an empty one: nobody knows which, so that all are told, within a
 * second. */
void routes_lose(struct routes *routes, struct tg_str key, enum tg_gap_reason reason);
enum tg_err routes_append_to_all(struct routes *routes, const struct tg_event *event); /* the last error */
void routes_show_condition(struct routes *routes, struct tg_stream_condition condition);
void routes_end_all(struct routes *routes);
void routes_flush(struct routes *routes);

/* Evicts by age, and lets go of members that have no events any more. */
void routes_on_second(struct routes *routes, uint64_t now_ms);
bool routes_has_demand(const struct routes *routes); /* some client follows some member */

void routes_take_outgoing(struct routes *routes, uint64_t stream_id);
void routes_on_drained(struct routes *routes); /* the link has room, or there is none any more */

#endif
