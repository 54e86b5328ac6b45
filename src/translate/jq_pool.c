/* The jq filters of a worker: users of equal ones share one. */
#include "jq_pool.h"

#include <stdlib.h>
#include <string.h>

/* ---- the pool ---------------------------------------------------------------------------------- */

struct tg_jq_pool *tg_jq_pool_new(struct tg_worker *worker)
{
    struct tg_jq_pool *pool = tg_alloc(sizeof(*pool));

    pool->worker = worker;
    pool->reaper = tg_jq_reaper_new(worker);
    return pool;
}

void tg_jq_pool_free(struct tg_jq_pool *pool)
{
    struct tg_jq *jq, *next;

    if (!pool)
        return;
    pool->is_closing = true;
    HASH_ITER(hh, pool->filters, jq, next)
    filter_free(jq);
    tg_jq_reaper_free(pool->reaper);
    free(pool);
}

struct tg_worker *tg_jq_pool_worker(const struct tg_jq_pool *pool)
{
    return pool->worker;
}

/* Filters are equal if the first words to their processes are. */
static struct tg_jq *find_or_make(struct tg_jq_pool *pool, const struct tg_jq_options *options)
{
    size_t max_bytes = options->max_output_bytes;
    struct tg_jq_limits limits = {
        .timeout_ms = options->timeout_ms,
        .max_output_bytes = max_bytes < TG_JQ_OUTPUT_MAX_BYTES ? max_bytes : TG_JQ_OUTPUT_MAX_BYTES,
    };
    struct tg_buffer key = { 0 };
    struct tg_jq *jq = NULL;

    if (tg_buffer_append(&key, &limits, sizeof(limits)) || tg_buffer_append_str(&key, options->filter)) {
        tg_buffer_deinit(&key);
        return NULL;
    }
    HASH_FIND(hh, pool->filters, key.data, key.length, jq);
    if (!jq)
        return filter_new(pool, &key, &limits);
    tg_buffer_deinit(&key);
    return jq;
}

/* ---- users ------------------------------------------------------------------------------------- */

struct tg_jq_user *tg_jq_user_new(struct tg_jq_pool *pool, const struct tg_jq_options *options,
                                  tg_jq_done_fn *on_done, void *arg)
{
    struct tg_jq *jq = find_or_make(pool, options);

    if (!jq)
        return NULL;
    struct tg_jq_user *user = tg_alloc(sizeof(*user));
    *user = (struct tg_jq_user){ .jq = jq, .on_done = on_done, .arg = arg };
    if (jq->user_count++ == 0)
        filter_on_user(jq);
    return user;
}

void tg_jq_user_free(struct tg_jq_user *user)
{
    if (!user)
        return;
    struct tg_jq *jq = user->jq;
    jq_queue_forget(&jq->queue, user);
    free(user);
    if (--jq->user_count == 0)
        filter_on_no_user(jq);
}

enum tg_err tg_jq_put(struct tg_jq_user *user, struct tg_str json)
{
    struct tg_jq *jq = user->jq;

    if (json.length > TG_JQ_MESSAGE_MAX_BYTES)
        return TG_ERR_TOO_LARGE;
    struct jq_job *job = jq_job_new(user, json);
    if (!job)
        return TG_ERR_MEMORY;
    if (jq_user_is_resting(user, filter_rest_clock_ms()))
        job->err = TG_ERR_LIMIT;
    else if (filter_is_refusing(jq))
        job->err = TG_ERR_IO;
    jq_queue_put(&jq->queue, job);
    filter_wake(jq);
    return TG_OK;
}

const char *tg_jq_error(const struct tg_jq_user *user)
{
    return tg_text_or_empty(user->jq->error.data);
}
