/* A jq filter, run in a process of its own: jq has no way to stop a filter that runs away, a process has.
 *
 *     translator ─► tg_jq_run ─► socket ─► `tidegate jq-filter`: compile once, then message by message
 *                 ◄─ outputs ◄─────────┘    (limits on CPU time, memory; no files, no network needed)
 *
 * The process is started with the first message and again after it had to be ended. A filter that was ended for its
 * time is let rest before it gets another message (1 s, doubling up to 30 s; messages meanwhile fail at once), so that
 * it takes a small part of the worker's time only. */
#ifndef TIDEGATE_TRANSLATE_JQ_H
#define TIDEGATE_TRANSLATE_JQ_H

#include "tidegate/base.h"

struct tg_jq;

struct tg_jq_options {
    const char *filter; /* copied */
    uint64_t timeout_ms;
    size_t max_output_bytes; /* of all outputs for one message */
};

/* TG_ERR_INVALID with what jq says in *ret_error: the filter does not compile. */
enum tg_err tg_jq_new(const struct tg_jq_options *options, struct tg_jq **ret_jq, struct tg_buffer *ret_error);
void tg_jq_free(struct tg_jq *jq); /* ends the process; NULL is fine */

/* Runs the filter on a valid JSON text and appends its outputs to `out`, compact, each with a line feed behind it; none
 * is fine. TG_ERR_INVALID: the filter raised an error. TG_ERR_TIMEOUT, TG_ERR_TOO_LARGE: over the limits. TG_ERR_IO:
 * the process cannot be started or ended by itself. Blocks for timeout_ms at most. One thread at a time. */
enum tg_err tg_jq_run(struct tg_jq *jq, struct tg_str json, struct tg_buffer *out);

/* The other side: reads messages from descriptor 3 and answers there, until it is closed. Called by the command line's
 * hidden `jq-filter`; returns the exit code. */
int tg_jq_filter_main(void);
/* The program to start as `<program> jq-filter`; "/proc/self/exe" unless set. For tests. Copied. */
void tg_jq_set_program(const char *program);

#endif
