#include "pace.h"

#include "common/clock.h"

uint64_t load_pace_due(const struct load_pace *pace, uint64_t now_ns)
{
    if (pace->rate <= 0)
        return UINT64_MAX;
    return 1 + (uint64_t)((double)(now_ns - pace->since_ns) * pace->rate / (double)BENCH_NS_PER_S);
}

uint64_t load_pace_when(const struct load_pace *pace, uint64_t index)
{
    return pace->since_ns + (uint64_t)((double)index * (double)BENCH_NS_PER_S / pace->rate);
}
