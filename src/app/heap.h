/* The heap: giving memory back to the system.
 *
 * The allocator keeps what is freed, which is right while clients come and go, and wrong once a crowd has left, or has
 * come: a handshake needs more than the connection after it. */
#ifndef TIDEGATE_APP_HEAP_H
#define TIDEGATE_APP_HEAP_H

#include "tidegate/base.h"

/* Before threads start: large blocks (of messages, above all) are mapped one by one, so that each goes back when
 * freed. */
void tg_heap_configure(void);

/* When to give back: once many connections, keys or sessions have come or gone and few do so any more. Zeroed it is
 * at its start. */
struct tg_heap_watch {
    uint64_t moves_when_trimmed;
    uint64_t moves_before;
};
/* Pure. `moves`: how many have ever come, and how many have gone. Call every few seconds. */
bool tg_heap_watch_is_due(struct tg_heap_watch *watch, uint64_t moves);
/* Any thread; holds up others that allocate for some milliseconds at most. */
void tg_heap_give_back(void);

#endif
