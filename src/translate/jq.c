/* A jq filter and its process: see jq.h.
 *
 *     none ──start──► starting ──DONE──► ready ──jobs──► busy ──answers──► ready
 *      ▲                 │                                │
 *      └── refusing ◄────┘ cannot be started              │ a job takes too long, or too much memory: it is guilty
 *             or does not take the filter                 │ it ended: the jobs are sent again, one by one; over which
 *                        ▲                                │          one it ends then, that is guilty
 *                        └────────── start again ◄────────┘
 *
 * A job's time begins when the one before it is answered. When it is over, the socket is looked at once more: the worker
 * may have been late, not the process. */
#include "jq_pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum {
    START_MS = 20 * 1000, /* slower than that: it will never be ready */
    REFUSE_FIRST_MS = 1000,
    REFUSE_MAX_MS = 30 * 1000,
    UNUSED_MS = 10 * 1000,
    STARTING_MAX = 4,
    LAST_CALL_MS = 1,
    SENT_MAX = 64, /* to the process; more would not be faster, and hold up others longer */
    SENT_BYTES_MAX = 256 * 1024,
    SENT_NS_MAX = 5 * 1000 * 1000, /* and no more than it is done with in this time, about */
    PACE_FIRST_NS = 200 * 1000,
};

/* ---- what is the same for all ------------------------------------------------------------------ */

static char *set_program;
static uint64_t (*set_clock)(void);
static bool is_patient;

void tg_jq_set_program(const char *program)
{
    free(set_program);
    set_program = program ? tg_strdup(program) : NULL;
}

void tg_jq_set_clock(uint64_t (*now_ms)(void))
{
    set_clock = now_ms;
}

void tg_jq_set_patient(bool is_so)
{
    is_patient = is_so;
}

uint64_t filter_rest_clock_ms(void)
{
    return set_clock ? set_clock() : tg_clock_now_ms();
}

/* ---- it cannot be started ---------------------------------------------------------------------- */

bool filter_is_refusing(const struct tg_jq *jq)
{
    return jq->rest_ms > 0 && filter_rest_clock_ms() - jq->refused_ms < jq->rest_ms;
}

static void launch(struct tg_jq *jq);

/* It starts no more: the next one may. */
static void leave_start(struct tg_jq_pool *pool)
{
    pool->starting--;
    for (struct tg_jq *next = pool->filters; next && !pool->is_closing; next = next->hh.next) {
        if (next->state == JQ_WAITING) {
            launch(next);
            return;
        }
    }
}

static void end_process(struct tg_jq *jq)
{
    bool was_starting = jq->state == JQ_STARTING;

    if (jq->channel)
        tg_jq_channel_close(jq->channel);
    jq->channel = NULL;
    jq->state = JQ_NONE;
    jq->is_last_call = false;
    tg_timer_stop(jq->timer);
    if (was_starting)
        leave_start(jq->pool);
}

static void log_refusal(struct tg_jq *jq)
{
    uint32_t suppressed;

    if (tg_log_limit_allows(&jq->log_limit, 1, tg_clock_now_ms(), &suppressed))
        tg_log(TG_LOG_ERROR, "translate", "jq_filter_failed", TG_F_STR("why", jq->error.data),
               TG_F_INT_IF("suppressed", suppressed));
}

static void refuse(struct tg_jq *jq, const char *why)
{
    end_process(jq);
    if (why) {
        tg_buffer_clear(&jq->error);
        tg_buffer_appendf(&jq->error, "the process of a jq filter cannot be started: %s", why);
    }
    log_refusal(jq);
    uint64_t next_ms = jq->rest_ms == 0 ? REFUSE_FIRST_MS : 2 * jq->rest_ms;
    jq->rest_ms = next_ms < REFUSE_MAX_MS ? next_ms : REFUSE_MAX_MS;
    jq->refused_ms = filter_rest_clock_ms();
    jq->careful = 0;
    jq_queue_take_back(&jq->queue, false);
    jq_queue_fail(&jq->queue, NULL, TG_ERR_IO);
}

/* ---- sending ----------------------------------------------------------------------------------- */

static void arm(struct tg_jq *jq, uint64_t delay_ms)
{
    jq->since_ms = tg_clock_now_ms();
    jq->is_last_call = false;
    tg_timer_start(jq->timer, delay_ms);
}

static bool has_room(const struct tg_jq *jq)
{
    const struct jq_queue *queue = &jq->queue;
    uint64_t most = jq->careful > 0 ? 1 : SENT_NS_MAX / (jq->pace_ns + 1);

    if (most > SENT_MAX)
        most = SENT_MAX;
    return queue->sent_count == 0 || (queue->sent_count < most && queue->sent_bytes < SENT_BYTES_MAX);
}

static void send_jobs(struct tg_jq *jq)
{
    struct tg_str frames[SENT_MAX];
    size_t count = 0;
    bool was_idle = jq->queue.sent_count == 0;

    while (has_room(jq)) {
        const struct jq_job *job = jq_queue_send_next(&jq->queue);
        if (!job)
            break;
        frames[count++] = jq_job_frame(job);
    }
    if (count == 0)
        return;
    if (was_idle) {
        arm(jq, jq->limits.timeout_ms);
        jq->begun_ns = uv_hrtime();
    }
    tg_jq_channel_send(jq->channel, frames, count);
}

