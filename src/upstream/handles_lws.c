/* Poll handles left behind.
 *
 * When an attempt to connect fails at once (no route, say), libwebsockets before 4.3 closes the socket,
 * forgets the connection, and leaves its stopped uv_poll_t in the loop for ever: memory for each such
 * attempt, and a loop that cannot be closed. The handle is found by what it points to, or, when the
 * connection was never seen, by its place: a loop walks its handles in the order they were made.
 *
 * While it tells of a failure libwebsockets is not yet done with the handle and stops it once more, which a
 * handle that is being closed does not survive. So those handles are closed in the next turn. */
#include "context_lws.h"

#include <stdlib.h>

#if LWS_LIBRARY_VERSION_MAJOR == 4 && LWS_LIBRARY_VERSION_MINOR < 3

struct search {
    uv_handle_t *last;
    bool is_past;
};

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void remember_last(uv_handle_t *handle, void *arg)
{
    *(uv_handle_t **)arg = handle;
}

static bool is_orphan(const uv_handle_t *handle)
{
    return uv_handle_get_type(handle) == UV_POLL && !uv_is_active(handle) && !uv_is_closing(handle);
}

static void close_after(uv_handle_t *handle, void *arg)
{
    struct search *search = arg;

    if (search->is_past && is_orphan(handle))
        uv_close(handle, on_closed);
    if (handle == search->last)
        search->is_past = true;
}

static void close_owned(uv_handle_t *handle, void *arg)
{
    const struct tg_context *context = arg;

    for (size_t i = 0; i < context->failed_count; i++)
        if (uv_handle_get_data(handle) == context->failed[i] && is_orphan(handle)) {
            uv_close(handle, on_closed);
            return;
        }
}

void tg_handles_mark(uv_loop_t *loop, uv_handle_t **ret_last)
{
    *ret_last = NULL;
    uv_walk(loop, remember_last, ret_last);
}

void tg_handles_reap_after(uv_loop_t *loop, uv_handle_t *last)
{
    struct search search = { .last = last };

    uv_walk(loop, close_after, &search);
}

void tg_handles_reap(struct tg_context *context)
{
    uv_walk(tg_worker_loop(context->worker), close_owned, context);
    context->failed_count = 0;
}

static void on_reap_time(void *arg)
{
    tg_handles_reap(arg);
}

void tg_handles_reap_later(struct tg_context *context, struct lws *wsi)
{
    if (lws_get_socket_fd(wsi) != LWS_SOCK_INVALID)
        return;
    if (!context->reap_timer)
        context->reap_timer = tg_timer_new(context->worker, on_reap_time, context);
    context->failed = tg_realloc_array(context->failed, context->failed_count + 1, sizeof(*context->failed));
    context->failed[context->failed_count++] = wsi;
    tg_timer_start(context->reap_timer, 0);
}

#else

void tg_handles_mark(uv_loop_t *loop, uv_handle_t **ret_last)
{
    (void)loop;
    *ret_last = NULL;
}

void tg_handles_reap_after(uv_loop_t *loop, uv_handle_t *last)
{
    (void)loop, (void)last;
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
