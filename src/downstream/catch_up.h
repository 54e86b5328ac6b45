/* Catching up: subscribers with backlog whose sockets take more, and those who have gone, dealt with in turn.
 *
 *      behind ──writable──► ready: first in, first served ──slice──┬─► fresh, if that was all
 *        ▲                    ▲                                    │
 *        │                    └──────────── had its slice ─────────┤
 *        └───────────────────────────────── socket is full ────────┘
 *
 * A turn of the loop has a budget of time for it, so that a crowd that replays much at once, or leaves at once, does not
 * keep waiting those who are up to date: what is new goes out first in each turn. The worker's thread. */
#ifndef TIDEGATE_DOWNSTREAM_CATCH_UP_H
#define TIDEGATE_DOWNSTREAM_CATCH_UP_H

#include "connection.h"

void tg_catch_up_init(struct tg_shard *shard);
/* The subscriber is behind and its socket is writable. */
void tg_catch_up_add(struct tg_connection *connection);
/* The client has gone: the connection is to be closed. */
void tg_catch_up_add_gone(struct tg_connection *connection);
void tg_catch_up_remove(struct tg_connection *connection); /* if it is ready */

#endif
