/* Signals by waiting: see signals.h. Those that end nothing are ignored besides, so that none of them is delivered when
 * they are no longer blocked; blocked signals can be waited for all the same. */
#include "signals.h"

#include <pthread.h>
#include <string.h>

static const int ending[] = { SIGTERM, SIGINT };
static const struct {
    int number;
    enum tg_log_level level;
    const char *detail;
} others[] = {
    { SIGHUP, TG_LOG_WARNING, "the configuration is not loaded again: restart to use a new one" },
    { SIGUSR1, TG_LOG_DEBUG, "the log goes to standard error: there is no file to reopen" },
    { SIGUSR2, TG_LOG_DEBUG, "it has no meaning" },
};

static void fill(sigset_t *set, bool has_others)
{
    sigemptyset(set);
    for (size_t i = 0; i < TG_COUNT_OF(ending); i++)
        sigaddset(set, ending[i]);
    for (size_t i = 0; i < TG_COUNT_OF(others) && has_others; i++)
        sigaddset(set, others[i].number);
}

void tg_signals_block(sigset_t *ret_before)
{
    sigset_t all;
    fill(&all, true);
    pthread_sigmask(SIG_BLOCK, &all, ret_before);
    for (size_t i = 0; i < TG_COUNT_OF(others); i++)
        signal(others[i].number, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

/* Whether it is one of the others. */
static bool log_other(int number)
{
    for (size_t i = 0; i < TG_COUNT_OF(others); i++) {
        if (others[i].number != number)
            continue;
        tg_log(others[i].level, "app", "signal_ignored", TG_F_STR("signal", sigabbrev_np(number)),
               TG_F_STR("detail", others[i].detail));
        return true;
    }
    return false;
}

int tg_signals_take(uint64_t limit_ms)
{
    uint64_t now_ms = tg_clock_now_ms(),
             end_ms = limit_ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + limit_ms;
    sigset_t all;
    fill(&all, true);
    for (;;) {
        enum { WAIT_MAX_MS = 3600 * 1000 };
        uint64_t left_ms = now_ms < end_ms ? end_ms - now_ms : 0;
        left_ms = left_ms < WAIT_MAX_MS ? left_ms : WAIT_MAX_MS;
        struct timespec limit = { .tv_sec = (time_t)(left_ms / 1000),
                                  .tv_nsec = (long)(left_ms % 1000) * 1000000 };
        int number = sigtimedwait(&all, NULL, &limit);
        if (number > 0 && !log_other(number))
            return number;
        now_ms = tg_clock_now_ms();
        if (number <= 0 && now_ms >= end_ms)
            return 0;
    }
}

void tg_signals_unblock_end(void)
{
    sigset_t set;
    fill(&set, false);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void tg_signals_ignore(void)
{
    signal(SIGUSR1, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}
