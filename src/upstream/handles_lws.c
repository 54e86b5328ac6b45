/* Poll handles left behind.
 *
 * When an attempt to connect fails at once (no route, say), libwebsockets before 4.3 closes the socket,
 * forgets the connection, and leaves its stopped uv_poll_t in the loop for ever: memory for each such
 * attempt, and a loop that cannot be closed. The handle is found by what it points to, or, when the
 * connection was never seen, by its place: a loop walks its handles in the order they were made, and a failed
 * attempt leaves marks, handles of ours, before and after what it made. There may be tens of thousands of handles:
 * they are walked for all attempts of a second together.
 *
 * While it tells of a failure libwebsockets is not yet done with the handle and stops it once more, which a
 * handle that is being closed does not survive. So those handles are closed in the next turn. */
#include "context_lws.h"

#include <stdlib.h>

#if LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR < 3

enum { REAP_AFTER_MS = 1000 };

static const char before, after; /* what a mark's data points to */

struct walk {
    const struct tg_context *context;
    bool is_marked; /* between two marks */
};

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static uv_handle_t *make_mark(uv_loop_t *loop, const char *kind)
{
    uv_timer_t *mark = tg_alloc(sizeof(*mark));

    uv_timer_init(loop, mark);
    uv_handle_set_data((uv_handle_t *)mark, (void *)(uintptr_t)kind);
    return (uv_handle_t *)mark;
}

static bool is_orphan(const uv_handle_t *handle)
{
    return uv_handle_get_type(handle) == UV_POLL && !uv_is_active(handle) && !uv_is_closing(handle);
}

static bool is_mark(const uv_handle_t *handle, const char *kind)
{
    return uv_handle_get_type(handle) == UV_TIMER && uv_handle_get_data(handle) == kind &&
           !uv_is_closing(handle);
}

static bool has_failed(const struct tg_context *context, const uv_handle_t *handle)
{
    for (size_t i = 0; i < context->failed_count; i++)
        if (uv_handle_get_data(handle) == context->failed[i])
            return true;
    return false;
}

static void visit(uv_handle_t *handle, void *arg)
{
    struct walk *walk = arg;
    bool is_before = is_mark(handle, &before), is_after = is_mark(handle, &after);

    if (is_before || is_after) {
        walk->is_marked = is_before;
        uv_close(handle, on_closed);
    } else if (is_orphan(handle) && (walk->is_marked || has_failed(walk->context, handle))) {
        uv_close(handle, on_closed);
    }
}

void tg_handles_reap(struct tg_context *context)
{
    struct walk walk = { .context = context };

    uv_walk(tg_worker_loop(context->worker), visit, &walk);
    context->failed_count = 0;
}

static void on_reap_time(void *arg)
{
    tg_handles_reap(arg);
}

static struct tg_timer *reap_timer(struct tg_context *context)
{
    if (!context->reap_timer)
        context->reap_timer = tg_timer_new(context->worker, on_reap_time, context);
    return context->reap_timer;
}

uv_handle_t *tg_handles_mark(struct tg_context *context)
{
    return make_mark(tg_worker_loop(context->worker), &before);
}

void tg_handles_unmark(struct tg_context *context, uv_handle_t *mark, bool has_connection)
{
    if (has_connection) {
        uv_close(mark, on_closed);
        return;
    }
    struct tg_timer *timer = reap_timer(context);
    make_mark(tg_worker_loop(context->worker), &after);
    if (!tg_timer_is_running(timer))
        tg_timer_start(timer, REAP_AFTER_MS);
}

void tg_handles_reap_later(struct tg_context *context, struct lws *wsi)
{
    if (lws_get_socket_fd(wsi) != LWS_SOCK_INVALID)
        return;
    context->failed = tg_realloc_array(context->failed, context->failed_count + 1, sizeof(*context->failed));
    context->failed[context->failed_count++] = wsi;
    tg_timer_start(reap_timer(context), 0);
}

#else

uv_handle_t *tg_handles_mark(struct tg_context *context)
{
    (void)context;
    return NULL;
}

void tg_handles_unmark(struct tg_context *context, uv_handle_t *mark, bool has_connection)
{
    (void)context, (void)mark, (void)has_connection;
}

void tg_handles_reap(struct tg_context *context)
{
    (void)context;
}

void tg_handles_reap_later(struct tg_context *context, struct lws *wsi)
{
    (void)context, (void)wsi;
}

#endif
