"""Runs the plan: for each piece of work all systems once, then all again."""

import sys
import time

from harness.session import Result

SETTLE_SECONDS = 0.3


class Runner:
    def __init__(self, setting, systems, rounds, log=sys.stderr):
        self.setting, self.systems, self.rounds = setting, systems, rounds
        self.runs = []
        self._log = log
        self.seconds = {}
        self._left = 0.0

    def run(self, items):
        """Every run's record, also of those that failed. An interrupt keeps the records that there are."""
        self._left = sum(self._estimate(item, case, system) * self.rounds
                         for item in items for case in item.cases for system in case.systems)
        for item in items:
            self._say(f"\n({item.letter}) {item.title}")
            for number in range(1, self.rounds + 1):
                for case in item.cases:
                    for system in case.systems:
                        self._run_once(item, case, system, number)

    def _run_once(self, item, case, name, number):
        start = time.monotonic()
        record = {"work": item.letter, "system": name, "round": number}
        try:
            found = case.run(self.setting, self.systems[name], **case.numbers_for(name))
            results = {case.name: found} if isinstance(found, Result) else found
            records = [{**record, "case": case_name, "figures": result.figures, "problems": result.problems,
                        "buckets": result.buckets} for case_name, result in results.items()]
        # Whatever goes wrong with one system must not end the others' runs.
        except Exception as error:
            records = [{**record, "case": case.name, "failed": f"{error}" or type(error).__name__}]
        time.sleep(SETTLE_SECONDS)
        self._left -= self._estimate(item, case, name)
        self._correct(item, case, name, number, time.monotonic() - start)
        for record in records:
            self.runs.append(record)
            self._say(f"  {progress_line(record)}   [{max(0, self._left) / 60:.0f} min left]")

    def _correct(self, item, case, name, number, seconds):
        """What is left takes as long as it took the last time."""
        rest = self.rounds - number
        self._left += rest * (seconds - self._estimate(item, case, name))
        self.seconds[item.letter, case.name, name] = seconds

    def _estimate(self, item, case, name):
        return self.seconds.get((item.letter, case.name, name), case.seconds)

    def _say(self, text):
        print(text, file=self._log, flush=True)


SHOWN = [
    ("cpu_ns_per_delivery", "{:.0f} ns/delivery", 1), ("deliveries_per_s", "{:.0f} k/s", 1e-3),
    ("latency_p50_ns", "p50 {:.2f}", 1e-6), ("latency_p99_ns", "p99 {:.2f} ms", 1e-6),
    ("rss_bytes_per_client", "{:.2f} KiB/client", 1 / 1024), ("cpu_percent", "CPU {:.1f} %", 1),
    ("quiet_cpu_percent", "quiet {:.2f} %", 1), ("accepts_per_s", "{:.1f} k accepts/s", 1e-3),
    ("cpu_ns_per_accept", "{:.1f} us/accept", 1e-3), ("frames_per_s", "{:.0f} k frames/s", 1e-3),
    ("cpu_ns_per_frame", "{:.0f} ns/frame", 1), ("storm_bytes_per_s", "{:.0f} MB/s", 1e-6),
    ("storm_seconds", "{:.2f} s", 1), ("calm_p99_ns", "calm p99 {:.2f}", 1e-6),
    ("live_p99_ns", "storm p99 {:.2f} ms", 1e-6),
    ("others_p99_ns", "others' p99 {:.2f} ms", 1e-6),
]


def progress_line(record):
    head = f"{record['round']} {record['case']:<22} {record['system']:<11}"
    if "failed" in record:
        return f"{head} FAILED: {record['failed']}"
    figures = record["figures"]
    text = ", ".join(form.format(figures[key] * scale) for key, form, scale in SHOWN if key in figures)
    return head + " " + text + "".join(f"  !! {problem}" for problem in record["problems"])
