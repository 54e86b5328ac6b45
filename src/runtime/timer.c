/* One-shot timers. */
#include "worker.h"

#include <stdlib.h>

struct tg_timer {
    uv_timer_t handle;
    void (*on_fire)(void *arg);
    void *arg;
};

static void on_timeout(uv_timer_t *handle)
{
    struct tg_timer *timer = TG_CONTAINER_OF(handle, struct tg_timer, handle);

    timer->on_fire(timer->arg);
}

struct tg_timer *tg_timer_new(struct tg_worker *worker, void (*on_fire)(void *arg), void *arg)
{
    struct tg_timer *timer = tg_alloc(sizeof *timer);

    timer->on_fire = on_fire;
    timer->arg = arg;
    uv_timer_init(&worker->loop, &timer->handle);
    return timer;
}

void tg_timer_start(struct tg_timer *timer, uint64_t delay_ms)
{
    uv_timer_start(&timer->handle, on_timeout, delay_ms, 0);
}

void tg_timer_stop(struct tg_timer *timer)
{
    uv_timer_stop(&timer->handle);
}

bool tg_timer_is_running(const struct tg_timer *timer)
{
    return uv_is_active((const uv_handle_t *)&timer->handle);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(TG_CONTAINER_OF(handle, struct tg_timer, handle));
}

void tg_timer_free(struct tg_timer *timer)
{
    if (timer)
        uv_close((uv_handle_t *)&timer->handle, on_timer_closed);
}
