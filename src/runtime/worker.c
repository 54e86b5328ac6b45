/* A worker: one thread, one libuv loop, and the handles by which the rest of the runtime hooks into it. */
#include "worker.h"

#include <signal.h>
#include <stdio.h>

enum { TICK_MS = 1000 };

static _Thread_local const struct tg_worker *current_worker;

static void on_idle(uv_idle_t *handle)
{
    (void)handle; /* that it is active is all: the loop then polls without waiting */
}

static void run_turn_end(struct tg_worker *worker)
{
    turn_run_due(worker);
    if (turn_has_due(worker))
        uv_idle_start(&worker->idle, on_idle);
    else
        uv_idle_stop(&worker->idle);
}

static void on_check(uv_check_t *handle)
{
    run_turn_end(handle->data);
}

static void on_prepare(uv_prepare_t *handle)
{
    run_turn_end(handle->data);
}

static void on_wake(uv_async_t *handle)
{
    struct tg_worker *worker = handle->data;

    mailbox_deliver(&worker->mailbox);
    if (atomic_load_explicit(&worker->is_stopping, memory_order_acquire))
        uv_stop(&worker->loop);
}

static void on_tick_timer(uv_timer_t *handle)
{
    struct tg_worker *worker = handle->data;

    for (struct tg_tick *tick = worker->ticks; tick; tick = tick->next)
        tick->on_tick(tick, worker, uv_now(&worker->loop));
}

enum tg_err worker_init(struct tg_worker *worker, size_t index)
{
    *worker = (struct tg_worker){ .index = index };
    if (uv_loop_init(&worker->loop) != 0)
        return TG_ERR_IO;
    if (uv_async_init(&worker->loop, &worker->wake, on_wake) != 0) {
        uv_loop_close(&worker->loop);
        return TG_ERR_IO;
    }
    mailbox_init(&worker->mailbox);
    uv_prepare_init(&worker->loop, &worker->prepare);
    uv_check_init(&worker->loop, &worker->check);
    uv_idle_init(&worker->loop, &worker->idle);
    uv_timer_init(&worker->loop, &worker->tick_timer);
    worker->wake.data = worker->prepare.data = worker->check.data = worker->tick_timer.data = worker;
    uv_prepare_start(&worker->prepare, on_prepare);
    uv_check_start(&worker->check, on_check);
    uv_timer_start(&worker->tick_timer, on_tick_timer, TICK_MS, TICK_MS);
    return TG_OK;
}

static void on_leaked_handle(uv_handle_t *handle, void *arg)
{
    struct tg_worker *worker = arg;

    if (uv_is_closing(handle))
        return;
    tg_log(TG_LOG_ERROR, "runtime", "handle_left_open", TG_F_INT("worker", worker->index),
           TG_F_STR("type", uv_handle_type_name(uv_handle_get_type(handle))));
}

bool worker_deinit(struct tg_worker *worker)
{
    uv_handle_t *own[] = { (uv_handle_t *)&worker->wake, (uv_handle_t *)&worker->prepare,
                           (uv_handle_t *)&worker->check, (uv_handle_t *)&worker->idle,
                           (uv_handle_t *)&worker->tick_timer };

    for (size_t i = 0; i < TG_COUNT_OF(own); i++)
        uv_close(own[i], NULL);
    /* uv_run returns at once here unless a layer left a handle open; then say so rather than hang. */
    for (int round = 0; round < 1000 && uv_loop_alive(&worker->loop); round++)
        uv_run(&worker->loop, UV_RUN_NOWAIT);
    if (uv_loop_close(&worker->loop) != 0) {
        uv_walk(&worker->loop, on_leaked_handle, worker);
        return false;
    }
    mailbox_deinit(&worker->mailbox);
    return true;
}

static void *run_thread(void *arg)
{
    struct tg_worker *worker = arg;

    current_worker = worker;
    while (!atomic_load_explicit(&worker->is_stopping, memory_order_acquire))
        uv_run(&worker->loop, UV_RUN_DEFAULT);
    return NULL;
}

enum tg_err worker_start_thread(struct tg_worker *worker)
{
    sigset_t all, before;
    char name[16];

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&worker->thread, NULL, run_thread, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return TG_ERR_IO;
    snprintf(name, sizeof name, "worker-%u", (unsigned)(worker->index % 100000));
    pthread_setname_np(worker->thread, name);
    return TG_OK;
}

void worker_ask_to_stop(struct tg_worker *worker)
{
    atomic_store_explicit(&worker->is_stopping, true, memory_order_release);
    uv_async_send(&worker->wake);
}

size_t tg_worker_index(const struct tg_worker *worker)
{
    return worker->index;
}

struct uv_loop_s *tg_worker_loop(const struct tg_worker *worker)
{
    return (uv_loop_t *)&worker->loop;
}

bool tg_worker_is_current(const struct tg_worker *worker)
{
    return current_worker == worker;
}

uint64_t tg_worker_now_ms(const struct tg_worker *worker)
{
    return uv_now(&worker->loop);
}

void tg_worker_post(struct tg_worker *worker, tg_mail_fn *deliver, void *context, uint64_t id, uint64_t value)
{
    const struct mail mail = { deliver, context, id, value };

    if (mailbox_put(&worker->mailbox, &mail))
        uv_async_send(&worker->wake);
}

void tg_worker_add_tick(struct tg_worker *worker, struct tg_tick *tick)
{
    struct tg_tick **end = &worker->ticks;

    while (*end)
        end = &(*end)->next;
    tick->next = NULL;
    *end = tick;
}
