#include "stats.h"

#include "common/clock.h"

void load_stats_reset(struct load_stats *stats)
{
    stats->since_ns = bench_now_ns();
    stats->events = stats->bytes = 0;
    stats->lost = stats->duplicated = stats->disordered = stats->closed = 0;
    bench_histogram_reset(&stats->latency_ns);
}

void load_stats_take(struct load_stats *stats, struct load_track *track, uint64_t seq, uint64_t latency_ns)
{
    stats->events++;
    bench_histogram_add(&stats->latency_ns, latency_ns);
    if (track->is_started && seq <= track->seq) {
        stats->duplicated += seq == track->seq;
        stats->disordered += seq < track->seq;
        return;
    }
    if (track->is_started)
        stats->lost += seq - track->seq - 1;
    track->is_started = true;
    track->seq = seq;
}
