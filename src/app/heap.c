/* Giving memory back: see heap.h. */
#include "heap.h"

#include <malloc.h>

enum {
    MAPPED_BYTES = 256 * 1024, /* blocks of at least this size */
    CROWD = 200,               /* connections that came or went since the last time: worth the trouble */
    QUIET = 20,                /* since the last look: the crowd has settled */
};

void tg_heap_configure(void)
{
    mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES);
}

bool tg_heap_watch_is_due(struct tg_heap_watch *watch, uint64_t moves)
{
    bool is_quiet = moves - watch->moves_before <= QUIET;
    bool is_due = is_quiet && moves - watch->moves_when_trimmed >= CROWD;

    watch->moves_before = moves;
    if (is_due)
        watch->moves_when_trimmed = moves;
    return is_due;
}

void tg_heap_give_back(void)
{
    malloc_trim(0);
}
