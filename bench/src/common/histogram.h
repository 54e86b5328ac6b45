/* Counts of values (nanoseconds) in buckets that are at most 1 % wide; adding is O(1) and allocates nothing. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>
#include <stdio.h>

enum {
    BENCH_HISTOGRAM_SUB_BITS = 7, /* 128 buckets for each power of two */
    BENCH_HISTOGRAM_BUCKETS = (64 - BENCH_HISTOGRAM_SUB_BITS + 1) << BENCH_HISTOGRAM_SUB_BITS,
};

struct bench_histogram {
    uint64_t count;
    uint64_t max;
    uint64_t counts[BENCH_HISTOGRAM_BUCKETS];
};

void bench_histogram_reset(struct bench_histogram *histogram);
void bench_histogram_add(struct bench_histogram *histogram, uint64_t value);

/* The least upper bound of a bucket below or in which this share (0 to 1) of the values lies, never above the
 * greatest value; 0 when there are none. */
uint64_t bench_histogram_quantile(const struct bench_histogram *histogram, double share);

/* {"count":…,"p50":…,"p99":…,"p999":…,"max":…,"buckets":[[upper,count],…]} with the buckets that are not empty. */
void bench_histogram_print(const struct bench_histogram *histogram, FILE *out);

#endif
