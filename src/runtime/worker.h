/* Inside the runtime: what a worker is made of. */
#ifndef TIDEGATE_RUNTIME_WORKER_H
#define TIDEGATE_RUNTIME_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "mailbox.h"
#include "tidegate/runtime.h"

struct turn_list {
    struct tg_turn_hook *first;
    struct tg_turn_hook *last;
};

struct tg_worker {
    size_t index;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t wake;      /* mails have come, or the worker shall stop */
    uv_prepare_t prepare; /* the turn hooks of what timers did, before the loop sleeps */
    uv_check_t check;     /* the turn hooks of what I/O did */
    uv_idle_t idle;       /* runs while hooks are due, so that the loop does not sleep over them */
    uv_timer_t tick_timer;
    struct mailbox mailbox;
    atomic_bool is_stopping;
    struct turn_list due[TG_TURN_PHASES];
    struct tg_tick *ticks;
};

enum tg_err worker_init(struct tg_worker *worker, size_t index);
/* Closes the worker's own handles and runs the loop until it has none left. False: something on the loop is still
 * under way, so its memory must stay. */
bool worker_deinit(struct tg_worker *worker);
enum tg_err worker_start_thread(struct tg_worker *worker);
void worker_ask_to_stop(struct tg_worker *worker); /* any thread */

/* Turn hooks; turn.c. */
void turn_run_due(struct tg_worker *worker);
bool turn_has_due(const struct tg_worker *worker);

#endif
