"""One run: a feed, a server under test and its load, started together and ended together."""

import os
import time
from dataclasses import dataclass, field

from harness import proc_stats
from harness.feed import Feed
from harness.load import Load
from harness.process import BenchError, pin
from harness.progress import Progress

# Further behind at the end than this share of the time, and than two events, the server does not keep up.
LAG_SHARE = 0.1
WARM_SECONDS = 1.0
WARM_EVENTS = 3
CONNECT_ATTEMPTS = 5
OURS = ("server", "load", "feed", "own")
FIRST_RATE = 5
# How long a server may take for one window of the closed loop.
CLOSED_SECONDS = 60
# How much longer than planned something may take before it is given up.
SLACK_SECONDS = 15


@dataclass
class Setting:
    """What all runs have in common."""

    feed: str
    load: str
    folder: str
    processes: int = 2
    seconds: float = 5.0
    is_pinned: bool = False

    @property
    def other_cores(self):
        return set(range(1, os.cpu_count())) if self.is_pinned else None


@dataclass
class Result:
    """What a run found: figures by name, and what is wrong with them."""

    figures: dict = field(default_factory=dict)
    problems: list = field(default_factory=list)
    buckets: list = field(default_factory=list)


class Session:
    def __init__(self, setting, system, *, workers=1, streams=1, has_tls=False):
        self.setting, self.system, self.streams, self.has_tls = setting, system, streams, has_tls
        self._workers = workers
        self._loads = []
        self._slots = 0
        self.progress = None
        self._is_started = False
        self._pids = []
        self.feed = None

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        self._end()

    def _start(self):
        setting, system = self.setting, self.system
        options = {"workers": self._workers, "streams": self.streams, "tls": self.has_tls}
        self._is_started = True
        if system.feed_kind == "ws":
            self.feed = Feed.websocket(setting.feed, self.streams, setting.other_cores)
            system.start(self.feed.port, **options)
            self.feed.wait_connected()
        else:
            system.start(None, **options)
            self.feed = Feed.post(setting.feed, system.feed_kind, system.publish_url, self.streams, setting.other_cores)
        self._pids = system.pids()
        if setting.is_pinned and self._workers == 1:
            pin(self._pids, {0})

    def _end(self):
        for load in self._loads:
            load.end()
        try:
            if self._is_started:
                self.system.stop()
        finally:
            if self.feed:
                self.feed.end()
            if self.progress:
                self.progress.remove()

    def load(self, processes=None, has_progress=False):
        """A group of load processes; groups are told apart by their addresses."""
        count = processes or self.setting.processes
        port = self.system.tls_port if self.has_tls else self.system.port
        if has_progress:
            self.progress = Progress(self.setting.folder, count)
        load = Load(self.setting.load, f"127.0.0.1:{port}", self.system.path, count, streams=self.streams,
                    has_tls=self.has_tls, progress=self.progress.path if has_progress else None,
                    first_slot=self._slots, cores=self.setting.other_cores)
        self._slots += count
        self._loads.append(load)
        return load

    def cpu_ns(self):
        return proc_stats.cpu_ns(self._pids)

    def memory(self):
        return proc_stats.memory(self._pids)

    def connect(self, load, clients, rate=5000):
        """So many clients more, every one of them, or the run fails. Those refused try again, at a slower pace."""
        missing = clients
        for attempt in range(CONNECT_ATTEMPTS):
            missing -= load.connect(missing, rate / (attempt + 1), timeout=30 + missing / 200)["connected"]
            if missing == 0:
                return
            time.sleep(0.5)
        raise BenchError(f"only {clients - missing} of {clients} clients could connect")

    def measure_rate(self, load, clients, *, rate, size, seconds, expected=None):
        """What `rate` events a second for so many seconds cost: from the first to the last delivery of exactly these
        events. `expected` clients get them, all of them unless said otherwise."""
        expected = clients if expected is None else expected
        self.warm_up(load, rate, size)
        events = max(1, round(rate * seconds))
        load.reset()
        before = self._clocks(load)
        self.feed.start(rate=rate, size=size, events=events)
        sent = self.feed.wait(events / rate + SLACK_SECONDS)
        is_complete, _ = load.until(sent["last_seq"], seconds + SLACK_SECONDS)
        after = self._clocks(load)
        result = delivery_result(load.report(), before, after, clients)
        self.feed.stop()
        result.figures["feed_late"] = sent["late"]
        # How long after the last event was due the last client had it.
        lag = (after["now"] - before["now"]) / 1e9 - (events - 1) / rate
        if not is_complete or result.figures["deliveries"] < events * expected:
            result.problems.append(f"{result.figures['deliveries']} of {events * expected} deliveries")
        elif lag > max(2 / rate, LAG_SHARE * seconds):
            result.problems.append(f"does not keep up: {lag:.2f} s behind after {seconds:g} s")
        return result

    def warm_up(self, load, rate, size):
        self.feed.start(rate=rate, size=size, events=max(WARM_EVENTS, round(rate * WARM_SECONDS)))
        sent = self.feed.wait(WARM_EVENTS / rate + SLACK_SECONDS)
        self.feed.stop()
        load.until(sent["last_seq"], SLACK_SECONDS)

    def measure_closed(self, load, clients, *, window, size, seconds):
        """As fast as the slowest client, never more than `window` events ahead of it, for so many seconds.

        A server that takes a whole window in and then gives it out serves its clients by fits and starts. So it is
        measured from one moment at which the slowest client has moved on to another one."""
        # Only clients that have had an event stand anywhere in the progress file.
        self.warm_up(load, FIRST_RATE, size)
        self.feed.start(closed=window, size=size, progress=self.progress.path)
        time.sleep(WARM_SECONDS)
        self.progress.wait_for_change(CLOSED_SECONDS)
        load.reset()
        before = self._clocks(load)
        time.sleep(seconds)
        self.progress.wait_for_change(CLOSED_SECONDS)
        after = self._clocks(load)
        result = delivery_result(load.report(), before, after, clients)
        self.feed.stop()
        return result

    def _clocks(self, load):
        return {"now": time.monotonic_ns(), "server": self.cpu_ns(), "load": proc_stats.cpu_ns(load.pids),
                "feed": proc_stats.cpu_ns([self.feed.pid]),
                "all": proc_stats.machine_cpu_ns(), "own": proc_stats.cpu_ns([os.getpid()])}


