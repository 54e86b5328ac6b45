"""Tests of the harness that need no server: python3 bench/tests/harness_test.py"""

import importlib.util
import json
import os
import sys
import tempfile
import time
import unittest
import xml.etree.ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

from harness import charts_labels, histogram, load, plan, proc_stats, process, progress, report  # noqa: E402
from harness import servers, targets  # noqa: E402
from harness.statistics import Runs, spread_of  # noqa: E402

# A program of the benchmark as far as its manners go.
ECHO = """
import json, sys, time
print(json.dumps({"ready": True, "port": 1}), flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "fail":
        print(json.dumps({"error": "no such thing"}), flush=True)
    elif words[0] == "sleep":
        time.sleep(60)
    elif words[0] == "die":
        print("out of luck", file=sys.stderr)
        sys.exit(2)
    else:
        print(json.dumps({"words": words}), flush=True)
"""


def latency(*buckets):
    buckets = [list(bucket) for bucket in buckets]
    return {"count": sum(count for _, count in buckets), "max": buckets[-1][0] if buckets else 0, "buckets": buckets}


class MetricsTest(unittest.TestCase):
    NAME = "tidegate_upstream_messages_total"

    def test_messages_of_all_backends_are_added(self):
        page = f'# TYPE {self.NAME} counter\n{self.NAME}{{stream="0"}} 40\n{self.NAME}{{stream="1"}} 2\nother 7\n'
        self.assertEqual(servers.messages_counted(page), 42)

    def test_a_page_without_them_is_an_error(self):
        self.assertRaises(process.BenchError, servers.messages_counted, "other 7\n")


class HistogramTest(unittest.TestCase):
    def test_merging_adds_counts_and_recomputes_quantiles(self):
        merged = histogram.merge([latency((10, 90), (1000, 10)), latency((10, 890), (20, 10))])
        self.assertEqual(merged["buckets"], [[10, 980], [20, 10], [1000, 10]])
        self.assertEqual((merged["count"], merged["max"]), (1000, 1000))
        self.assertEqual((merged["p50"], merged["p99"], merged["p999"]), (10, 20, 1000))

    def test_quantile_is_never_above_the_greatest_value(self):
        self.assertEqual(histogram.quantile([[100, 1]], 0.99, 97), 97)

    def test_nothing_merges_to_nothing(self):
        merged = histogram.merge([latency(), latency()])
        self.assertEqual((merged["count"], merged["p99"], merged["max"]), (0, 0, 0))

    def test_coarse_buckets_keep_counts(self):
        buckets = [[1000 + step, 1] for step in range(1000)]
        coarse = histogram.coarse(buckets)
        self.assertLess(len(coarse), 30)
        self.assertEqual(sum(count for _, count in coarse), 1000)
        self.assertEqual(coarse[-1][0], 1999)


class LoadTest(unittest.TestCase):
    def test_numbers_are_shared_out_evenly(self):
        self.assertEqual([load.share_of(10, 3, index) for index in range(3)], [4, 3, 3])

    def test_reports_are_merged(self):
        one = {"clients": 5, "events": 50, "bytes": 500, "lost": 1, "duplicated": 0, "disordered": 0, "closed": 0,
               "seconds": 5.0, "max_seq": 20, "min_seq": 18, "latency_ns": latency((10, 50))}
        two = {**one, "lost": 2, "seconds": 5.1, "max_seq": 19, "min_seq": 17, "latency_ns": latency((30, 50))}
        merged = load.merge_reports([one, two])
        self.assertEqual((merged["clients"], merged["events"], merged["lost"]), (10, 100, 3))
        self.assertEqual((merged["seconds"], merged["min_seq"], merged["max_seq"]), (5.1, 17, 20))
        self.assertEqual((merged["latency_ns"]["p50"], merged["latency_ns"]["p99"]), (10, 30))