static void on_turn_end(struct tg_turn_hook *hook, struct tg_worker *worker)
{
    struct tg_jq *jq = TG_CONTAINER_OF(hook, struct tg_jq, hook);

    (void)worker;
    jq_queue_tell_failed(&jq->queue);
    if (!jq_queue_has_work(&jq->queue))
        return;
    filter_start(jq);
    if (jq->state == JQ_READY)
        send_jobs(jq);
    else if (jq->state == JQ_NONE)
        jq_queue_fail(&jq->queue, NULL, TG_ERR_IO);
}

void filter_wake(struct tg_jq *jq)
{
    tg_worker_run_at_turn_end(jq->pool->worker, TG_TURN_PUBLISH, &jq->hook);
}

/* ---- whose fault it is ------------------------------------------------------------------------- */

/* The job has cost the process its life; it is no longer among those sent, and the others go to the next process. When
 * its user rests already, the others of the same user are given up. */
static void condemn(struct tg_jq *jq, struct jq_job *guilty, enum tg_err err)
{
    struct tg_jq_user *user = guilty->user;
    uint64_t now_ms = filter_rest_clock_ms();
    bool is_too_much = user && !is_patient && jq_user_is_resting(user, now_ms);

    end_process(jq);
    jq_queue_take_back(&jq->queue, false);
    jq->careful = jq->careful < jq->queue.again_count ? jq->careful : jq->queue.again_count;
    if (user && !is_patient)
        jq_user_count_failure(user, now_ms);
    jq_queue_tell(guilty, err, TG_STR(""));
    if (is_too_much)
        jq_queue_fail(&jq->queue, user, TG_ERR_LIMIT);
    if (jq_queue_has_work(&jq->queue))
        filter_wake(jq);
    filter_start(jq); /* it gets ready meanwhile */
}

/* It may have been ended by others, before it had read anything: what it was to do gets a second chance, alone. */
static void on_ended(struct tg_jq *jq)
{
    if (jq->queue.sent_count == 1 && jq->queue.sent->is_retried) {
        condemn(jq, jq_queue_take_first(&jq->queue), TG_ERR_IO);
        return;
    }
    end_process(jq);
    jq_queue_take_back(&jq->queue, true);
    jq->careful = jq->queue.again_count;
    if (jq_queue_has_work(&jq->queue))
        filter_wake(jq);
}

static void on_time(void *arg)
{
    struct tg_jq *jq = arg;
    uint64_t limit_ms = jq->state == JQ_STARTING ? START_MS : jq->limits.timeout_ms;
    uint64_t taken_ms = tg_clock_now_ms() - jq->since_ms;

    if (jq->user_count == 0) {
        filter_free(jq);
    } else if (taken_ms < limit_ms) {
        tg_timer_start(jq->timer, limit_ms - taken_ms);
    } else if (!jq->is_last_call) {
        jq->is_last_call = true;
        tg_timer_start(jq->timer, LAST_CALL_MS);
    } else if (jq->state == JQ_STARTING) {
        refuse(jq, "it does not answer");
    } else if (jq->queue.sent_count > 0) {
        condemn(jq, jq_queue_take_first(&jq->queue), TG_ERR_TIMEOUT);
    }
}

/* ---- answers ----------------------------------------------------------------------------------- */

static void on_hello_answer(struct tg_jq *jq, const struct tg_jq_answer *answer)
{
    tg_buffer_clear(&jq->error);
    if (answer->kind == TG_JQ_INVALID) {
        tg_buffer_appendf(&jq->error, "%.*s", (int)answer->bytes.length, answer->bytes.data);
        refuse(jq, NULL);
    } else if (answer->kind != TG_JQ_DONE || answer->bytes.length > 0) {
        refuse(jq, "it is another program");
    } else {
        jq->state = JQ_READY;
        leave_start(jq->pool);
        jq->rest_ms = 0;
        jq->has_failed_start = false;
        filter_wake(jq);
        tg_timer_stop(jq->timer);
        if (jq->user_count == 0)
            filter_on_no_user(jq);
    }
}

/* Of the answers of a block. */
static void note_pace(struct tg_jq *jq)
{
    uint64_t now_ns = uv_hrtime();

    if (jq->answered == 0)
        return;
    jq->pace_ns = (7 * jq->pace_ns + (now_ns - jq->begun_ns) / jq->answered) / 8;
    jq->begun_ns = now_ns;
    jq->answered = 0;
}

