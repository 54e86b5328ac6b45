/* Inside jq filters: a filter's messages and their users. Needs neither a process nor a clock.
 *
 *     user: waiting, waiting ─┐ in turn
 *     user: waiting ──────────┴─► sent, sent, sent ──► answered
 *                       again ◄──┘ the process has ended
 */
#ifndef TIDEGATE_TRANSLATE_JQ_QUEUE_H
#define TIDEGATE_TRANSLATE_JQ_QUEUE_H

#include "jq.h"
#include "jq_frame.h"

struct tg_jq;

struct jq_job {
    struct jq_job *prev, *next;
    struct tg_jq_user *user; /* NULL: nobody waits for it any more */
    enum tg_err err;         /* it is not to be sent: this is what became of it */
    bool is_retried;         /* a process has ended over it, or over another */
    struct tg_jq_head head;  /* as it is sent, with the text behind it, and a NUL */
    char text[];
};

struct tg_jq_user {
    struct tg_jq_user *prev, *next; /* of the filter's ring, while it has waiting jobs */
    struct tg_jq *jq;
    tg_jq_done_fn *on_done;
    void *arg;
    struct jq_job *waiting;
    size_t sent_count;
    bool has_failed, is_telling;
    uint64_t failed_ms, rest_ms;
};

struct jq_queue { /* embedded; zeroed it is empty */
    struct tg_jq_user *ring;
    struct jq_job *again;
    struct jq_job *sent;
    size_t again_count, sent_count, sent_bytes;
};

/* NULL: memory is out. */
struct jq_job *jq_job_new(struct tg_jq_user *user, struct tg_str json);
struct tg_str jq_job_frame(const struct jq_job *job);

void jq_queue_put(struct jq_queue *queue, struct jq_job *job);
bool jq_queue_has_work(const struct jq_queue *queue); /* there is something to send or to report */
/* Reports jobs that need not be sent: those with an error, and no earlier job of the same user. */
void jq_queue_tell_failed(struct jq_queue *queue);
/* The next one to be sent; it counts as sent. NULL: there is none. */
struct jq_job *jq_queue_send_next(struct jq_queue *queue);
/* The first one sent is answered. */
struct jq_job *jq_queue_take_first(struct jq_queue *queue);
/* Tells its user, and frees it. */
void jq_queue_tell(struct jq_job *job, enum tg_err err, struct tg_str outputs);
/* Those sent are to be sent again, before all others; they count as retried if the process has ended by itself. */
void jq_queue_take_back(struct jq_queue *queue, bool has_ended);
/* Those that are not sent of a user, or of all (NULL), fail. None of them may be sent. */
void jq_queue_fail(struct jq_queue *queue, struct tg_jq_user *user, enum tg_err err);
/* Nobody waits for them any more. */
void jq_queue_forget(struct jq_queue *queue, struct tg_jq_user *user);
void jq_queue_deinit(struct jq_queue *queue); /* no user may be left */

/* Rests of a user: from a failure on, new messages are refused for a while. */
bool jq_user_is_resting(const struct tg_jq_user *user, uint64_t now_ms);
void jq_user_count_failure(struct tg_jq_user *user, uint64_t now_ms);

#endif
