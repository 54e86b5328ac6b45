/* A server, and its share on each of its workers. Internal to this layer; the façade is
 * tidegate/downstream.h. */
#ifndef TIDEGATE_DOWNSTREAM_SHARD_H
#define TIDEGATE_DOWNSTREAM_SHARD_H

#include "chores.h"
#include "counters.h"
#include "hello.h"
#include "limits.h"
#include "listener.h"
#include "response.h"
#include "router.h"
#include "wheel.h"

#include "tidegate/net.h"

struct tg_connection;
struct tg_tap;
struct tg_acceptor;
struct tg_waits;
struct tg_rate_limit;

struct tg_server {
    struct tg_server_options options;
    struct tg_router router;
    struct tg_listener *listeners;
    struct tg_shard **shards;
    size_t shard_count;
    struct tg_admissions admissions;
    struct tg_addresses *addresses;
    struct tg_hellos hellos;
    struct tg_rate_limit *rate_limit; /* NULL: no route has one */
    uint32_t heartbeat_s, stall_s;    /* in ticks, at least one */
    size_t pending_limit;             /* for each shard */
};

/* Connections that are not event streams wait in the list of their deadline, oldest first: each list has one
 * time limit, so that only its head needs to be looked at. */
enum tg_list {
    TG_LIST_PENDING, /* no complete request yet: handshake, head, body */
    TG_LIST_REFUSED, /* the same over a limit: less patience */
    TG_LIST_IDLE,    /* kept alive, between requests */
    TG_LIST_WAIT,    /* for the backend to take a message */
    TG_LIST_ANSWER,  /* an answer is on its way */
    TG_LIST_LINGER,  /* ours is said, the client may still talk */
    TG_LIST_COUNT
};

struct tg_shard { /* all of it belongs to the worker's thread, but for the counters */
    struct tg_counters counters;
    struct tg_server *server;
    struct tg_worker *worker;
    struct tg_connection *lists[TG_LIST_COUNT];
    struct tg_connection *closed; /* to be freed at the end of the turn */
    struct tg_turn_hook closed_hook;
    size_t pending_count;
    struct tg_tap *taps_by_id;
    struct tg_tap *taps_by_stream;
    struct tg_tap *watched_taps;
    struct tg_waits *waits;
    struct tg_chores chores;
    struct tg_wheel wheel;
    struct tg_tick tick;
    struct tg_acceptor *acceptors; /* one for each listener; NULL before the start and after a drain */
    bool is_accepting;
    int reserve_fd; /* given up for a moment when there are no more descriptors */
    uint64_t next_connection_id;
    uint64_t next_tap_id;
    uint32_t now_s; /* of the last tick */
    uint64_t date_ms;
    char date[TG_DATE_SIZE];
    struct tg_log_limit log_limit;
    bool is_draining;
    uint64_t drain_end_ms; /* when the last subscriber is to be told */
    struct tg_timer *drain_timer;
    struct tg_timer *hello_timer; /* NULL: no TLS handshake had to wait yet */
};

struct tg_shard *tg_shard_new(struct tg_server *server, struct tg_worker *worker);
void tg_shard_free(struct tg_shard *shard);  /* the worker must have been stopped */
void tg_shard_start(struct tg_shard *shard); /* the worker's thread */
const char *tg_shard_date(struct tg_shard *shard);
struct tg_net *tg_shard_net(const struct tg_shard *shard);
/* Closes what is over its time in the lists. */
void tg_shard_expire(struct tg_shard *shard, uint64_t now_ms);

/* accept.c */
void tg_accept_start(struct tg_shard *shard);
void tg_accept_stop(
    struct tg_shard *shard); /* closes the acceptors; what waits in the queues is taken first */
void tg_accept_resume(struct tg_shard *shard);  /* after a pause, if there was one */
void tg_accept_abandon(struct tg_shard *shard); /* closes the acceptors at once */

/* drain.c */
void tg_drain_begin(struct tg_shard *shard, uint64_t spread_ms);

#endif
