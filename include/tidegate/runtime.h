/* Layer 2, runtime: workers, mailboxes, timers.
 *
 * A worker is one thread that runs one libuv loop. Whatever belongs to a worker (streams' writers,
 * upstreams, subscribers) is touched by its thread alone. What crosses workers goes through a worker's
 * mailbox, by id: a mail names what it is about with a number that the receiver looks up in its own
 * tables, so that a mail about something that is gone meanwhile finds nothing and is dropped.
 *
 * A turn is one round of the loop. After the turn's I/O the worker runs its turn hooks, first all of
 * phase TG_TURN_PUBLISH (streams tell their readers what was appended in this turn), then all of phase
 * TG_TURN_DELIVER (subscribers are written to): so everything that arrived in one turn leaves in one write. Phase
 * TG_TURN_CATCH_UP comes last, for work that can wait for the next turn when there is much of it. */
#ifndef TIDEGATE_RUNTIME_H
#define TIDEGATE_RUNTIME_H

#include "tidegate/base.h"

struct uv_loop_s;
struct tg_worker;
struct tg_worker_pool;

/* ---- the pool: called by the main thread ------------------------------------------------------ */

/* Makes `count` workers (at least 1; 0 stands for one per core that this process may use). Their loops
 * exist at once, so handles may be set up on them before tg_worker_pool_start. */
enum tg_err tg_worker_pool_new(size_t count, struct tg_worker_pool **ret_pool);
size_t tg_worker_pool_size(const struct tg_worker_pool *pool);                         /* any thread */
struct tg_worker *tg_worker_pool_get(const struct tg_worker_pool *pool, size_t index); /* any thread */
enum tg_err
tg_worker_pool_start(struct tg_worker_pool *pool); /* starts the threads, signals blocked in them */
/* Asks every worker to leave its loop after the turn at hand, and joins them. Handles on the loops may
 * then be closed by the main thread. */
void tg_worker_pool_stop(struct tg_worker_pool *pool);
/* Runs each loop until all handles are closed, then frees everything. The pool must be stopped, and whoever
 * put handles on a loop must have closed them. A name lookup cannot be called off: if one is still on its way, its
 * loop's memory stays. */
void tg_worker_pool_free(struct tg_worker_pool *pool);
/* Such a lookup was left behind: exit(3) would wait for it, so the process is to end by _exit(2). Main thread. */
bool tg_worker_pool_has_stragglers(void);

/* ---- a worker --------------------------------------------------------------------------------- */

size_t tg_worker_index(const struct tg_worker *worker);           /* any thread */
struct uv_loop_s *tg_worker_loop(const struct tg_worker *worker); /* any thread may ask, its own may use */
bool tg_worker_is_current(const struct tg_worker *worker);        /* any thread */
/* The loop's cached monotonic time: no system call. The worker's thread. */
uint64_t tg_worker_now_ms(const struct tg_worker *worker);

/* ---- mailbox ---------------------------------------------------------------------------------- */

/* Runs on the receiving worker's thread. `context` is something that lives as long as the pool (a layer's
 * per-worker table), `id` names what the mail is about, `value` is a number to go with it. */
typedef void tg_mail_fn(void *context, uint64_t id, uint64_t value);

/* Any thread. Mails of one sender arrive in order, all that wait are delivered in one turn, and waking the
 * worker costs at most one system call for each turn. Mails to a stopped worker are dropped. */
void tg_worker_post(struct tg_worker *worker, tg_mail_fn *deliver, void *context, uint64_t id,
                    uint64_t value);

/* ---- turn hooks; the worker's thread, or before the start ------------------------------------- */

enum tg_turn_phase { TG_TURN_PUBLISH, TG_TURN_DELIVER, TG_TURN_CATCH_UP, TG_TURN_PHASES };

struct tg_turn_hook { /* embedded; zero it, set `run` */
    void (*run)(struct tg_turn_hook *hook, struct tg_worker *worker);
    struct tg_turn_hook *next;
    bool is_due;
};
/* Has the hook run once in the given phase at the end of this turn; further calls before that change
 * nothing. A hook may make hooks of later phases due in the same turn; one that makes itself due again runs in the next
 * turn, which then does not wait for anything. */
void tg_worker_run_at_turn_end(struct tg_worker *worker, enum tg_turn_phase phase, struct tg_turn_hook *hook);
/* Takes the hook back if it is due. */
void tg_worker_cancel_turn_hook(struct tg_worker *worker, enum tg_turn_phase phase,
                                struct tg_turn_hook *hook);

/* ---- timers; the worker's thread -------------------------------------------------------------- */

/* One-shot timer for the few that need one of their own (an upstream's back-off). Allocated, since the
 * loop gives it back later than the call that frees it. */
struct tg_timer;
struct tg_timer *tg_timer_new(struct tg_worker *worker, void (*on_fire)(void *arg), void *arg);
void tg_timer_start(struct tg_timer *timer, uint64_t delay_ms); /* restarts it when it runs */
void tg_timer_stop(struct tg_timer *timer);
bool tg_timer_is_running(const struct tg_timer *timer);
void tg_timer_free(struct tg_timer *timer); /* NULL is fine; no call of on_fire follows */

/* Calls on_tick each second of the worker's life, for whoever keeps many deadlines in a table of its own
 * (heartbeats, stalls). `tick` is embedded and stays linked until the pool is freed. */
struct tg_tick {
    void (*on_tick)(struct tg_tick *tick, struct tg_worker *worker, uint64_t now_ms);
    struct tg_tick *next;
};
void tg_worker_add_tick(struct tg_worker *worker, struct tg_tick *tick);

#endif
