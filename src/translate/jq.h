/* A jq filter, run in a process of its own: jq has no way to stop a filter that runs away, a process has.
 *
 *     translator ─► tg_jq_run ─► socket ─► `tidegate jq-filter`: compile once, then message by message
 *                 ◄─ outputs ◄─────────┘    (limits on time and memory; no files, no environment)
 *
 *     jq.c           this side: when to start, how long to wait, when to let it rest
 *     jq_process.c   the process and its socket
 *     jq_frame.h     what is said on the socket
 *     jq_filter.c    the other side: limits, one message after the other
 *     jq_program.c   libjq
 *
 * The process is started with the filter, since only jq can tell whether it compiles, and again as soon as it had to be
 * ended. A filter that was ended for its time or its memory is let rest before it gets another message (1 s, doubling
 * up to 30 s while it goes on like that; messages meanwhile fail at once), so that it takes a small part of the
 * worker's time only. A process that ended by itself is let rest only when it does so again within a minute.
 *
 * jq counts in doubles: integers beyond 2^53 lose their last digits, 1.0 becomes 1, 1e1000 the largest double. (jq 1.7
 * prints a number that the filter only passes on as it was written; do not count on it.) It takes at most 256 levels of
 * arrays and objects; what is deeper is an error. */
#ifndef TIDEGATE_TRANSLATE_JQ_H
#define TIDEGATE_TRANSLATE_JQ_H

#include "tidegate/base.h"

struct tg_jq;

struct tg_jq_options {
    const char *filter; /* copied */
    uint64_t timeout_ms;
    size_t max_output_bytes; /* of all outputs for one message */
};

/* TG_ERR_INVALID with what jq says, one line, in *ret_error: the filter does not compile. TG_ERR_IO, also with a line:
 * the process cannot be started. May take as long as starting a process does. */
enum tg_err tg_jq_new(const struct tg_jq_options *options, struct tg_jq **ret_jq,
                      struct tg_buffer *ret_error);
void tg_jq_free(struct tg_jq *jq); /* ends the process; NULL is fine */

/* Runs the filter on a valid JSON text and appends its outputs to `out`, compact, each with a line feed behind it; none
 * is fine. Otherwise `out` is as it was. TG_ERR_INVALID: the filter raised an error. TG_ERR_TIMEOUT, TG_ERR_TOO_LARGE:
 * over the limits (512 MiB of memory among them). TG_ERR_LIMIT: it rests. TG_ERR_IO: the process cannot be started, or
 * ended by itself. Blocks for timeout_ms at most; for twice that when the process has just been started. One thread at
 * a time. */
enum tg_err tg_jq_run(struct tg_jq *jq, struct tg_str json, struct tg_buffer *out);

/* The program to start as `<program> jq-filter`; "/proc/self/exe" unless set. For tests, before other threads start.
 * Copied; NULL: as at the start. */
void tg_jq_set_program(const char *program);
/* The clock that rests are measured by; NULL: tg_clock_now_ms. For tests, as above. */
void tg_jq_set_clock(uint64_t (*now_ms)(void));

/* In tidegate/translate.h: tg_jq_filter_main, the other side; tg_jq_set_patient. */

#endif
