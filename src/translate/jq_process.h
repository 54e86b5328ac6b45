/* The process of a jq filter, from outside: started, spoken to with a deadline, ended. Deadlines are of tg_clock_now_ms.
 */
#ifndef TIDEGATE_TRANSLATE_JQ_PROCESS_H
#define TIDEGATE_TRANSLATE_JQ_PROCESS_H

#include "jq_frame.h"

#include <sys/types.h>

struct tg_jq_process {
    pid_t pid; /* 0: there is none */
    int socket;
};

/* Starts `<program> jq-filter`, and does not wait for it. It gets the socket, an empty standard input and output, our
 * standard error, and nothing else: no other descriptors, environment, ignored or blocked signals. TG_ERR_IO: errno. */
enum tg_err tg_jq_process_start(const char *program, struct tg_jq_process *ret_process);
/* Kills and reaps it; none is fine. */
void tg_jq_process_end(struct tg_jq_process *process);

/* It is there, and has nothing to say. */
bool tg_jq_process_is_silent(const struct tg_jq_process *process);

/* One frame; its bytes may be in two parts. TG_ERR_TIMEOUT: a part of it may have been sent. TG_ERR_IO. */
enum tg_err tg_jq_process_send(const struct tg_jq_process *process, enum tg_jq_kind kind, struct tg_str first,
                               struct tg_str second, uint64_t deadline_ms);
/* TG_ERR_TIMEOUT: it has said nothing until now. TG_ERR_IO. */
enum tg_err tg_jq_process_wait(const struct tg_jq_process *process, uint64_t deadline_ms);
/* One frame, its bytes appended to `out`, which is as it was after an error. TG_ERR_TIMEOUT: a part of it may have been
 * read. TG_ERR_IO: also for one that is longer than max_bytes. */
enum tg_err tg_jq_process_receive(const struct tg_jq_process *process, size_t max_bytes,
                                  enum tg_jq_kind *ret_kind, struct tg_buffer *out, uint64_t deadline_ms);

#endif
