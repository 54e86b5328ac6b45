/* jq filters, each in a process of its own: jq has no way to stop a filter that runs away, a process has.
 *
 *     user ─┐                                        ┌► `tidegate jq-filter`: compile once, then message by message
 *     user ─┼─► filter: a queue for each, in turn ───┤    (limits on time and memory; no files, no environment)
 *     user ─┘    ▲ answers, in order                 └──── answers
 *
 *     jq_pool.c      which filters there are on a worker: equal ones are one, with one process
 *     jq.c           a filter: whose message is next, whose fault it is, when to start again
 *     jq_channel.c   the process and its socket, on the worker's loop
 *     jq_answers.c   what it answers, taken apart; pure
 *     jq_process.c   starting and ending a process
 *     jq_frame.h     what is said on the socket
 *     jq_filter.c    the other side: limits, one message after the other
 *     jq_program.c   libjq
 *
 * Nobody waits: what is put in a turn leaves in one write at its end, and answers come by the loop. The process holds
 * what takes it some milliseconds, 64 messages at most, and users take turns: a flood of one does not keep out another.
 *
 * A message that takes longer than its time costs itself: the process is ended and started again, and what it had not
 * answered is put to the new one, in the same order. When a process ends by itself, the messages before it are put to
 * the new one one by one, so that the one that did it, if one did, is found: it ends that one, too. A user whose messages do so again
 * within a minute rests: for 1 s, doubling up to 30 s while it goes on like that, new messages fail at once; when it
 * happens again in a rest, those that wait do, too. So a user takes a small part of the time of others only.
 *
 * The process is started with the first user, and ended when there has been none for 10 s.
 *
 * jq counts in doubles: integers beyond 2^53 lose their last digits, 1.0 becomes 1, 1e1000 the largest double. (jq 1.7
 * prints a number that the filter only passes on as it was written; do not count on it.) It takes at most 256 levels of
 * arrays and objects; what is deeper is an error.
 *
 * Everything here belongs to the worker's thread. */
#ifndef TIDEGATE_TRANSLATE_JQ_H
#define TIDEGATE_TRANSLATE_JQ_H

#include "tidegate/translate.h" /* tg_jq_pool */

struct tg_jq_user; /* whose messages go through a filter, in order */

struct tg_jq_options {
    const char *filter; /* copied */
    uint64_t timeout_ms;
    size_t max_output_bytes; /* of all outputs for one message */
};

struct tg_worker *tg_jq_pool_worker(const struct tg_jq_pool *pool);

/* What became of a message, in the order in which they were put, one call for each. `json` is its text again. TG_OK with
 * the outputs, compact, each with a line feed behind it; none is fine. TG_ERR_INVALID: the filter raised an error.
 * TG_ERR_TIMEOUT, TG_ERR_TOO_LARGE: over the limits (512 MiB of memory among them). TG_ERR_LIMIT: its user rests.
 * TG_ERR_IO: the process cannot be started, or ended over this message. */
typedef void tg_jq_done_fn(void *arg, struct tg_str json, enum tg_err err, struct tg_str outputs);

struct tg_jq_user *tg_jq_user_new(struct tg_jq_pool *pool, const struct tg_jq_options *options,
                                  tg_jq_done_fn *on_done, void *arg);
/* Nothing is told any more; not from within on_done. NULL is fine. */
void tg_jq_user_free(struct tg_jq_user *user);
/* A valid JSON text, copied. Never calls on_done from within. TG_ERR_MEMORY, TG_ERR_TOO_LARGE: nothing was put. */
enum tg_err tg_jq_put(struct tg_jq_user *user, struct tg_str json);
/* Why the process cannot be started, or does not take the filter; "" when it could be, or it is not known yet. */
const char *tg_jq_error(const struct tg_jq_user *user);

/* The program to start as `<program> jq-filter`; "/proc/self/exe" unless set. For tests, before other threads start.
 * Copied; NULL: as at the start. */
void tg_jq_set_program(const char *program);
/* The clock that rests are measured by; NULL: tg_clock_now_ms. For tests, as above. */
void tg_jq_set_clock(uint64_t (*now_ms)(void));

/* In tidegate/translate.h: tg_jq_filter_main, the other side; tg_jq_set_patient; the pool. */

#endif