def delivery_result(report, before, after, clients):
    passed = {key: after[key] - before[key] for key in before}
    events = report["events"]
    latency = report["latency_ns"]
    seconds = max(report["seconds"], 1e-9)
    figures = {
        "deliveries": events,
        "deliveries_per_s": events / seconds,
        "bytes_per_s": report["bytes"] / seconds,
        "cpu_percent": 100 * passed["server"] / passed["now"],
        "load_cpu_percent": 100 * passed["load"] / passed["now"],
        "feed_cpu_percent": 100 * passed["feed"] / passed["now"],
        "other_cpu_percent": 100 * (passed["all"] - sum(passed[key] for key in OURS)) / passed["now"],
    }
    if events:
        figures["cpu_ns_per_delivery"] = passed["server"] / events
        figures.update({f"latency_{key}_ns": latency[key] for key in ("p50", "p99", "p999", "max")})
    result = Result(figures, problems_of(report, clients), latency["buckets"])
    if not events:
        result.problems.append("no event was delivered")
    return result


def problems_of(report, clients):
    """What must not be: every client gets every event once and in order, and stays."""
    problems = [f"{report[key]} {key}" for key in ("lost", "duplicated", "disordered", "closed") if report[key]]
    if report["clients"] != clients:
        problems.append(f"{report['clients']} of {clients} clients")
    return problems