class ProcessTest(unittest.TestCase):
    def start(self):
        program = process.Program([sys.executable, "-c", ECHO])
        self.addCleanup(program.end)
        return program

    def test_answers_belong_to_commands(self):
        program = self.start()
        self.assertEqual(program.first, {"ready": True, "port": 1})
        program.send("one", size=200)
        program.send("two", path=None)
        self.assertEqual(program.receive(), {"words": ["one", "size=200"]})
        self.assertEqual(program.receive(), {"words": ["two"]})

    def test_errors_silence_and_death_are_told(self):
        program = self.start()
        with self.assertRaisesRegex(process.BenchError, "no such thing"):
            program.ask("fail")
        with self.assertRaisesRegex(process.BenchError, "out of luck"):
            program.ask("die")
        silent = self.start()
        with self.assertRaisesRegex(process.BenchError, "not answered"):
            silent.ask("sleep", timeout=0.1)
        silent._process.kill()

    def test_cpu_time_counts_threads_that_have_ended(self):
        code = ("import threading\ndef work():\n    for _ in range(3_000_000): pass\n"
                "thread = threading.Thread(target=work); thread.start(); thread.join()\n") + ECHO
        program = process.Program([sys.executable, "-c", code])
        self.addCleanup(program.end)
        while len(os.listdir(f"/proc/{program.pid}/task")) > 1:  # Python joins a thread before the kernel has ended it
            time.sleep(0.001)
        self.assertGreater(proc_stats.cpu_ns([program.pid]), proc_stats.schedstat_ns(program.pid) + 5_000_000)

    def test_cpu_time_is_what_schedstat_says(self):
        program = self.start()
        time.sleep(0.05)
        clock, schedstat = proc_stats.cpu_ns([program.pid]), proc_stats.schedstat_ns(program.pid)
        self.assertLess(abs(clock - schedstat), 0.05 * clock)

    def test_memory_and_descriptors(self):
        program = self.start()
        self.assertGreater(proc_stats.memory([program.pid])["rss"], 1 << 20)
        self.assertGreaterEqual(proc_stats.descriptors([program.pid]), 3)


class ProgressTest(unittest.TestCase):
    def test_the_slowest_of_the_slots_in_use_counts(self):
        with tempfile.TemporaryDirectory() as folder:
            seen = progress.Progress(folder, 2)
            self.assertEqual(os.path.getsize(seen.path), 4096)
            self.assertEqual(seen.least(), 0)
            with open(seen.path, "r+b") as file:
                file.write((17).to_bytes(8, sys.byteorder))
                file.seek(64)
                file.write((19).to_bytes(8, sys.byteorder))
            self.assertEqual(seen.least(), 17)
            with self.assertRaises(process.BenchError):
                seen.wait_for_change(0.01)
            seen.remove()


def canned(rounds=3):
    """Runs as they could be: Tidegate at 1.05 of the floor, Nchan at 2."""
    records = []
    costs = {"tidegate": 1050, "floor": 1000, "nchan": 2000}
    for item in plan.full():
        for number in range(1, rounds + 1):
            for case in item.cases:
                names = [case.name]
                if case.name == "clients":
                    names = [f"{clients:,} clients" for clients in case.numbers["steps"]]
                elif case.name == "sizes":
                    names = [f"{size:,} B" for size in case.numbers["steps"]]
                for system in [system for system in case.systems if system in costs]:
                    records += [record_of(item.letter, name, system, number, costs[system]) for name in names]
    return {
        "format": 1, "date": "2025-01-01 12:00", "minutes": 1, "commit": "0123456789ab",
        "machine": {"cpu": "Some CPU", "cores": 2, "memory_bytes": 2**34, "kernel": "6.1", "system": "Debian"},
        "compiler": "cc 12", "versions": {"tidegate": "0.1.0", "nchan": "1.3.6"},
        "options": {"quick": False, "rounds": rounds, "seconds": 5, "processes": 2, "pin": False, "own_build": False},
        "work": {item.letter: item.title for item in plan.full()}, "runs": records,
    }


def record_of(work, case, system, number, cost):
    noise = 1 + 0.01 * number
    figures = {
        "cpu_ns_per_delivery": cost * noise, "deliveries_per_s": 5e9 / cost, "latency_p50_ns": cost * 500.0,
        "latency_p99_ns": cost * 1000.0, "latency_p999_ns": cost * 1100.0, "latency_max_ns": cost * 1200.0,
        "rss_bytes_per_client": float(cost), "pss_bytes_per_client": float(cost), "quiet_cpu_percent": 0.0,
        "cpu_percent": 10.0, "cpu_ns_per_accept": cost * 20.0, "accepts_per_s": 3e7 / cost,
        "storm_bytes_per_s": 1e12 / cost, "other_cpu_percent": 50.0,
        "live_p99_ratio": 1.5, "p99_ratio": 1.01, "frames_per_s": 8e8 / cost, "cpu_ns_per_frame": float(cost),
        "rss_bytes": 1e7,
    }
    buckets = [[cost * 400, 500], [cost * 900, 480], [cost * 1200, 20]] if work in "ab" else []
    return {"work": work, "case": case, "system": system, "round": number, "figures": figures, "problems": [],
            "buckets": buckets}


