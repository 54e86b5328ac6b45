/* Gates: the pacer's glue. One pacer for the process, under a lock; a gate for each worker, which its attempts ask.
 *
 *     attempt ─► ask ──yes──► connect
 *                 └─ no ─► ticket ─► turn (a timer of some worker) ─ mail ─► on_turn
 *
 * What crosses threads is the number of a ticket: an attempt that has given up is not found, and its slot goes to the
 * next. */
#ifndef TIDEGATE_UPSTREAM_GATE_H
#define TIDEGATE_UPSTREAM_GATE_H

#include "pacer.h"
#include "tidegate/config.h"
#include "tidegate/runtime.h"

#include <uthash.h>

struct tg_gates;
struct tg_gate;

/* NULL when the rate knows no limit. The main thread, before the workers run. */
struct tg_gates *tg_gates_new(struct tg_worker_pool *pool, const struct tg_config_rate *rate);
void tg_gates_free(struct tg_gates *gates); /* the pool has been stopped; NULL is fine */
struct tg_gate *tg_gates_get(struct tg_gates *gates, size_t worker_index); /* NULL of NULL */

/* On whose behalf attempts are made: the upstreams of one configured stream on one worker. */
struct tg_caller {
    struct tg_gate *gate;      /* NULL: no limit */
    uint64_t stream;           /* its number */
    _Atomic uint64_t *delayed; /* attempts that had to wait, ever */
    _Atomic uint64_t *waiting; /* that wait now */
};

/* An attempt's place in line; embedded, zeroed. The worker's thread. */
struct tg_pass {
    const struct tg_caller *caller;
    uint64_t ticket; /* 0: it does not wait */
    void (*on_turn)(void *arg);
    void *arg;
    UT_hash_handle hh;
};

/* True: connect now. False: on_turn is called, never from within, unless the pass is given up before. `caller` outlives
 * that; NULL: no limit. */
bool tg_pass_ask(struct tg_pass *pass, const struct tg_caller *caller, const char *host, uint16_t port,
                 void (*on_turn)(void *arg), void *arg);
void tg_pass_give_up(struct tg_pass *pass); /* nothing happens if it does not wait */

#endif
