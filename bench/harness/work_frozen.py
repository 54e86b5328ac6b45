"""Some clients stop reading; what the others notice: (h)."""

import time

from harness import proc_stats
from harness.session import Result, Session

RATE = 50
STALL_RATE = 100
STALL_SIZE = 4096
STALL_SECONDS = 3


def run(setting, system, *, clients, frozen, size=1024):
    """What a server sends to a client that does not read waits in the kernel until its buffers are full: larger events
    fill them first. The clients that are not frozen are measured after the same events without anybody frozen."""
    with Session(setting, system) as session:
        load = session.load()
        session.connect(load, clients)
        calm = _fill_and_measure(setting, session, load, clients, clients, size)
        count = load.freeze(frozen)
        others = _fill_and_measure(setting, session, load, clients, clients - count, size)
        stalled = proc_stats.stalled_connections(system.port)
        memory = session.memory()
    result = Result({
        "calm_p99_ns": calm.figures["latency_p99_ns"],
        "others_p99_ns": others.figures["latency_p99_ns"],
        "calm_p50_ns": calm.figures["latency_p50_ns"],
        "others_p50_ns": others.figures["latency_p50_ns"],
        "p99_ratio": others.figures["latency_p99_ns"] / calm.figures["latency_p99_ns"],
        "cpu_ns_per_delivery": others.figures["cpu_ns_per_delivery"],
        "calm_cpu_ns_per_delivery": calm.figures["cpu_ns_per_delivery"],
        "stalled": stalled,
        "rss_bytes": memory["rss"],
    }, calm.problems + others.problems)
    if stalled < count:
        result.problems.append(f"only {stalled} of {count} frozen clients have stalled")
    return result


def _fill_and_measure(setting, session, load, clients, readers, size):
    session.feed.start(rate=STALL_RATE, size=STALL_SIZE)
    time.sleep(STALL_SECONDS)
    session.feed.stop()
    return session.measure_rate(load, clients, rate=RATE, size=size, seconds=setting.seconds, expected=readers)
