"""Latencies as counts in buckets, as tg-load reports them: [[upper bound in ns, count], ...]."""

QUANTILES = {"p50": 0.50, "p99": 0.99, "p999": 0.999}


def merge(latencies):
    """One report of several: counts are added, and the quantiles follow from the counts."""
    counts = {}
    for latency in latencies:
        for upper, count in latency["buckets"]:
            counts[upper] = counts.get(upper, 0) + count
    buckets = sorted([upper, count] for upper, count in counts.items())
    merged = {"count": sum(count for _, count in buckets), "max": max([l["max"] for l in latencies], default=0)}
    for name, share in QUANTILES.items():
        merged[name] = quantile(buckets, share, merged["max"])
    merged["buckets"] = buckets
    return merged


def quantile(buckets, share, greatest):
    """The least upper bound below or in which this share of the values lies, never above the greatest value."""
    total = sum(count for _, count in buckets)
    seen = 0
    for upper, count in buckets:
        seen += count
        if seen >= share * total:
            return min(upper, greatest)
    return greatest


def coarse(buckets, width=1.04):
    """Fewer buckets, each at most so much wider than the one before: enough for a chart."""
    result = []
    lowest = 0
    for upper, count in buckets:
        if result and upper <= lowest * width:
            result[-1] = [upper, result[-1][1] + count]
        else:
            result.append([upper, count])
            lowest = upper
    return result


def percentile_points(buckets):
    """What a chart draws: (latency in ns, share of the values at or below it)."""
    total = sum(count for _, count in buckets)
    points, seen = [], 0
    for upper, count in buckets:
        seen += count
        points.append((upper, seen / total))
    return points
