/* Feeds: by stream, which is how the family names them, and those with news in a list. */
#include "routes.h"

#include "upstream_internal.h"

#include <stdlib.h>
#include <utlist.h>

struct feed {
    struct routes *routes;
    struct tg_stream *stream; /* a reference */
    bool is_held;             /* joined, with the reference that comes with it */
    bool has_news;            /* in the list of those */
    bool has_outgoing;        /* waits for room, in the list of those */
    struct tg_loss loss;
    struct tg_loss_total known; /* of the routes' losses, as far as they are in `loss` */
    struct feed *prev_news, *next_news;
    struct feed *prev_waiting, *next_waiting;
    UT_hash_handle hh;
};

struct routes {
    struct tg_upstream *upstream;
    struct tg_family *family;
    struct feed *feeds;
    struct feed *news;
    struct tg_loss_total losses; /* of messages whose key nobody knows */
    struct feed *waiting;        /* the one that has waited longest first: none is passed over */
    _Atomic(struct tg_stream_condition) condition;
};

struct routes *routes_new(struct tg_upstream *upstream, struct tg_family *family)
{
    struct routes *routes = tg_alloc(sizeof(*routes));

    *routes = (struct routes){ .upstream = upstream, .family = family };
    return routes;
}

/* A number that names a feed in mails: its stream's address, never followed. */
static uint64_t id_of(const struct tg_stream *stream)
{
    return (uint64_t)(uintptr_t)stream;
}

/* The sender's thread. */
static void on_wake(void *arg)
{
    const struct feed *feed = arg;

    upstream_post_outgoing(feed->routes->upstream, id_of(feed->stream));
}

static struct feed *find(const struct routes *routes, const struct tg_stream *stream)
{
    struct feed *feed = NULL;

    HASH_FIND_PTR(routes->feeds, &stream, feed);
    return feed;
}

/* Others may have joined the same key meanwhile, and have been told that it is being connected: they must learn of the
 * state from an event, as in catch_up. */
void routes_prepare(const struct routes *routes, struct tg_stream *stream)
{
    struct tg_stream_stats stats;

    tg_stream_set_condition(stream, atomic_load_explicit(&routes->condition, memory_order_relaxed));
    atomic_thread_fence(memory_order_seq_cst);
    tg_stream_get_stats(stream, &stats);
    if (stats.subscribers > 1)
        tg_stream_set_condition(stream, (struct tg_stream_condition){ .state = TG_STREAM_CONNECTING });
}

static void tell(struct routes *routes, struct tg_stream *stream, struct tg_stream_condition condition)
{
    struct tg_buffer data = { 0 };
    enum tg_err err = tg_stream_condition_write(&data, condition, 0);
    const struct tg_event event = {
        .type = tg_str_from(routes->upstream->source->names->upstream_event),
        .data = tg_buffer_view(&data),
        .is_control = true,
    };

    if (err == TG_OK && tg_stream_append(stream, &event, upstream_now_ms(routes->upstream)) == TG_OK)
        tg_stream_flush(stream);
    tg_buffer_deinit(&data);
}

/* The condition has changed since the stream was prepared: who reads it was told the old one, and must learn of it as
 * others have. */
static void catch_up(struct routes *routes, struct tg_stream *stream)
{
    struct tg_stream_condition condition = atomic_load_explicit(&routes->condition, memory_order_relaxed);

    if (tg_stream_condition_equals(tg_stream_get_condition(stream), condition))
        return;
    tg_stream_set_condition(stream, condition);
    if (condition.state != TG_STREAM_CONNECTING)
        tell(routes, stream, condition);
}

static struct feed *add(struct routes *routes, struct tg_stream *stream)
{
    struct feed *feed = tg_alloc(sizeof(*feed));

    feed->routes = routes;
    feed->stream = tg_stream_ref(stream);
    feed->known = routes->losses;
    HASH_ADD_PTR(routes->feeds, stream, feed);
    catch_up(routes, stream);
    if (routes->upstream->farewell)
        upstream_end_stream(routes->upstream, stream);
    else
        tg_stream_on_outgoing(stream, on_wake, feed);
    return feed;
}

