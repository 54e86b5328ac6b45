#include "common/histogram.h"

#include <inttypes.h>
#include <string.h>

enum { SUB_COUNT = 1 << BENCH_HISTOGRAM_SUB_BITS };

/* Below SUB_COUNT each value has a bucket of its own; above, each power of two has SUB_COUNT buckets. */
static size_t bucket_of(uint64_t value)
{
    if (value < SUB_COUNT)
        return (size_t)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - BENCH_HISTOGRAM_SUB_BITS;
    return ((size_t)(shift + 1) << BENCH_HISTOGRAM_SUB_BITS) + (size_t)((value >> shift) & (SUB_COUNT - 1));
}

/* The greatest value that belongs to the bucket. */
static uint64_t upper_of(size_t bucket)
{
    if (bucket < SUB_COUNT)
        return bucket;
    unsigned shift = (unsigned)(bucket >> BENCH_HISTOGRAM_SUB_BITS) - 1;
    uint64_t sub = bucket & (SUB_COUNT - 1);
    return ((SUB_COUNT + sub + 1) << shift) - 1; /* the last one wraps around to all ones, as it should */
}

void bench_histogram_reset(struct bench_histogram *histogram)
{
    memset(histogram, 0, sizeof(*histogram));
}

void bench_histogram_add(struct bench_histogram *histogram, uint64_t value)
{
    histogram->count++;
    histogram->counts[bucket_of(value)]++;
    if (value > histogram->max)
        histogram->max = value;
}

uint64_t bench_histogram_quantile(const struct bench_histogram *histogram, double share)
{
    double wanted = share * (double)histogram->count;
    uint64_t seen = 0;
    for (size_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (histogram->counts[i] && (double)seen >= wanted)
            return upper_of(i) < histogram->max ? upper_of(i) : histogram->max;
    }
    return histogram->max;
}

void bench_histogram_print(const struct bench_histogram *histogram, FILE *out)
{
    fprintf(out,
            "{\"count\":%" PRIu64 ",\"p50\":%" PRIu64 ",\"p99\":%" PRIu64 ",\"p999\":%" PRIu64
            ",\"max\":%" PRIu64 ",\"buckets\":[",
            histogram->count, bench_histogram_quantile(histogram, 0.5),
            bench_histogram_quantile(histogram, 0.99), bench_histogram_quantile(histogram, 0.999),
            histogram->max);
    const char *separator = "";
    for (size_t i = 0; i < BENCH_HISTOGRAM_BUCKETS; i++) {
        if (!histogram->counts[i])
            continue;
        fprintf(out, "%s[%" PRIu64 ",%" PRIu64 "]", separator, upper_of(i), histogram->counts[i]);
        separator = ",";
    }
    fputs("]}", out);
}
