/* Gates: asking, waiting, turns.
 *
 * Each gate where somebody waits runs a timer for the pacer's next turn, whoever's that is. So a turn is late only if all
 * of these workers are busy. */
#include "gate.h"

#include "source.h"

#include <pthread.h>
#include <stdlib.h>

enum { GRANTS_AT_ONCE = 64 };

struct tg_gate {
    struct tg_gates *gates;
    struct tg_worker *worker;
    /* the worker's thread */
    struct tg_timer *timer; /* NULL: nobody has ever waited here */
    struct tg_pass *passes; /* those that wait, by ticket */
};

struct tg_gates {
    size_t count;
    struct tg_gate *gates; /* by worker */
    pthread_mutex_t lock;
    struct tg_pacer *pacer; /* under the lock */
};

struct tg_gates *tg_gates_new(struct tg_worker_pool *pool, const struct tg_config_rate *rate)
{
    const struct tg_pace pace = {
        .per_second = (uint64_t)rate->per_second,
        .burst = (uint64_t)(rate->burst > 0 ? rate->burst : rate->per_second / 2),
    };

    if (pace.per_second == 0)
        return NULL;
    struct tg_gates *gates = tg_alloc(sizeof(*gates));
    gates->count = tg_worker_pool_size(pool);
    gates->gates = tg_alloc(gates->count * sizeof(*gates->gates));
    for (size_t i = 0; i < gates->count; i++)
        gates->gates[i] = (struct tg_gate){ .gates = gates, .worker = tg_worker_pool_get(pool, i) };
    pthread_mutex_init(&gates->lock, NULL);
    gates->pacer = tg_pacer_new(&pace, tg_random_below);
    return gates;
}

struct tg_gate *tg_gates_get(struct tg_gates *gates, size_t worker_index)
{
    return gates ? &gates->gates[worker_index] : NULL;
}

void tg_gates_free(struct tg_gates *gates)
{
    if (!gates)
        return;
    for (size_t i = 0; i < gates->count; i++)
        tg_timer_free(gates->gates[i].timer);
    tg_pacer_free(gates->pacer);
    pthread_mutex_destroy(&gates->lock);
    free(gates->gates);
    free(gates);
}

/* ---- turns ------------------------------------------------------------------------------------- */

static void stop_waiting(struct tg_pass *pass)
{
    HASH_DEL(pass->caller->gate->passes, pass);
    tg_figure_add(pass->caller->waiting, (uint64_t)-1);
    pass->ticket = 0;
}

static void on_turn_mail(void *context, uint64_t id, uint64_t value)
{
    struct tg_gate *gate = context;
    struct tg_pass *pass;

    (void)value;
    HASH_FIND(hh, gate->passes, &id, sizeof(id), pass);
    if (!pass)
        return;
    pthread_mutex_lock(&gate->gates->lock);
    tg_pacer_collect(gate->gates->pacer, id);
    pthread_mutex_unlock(&gate->gates->lock);
    stop_waiting(pass);
    pass->on_turn(pass->arg);
}

static void arm(struct tg_gate *gate, uint64_t next_ms)
{
    uint64_t now_ms = tg_worker_now_ms(gate->worker);

    if (!gate->passes || next_ms == UINT64_MAX)
        tg_timer_stop(gate->timer);
    else
        tg_timer_start(gate->timer, next_ms > now_ms ? next_ms - now_ms : 0);
}

static void on_time(void *arg)
{
    struct tg_gate *gate = arg;
    struct tg_gates *gates = gate->gates;
    struct tg_pacer_grant grants[GRANTS_AT_ONCE];

    pthread_mutex_lock(&gates->lock);
    size_t count = tg_pacer_take_due(gates->pacer, tg_worker_now_ms(gate->worker), grants, GRANTS_AT_ONCE);
    uint64_t next_ms = tg_pacer_next_ms(gates->pacer);
    pthread_mutex_unlock(&gates->lock);
    for (size_t i = 0; i < count; i++) {
        struct tg_gate *other = &gates->gates[grants[i].worker];
        tg_worker_post(other->worker, on_turn_mail, other, grants[i].ticket, 0);
    }
    arm(gate, next_ms);
}

/* ---- passes ------------------------------------------------------------------------------------ */

bool tg_pass_ask(struct tg_pass *pass, const struct tg_caller *caller, const char *host, uint16_t port,
                 void (*on_turn)(void *arg), void *arg)
{
    struct tg_gate *gate = caller ? caller->gate : NULL;

    if (!gate)
        return true;
    const struct tg_pacer_attempt attempt = {
        .host = host,
        .port = port,
        .stream = caller->stream,
        .worker = tg_worker_index(gate->worker),
    };
    pthread_mutex_lock(&gate->gates->lock);
    uint64_t ticket = tg_pacer_ask(gate->gates->pacer, &attempt, tg_worker_now_ms(gate->worker));
    uint64_t next_ms = tg_pacer_next_ms(gate->gates->pacer);
    pthread_mutex_unlock(&gate->gates->lock);
    if (ticket == 0)
        return true;
    *pass = (struct tg_pass){ .caller = caller, .ticket = ticket, .on_turn = on_turn, .arg = arg };
    HASH_ADD(hh, gate->passes, ticket, sizeof(pass->ticket), pass);
    tg_figure_add(caller->delayed, 1);
    tg_figure_add(caller->waiting, 1);
    if (!gate->timer)
        gate->timer = tg_timer_new(gate->worker, on_time, gate);
    arm(gate, next_ms);
    return false;
}

void tg_pass_give_up(struct tg_pass *pass)
{
    if (pass->ticket == 0)
        return;
    struct tg_gates *gates = pass->caller->gate->gates;
    pthread_mutex_lock(&gates->lock);
    tg_pacer_give_up(gates->pacer, pass->ticket);
    pthread_mutex_unlock(&gates->lock);
    stop_waiting(pass);
}
