"""Many clients and no events: (d)."""

import statistics
import time

from harness.session import Result, Session
from harness.work_steady import memory_per_client

SETTLE_SECONDS = 2
SLICE_SECONDS = 0.25


def run(setting, system, *, clients, seconds=15):
    """The window is as long as Tidegate's heartbeats are apart, so that each client has exactly one. How busy the
    server is otherwise is what its median slice of the window says: heartbeats fall into less than half of them."""
    with Session(setting, system) as session:
        load = session.load()
        before = session.memory()
        session.connect(load, clients)
        time.sleep(SETTLE_SECONDS)
        load.reset()
        percents = []
        start_ns, start_cpu_ns = time.monotonic_ns(), session.cpu_ns()
        end_ns, end_cpu_ns = start_ns, start_cpu_ns
        while end_ns - start_ns < seconds * 1e9:
            time.sleep(SLICE_SECONDS)
            now_ns, cpu_ns = time.monotonic_ns(), session.cpu_ns()
            percents.append(100 * (cpu_ns - end_cpu_ns) / (now_ns - end_ns))
            end_ns, end_cpu_ns = now_ns, cpu_ns
        figures = memory_per_client(before, session.memory(), clients)
        report = load.report()
    figures["cpu_percent"] = 100 * (end_cpu_ns - start_cpu_ns) / (end_ns - start_ns)
    figures["quiet_cpu_percent"] = statistics.median(percents)
    problems = [f"{report['closed']} closed"] if report["closed"] else []
    if report["clients"] != clients:
        problems.append(f"{report['clients']} of {clients} clients")
    return Result(figures, problems)
