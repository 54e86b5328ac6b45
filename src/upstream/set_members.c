/* Members: upstreams, and streams of one upstream, that come and go while the set runs. */
#include "set_internal.h"

#include "expand.h"
#include "routes.h"

#include <stdlib.h>

enum { CHANGES_PER_TURN = 32 }; /* a crowd that goes is not to hold up those who stay */

/* ---- changes: any thread ------------------------------------------------------------------------- */

static void on_changes_mail(void *context, uint64_t id, uint64_t value);

/* Under the set's lock, so that what happens to a stream is done in the order in which it happened. True: a mail is to be
 * posted. */
static bool append(struct group *group, struct change *change)
{
    bool was_empty = !group->changes;

    if (was_empty)
        group->changes_end = &group->changes;
    *group->changes_end = change;
    group->changes_end = &change->next;
    return was_empty;
}

static struct change *new_change(struct tg_upstream *upstream, struct tg_stream *stream, bool is_end)
{
    struct change *change = tg_alloc(sizeof(*change));

    change->upstream = upstream;
    change->stream = stream ? tg_stream_ref(stream) : NULL;
    change->is_end = is_end;
    return change;
}

/* Once the lock is free, the upstream may be gone. */
static void announce(struct tg_upstream_set *set, const struct tg_upstream *upstream, struct change *change)
{
    struct group *group = upstream->group;

    pthread_mutex_lock(&set->lock);
    bool is_first = append(group, change);
    pthread_mutex_unlock(&set->lock);
    if (is_first)
        tg_worker_post(group->worker, on_changes_mail, group, 0, 0);
}

/* ---- opening and closing: any thread --------------------------------------------------------------- */

static enum tg_err make_member(struct tg_upstream_set *set, struct tg_source *source,
                               struct tg_stream *stream, const struct tg_opening *opening,
                               struct tg_upstream **ret_upstream, struct tg_buffer *ret_error)
{
    struct group *group = &set->groups[opening->worker_index % tg_worker_pool_size(set->pool)];
    struct tg_config_upstream config;
    struct tg_upstream *upstream;
    enum tg_err err = tg_expand(source->config, opening, &config, ret_error);

    if (err < 0)
        return err;
    struct tg_config_upstream *own = tg_alloc(sizeof(*own));
    *own = config;
    err = tg_upstream_new(source, stream, NULL, own, group->worker, &upstream);
    if (err < 0) {
        tg_buffer_append_str(ret_error, "url: what the client sent makes none\n");
        return err;
    }
    err = upstream_remember(upstream, opening);
    if (err < 0) {
        tg_upstream_free(upstream);
        return err;
    }
    upstream->is_once = opening->has_body;
    upstream->group = group;
    upstream->id = atomic_fetch_add_explicit(&set->last_id, 1, memory_order_relaxed) + 1;
    *ret_upstream = upstream;
    return TG_OK;
}

enum tg_err tg_upstream_set_open(struct tg_upstream_set *set, size_t index, struct tg_stream *stream,
                                 const struct tg_opening *opening, struct tg_buffer *ret_error)
{
    struct tg_upstream *upstream;

    if (set->routed[index]) {
        routes_prepare(set->routed[index]->routes, stream);
        announce(set, set->routed[index], new_change(set->routed[index], stream, false));
        return TG_OK;
    }
    enum tg_err err = make_member(set, set->sources[index], stream, opening, &upstream, ret_error);
    if (err < 0)
        return err;
    pthread_mutex_lock(&set->lock);
    HASH_ADD(by_stream, set->by_stream, stream, sizeof(upstream->stream), upstream);
    pthread_mutex_unlock(&set->lock);
    announce(set, upstream, new_change(upstream, NULL, false));
    return TG_OK;
}

static struct tg_upstream *take_member(struct tg_upstream_set *set, const struct tg_stream *stream)
{
    struct tg_upstream *upstream = NULL;

