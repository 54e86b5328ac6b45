/* The process of a jq filter, from outside: started and ended. */
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
/* Closes the socket, unless it is -1, and kills it. False: it takes its time to go (much memory, say), and must be
 * asked for by tg_jq_process_reap; the pid stays. */
bool tg_jq_process_end(struct tg_jq_process *process);
bool tg_jq_process_reap(pid_t pid, bool may_wait); /* true: it has gone */

#endif
