/* The wheel: an array of lists. */
#include "wheel.h"

#include <stddef.h>
#include <utlist.h>

void tg_wheel_add(struct tg_wheel *wheel, struct tg_wheel_entry *entry, uint32_t due)
{
    uint32_t ahead = due - wheel->now;
    if (ahead == 0 || ahead > INT32_MAX)
        ahead = 1;
    if (ahead >= TG_WHEEL_SLOTS)
        ahead = TG_WHEEL_SLOTS - 1;
    entry->slot = (wheel->now + ahead) % TG_WHEEL_SLOTS;
    DL_APPEND(wheel->slots[entry->slot], entry);
}

void tg_wheel_remove(struct tg_wheel *wheel, struct tg_wheel_entry *entry)
{
    if (entry->slot == TG_WHEEL_SLOTS)
        return;
    DL_DELETE(wheel->slots[entry->slot], entry);
    entry->slot = TG_WHEEL_SLOTS;
}

static void turn_slot(struct tg_wheel *wheel, uint32_t slot,
                      uint32_t (*on_due)(void *arg, struct tg_wheel_entry *entry), void *arg)
{
    struct tg_wheel_entry *entries = wheel->slots[slot], *entry, *next;
    wheel->slots[slot] = NULL;
    DL_FOREACH_SAFE(entries, entry, next)
    {
        entry->slot = TG_WHEEL_SLOTS;
        uint32_t due = on_due(arg, entry);
        if (due)
            tg_wheel_add(wheel, entry, due);
    }
}

void tg_wheel_turn(struct tg_wheel *wheel, uint32_t now,
                   uint32_t (*on_due)(void *arg, struct tg_wheel_entry *entry), void *arg)
{
    /* After a long sleep of the machine one round is enough. */
    if (now - wheel->now > TG_WHEEL_SLOTS)
        wheel->now = now - TG_WHEEL_SLOTS;
    while (wheel->now != now) {
        wheel->now++;
        turn_slot(wheel, wheel->now % TG_WHEEL_SLOTS, on_due, arg);
    }
}
