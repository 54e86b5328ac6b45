/* The messages of a jq filter: see jq_queue.h. */
#include "jq_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    REST_FIRST_MS = 1000,
    REST_MAX_MS = 30 * 1000,
    WELL_MS = 60 * 1000, /* after so long without a failure, the next one counts as the first */
};

/* ---- jobs -------------------------------------------------------------------------------------- */

struct jq_job *jq_job_new(struct tg_jq_user *user, struct tg_str json)
{
    struct jq_job *job = malloc(sizeof(*job) + json.length + 1);

    if (!job)
        return NULL;
    *job = (struct jq_job){ .user = user, .head = { TG_JQ_MESSAGE, (uint32_t)json.length } };
    if (json.length > 0)
        memcpy(job->text, json.data, json.length);
    job->text[json.length] = '\0';
    return job;
}

struct tg_str jq_job_frame(const struct jq_job *job)
{
    _Static_assert(offsetof(struct jq_job, text) == offsetof(struct jq_job, head) + sizeof(job->head),
                   "the text follows its head");
    return (struct tg_str){ (const char *)job + offsetof(struct jq_job, head),
                            sizeof(job->head) + job->head.length };
}

void jq_queue_tell(struct jq_job *job, enum tg_err err, struct tg_str outputs)
{
    struct tg_jq_user *user = job->user;

    if (user) {
        user->is_telling = true;
        user->on_done(user->arg, (struct tg_str){ job->text, job->head.length }, err, outputs);
        user->is_telling = false;
    }
    free(job);
}

/* ---- waiting, in turn -------------------------------------------------------------------------- */

void jq_queue_put(struct jq_queue *queue, struct jq_job *job)
{
    struct tg_jq_user *user = job->user;

    if (!user->waiting)
        DL_APPEND(queue->ring, user);
    DL_APPEND(user->waiting, job);
}

static struct jq_job *take_waiting(struct jq_queue *queue, struct tg_jq_user *user)
{
    struct jq_job *job = user->waiting;

    DL_DELETE(user->waiting, job);
    DL_DELETE(queue->ring, user);
    if (user->waiting)
        DL_APPEND(queue->ring, user);
    return job;
}

bool jq_queue_has_work(const struct jq_queue *queue)
{
    return queue->again || queue->ring;
}

void jq_queue_tell_failed(struct jq_queue *queue)
{
    struct tg_jq_user *user;
    size_t left;

    if (queue->again)
        return; /* soon, when it is known what becomes of those */
    DL_COUNT(queue->ring, user, left);
    for (; left > 0 && queue->ring; left--) {
        user = queue->ring;
        DL_DELETE(queue->ring, user);
        DL_APPEND(queue->ring, user);
        while (user->waiting && user->waiting->err && user->sent_count == 0) {
            struct jq_job *job = take_waiting(queue, user);
            jq_queue_tell(job, job->err, TG_STR(""));
        }
    }
}

/* Of those whose turn it is, one that has something to be sent. */
static struct jq_job *take_next(struct jq_queue *queue)
{
    struct tg_jq_user *user;

    DL_FOREACH(queue->ring, user)
    if (!user->waiting->err)
        return take_waiting(queue, user);
    return NULL;
}

/* ---- sent -------------------------------------------------------------------------------------- */

struct jq_job *jq_queue_send_next(struct jq_queue *queue)
{
    struct jq_job *job = queue->again;

    if (job) {
        DL_DELETE(queue->again, job);
        queue->again_count--;
    } else {
        job = take_next(queue);
    }
    if (!job)
        return NULL;
    DL_APPEND(queue->sent, job);
    queue->sent_count++;
    queue->sent_bytes += job->head.length;
    if (job->user)
        job->user->sent_count++;
    return job;
}

struct jq_job *jq_queue_take_first(struct jq_queue *queue)
{
    struct jq_job *job = queue->sent;

    if (!job)
        return NULL;
    DL_DELETE(queue->sent, job);
    queue->sent_count--;
    queue->sent_bytes -= job->head.length;
    if (job->user)
        job->user->sent_count--;
    return job;
}

/* Those that were put again before have all been sent when any other is. */
void jq_queue_take_back(struct jq_queue *queue, bool has_ended)
{
    struct jq_job *job, *again = NULL;

    while ((job = jq_queue_take_first(queue))) {
        if (job->user) {
            job->is_retried = job->is_retried || has_ended;
            DL_APPEND(again, job);
            queue->again_count++;
        } else {
            free(job);
        }
    }
    DL_CONCAT(again, queue->again);
    queue->again = again;
}

/* ---- failing and forgetting -------------------------------------------------------------------- */

void jq_queue_fail(struct jq_queue *queue, struct tg_jq_user *user, enum tg_err err)
{
    struct jq_job *job, *next;

    DL_FOREACH_SAFE(queue->again, job, next)
    {
        if (user && job->user != user)
            continue;
        DL_DELETE(queue->again, job);
        queue->again_count--;
        jq_queue_tell(job, err, TG_STR(""));
    }
    for (struct tg_jq_user *at = user ? user : queue->ring; at && at->waiting;
         at = user ? user : queue->ring) {
        job = take_waiting(queue, at);
        jq_queue_tell(job, err, TG_STR(""));
    }
}

void jq_queue_forget(struct jq_queue *queue, struct tg_jq_user *user)
{
    struct jq_job *job, *next;

    assert(!user->is_telling);
    while (user->waiting)
        free(take_waiting(queue, user));
    DL_FOREACH_SAFE(queue->again, job, next)
    {
        if (job->user != user)
            continue;
        DL_DELETE(queue->again, job);
        queue->again_count--;
        free(job);
    }
    DL_FOREACH(queue->sent, job)
    if (job->user == user)
        job->user = NULL;
}

void jq_queue_deinit(struct jq_queue *queue)
{
    assert(!queue->ring);
    jq_queue_take_back(queue, false);
    assert(!queue->again);
}

/* ---- rests ------------------------------------------------------------------------------------- */

bool jq_user_is_resting(const struct tg_jq_user *user, uint64_t now_ms)
{
    return user->has_failed && now_ms - user->failed_ms < user->rest_ms;
}

void jq_user_count_failure(struct tg_jq_user *user, uint64_t now_ms)
{
    bool is_first = !user->has_failed || now_ms - user->failed_ms > WELL_MS;
    uint64_t next_ms = is_first ? 0 : user->rest_ms == 0 ? REST_FIRST_MS : 2 * user->rest_ms;

    user->rest_ms = next_ms < REST_MAX_MS ? next_ms : REST_MAX_MS;
    user->has_failed = true;
    user->failed_ms = now_ms;
}
