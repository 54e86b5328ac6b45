/* Giving memory back: see heap.h. */
#include "heap.h"

#include <malloc.h>

enum {
    MAPPED_BYTES = 256 * 1024, /* blocks of at least this size */
    CROWD = 200,               /* connections closed since the last time: worth the trouble */
    QUIET = 20,                /* closed since the last look: the crowd has left */
};

void tg_heap_configure(void)
{
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
}

bool tg_heap_watch_is_due(struct tg_heap_watch *watch, uint64_t closed)
{
    bool is_quiet = closed - watch->closed_before <= QUIET;
    bool is_due = is_quiet && closed - watch->closed_when_trimmed >= CROWD;

    watch->closed_before = closed;
    if (is_due)
        watch->closed_when_trimmed = closed;
    return is_due;
}

void tg_heap_give_back(void)
{
    malloc_trim(0);
}
