"""The table of each piece of work."""

from harness.plan import FLOOR

NAMES = {"tidegate": "**Tidegate**", "floor": "*floor*", "nchan": "Nchan", "node": "Node bridge",
         "better-sse": "better-sse", "pushpin": "Pushpin"}


def micros(value):
    return f"{value / 1e3:,.2f}"


def millis(value):
    return f"{value / 1e6:,.2f}"


def thousands(value):
    return f"{value / 1e3:,.1f}"


def kibibytes(value):
    return f"{value / 1024:,.2f}"


def mebibytes(value):
    return f"{value / 2**20:,.1f}"


def megabytes(value):
    return f"{value / 1e6:,.0f}"


def plain(value):
    return f"{value:,.2f}"


def whole(value):
    return f"{value:,.0f}"


COST = ("CPU per delivery, µs", "cpu_ns_per_delivery", micros, True)
RATE = ("deliveries/s, thousands", "deliveries_per_s", thousands, False)
CPU = ("CPU, %", "cpu_percent", whole, False)
MEMORY = ("RSS per client, KiB", "rss_bytes_per_client", kibibytes, False)
LATENCY = [("p50, ms", "latency_p50_ns", millis, False), ("p99, ms", "latency_p99_ns", millis, True),
           ("p99.9, ms", "latency_p999_ns", millis, False), ("max, ms", "latency_max_ns", millis, False)]

# Each column: its head, the figure, how it is written, and whether its ratio to the floor's stands beside it.
COLUMNS = {
    "a": [COST, *LATENCY, MEMORY],
    "b": [COST, *LATENCY, MEMORY],
    "c": [(*RATE[:3], True), COST, CPU, ("load's CPU, %", "load_cpu_percent", whole, False)],
    "d": [
        MEMORY,
        ("PSS per client, KiB", "pss_bytes_per_client", kibibytes, False),
        ("CPU, %", "cpu_percent", plain, False),
        ("CPU, median slice, %", "quiet_cpu_percent", plain, False),
    ],
    "e": [COST, *LATENCY[:2], MEMORY],
    "f": [
        ("accepts/s, thousands", "accepts_per_s", thousands, False),
        ("CPU per accept, µs", "cpu_ns_per_accept", micros, True),
        ("RSS per held, KiB", "rss_bytes_per_held", kibibytes, False),
    ],
    "g": [
        ("MB/s", "storm_bytes_per_s", megabytes, True),
        ("seconds", "storm_seconds", plain, False),
        ("CPU per event, ns", "cpu_ns_per_event", whole, False),
        ("live p99 before, ms", "calm_p99_ns", millis, False),
        ("live p99 in the storm, ms", "live_p99_ns", millis, False),
        ("RSS after, MiB", "rss_bytes", mebibytes, False),
    ],
    "h": [
        ("p99 without, ms", "calm_p99_ns", millis, False),
        ("others' p99, ms", "others_p99_ns", millis, False),
        ("ratio", "p99_ratio", plain, False),
        ("CPU per delivery without, µs", "calm_cpu_ns_per_delivery", micros, False),
        ("with, µs", "cpu_ns_per_delivery", micros, False),
        ("RSS after, MiB", "rss_bytes", mebibytes, False),
    ],
    "i": [
        ("frames/s, thousands", "frames_per_s", thousands, True),
        ("CPU per frame, ns", "cpu_ns_per_frame", whole, False),
        CPU,
    ],
    "j": [COST, RATE, LATENCY[1], MEMORY],
    "k": [COST, RATE, LATENCY[1], CPU],
}
NOTES = {
    "a": "Pushpin is sent 10 events a second instead of 50.",
    "b": "Pushpin is sent 2 events a second instead of 10.",
    "c": "The feed is never more than 256 events ahead of the slowest client; of Node's programs' at 10,000 "
         "clients it is 32, since they take all of them in before they give any out.",
    "d": "The window is as long as Tidegate's heartbeats are apart; a slice of it is a quarter of a second.",
    "f": "Each connection asks for a path that does not exist and is closed after its 404. Nchan is plain nginx here.",
    "g": "Until the last client has everything. 500 other clients go on meanwhile with 10 events a second. "
         "Nchan's storm is of 200 clients: of more, many never get an answer.",
    "j": "Events of 16 KiB and 64 KiB are sent more rarely, so that it is 250 MB a second.",
    "i": "Nchan is fed by POST; all others have one WebSocket connection.",
    "k": "CPU over 100 % is that of several threads.",
}


def section(results, runs, work):
    columns = [column for column in COLUMNS[work] if _has_figure(runs, work, column[1])]
    lines = [f"## ({work}) {results['work'].get(work, '')}", "", *_table(runs, work, columns)]
    if work in NOTES and (work not in "ab" or "pushpin" in runs.systems(work)):
        lines += ["", NOTES[work]]
    troubles = runs.troubles(work)
    if troubles:
        lines += ["", "Not as it should be:", ""] + [f"- {trouble}" for trouble in troubles]
    return "\n".join(lines)


def _table(runs, work, columns):
    cases = runs.cases(work)
    has_cases = len(cases) > 1
    words = ["system", "case"] if has_cases else ["system"]
    numbers = []
    for name, _, _, has_ratio in columns:
        numbers += [name, "× floor"] if has_ratio and _has_floor(runs, work) else [name]
    lines = ["| " + " | ".join(words + numbers) + " |", "|" + "---|" * len(words) + "--:|" * len(numbers)]
    for case in cases:
        for system in runs.systems(work, case):
            lines.append("| " + " | ".join(_row(runs, work, case, system, columns, has_cases)) + " |")
    return lines


def _has_figure(runs, work, figure):
    return any(figure in record.get("figures", {}) for record in runs.records if record["work"] == work)


def _has_floor(runs, work):
    return FLOOR in runs.systems(work)


def _row(runs, work, case, system, columns, has_cases):
    cells = [NAMES.get(system, system)] + ([case] if has_cases else [])
    for _, figure, form, has_ratio in columns:
        cells.append(_spread(runs.spread(work, case, system, figure), form))
        if has_ratio and _has_floor(runs, work):
            ratio = runs.ratio(work, case, figure, system, FLOOR)
            cells.append(f"{ratio.median:.2f}" if ratio else "–")
    return cells


def _spread(spread, form):
    if spread is None:
        return "–"
    if spread.count == 1 or form(spread.lowest) == form(spread.highest):
        return form(spread.median)
    return f"{form(spread.median)} <sub>({form(spread.lowest)} – {form(spread.highest)})</sub>"
