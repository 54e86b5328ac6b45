/* The pool: all workers of the process, made, started and stopped together. */
#include "worker.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

struct tg_worker_pool {
    size_t count;
    size_t started;
    struct tg_worker *workers;
};

static size_t usable_cores(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (size_t)count : 1;
}

enum tg_err tg_worker_pool_new(size_t count, struct tg_worker_pool **ret_pool)
{
    struct tg_worker_pool *pool = tg_alloc(sizeof *pool);
    size_t wanted = count ? count : usable_cores();

    pool->workers = tg_alloc(wanted * sizeof *pool->workers);
    for (; pool->count < wanted; pool->count++) {
        enum tg_err err = worker_init(&pool->workers[pool->count], pool->count);
        if (err != TG_OK) {
            tg_worker_pool_free(pool);
            return err;
        }
    }
    *ret_pool = pool;
    return TG_OK;
}

size_t tg_worker_pool_size(const struct tg_worker_pool *pool)
{
    return pool->count;
}

struct tg_worker *tg_worker_pool_get(const struct tg_worker_pool *pool, size_t index)
{
    return &pool->workers[index];
}

enum tg_err tg_worker_pool_start(struct tg_worker_pool *pool)
{
    for (; pool->started < pool->count; pool->started++) {
        enum tg_err err = worker_start_thread(&pool->workers[pool->started]);
        if (err != TG_OK) {
            tg_worker_pool_stop(pool);
            return err;
        }
    }
    return TG_OK;
}

void tg_worker_pool_stop(struct tg_worker_pool *pool)
{
    for (size_t i = 0; i < pool->started; i++)
        worker_ask_to_stop(&pool->workers[i]);
    for (size_t i = 0; i < pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pool->started = 0;
    for (size_t i = 0; i < pool->count; i++)
        mailbox_close(&pool->workers[i].mailbox);
}

static atomic_bool has_stragglers; /* of any pool: tests free theirs on several threads */

void tg_worker_pool_free(struct tg_worker_pool *pool)
{
    bool is_over = true;

    if (!pool)
        return;
    for (size_t i = 0; i < pool->count; i++)
        is_over = worker_deinit(&pool->workers[i]) && is_over;
    if (is_over)
        free(pool->workers);
    else
        atomic_store(&has_stragglers, true);
    free(pool);
}

bool tg_worker_pool_has_stragglers(void)
{
    return atomic_load(&has_stragglers);
}
