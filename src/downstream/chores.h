/* Chores: what a turn of the loop has time for besides what is new, and what waits for the next turn.
 *
 *      a client connects, speaks ─► time left? ──yes──► served at once
 *                                        │ no
 *                                        ▼
 *      input:     requests, first bytes of TLS ────┐
 *      handshake: TLS that is under way ───────────┼─► at the turn's end one of each in turn,
 *      backlog:   sockets that take more of it ────┤   until the time is up
 *      gone:      connections to be closed ────────┘
 *
 * Handshakes under way hold much memory until they are done. As many are brought on as are begun, so that a crowd does
 * not have all of them under way at once.
 *
 * A turn has a budget for all of this, so that a crowd that comes, replays much or leaves at once does not keep waiting
 * those who are up to date: what is new goes out first in each turn. Where that alone takes long, the budget is a share
 * of it, so that nothing starves: something of each kind is done in every turn. The worker's thread. */
#ifndef TIDEGATE_DOWNSTREAM_CHORES_H
#define TIDEGATE_DOWNSTREAM_CHORES_H

#include "tidegate/runtime.h"

struct tg_connection;
struct tg_shard;

enum tg_chore {
    TG_CHORE_INPUT,     /* the socket is readable, and the connection no event stream */
    TG_CHORE_HANDSHAKE, /* the same in the middle of a TLS handshake */
    TG_CHORE_BACKLOG,   /* the subscriber is behind and its socket is writable */
    TG_CHORE_GONE,      /* the client has closed: so is the connection to be */
    TG_CHORE_HELD, /* its TLS handshake waits for limits.tls_handshakes: for a time, not for a turn (hello.h) */
    TG_CHORE_COUNT, /* none */
};

struct tg_chores {                               /* of a shard */
    struct tg_connection *lists[TG_CHORE_COUNT]; /* first in, first served */
    struct tg_turn_hook hook;
    uint64_t (*clock_ns)(void);
    uint64_t spent_ns;   /* in this turn, on what was served at once */
    uint64_t at_once_ns; /* how much of that a turn may have */
    uint64_t ended_ns;   /* when the last turn ended, if the loop has not slept since; else 0 */
    bool is_short;       /* somebody has to come back in the next turn */
};

void tg_chores_init(struct tg_chores *chores);

/* The connection has work of this kind: instead of other work, if it had any. False: it had this already, and need not be
 * watched for it until it is served. */
bool tg_chores_add(struct tg_connection *connection, enum tg_chore chore);
void tg_chores_remove(struct tg_connection *connection); /* if it has any */
/* It has input that waits for us, not for the client. */
bool tg_chores_hold_input(const struct tg_connection *connection);
/* Serves the connection's input at once if there is time. */
void tg_chores_on_input(struct tg_connection *connection);

/* Around what is done at once. False: there is no time left in this turn; the loop will not sleep before the next one. */
bool tg_chores_have_time(struct tg_shard *shard);
void tg_chores_spend(struct tg_shard *shard, uint64_t start_ns);

#endif