class StatisticsTest(unittest.TestCase):
    def test_spread(self):
        spread = spread_of([3, 1, 2, 10])
        self.assertEqual((spread.median, spread.lowest, spread.highest, spread.count), (2.5, 1, 10, 4))
        self.assertIsNone(spread_of([]))

    def test_a_ratio_is_the_median_of_the_rounds_ratios(self):
        records = []
        for number, (one, other) in enumerate([(10, 5), (30, 10), (8, 8)], 1):
            records += [dict(record_of("a", "x", "tidegate", number, 1), figures={"cost": one}),
                        dict(record_of("a", "x", "floor", number, 1), figures={"cost": other})]
        self.assertEqual(Runs(records).ratio("a", "x", "cost", "tidegate", "floor").median, 2)

    def test_a_round_that_one_of_them_failed_in_does_not_count(self):
        records = [dict(record_of("a", "x", "tidegate", 1, 1), figures={"cost": 6}),
                   dict(record_of("a", "x", "tidegate", 2, 1), figures={"cost": 100}),
                   dict(record_of("a", "x", "floor", 1, 1), figures={"cost": 3}),
                   {"work": "a", "case": "x", "system": "floor", "round": 2, "failed": "it did"}]
        ratio = Runs(records).ratio("a", "x", "cost", "tidegate", "floor")
        self.assertEqual((ratio.median, ratio.count), (2, 1))

    def test_troubles_that_differ_in_numbers_only_are_told_once(self):
        records = [dict(record_of("a", "x", "node", number, 1), problems=[f"{number} lost"]) for number in (1, 2)]
        self.assertEqual(Runs(records).troubles("a"), ["node, x: 1 lost (in 2 runs alike)"])

    def test_labels_keep_their_distance(self):
        places = charts_labels.spread_out([1.0, 1.1, 5.0, 5.1, 5.2], 1.0)
        self.assertTrue(all(high - low > 0.999 for low, high in zip(places, places[1:])), places)
        self.assertEqual(charts_labels.spread_out([1.0, 3.0], 1.0), [1.0, 3.0])


class ReportTest(unittest.TestCase):
    def test_targets(self):
        rows = targets.verdicts(Runs(canned()["runs"]))
        by_subject = {(row.work, row.subject): row for row in rows}
        self.assertIs(by_subject["a", "CPU per delivery"].is_reached, True)
        self.assertEqual(by_subject["a", "CPU per delivery"].measured, "1.05 × (1.05 – 1.05)")
        self.assertIs(by_subject["c", "deliveries a second, 1,000 clients"].is_reached, False)
        self.assertIs(by_subject["i", "frames a second from one backend"].is_reached, True)
        self.assertEqual({row.work for row in rows}, set("abcdefghij"))
        self.assertNotIn(None, [row.is_reached for row in rows])

    def test_what_was_not_measured_is_neither_reached_nor_missed(self):
        self.assertEqual({row.is_reached for row in targets.verdicts(Runs([]))}, {None})

    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "needs matplotlib")
    def test_written_files(self):
        results = canned()
        results["runs"].append(
            {"work": "a", "case": "1,000 clients", "system": "node", "round": 1, "failed": "no node"})
        with tempfile.TemporaryDirectory() as folder:
            report.write(results, folder)
            with open(os.path.join(folder, "RESULTS.md")) as file:
                text = file.read()
            with open(os.path.join(folder, "results.json")) as file:
                self.assertEqual(len(json.load(file)["runs"]), len(results["runs"]))
            drawn = sorted(os.listdir(os.path.join(folder, "charts")))
            self.assertEqual(drawn, ["cost.svg", "latency.svg", "memory.svg", "saturation.svg"])
            for name in drawn:
                root = xml.etree.ElementTree.parse(os.path.join(folder, "charts", name)).getroot()
                self.assertTrue(root.tag.endswith("svg"))
        for letter in "abcdefghijk":
            self.assertIn(f"## ({letter}) ", text)
        self.assertIn("- node, 1,000 clients: failed: no node", text)
        self.assertIn("Some CPU", text)
        self.assertIn("50 % of a core", text)

    @unittest.skipUnless(importlib.util.find_spec("matplotlib"), "needs matplotlib")
    def test_a_few_runs_are_enough(self):
        results = canned(1)
        results["runs"] = [record for record in results["runs"] if record["work"] == "i"]
        with tempfile.TemporaryDirectory() as folder:
            report.write(results, folder)


class PlanTest(unittest.TestCase):
    def test_quick_takes_less_than_ten_minutes_and_full_less_than_75(self):
        full = plan.chosen(plan.full(), None, None, 4)
        quick = plan.chosen(plan.quick(), None, None, 2)
        self.assertLess(plan.seconds_of(quick, 3), 600)
        self.assertLess(plan.seconds_of(full, 5), 75 * 60)
        self.assertEqual("".join(item.letter for item in full), "abcdefghijk")

    def test_choosing(self):
        items = plan.chosen(plan.full(), ["a", "i"], ["floor"], 5)
        self.assertEqual([item.letter for item in items], ["a", "i"])
        self.assertEqual({system for item in items for case in item.cases for system in case.systems}, {"floor"})


if __name__ == "__main__":
    unittest.main()