static struct feed *find_or_add(struct routes *routes, struct tg_stream *stream)
{
    struct feed *feed = find(routes, stream);

    return feed ? feed : add(routes, stream);
}

static void set_outgoing(struct feed *feed, bool has_outgoing)
{
    if (feed->has_outgoing == has_outgoing)
        return;
    feed->has_outgoing = has_outgoing;
    if (has_outgoing)
        DL_APPEND2(feed->routes->waiting, feed, prev_waiting, next_waiting);
    else
        DL_DELETE2(feed->routes->waiting, feed, prev_waiting, next_waiting);
}

static void free_feed(struct feed *feed)
{
    struct routes *routes = feed->routes;

    set_outgoing(feed, false);
    tg_stream_on_outgoing(feed->stream, NULL, NULL);
    if (feed->has_news)
        DL_DELETE2(routes->news, feed, prev_news, next_news);
    HASH_DEL(routes->feeds, feed);
    tg_stream_unref(feed->stream);
    free(feed);
}

void routes_free(struct routes *routes)
{
    struct feed *feed, *next;

    if (!routes)
        return;
    HASH_ITER(hh, routes->feeds, feed, next)
    {
        /* The family has gone, and with it what the hold was for. */
        if (feed->is_held)
            tg_stream_unref(feed->stream);
        free_feed(feed);
    }
    free(routes);
}

/* ---- members come and go ------------------------------------------------------------------------- */

/* Who holds a member counts as one who follows it. */
static bool is_followed(const struct feed *feed)
{
    struct tg_stream_stats stats;

    tg_stream_get_stats(feed->stream, &stats);
    return stats.subscribers > (feed->is_held ? 1 : 0);
}

bool routes_on_opened(struct routes *routes, struct tg_stream *stream)
{
    struct feed *feed = find(routes, stream);

    /* An event may have come first, and the stream been prepared after it was added. */
    if (feed)
        catch_up(routes, stream);
    else
        feed = add(routes, stream);
    return is_followed(feed);
}

void routes_on_closed(struct routes *routes, struct tg_stream *stream)
{
    struct feed *feed = find(routes, stream);

    if (feed)
        free_feed(feed);
}

static void set_held(struct feed *feed, bool is_held)
{
    struct tg_counters *counters = upstream_counters(feed->routes->upstream);

    if (feed->is_held == is_held)
        return;
    feed->is_held = is_held;
    tg_figure_add(&counters->held, is_held ? 1 : (uint64_t)-1);
}

static void let_go(struct feed *feed)
{
    set_held(feed, false);
    tg_family_leave(feed->routes->family, feed->stream);
}

/* ---- events -------------------------------------------------------------------------------------- */

static void mark_news(struct feed *feed)
{
    if (feed->has_news)
        return;
    feed->has_news = true;
    DL_APPEND2(feed->routes->news, feed, prev_news, next_news);
}

static enum tg_err tell_losses(struct feed *feed)
{
    tg_loss_take_in(&feed->loss, &feed->known, &feed->routes->losses);
    if (!feed->loss.is_pending)
        return TG_OK;
    mark_news(feed);
    return upstream_tell_losses(feed->routes->upstream, feed->stream, &feed->loss);
}

static enum tg_err append(struct feed *feed, const struct tg_event *event)
{
    enum tg_err err = tell_losses(feed);

    /* An event would be in front of what was lost before it. */
    if (err < 0 && !event->is_control)
        return err;
    mark_news(feed);
    err = tg_stream_append(feed->stream, event, upstream_now_ms(feed->routes->upstream));
    if (err == TG_OK && !event->is_control)
        tg_loss_on_event(&feed->loss);
    return err;
}

enum tg_err routes_append(struct routes *routes, struct tg_str key, const struct tg_event *event)
{
    const struct tg_opening opening = { .worker_index = tg_worker_index(routes->upstream->worker) };
    struct tg_stream *stream;
    enum tg_err err = tg_family_join(routes->family, key, &opening, &stream);

