/* A jq filter, this side: see jq.h.
 *
 *     none ──start──► starting ──DONE──► ready ──MESSAGE──► busy ──answer in time──► ready
 *      ▲                 │                 │                  │
 *      └──── fail ◄──────┴── it ended ─────┴──────────────────┘  out of time or memory, or it ended
 *
 * Whoever fails is started again at once, without waiting for it: it gets ready while it rests. */
#include "jq.h"

#include "jq_process.h"
#include "tidegate/translate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    START_MS = 20 * 1000, /* slower than that: it will never be ready */
    REST_FIRST_MS = 1000,
    REST_MAX_MS = 30 * 1000,
    WELL_MS = 60 * 1000, /* after so long without a failure, the next one counts as the first */
};

struct tg_jq {
    char *filter;
    struct tg_jq_limits limits;
    struct tg_jq_process process;
    bool is_ready; /* the process has compiled the filter */
    uint64_t started_ms;
    bool has_failed;
    uint64_t failed_ms;
    uint64_t rest_ms; /* after the last failure */
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

static uint64_t rest_clock_ms(void)
{
    return set_clock ? set_clock() : tg_clock_now_ms();
}

/* ---- the process's life ------------------------------------------------------------------------ */

static enum tg_err start(struct tg_jq *jq)
{
    uint64_t now_ms = tg_clock_now_ms();
    enum tg_err err = tg_jq_process_start(set_program ? set_program : "/proc/self/exe", &jq->process);
    if (err)
        return err;
    jq->is_ready = false;
    jq->started_ms = now_ms;
    err = tg_jq_process_send(&jq->process, TG_JQ_HELLO,
                             (struct tg_str){ (const char *)&jq->limits, sizeof(jq->limits) },
                             tg_str_from(jq->filter), now_ms + START_MS);
    if (err)
        tg_jq_process_end(&jq->process);
    return err;
}

/* The process, or what starting it came to. TG_ERR_TIMEOUT: it is still starting. TG_ERR_INVALID: it says that the
 * filter does not compile; the text is appended to `error`. */
static enum tg_err take_hello(struct tg_jq *jq, uint64_t deadline_ms, struct tg_buffer *error)
{
    enum tg_err err = tg_jq_process_wait(&jq->process, deadline_ms);
    if (err == TG_ERR_TIMEOUT && tg_clock_now_ms() >= jq->started_ms + START_MS)
        return TG_ERR_IO;
    enum tg_jq_kind kind = TG_JQ_INVALID;
    if (!err)
        err = tg_jq_process_receive(&jq->process, TG_JQ_ERROR_MAX_BYTES, &kind, error,
                                    jq->started_ms + START_MS);
    if (err)
        return err;
    jq->is_ready = kind == TG_JQ_DONE;
    return jq->is_ready ? TG_OK : kind == TG_JQ_INVALID ? TG_ERR_INVALID : TG_ERR_IO;
}

/* `is_costly`: it used up its time or its memory. */
static void fail(struct tg_jq *jq, bool is_costly)
{
    tg_jq_process_end(&jq->process);
    uint64_t now_ms = rest_clock_ms();
    bool is_first = !jq->has_failed || now_ms - jq->failed_ms > WELL_MS;
    uint64_t next_ms = is_first || jq->rest_ms == 0 ? REST_FIRST_MS : 2 * jq->rest_ms;
    if ((is_first && !is_costly) || is_patient)
        next_ms = 0;
    jq->rest_ms = next_ms < REST_MAX_MS ? next_ms : REST_MAX_MS;
    jq->has_failed = true;
    jq->failed_ms = now_ms;
    (void)start(jq); /* or with the next message */
}

static bool is_resting(const struct tg_jq *jq)
{
    return jq->has_failed && rest_clock_ms() - jq->failed_ms < jq->rest_ms;
}

/* The process may have been killed while it had nothing to do: that costs no message. */
static enum tg_err make_ready(struct tg_jq *jq)
{
    if (jq->is_ready && jq->process.pid != 0 && tg_jq_process_is_silent(&jq->process))
        return TG_OK;
    if (jq->is_ready)
        tg_jq_process_end(&jq->process);
    enum tg_err err = jq->process.pid != 0 ? TG_OK : start(jq);
    if (err)
        return err;
    struct tg_buffer error = { 0 };
    err = take_hello(jq, tg_clock_now_ms() + (is_patient ? START_MS : jq->limits.timeout_ms), &error);
    tg_buffer_deinit(&error);
    return err == TG_ERR_INVALID ? TG_ERR_IO : err; /* it did compile once */
}

/* ---- the contract ------------------------------------------------------------------------------ */

static enum tg_err start_first(struct tg_jq *jq, struct tg_buffer *ret_error)
{
    enum tg_err err = start(jq);
    const char *reason = err == TG_ERR_IO ? strerror(errno) : tg_err_text(err);
    if (!err) {
        err = take_hello(jq, jq->started_ms + START_MS, ret_error);
        reason = "it ended, or did not answer";
    }
    if (err && err != TG_ERR_INVALID)
        tg_buffer_appendf(ret_error, "the process of a jq filter cannot be started: %s", reason);
    return err;
}

enum tg_err tg_jq_new(const struct tg_jq_options *options, struct tg_jq **ret_jq, struct tg_buffer *ret_error)
{
    if (strlen(options->filter) > TG_JQ_FILTER_MAX_BYTES) {
        tg_buffer_append_str(ret_error, "the jq filter is longer than 1 MiB");
        return TG_ERR_INVALID;
    }
    size_t max_bytes = options->max_output_bytes;
    struct tg_jq *jq = tg_alloc(sizeof(*jq));
    jq->filter = tg_strdup(options->filter);
    jq->limits = (struct tg_jq_limits){
        .timeout_ms = options->timeout_ms,
        .max_output_bytes = max_bytes < TG_JQ_OUTPUT_MAX_BYTES ? max_bytes : TG_JQ_OUTPUT_MAX_BYTES,
    };
    enum tg_err err = start_first(jq, ret_error);
    if (err) {
        tg_jq_free(jq);
        return err;
    }
    *ret_jq = jq;
    return TG_OK;
}

void tg_jq_free(struct tg_jq *jq)
{
    if (!jq)
        return;
    tg_jq_process_end(&jq->process);
    free(jq->filter);
    free(jq);
}

static enum tg_err ask(struct tg_jq *jq, struct tg_str json, struct tg_buffer *out, enum tg_jq_kind *ret_kind)
{
    uint64_t deadline_ms = tg_clock_now_ms() + jq->limits.timeout_ms;
    enum tg_err err = tg_jq_process_send(&jq->process, TG_JQ_MESSAGE, json, TG_STR(""), deadline_ms);
    if (!err)
        err = tg_jq_process_receive(&jq->process, jq->limits.max_output_bytes, ret_kind, out, deadline_ms);
    return err;
}

enum tg_err tg_jq_run(struct tg_jq *jq, struct tg_str json, struct tg_buffer *out)
{
    if (json.length > TG_JQ_MESSAGE_MAX_BYTES)
        return TG_ERR_TOO_LARGE;
    if (is_resting(jq))
        return TG_ERR_LIMIT;
    enum tg_err err = make_ready(jq);
    if (err == TG_ERR_TIMEOUT)
        return err; /* it may be ready for the next message */
    enum tg_jq_kind kind = TG_JQ_INVALID;
    size_t length_before = out->length;
    if (!err)
        err = ask(jq, json, out, &kind);
    if (!err && kind != TG_JQ_DONE && out->length != length_before) { /* only DONE has bytes */
        out->length = length_before;
        out->data[length_before] = '\0';
        err = TG_ERR_IO;
    }
    if (err) {
        fail(jq, err == TG_ERR_TIMEOUT);
        return err;
    }
    switch (kind) {
    case TG_JQ_DONE:
        return TG_OK;
    case TG_JQ_INVALID:
        return TG_ERR_INVALID;
    case TG_JQ_TOO_LARGE:
        return TG_ERR_TOO_LARGE;
    case TG_JQ_MEMORY:
        fail(jq, true);
        return TG_ERR_TOO_LARGE;
    default:
        fail(jq, false);
        return TG_ERR_IO;
    }
}
