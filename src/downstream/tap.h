/* A tap: one stream's subscribers on this worker, and the reader that they share.
 *
 *      stream ──wake──► tap: reader ─┬─► fresh:  up to date; written to directly when something new is there, who has
 *                                    │           been so for longest first
 *                                    └─► behind: have backlog; written to when their socket is writable
 *
 * A wake makes the tap's hook due, so that all that a turn brings goes out in one write for each subscriber. There may be
 * as many taps as clients (sessions): once a second only those are looked at that need it. The worker's thread. */
#ifndef TIDEGATE_DOWNSTREAM_TAP_H
#define TIDEGATE_DOWNSTREAM_TAP_H

#include "shard.h"
#include "subscriber.h"

#include <uthash.h>

struct tg_tap {
    uint64_t id;
    struct tg_stream *stream;
    struct tg_family *family; /* that the stream is a member of, or NULL */
    struct tg_shard *shard;
    struct tg_feed feed;
    struct tg_turn_hook hook;
    struct tg_connection *fresh;
    struct tg_connection *behind;
    size_t count;        /* of subscribers */
    size_t ending_count; /* of those who have been told to come back later */
    struct tg_tap *watched_prev, *watched_next;
    bool is_watched;
    UT_hash_handle hh_id;
    UT_hash_handle hh_stream;
};

struct tg_tap *tg_tap_find(struct tg_shard *shard, struct tg_stream *stream); /* or NULL */
/* Without subscribers; `deliver` is what its hook runs. */
struct tg_tap *tg_tap_new(struct tg_shard *shard, struct tg_stream *stream, struct tg_family *family,
                          const struct tg_config_stream *config,
                          void (*deliver)(struct tg_turn_hook *hook, struct tg_worker *worker));
/* Somebody is behind, or nobody is left. */
void tg_tap_watch(struct tg_tap *tap);
/* Calls `visit` for each tap that is watched and has somebody behind, and frees those without subscribers. */
void tg_taps_check(struct tg_shard *shard, void (*visit)(struct tg_tap *tap));

#endif
