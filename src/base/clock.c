/* The two clocks. */
#include "tidegate/base.h"

#include <time.h>

static uint64_t now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

uint64_t tg_clock_now_ms(void)
{
    return now_ms(CLOCK_MONOTONIC);
}

uint64_t tg_clock_wall_ms(void)
{
    return now_ms(CLOCK_REALTIME);
}
