"""Connections that come, ask and go, while others hold theirs without asking: (f)."""

import time

from harness.session import Result, Session

CONCURRENCY = 64
HOLD_RATE = 5000


def run(setting, system, *, held, seconds=3):
    with Session(setting, system) as session:
        result = Result()
        before = session.memory()
        if held:
            answer = session.load().hold(held, HOLD_RATE)
            if answer["failed"]:
                result.problems.append(f"{answer['failed']} of {held} connections could not be held")
            time.sleep(0.5)
            result.figures["rss_bytes_per_held"] = (session.memory()["rss"] - before["rss"]) / held
        load = session.load()
        load.accepts(0.5, CONCURRENCY, system.plain_path)
        cpu_ns = session.cpu_ns()
        answer = load.accepts(seconds, CONCURRENCY, system.plain_path)
        cpu_ns = session.cpu_ns() - cpu_ns
        result.figures["accepts_per_s"] = answer["per_s"]
        if answer["accepts"]:
            result.figures["cpu_ns_per_accept"] = cpu_ns / answer["accepts"]
        if answer["failed"]:
            result.problems.append(f"{answer['failed']} connections failed")
        if answer["status"] != [404]:
            result.problems.append(f"answered with {answer['status']}")
    return result
