/* Taps: finding, making, waking, freeing them. */
#include "tap.h"

#include <stdlib.h>
#include <utlist.h>

static void on_mail(void *context, uint64_t id, uint64_t value)
{
    struct tg_shard *shard = context;
    struct tg_tap *tap;
    (void)value;
    HASH_FIND(hh_id, shard->taps_by_id, &id, sizeof(id), tap);
    if (tap)
        tg_worker_run_at_turn_end(shard->worker, TG_TURN_DELIVER, &tap->hook);
}

/* On the thread of the stream's owner. */
static void on_wake(void *arg)
{
    struct tg_tap *tap = arg;
    if (tg_worker_is_current(tap->shard->worker))
        tg_worker_run_at_turn_end(tap->shard->worker, TG_TURN_DELIVER, &tap->hook);
    else
        tg_worker_post(tap->shard->worker, on_mail, tap->shard, tap->id, 0);
}

struct tg_tap *tg_tap_find(struct tg_shard *shard, struct tg_stream *stream)
{
    struct tg_tap *tap;
    HASH_FIND(hh_stream, shard->taps_by_stream, &stream, sizeof(stream), tap);
    return tap;
}

struct tg_tap *tg_tap_new(struct tg_shard *shard, struct tg_stream *stream, struct tg_family *family,
                          const struct tg_config_stream *config,
                          void (*deliver)(struct tg_turn_hook *hook, struct tg_worker *worker))
{
    struct tg_tap *tap = tg_alloc(sizeof(*tap));
    tap->id = ++shard->next_tap_id;
    tap->stream = stream;
    tap->family = family;
    tap->shard = shard;
    tap->hook.run = deliver;
    tap->feed.sse = shard->server->options.sse;
    tap->feed.stream_config = config;
    tap->feed.counters = &shard->counters;
    HASH_ADD(hh_id, shard->taps_by_id, id, sizeof(tap->id), tap);
    HASH_ADD(hh_stream, shard->taps_by_stream, stream, sizeof(tap->stream), tap);
    tap->feed.reader = tg_reader_new(stream, on_wake, tap);
    tg_tap_watch(tap);
    return tap;
}

static void free_tap(struct tg_tap *tap)
{
    struct tg_shard *shard = tap->shard;
    tg_reader_free(tap->feed.reader);
    tg_worker_cancel_turn_hook(shard->worker, TG_TURN_DELIVER, &tap->hook);
    HASH_DELETE(hh_id, shard->taps_by_id, tap);
    HASH_DELETE(hh_stream, shard->taps_by_stream, tap);
    free(tap);
}

void tg_tap_watch(struct tg_tap *tap)
{
    if (tap->is_watched)
        return;
    tap->is_watched = true;
    DL_APPEND2(tap->shard->watched_taps, tap, watched_prev, watched_next);
}

static void unwatch(struct tg_tap *tap)
{
    DL_DELETE2(tap->shard->watched_taps, tap, watched_prev, watched_next);
    tap->is_watched = false;
}

void tg_taps_check(struct tg_shard *shard, void (*visit)(struct tg_tap *tap))
{
    struct tg_tap *tap, *next;
    DL_FOREACH_SAFE2(shard->watched_taps, tap, next, watched_next)
    {
        if (tap->behind)
            visit(tap);
        if (tap->behind)
            continue;
        unwatch(tap);
        if (tap->count == 0)
            free_tap(tap);
    }
}
