"""What Tidegate must reach, and whether it does."""

from dataclasses import dataclass

from harness.plan import FLOOR, PEERS, TIDEGATE

KIB = 1024
IDLE_PERCENT = 0.1
COST = "cpu_ns_per_delivery"
P99 = "latency_p99_ns"


@dataclass
class Verdict:
    work: str
    subject: str
    target: str
    measured: str
    is_reached: object  # True, False; None when it was not measured


def verdicts(runs):
    rows = []
    for work, case in (("a", "1,000 clients"), ("b", "10,000 clients")):
        rows.append(_at_most(work, "CPU per delivery", 1.10, runs.ratio(work, case, COST, TIDEGATE, FLOOR)))
    for work, case in (("a", "1,000 clients"), ("b", "10,000 clients")):
        rows.append(_at_most(work, "latency p99", 1.15, runs.ratio(work, case, P99, TIDEGATE, FLOOR)))
    for case, floor, peer in (("1,000 clients", 5.0, 4.0), ("10,000 clients", 2.7, 3.0)):
        rows += _saturation(runs, case, floor, peer)
    rows += _idle(runs)
    rows.append(_at_most("e", "CPU per delivery with TLS", 1.15,
                         runs.ratio("e", "2,000 clients", COST, TIDEGATE, FLOOR)))
    rows.append(_memory("e", "RSS per client with TLS", 16, runs, "2,000 clients"))
    rows += _accepts(runs)
    rows.append(_at_least("g", "bytes of replay a second", 0.80, "× floor's one block",
                          runs.ratio("g", "5,000 clients", "storm_bytes_per_s", TIDEGATE, FLOOR)))
    rows.append(_at_most("g", "live clients' p99 in the storm", 2.0,
                         runs.spread("g", "5,000 clients", TIDEGATE, "live_p99_ratio"), "× without it"))
    rows.append(_at_most("h", "the others' p99", 1.1, runs.spread("h", "100 frozen", TIDEGATE, "p99_ratio"),
                         "× without frozen clients"))
    rows.append(_ingest(runs))
    rows.append(_flatness(runs))
    return rows


def _row(work, subject, target, spread, measured, is_reached):
    if spread is None:
        return Verdict(work, subject, target, "not measured", None)
    return Verdict(work, subject, target, measured(), is_reached())


def _at_most(work, subject, limit, spread, unit="× floor"):
    return _row(work, subject, f"≤ {limit:.2f} {unit}", spread,
                lambda: _spread_text(spread), lambda: spread.median <= limit)


def _at_least(work, subject, limit, unit, spread):
    return _row(work, subject, f"≥ {limit:.2f} {unit}", spread,
                lambda: _spread_text(spread), lambda: spread.median >= limit)


def _spread_text(spread):
    return f"{spread.median:.2f} × ({spread.lowest:.2f} – {spread.highest:.2f})"


def _saturation(runs, case, floor, peer):
    figure = "deliveries_per_s"
    subject = f"deliveries a second, {case}"
    best = runs.best("c", case, figure, PEERS)
    return [
        _at_least("c", subject, floor, "× floor", runs.ratio("c", case, figure, TIDEGATE, FLOOR)),
        _at_least("c", subject, peer, f"× the best peer{f' ({best})' if best else ''}",
                  runs.ratio("c", case, figure, TIDEGATE, best)),
    ]


def _memory(work, subject, limit_kib, runs, case):
    spread = runs.spread(work, case, TIDEGATE, "rss_bytes_per_client")
    return _row(work, subject, f"≤ {limit_kib} KiB", spread,
                lambda: f"{spread.median / KIB:.2f} KiB ({spread.lowest / KIB:.2f} – {spread.highest / KIB:.2f})",
                lambda: spread.median <= limit_kib * KIB)


def _idle(runs):
    cases = runs.cases("d")
    case = cases[0] if cases else ""
    quiet = runs.spread("d", case, TIDEGATE, "quiet_cpu_percent")
    return [
        _memory("d", "RSS per idle client", 1.3, runs, case),
        _row("d", "CPU without events, between heartbeats", "0 %", quiet,
             lambda: f"{quiet.median:.2f} % ({quiet.lowest:.2f} – {quiet.highest:.2f})",
             lambda: quiet.median <= IDLE_PERCENT),
    ]


def _accepts(runs):
    figure = "cpu_ns_per_accept"
    return [
        _at_most("f", "CPU per accept with 15,000 held", 1.3,
                 runs.ratio("f", "15,000 held", figure, TIDEGATE, TIDEGATE, "none held"), "× with none"),
        _at_most("f", "CPU per accept", 1.5, runs.ratio("f", "none held", figure, TIDEGATE, "nchan"), "× nginx"),
    ]


def _ingest(runs):
    spread = runs.spread("i", "no clients", TIDEGATE, "frames_per_s")
    return _row("i", "frames a second from one backend", "≥ 700,000", spread,
                lambda: f"{spread.median:,.0f} ({spread.lowest:,.0f} – {spread.highest:,.0f})",
                lambda: spread.median >= 700_000)


def _flatness(runs):
    """The farthest that the cost at any number of clients is from the cost at 1,000."""
    base = "1,000 clients"
    others = [case for case in ("5,000 clients", "10,000 clients", "19,000 clients") if case in runs.cases("j")]
    ratios = {case: runs.ratio("j", case, COST, TIDEGATE, TIDEGATE, base) for case in others}
    ratios = {case: ratio for case, ratio in ratios.items() if ratio}
    if not ratios:
        return Verdict("j", "CPU per delivery, 1,000 to 19,000 clients", "within 15 %", "not measured", None)
    worst = max(ratios, key=lambda case: abs(ratios[case].median - 1))
    change = ratios[worst].median - 1
    return Verdict("j", "CPU per delivery, 1,000 to 19,000 clients", "within 15 %",
                   f"{100 * change:+.0f} % at {worst}", abs(change) <= 0.15)
