/* Inside the stream layer: a family and its members.
 *
 *     by_key   all members, by key or token
 *     all      the same, as a list in which a place can be kept (family_stats.c)
 *     idle     those that nobody uses, the one that has been idle longest first
 *
 *     joined ──► in use ──► idle ──► gone (closed by the sweep)
 *                  ▲──────────┘
 *
 * A member is in use while somebody who joined has not left (holds), or its stream counts subscribers (has_demand).
 * Only an idle member can be closed, and both change under the one lock: so no member is closed that somebody was
 * just given.
 *
 * Locks. A stream's demand_lock may be held when the family's lock is taken (subscribers come and go), hence never
 * the other way round: under the family's lock nothing of a stream is called that takes a lock of its own. Hooks are
 * called without either. */
#ifndef TIDEGATE_STREAM_FAMILY_H
#define TIDEGATE_STREAM_FAMILY_H

#include <pthread.h>
#include <uthash.h>

#include "key_hash.h"
#include "stream.h"

#define IDENTITY_LENGTH 32

struct family_member {
    struct tg_family *family;
    struct tg_stream *stream; /* a reference */

    /* under the family's lock */
    size_t holds;    /* joins that have not left */
    bool has_demand; /* the stream has subscribers */
    bool is_idle;    /* in the list of those */
    bool has_gone;   /* no longer in the family */
    uint64_t idle_since_ms;
    struct family_member *prev_idle, *next_idle;
    struct family_member *prev, *next; /* in the list of all */
    UT_hash_handle hh;

    char *values; /* of a session: those of its parameters, each with its NUL; else NULL */
    size_t value_count;
    bool has_identity;
    unsigned char identity[IDENTITY_LENGTH]; /* zeros without one */
    char key[];
};

struct tg_family {
    char *name;
    struct tg_family_options options;
    unsigned char hash_secret[KEY_HASH_SECRET_BYTES];
    pthread_mutex_t lock; /* for all that follows */
    struct family_member *by_key;
    struct family_member *all;
    struct family_member *idle;
    uint64_t opened, closed, refused;
};

/* ---- family.c: under the family's lock --------------------------------------------------------- */
struct family_member *family_find(struct tg_family *family, struct tg_str key);
/* A new member that nobody holds yet. `epoch` NULL: a random one, and a name with the key in it. */
enum tg_err family_add(struct tg_family *family, struct tg_str key, const char *epoch,
                       struct family_member **ret_member);
void family_hold(struct family_member *member); /* with a reference to its stream; until tg_family_leave */
void family_remove(struct family_member *member);

/* ---- family.c: without the lock ---------------------------------------------------------------- */
/* The second half of a join: the held member's stream, opened if the member is new. */
enum tg_err family_enter(struct family_member *member, bool is_new, const struct tg_opening *opening,
                         struct tg_stream **ret_stream);
/* Of a member that has gone, once nobody holds it: nothing of the stream points to it any more, then it is freed. */
void family_member_detach(struct family_member *member);
void family_member_free(struct family_member *member);

/* ---- family_expiry.c --------------------------------------------------------------------------- */
/* Under the family's lock, whenever `holds` or `has_demand` has changed: in the idle list or not. */
void family_settle(struct family_member *member);
/* The stream's number of subscribers has left or reached 0; under its demand_lock. */
void family_member_on_demand(struct family_member *member, bool has_subscribers);

#endif
