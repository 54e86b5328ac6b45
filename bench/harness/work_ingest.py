"""Messages of one backend without any client: (i)."""

import time

from harness.session import Result, Session

POLL_SECONDS = 0.01
# The server has consumed all when it has used hardly any CPU for so long.
QUIET_SECONDS = 0.25
QUIET_SHARE = 0.1
END_SECONDS = 30


def run(setting, system, *, size=200):
    with Session(setting, system) as session:
        start_ns, start_cpu_ns = time.monotonic_ns(), session.cpu_ns()
        session.feed.start(flood=1, size=size)
        time.sleep(setting.seconds)
        sent = session.feed.stop()
        end_ns = _wait_consumed(session)
        cpu_ns = session.cpu_ns() - start_cpu_ns
        received = system.messages_received()
    seconds = (end_ns - start_ns) / 1e9
    figures = {
        "frames": sent["sent"],
        "frames_per_s": sent["sent"] / seconds,
        "cpu_ns_per_frame": cpu_ns / max(1, sent["sent"]),
        "cpu_percent": 100 * cpu_ns / (end_ns - start_ns),
        "feed_seconds": sent["seconds"],
        "seconds": seconds,
    }
    problems = []
    if received is not None and received != sent["sent"]:
        problems.append(f"{received} of {sent['sent']} messages arrived")
    return Result(figures, problems)


def _wait_consumed(session):
    """When the server last worked: some of what the feed has written waits in the kernel for the server."""
    limit = time.monotonic() + END_SECONDS
    last_busy_ns, cpu_ns, then_ns = time.monotonic_ns(), session.cpu_ns(), time.monotonic_ns()
    while time.monotonic_ns() - last_busy_ns < QUIET_SECONDS * 1e9 and time.monotonic() < limit:
        time.sleep(POLL_SECONDS)
        now_ns, now_cpu_ns = time.monotonic_ns(), session.cpu_ns()
        if now_cpu_ns - cpu_ns > QUIET_SHARE * (now_ns - then_ns):
            last_busy_ns = now_ns
        cpu_ns, then_ns = now_cpu_ns, now_ns
    return last_busy_ns
