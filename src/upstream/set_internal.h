/* The set of all upstreams: groups by worker, sources by configured stream.
 *
 *     any thread                             the worker
 *     open, close ─► change ─► group ─ mail ─► on_changes ─► begin, end; routes
 *     wake, demand ────────── id ──── mail ─► by_id: who has gone is not found */
#ifndef TIDEGATE_UPSTREAM_SET_INTERNAL_H
#define TIDEGATE_UPSTREAM_SET_INTERNAL_H

#include "upstream_internal.h"

#include <pthread.h>

/* What happens to members; done by their worker, in order. */
struct change {
    struct change *next;
    struct tg_upstream *upstream; /* that begins or ends, or that feeds the stream */
    struct tg_stream *stream; /* a reference: a member that has come or gone; NULL: the upstream itself has */
    bool is_end;
};

/* A client of libcurl's, for a limited number of upstreams that trust the same certificates: it keeps those of one file,
 * and to read others for each connection would hold up the worker. */
struct http_share {
    struct tg_http_client *client;
    const char *ca; /* of the configuration of those that use it; NULL: the system's */
    size_t users;
};

struct group { /* the upstreams of a worker */
    struct tg_upstream_set *set;
    struct tg_worker *worker;
    size_t websocket_count, http_count; /* that may be there; 0 of both: the group is not used */

    /* the worker's thread */
    struct tg_jq_pool *filters;       /* NULL: no upstream needs one */
    struct tg_websockets *websockets; /* NULL: no upstream needs them */
    struct http_share *https;         /* http_share_count of them; none: the same */
    size_t http_share_count;
    struct tg_tick tick;
    bool is_started, is_stopped;
    struct tg_upstream *upstreams; /* a list */
    struct tg_upstream *by_id;

    /* under the set's lock */
    struct change *changes, **changes_end;
};

struct tg_upstream_set {
    struct tg_worker_pool *pool;
    struct tg_nets *nets;
    struct tg_gates *gates; /* NULL: no limit */
    struct group *groups;   /* by worker index */
    struct tg_source **sources;
    struct tg_upstream **routed; /* by the source's number; NULL: it is of another kind */
    size_t count;
    _Atomic uint64_t last_id;

    pthread_mutex_t lock;
    struct tg_upstream *by_stream; /* members */
};

/* set.c; before the start, or the worker's thread */
void set_link(struct group *group, struct tg_upstream *upstream);
void set_unlink(struct group *group, struct tg_upstream *upstream);
void set_begin(struct group *group, struct tg_upstream *upstream);
void set_leave_http(struct group *group, const struct tg_upstream *upstream); /* an upstream that ends */

/* set_members.c; the worker's thread */
void set_take_changes(struct group *group);
/* The pool has been stopped: what nobody has taken any more. */
void set_drop_changes(struct group *group);

#endif
