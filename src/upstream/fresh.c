/* Reading files again, away from the workers. */
#include "fresh.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <utlist.h>
#include <uv.h>

struct tg_generation {
    _Atomic size_t refs;
    struct tg_config_stream *config;
};

struct tg_fresh {
    _Atomic size_t refs; /* its owner, and each job */
    const char *name;
    pthread_mutex_t reading; /* for the next one; held while a disk takes its time */
    struct tg_config_refresh *refresh;
    pthread_mutex_t lock; /* for the next one; workers take it */
    struct tg_generation *current;
};

struct fresh_job {
    uv_work_t request;
    struct tg_fresh *fresh;
    struct tg_fresh_queue *queue; /* NULL: nobody waits for it */
    struct tg_worker *worker;
};

/* ---- generations --------------------------------------------------------------------------------- */

const struct tg_config_stream *tg_generation_config(const struct tg_generation *generation)
{
    return generation->config;
}

void tg_generation_unref(struct tg_generation *generation)
{
    if (!generation || atomic_fetch_sub(&generation->refs, 1) > 1)
        return;
    tg_config_stream_free(generation->config);
    free(generation);
}

struct tg_generation *tg_fresh_take(struct tg_fresh *fresh)
{
    pthread_mutex_lock(&fresh->lock);
    struct tg_generation *generation = fresh->current;
    if (generation)
        atomic_fetch_add(&generation->refs, 1);
    pthread_mutex_unlock(&fresh->lock);
    return generation;
}

/* Takes the configuration. */
static void replace(struct tg_fresh *fresh, struct tg_config_stream *config)
{
    struct tg_generation *generation = tg_alloc(sizeof(*generation));

    atomic_init(&generation->refs, 1);
    generation->config = config;
    pthread_mutex_lock(&fresh->lock);
    struct tg_generation *before = fresh->current;
    fresh->current = generation;
    pthread_mutex_unlock(&fresh->lock);
    tg_generation_unref(before);
}

/* ---- life ---------------------------------------------------------------------------------------- */

struct tg_fresh *tg_fresh_new(const struct tg_config_stream *config)
{
    struct tg_config_refresh *refresh = tg_config_refresh_new(config);

    if (!refresh)
        return NULL;
    struct tg_fresh *fresh = tg_alloc(sizeof(*fresh));
    atomic_init(&fresh->refs, 1);
    fresh->name = config->name;
    fresh->refresh = refresh;
    pthread_mutex_init(&fresh->reading, NULL);
    pthread_mutex_init(&fresh->lock, NULL);
    return fresh;
}

void tg_fresh_free(struct tg_fresh *fresh)
{
    if (!fresh || atomic_fetch_sub(&fresh->refs, 1) > 1)
        return;
    tg_config_refresh_free(fresh->refresh);
    tg_generation_unref(fresh->current);
    pthread_mutex_destroy(&fresh->reading);
    pthread_mutex_destroy(&fresh->lock);
    free(fresh);
}

/* ---- a job: one of libuv's threads ---------------------------------------------------------------- */

static void tell(void *arg, const char *file, const char *why)
{
    const struct tg_fresh *fresh = arg;

    if (why)
        tg_log(TG_LOG_WARNING, "upstream", "file_not_taken", TG_F_STR("stream", fresh->name),
               TG_F_STR("file", file), TG_F_STR("why", why));
    else
        tg_log(TG_LOG_INFO, "upstream", "file_read_again", TG_F_STR("stream", fresh->name),
               TG_F_STR("file", file));
}

static void on_work(uv_work_t *request)
{
    struct tg_fresh *fresh = TG_CONTAINER_OF(request, struct fresh_job, request)->fresh;

    pthread_mutex_lock(&fresh->reading);
    struct tg_config_stream *config = tg_config_refresh_read(fresh->refresh, tell, fresh);
    if (config)
        replace(fresh, config);
    pthread_mutex_unlock(&fresh->reading);
}

/* ---- the queue: the worker's thread ---------------------------------------------------------------- */

static void start_job(struct tg_fresh_queue *queue, struct tg_worker *worker);

static void tell_all(struct tg_fresh_queue *queue)
{
    while (queue->now) {
        struct tg_fresh_wait *wait = queue->now;
        DL_DELETE(queue->now, wait);
        wait->queue = NULL;
        wait->on_fresh(wait->arg);
    }
}

static void on_work_done(uv_work_t *request, int status)
{
    struct fresh_job *job = TG_CONTAINER_OF(request, struct fresh_job, request);
    struct tg_fresh_queue *queue = job->queue;
    struct tg_worker *worker = job->worker;
    struct tg_fresh_wait *wait;

    (void)status;
    tg_fresh_free(job->fresh);
    free(job);
    if (!queue)
        return;
    tell_all(queue); /* a call from within asks for the next job: this one still counts as under way */
    queue->job = NULL;
    queue->now = queue->next;
    queue->next = NULL;
    DL_FOREACH(queue->now, wait)
    wait->is_next = false;
    if (queue->now)
        start_job(queue, worker);
}

static void start_job(struct tg_fresh_queue *queue, struct tg_worker *worker)
{
    struct fresh_job *job = tg_alloc(sizeof(*job));

    atomic_fetch_add(&queue->fresh->refs, 1);
    job->fresh = queue->fresh;
    job->queue = queue;
    job->worker = worker;
    queue->job = job;
    int result = uv_queue_work(tg_worker_loop(worker), &job->request, on_work, on_work_done);
    assert(result == 0); /* it fails without a function to call, for nothing else */
    (void)result;
}

void tg_fresh_ask(struct tg_fresh_queue *queue, struct tg_worker *worker, struct tg_fresh_wait *wait)
{
    assert(!wait->queue);
    wait->queue = queue;
    wait->is_next = queue->job != NULL;
    if (wait->is_next) {
        DL_APPEND(queue->next, wait);
        return;
    }
    DL_APPEND(queue->now, wait);
    start_job(queue, worker);
}

void tg_fresh_cancel(struct tg_fresh_wait *wait)
{
    struct tg_fresh_queue *queue = wait->queue;

    if (!queue)
        return;
    if (wait->is_next)
        DL_DELETE(queue->next, wait);
    else
        DL_DELETE(queue->now, wait);
    wait->queue = NULL;
}

void tg_fresh_queue_deinit(struct tg_fresh_queue *queue)
{
    if (!queue->job)
        return;
    queue->job->queue = NULL;
    uv_cancel((uv_req_t *)&queue->job->request);
    queue->job = NULL;
}
