/* A compiled jq filter; the one place that knows libjq (1.6 and later). Not to be used in a process that must not end:
 * jq ends it when it is out of memory, and has no way to be stopped. */
#ifndef TIDEGATE_TRANSLATE_JQ_PROGRAM_H
#define TIDEGATE_TRANSLATE_JQ_PROGRAM_H

#include "tidegate/base.h"

struct tg_jq_program;

/* TG_ERR_INVALID: *ret_error has one line, the first thing that jq says. `on_no_memory` must not return; it is called
 * when jq is out of memory, then and later. It is one for the process. */
enum tg_err tg_jq_program_new(const char *filter, void (*on_no_memory)(void),
                              struct tg_jq_program **ret_program, struct tg_buffer *ret_error);
void tg_jq_program_free(struct tg_jq_program *program); /* NULL is fine */

/* Appends the outputs, compact, each with a line feed. The text must have a NUL behind it. TG_ERR_INVALID: the text or
 * an output is too deep for jq, or the filter raised an error. TG_ERR_TOO_LARGE: as soon as there are more than
 * max_bytes. `out` then has some of the outputs. TG_ERR_MEMORY. */
enum tg_err tg_jq_program_run(struct tg_jq_program *program, struct tg_str json, size_t max_bytes,
                              struct tg_buffer *out);

#endif
