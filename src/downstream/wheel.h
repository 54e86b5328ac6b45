/* A wheel of slots, one for each second: many deadlines that mostly move before they come, without a timer or
 * a list operation for each move. An entry lies in the slot of a deadline; when the slot comes up, its owner
 * says when the deadline is by now. Pure; one thread. */
#ifndef TIDEGATE_DOWNSTREAM_WHEEL_H
#define TIDEGATE_DOWNSTREAM_WHEEL_H

#include <stdint.h>

enum { TG_WHEEL_SLOTS = 64 };

struct tg_wheel_entry { /* embedded */
    struct tg_wheel_entry *prev, *next;
    uint32_t slot; /* TG_WHEEL_SLOTS: in none */
};

struct tg_wheel { /* embedded; zeroed it is empty */
    struct tg_wheel_entry *slots[TG_WHEEL_SLOTS];
    uint32_t now;
};

/* `due` may be further away than the wheel is round: the entry is then looked at on the way. */
void tg_wheel_add(struct tg_wheel *wheel, struct tg_wheel_entry *entry, uint32_t due);
/* Fine for an entry in no slot. */
void tg_wheel_remove(struct tg_wheel *wheel, struct tg_wheel_entry *entry);

/* Goes on to `now`, and calls on_due for the entries of each slot on the way: it returns the entry's next
 * deadline (after `now`), or 0 when it has freed the entry or put it nowhere. The entry is in no slot during
 * the call; on_due must not remove others. */
void tg_wheel_turn(struct tg_wheel *wheel, uint32_t now,
                   uint32_t (*on_due)(void *arg, struct tg_wheel_entry *entry), void *arg);

#endif
