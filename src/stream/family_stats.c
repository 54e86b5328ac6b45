/* Figures of a family: sums over its members, some at a time, so that nobody waits long for the lock. The place in
 * the list is kept by a mark, a member that is none: whoever comes or goes meanwhile, each one that stays is counted,
 * and none twice. */
#include "family.h"

#include <utlist.h>

enum { AT_ONCE_MAX = 64 };

struct batch {
    struct tg_stream *streams[AT_ONCE_MAX]; /* references */
    size_t count;
    bool is_last;
};

/* The members after the mark, which goes behind them, and leaves the list at its end. Under the lock. */
static void take_batch(struct tg_family *family, struct family_member *mark, struct batch *ret_batch)
{
    struct family_member *next = mark->next;

    DL_DELETE2(family->all, mark, prev, next);
    ret_batch->count = 0;
    for (; next && ret_batch->count < AT_ONCE_MAX; next = next->next)
        if (next->stream) /* not the mark of another thread */
            ret_batch->streams[ret_batch->count++] = tg_stream_ref(next->stream);
    ret_batch->is_last = !next;
    if (next)
        DL_PREPEND_ELEM2(family->all, next, mark, prev, next);
}

static void add_batch(struct tg_family_stats *sum, const struct batch *batch)
{
    struct tg_stream_stats stats;

    for (size_t i = 0; i < batch->count; i++) {
        tg_stream_get_stats(batch->streams[i], &stats);
        sum->events += stats.events;
        sum->bytes += stats.bytes;
        sum->retained_events += stats.retained_events;
        sum->retained_bytes += stats.retained_bytes;
        sum->memory_bytes += stats.memory_bytes;
        sum->subscribers += stats.subscribers;
        tg_stream_unref(batch->streams[i]);
    }
}

void tg_family_get_stats(struct tg_family *family, struct tg_family_stats *ret_stats)
{
    struct family_member mark = { 0 };
    struct tg_family_stats sum = { 0 };
    struct batch batch;

    pthread_mutex_lock(&family->lock);
    sum.members = HASH_COUNT(family->by_key);
    sum.max_members = family->options.max_members;
    sum.opened = family->opened;
    sum.closed = family->closed;
    sum.refused = family->refused;
    DL_PREPEND2(family->all, &mark, prev, next);
    for (;;) {
        take_batch(family, &mark, &batch);
        pthread_mutex_unlock(&family->lock);
        add_batch(&sum, &batch);
        if (batch.is_last)
            break;
        pthread_mutex_lock(&family->lock);
    }
    *ret_stats = sum;
}