    pthread_mutex_lock(&set->lock);
    HASH_FIND(by_stream, set->by_stream, &stream, sizeof(stream), upstream);
    if (upstream)
        HASH_DELETE(by_stream, set->by_stream, upstream);
    pthread_mutex_unlock(&set->lock);
    return upstream;
}

void tg_upstream_set_close(struct tg_upstream_set *set, size_t index, struct tg_stream *stream)
{
    struct tg_upstream *routed = set->routed[index];
    struct tg_upstream *upstream = routed ? routed : take_member(set, stream);

    if (upstream)
        announce(set, upstream, new_change(upstream, routed ? stream : NULL, true));
}

/* ---- renewing -------------------------------------------------------------------------------------- */

void tg_upstream_set_renew(struct tg_upstream_set *set, struct tg_stream *stream,
                           const struct tg_opening *opening)
{
    struct tg_credentials *newer = tg_credentials_new(opening);
    struct tg_upstream *upstream = NULL;

    pthread_mutex_lock(&set->lock);
    HASH_FIND(by_stream, set->by_stream, &stream, sizeof(stream), upstream);
    if (upstream && upstream->renewed) { /* nothing has been asked with those */
        struct tg_credentials *merged = tg_credentials_merge(upstream->renewed, newer);
        tg_credentials_free(newer);
        newer = merged;
    }
    if (upstream && newer) {
        tg_credentials_free(upstream->renewed);
        upstream->renewed = newer;
        newer = NULL;
        upstream_post_renewed(upstream);
    }
    pthread_mutex_unlock(&set->lock);
    tg_credentials_free(newer);
}

struct tg_credentials *upstream_take_renewed(struct tg_upstream *up)
{
    pthread_mutex_t *lock = &up->group->set->lock;

    pthread_mutex_lock(lock);
    struct tg_credentials *renewed = up->renewed;
    up->renewed = NULL;
    pthread_mutex_unlock(lock);
    return renewed;
}

/* ---- the worker's thread --------------------------------------------------------------------------- */

static void end_member(struct group *group, struct tg_upstream *upstream)
{
    tg_upstream_halt(upstream, UPSTREAM_CLOSE_NORMAL);
    set_unlink(group, upstream);
    set_leave_http(group, upstream);
    tg_upstream_release(upstream, false);
    tg_upstream_free(upstream);
}

static void make_change(struct group *group, const struct change *change)
{
    struct tg_upstream *upstream = change->upstream;

    if (change->stream && change->is_end) {
        routes_on_closed(upstream->routes, change->stream);
    } else if (change->stream) {
        if (routes_on_opened(upstream->routes, change->stream))
            tg_upstream_on_followed(upstream);
    } else if (change->is_end) {
        end_member(group, upstream);
    } else {
        set_link(group, upstream);
        if (group->is_started)
            set_begin(group, upstream);
    }
}

static struct change *take_one(struct group *group)
{
    pthread_mutex_lock(&group->set->lock);
    struct change *change = group->changes;
    if (change)
        group->changes = change->next;
    pthread_mutex_unlock(&group->set->lock);
    return change;
}

static void free_change(struct change *change)
{
    tg_stream_unref(change->stream);
    free(change);
}

/* False: there is none. */
static bool take_change(struct group *group)
{
    struct change *change = take_one(group);

    if (!change)
        return false;
    make_change(group, change);
    free_change(change);
    return true;
}

static void on_changes_mail(void *context, uint64_t id, uint64_t value)
{
    struct group *group = context;

    (void)id, (void)value;
    for (int i = 0; i < CHANGES_PER_TURN; i++)
        if (!take_change(group))
            return;
    tg_worker_post(group->worker, on_changes_mail, group, 0, 0);
}

void set_take_changes(struct group *group)
{
    while (take_change(group))
        ;
}

/* A member that was to begin is linked, so that it is freed with the others; one that was to end still is. */
void set_drop_changes(struct group *group)
{
    for (struct change *change; (change = take_one(group));) {
        if (!change->stream && !change->is_end)
            set_link(group, change->upstream);
        free_change(change);
    }
}
