"""Clients that come back all at once, each of which has missed events: (g)."""

import time

from harness.process import BenchError
from harness.session import SLACK_SECONDS, Result, Session

LIVE_RATE = 10  # all who have come back get these events too: not more than a core can deliver
MISSED_RATE = 500
FIRST_EVENTS = 5
STORM_TIMEOUT = 60


def run(setting, system, *, clients, missed, live_clients, size=200):
    with Session(setting, system) as session:
        storm, live = session.load(), session.load(processes=1)
        session.connect(live, live_clients)
        session.connect(storm, clients)
        storm.reset()
        left = _send(session, FIRST_EVENTS, size, storm)
        storm.disconnect()
        calm = session.measure_rate(live, live_clients, rate=LIVE_RATE, size=size, seconds=setting.seconds)
        result = Result(problems=calm.problems)
        still = left + missed - session.feed.status()["last_seq"]
        if still > 0:
            _send(session, still, size, live)
        session.feed.start(rate=LIVE_RATE, size=size)

        had = storm.report()
        start = time.monotonic()
        live.reset()
        cpu_ns = session.cpu_ns()
        last = session.feed.status()["last_seq"]
        storm.send_reconnect()
        answer = storm.receive_reconnect(STORM_TIMEOUT)
        is_complete, _ = storm.until(last, STORM_TIMEOUT)
        seconds = time.monotonic() - start
        cpu_ns = session.cpu_ns() - cpu_ns
        got, others = storm.report(), live.report()
        peak = session.memory()
        session.feed.stop()

    events = got["events"] - had["events"]
    result.figures.update({
        "storm_seconds": seconds,
        "storm_bytes_per_s": (got["bytes"] - had["bytes"]) / seconds,
        "storm_events_per_s": events / seconds,
        "cpu_ns_per_event": cpu_ns / max(1, events),
        "live_p99_ns": others["latency_ns"]["p99"],
        "live_max_ns": others["latency_ns"]["max"],
        "calm_p99_ns": calm.figures["latency_p99_ns"],
        "live_p99_ratio": others["latency_ns"]["p99"] / max(1, calm.figures["latency_p99_ns"]),
        "rss_bytes": peak["rss"],
    })
    if answer["failed"] or not is_complete:
        result.problems.append(f"{answer['failed']} clients could not come back" if answer["failed"]
                               else "not all clients got what they had missed")
    if events < clients * missed:
        result.problems.append(f"{events} of {clients * missed} events")
    for key in ("lost", "duplicated", "disordered"):
        if got[key] or others[key]:
            result.problems.append(f"{got[key] + others[key]} {key}")
    return result


def _send(session, events, size, load):
    """So many events, until these clients have them; the last one's number."""
    session.feed.start(rate=MISSED_RATE, burst=5, size=size, events=events)
    last = session.feed.wait(events / MISSED_RATE + SLACK_SECONDS)["last_seq"]
    session.feed.stop()
    if not load.until(last, SLACK_SECONDS)[0]:
        raise BenchError("the clients did not get all before the storm")
    return last
