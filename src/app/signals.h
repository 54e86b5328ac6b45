/* The signals of a command that runs on: SIGTERM and SIGINT end it. SIGHUP, SIGUSR1 and SIGUSR2 do not, though by default
 * they would: log rotation and service managers send them to every program alike. */
#ifndef TIDEGATE_APP_SIGNALS_H
#define TIDEGATE_APP_SIGNALS_H

#include "tidegate/base.h"

#include <signal.h>

/* Main thread, before any other exists. Blocks all five, so that only tg_signals_take gets them, and ignores SIGPIPE. */
void tg_signals_block(sigset_t *ret_before);
/* SIGTERM or SIGINT if one comes within the limit (UINT64_MAX: none), else 0. The others it logs. */
int tg_signals_take(uint64_t limit_ms);
/* From now on SIGTERM and SIGINT are delivered. */
void tg_signals_unblock_end(void);

/* For commands that wait for nothing: SIGUSR1, SIGUSR2 and SIGPIPE do nothing. */
void tg_signals_ignore(void);

#endif