    if (err < 0)
        return err;
    struct feed *feed = find_or_add(routes, stream);
    bool was_held = feed->is_held;
    set_held(feed, true);
    err = append(feed, event);
    if (was_held)
        tg_family_leave(routes->family, stream);
    return err;
}

void routes_lose(struct routes *routes, struct tg_str key, enum tg_gap_reason reason)
{
    const struct tg_opening opening = { .worker_index = tg_worker_index(routes->upstream->worker) };
    struct tg_stream *stream;

    if (key.length == 0) {
        tg_loss_total_add(&routes->losses, reason, 1);
        return;
    }
    if (tg_family_join(routes->family, key, &opening, &stream) < 0)
        return; /* there is none that could lack it */
    struct feed *feed = find_or_add(routes, stream);
    tg_loss_add(&feed->loss, reason, 1);
    if (tg_loss_is_due(&feed->loss, upstream_now_ms(routes->upstream)))
        (void)tell_losses(feed); /* or later */
    tg_family_leave(routes->family, stream);
}

enum tg_err routes_append_to_all(struct routes *routes, const struct tg_event *event)
{
    enum tg_err err = TG_OK;

    for (struct feed *feed = routes->feeds; feed; feed = feed->hh.next) {
        enum tg_err one = append(feed, event);
        if (one < 0)
            err = one;
    }
    return err;
}

void routes_show_condition(struct routes *routes, struct tg_stream_condition condition)
{
    if (tg_stream_condition_equals(atomic_load_explicit(&routes->condition, memory_order_relaxed), condition))
        return;
    atomic_store_explicit(&routes->condition, condition, memory_order_relaxed);
    for (struct feed *feed = routes->feeds; feed; feed = feed->hh.next)
        tg_stream_set_condition(feed->stream, condition);
}

void routes_end_all(struct routes *routes)
{
    for (struct feed *feed = routes->feeds; feed; feed = feed->hh.next) {
        set_outgoing(feed, false);
        (void)tell_losses(feed);
        upstream_end_stream(routes->upstream, feed->stream);
    }
}

void routes_flush(struct routes *routes)
{
    struct feed *feed, *next;

    DL_FOREACH_SAFE2(routes->news, feed, next, next_news)
    {
        feed->has_news = false;
        tg_stream_flush(feed->stream);
    }
    routes->news = NULL;
}

void routes_on_second(struct routes *routes, uint64_t now_ms)
{
    struct tg_stream_stats stats;

    for (struct feed *feed = routes->feeds; feed; feed = feed->hh.next) {
        tg_loss_take_in(&feed->loss, &feed->known, &routes->losses);
        if (tg_loss_is_due(&feed->loss, now_ms))
            (void)tell_losses(feed);
        tg_stream_evict(feed->stream, now_ms);
        if (!feed->is_held)
            continue;
        tg_stream_get_stats(feed->stream, &stats);
        if (stats.retained_events == 0)
            let_go(feed);
    }
}

bool routes_has_demand(const struct routes *routes)
{
    for (struct feed *feed = routes->feeds; feed; feed = feed->hh.next)
        if (is_followed(feed))
            return true;
    return false;
}

/* ---- the way back -------------------------------------------------------------------------------- */

static void pump(struct feed *feed)
{
    struct tg_upstream *up = feed->routes->upstream;

    set_outgoing(feed, !tg_outlet_pump(&up->outlet, feed->stream, upstream_peek_open_link(up)));
}

void routes_take_outgoing(struct routes *routes, uint64_t stream_id)
{
    struct feed *feed = find(routes, (const struct tg_stream *)(uintptr_t)stream_id);

    if (feed && routes->upstream->supervisor.state == TG_UPSTREAM_CONNECTING)
        set_outgoing(feed, true);
    else if (feed)
        pump(feed);
}

void routes_on_drained(struct routes *routes)
{
    for (struct feed *feed; (feed = routes->waiting);) {
        pump(feed);
        if (feed->has_outgoing) /* there is no room any more */
            return;
    }
}