static void on_job_answer(struct tg_jq *jq, const struct tg_jq_answer *answer)
{
    static const enum tg_err errs[] = { [TG_JQ_DONE - TG_JQ_DONE] = TG_OK,
                                        [TG_JQ_INVALID - TG_JQ_DONE] = TG_ERR_INVALID,
                                        [TG_JQ_TOO_LARGE - TG_JQ_DONE] = TG_ERR_TOO_LARGE };
    struct jq_job *job = jq_queue_take_first(&jq->queue);

    if (answer->kind == TG_JQ_MEMORY) {
        condemn(jq, job, TG_ERR_TOO_LARGE);
        return;
    }
    jq->answered++;
    if (jq->careful > 0)
        jq->careful--;
    if (jq->queue.sent_count > 0)
        arm(jq, jq->limits.timeout_ms);
    else
        tg_timer_stop(jq->timer);
    jq_queue_tell(job, errs[answer->kind - TG_JQ_DONE],
                  answer->kind == TG_JQ_DONE ? answer->bytes : TG_STR(""));
}

static void on_lost(void *arg)
{
    struct tg_jq *jq = arg;

    if (jq->state != JQ_STARTING) {
        on_ended(jq);
    } else if (!jq->has_failed_start) { /* it may have been ended by others */
        end_process(jq);
        jq->has_failed_start = true;
        filter_start(jq);
    } else {
        refuse(jq, "it ended, or is another program");
    }
}

static void on_answer(void *arg, const struct tg_jq_answer *answer)
{
    struct tg_jq *jq = arg;

    if (jq->state == JQ_STARTING)
        on_hello_answer(jq, answer);
    else if (!jq->queue.sent)
        on_lost(jq); /* nobody has asked */
    else
        on_job_answer(jq, answer);
}

static void on_read(void *arg)
{
    struct tg_jq *jq = arg;

    note_pace(jq);
    if (jq->queue.sent_count == 0 && jq->user_count == 0)
        filter_on_no_user(jq);
    if (jq_queue_has_work(&jq->queue))
        filter_wake(jq);
}

/* ---- life -------------------------------------------------------------------------------------- */

static void launch(struct tg_jq *jq)
{
    static const struct tg_jq_channel_handler handler = {
        .on_answer = on_answer,
        .on_read = on_read,
        .on_lost = on_lost,
    };
    size_t max_bytes = (size_t)jq->limits.max_output_bytes;

    if (max_bytes < TG_JQ_ERROR_MAX_BYTES)
        max_bytes = TG_JQ_ERROR_MAX_BYTES;
    jq->channel = tg_jq_channel_new(jq->pool->worker, jq->pool->reaper,
                                    set_program ? set_program : "/proc/self/exe", max_bytes, &handler, jq);
    if (!jq->channel) {
        refuse(jq, strerror(errno));
        return;
    }
    jq->state = JQ_STARTING;
    jq->pool->starting++;
    jq->hello = (struct tg_jq_head){ TG_JQ_HELLO, (uint32_t)jq->key.length };
    const struct tg_str parts[] = { { (const char *)&jq->hello, sizeof(jq->hello) },
                                    tg_buffer_view(&jq->key) };
    tg_jq_channel_send(jq->channel, parts, TG_COUNT_OF(parts));
    arm(jq, START_MS);
}

void filter_start(struct tg_jq *jq)
{
    if (jq->state != JQ_NONE || filter_is_refusing(jq))
        return;
    jq->state = JQ_WAITING;
    if (jq->key.length > sizeof(jq->limits) + TG_JQ_FILTER_MAX_BYTES)
        refuse(jq, "the filter is longer than 1 MiB");
    else if (jq->pool->starting < STARTING_MAX)
        launch(jq);
}

struct tg_jq *filter_new(struct tg_jq_pool *pool, struct tg_buffer *key, const struct tg_jq_limits *limits)
{
    struct tg_jq *jq = tg_alloc(sizeof(*jq));

    *jq = (struct tg_jq){ .pool = pool, .key = *key, .limits = *limits, .pace_ns = PACE_FIRST_NS };
    jq->hook.run = on_turn_end;
    jq->timer = tg_timer_new(pool->worker, on_time, jq);
    HASH_ADD_KEYPTR(hh, pool->filters, jq->key.data, jq->key.length, jq);
    filter_start(jq);
    return jq;
}

void filter_on_user(struct tg_jq *jq)
{
    if (jq->state != JQ_STARTING && jq->queue.sent_count == 0)
        tg_timer_stop(jq->timer);
    filter_start(jq);
}

void filter_on_no_user(struct tg_jq *jq)
{
    if (jq->state == JQ_READY && jq->queue.sent_count == 0) /* else what it does has its time */
        tg_timer_start(jq->timer, UNUSED_MS);
    else if (jq->state == JQ_NONE || jq->state == JQ_WAITING)
        tg_timer_start(jq->timer, 0);
}

void filter_free(struct tg_jq *jq)
{
    end_process(jq);
    jq_queue_deinit(&jq->queue);
    tg_worker_cancel_turn_hook(jq->pool->worker, TG_TURN_PUBLISH, &jq->hook);
    tg_timer_free(jq->timer);
    HASH_DEL(jq->pool->filters, jq);
    tg_buffer_deinit(&jq->key);
    tg_buffer_deinit(&jq->error);
    free(jq);
}
