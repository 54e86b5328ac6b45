/* Watching a descriptor that is not ours: the one place that uses uv_poll, since libwebsockets would close what it
 * watches. */
#include "tidegate/net.h"

#include <stdlib.h>
#include <uv.h>

struct tg_watch {
    uv_poll_t poll;
    void (*on_events)(void *arg, int fd, unsigned events);
    void *arg;
    int fd;
    unsigned watched;
};

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct tg_watch *watch = TG_CONTAINER_OF(handle, struct tg_watch, poll);
    unsigned told = 0;

    if (status < 0) {
        /* libuv has stopped the handle; data may lie before the error. */
        unsigned watched = watch->watched;
        watch->watched = 0;
        tg_watch_set(watch, watched);
        told = TG_SOCKET_READABLE | TG_SOCKET_WRITABLE;
    }
    if (events & UV_READABLE)
        told |= TG_SOCKET_READABLE;
    if (events & UV_WRITABLE)
        told |= TG_SOCKET_WRITABLE;
    watch->on_events(watch->arg, watch->fd, told);
}

struct tg_watch *tg_watch_new(struct tg_worker *worker, int fd,
                              void (*on_events)(void *arg, int fd, unsigned events), void *arg)
{
    struct tg_watch *watch = tg_alloc(sizeof(*watch));

    watch->on_events = on_events;
    watch->arg = arg;
    watch->fd = fd;
    if (uv_poll_init(tg_worker_loop(worker), &watch->poll, fd) == 0)
        return watch;
    free(watch);
    return NULL;
}

void tg_watch_set(struct tg_watch *watch, unsigned events)
{
    if (watch->watched == events)
        return;
    watch->watched = events;
    uv_poll_start(&watch->poll,
                  (events & TG_SOCKET_READABLE ? UV_READABLE : 0) |
                      (events & TG_SOCKET_WRITABLE ? UV_WRITABLE : 0),
                  on_poll);
}

static void on_closed(uv_handle_t *handle)
{
    free(TG_CONTAINER_OF((uv_poll_t *)handle, struct tg_watch, poll));
}

void tg_watch_free(struct tg_watch *watch)
{
    if (watch)
        uv_close((uv_handle_t *)&watch->poll, on_closed);
}
