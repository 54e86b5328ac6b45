#!/usr/bin/python3
"""Runs the benchmark. script/bench builds what it needs and calls it."""

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from harness import histogram, machine, plan, process, report, servers  # noqa: E402
from harness.runner import Runner  # noqa: E402
from harness.session import Setting  # noqa: E402

BENCH = os.path.dirname(os.path.abspath(__file__))
INTERRUPTED = 130
ROOT = os.path.dirname(BENCH)


def parse():
    parser = argparse.ArgumentParser(prog="script/bench", description="Measures Tidegate, its floor and its peers.")
    parser.add_argument("--quick", action="store_true", help="less of everything, in under ten minutes")
    parser.add_argument("--work", metavar="a,b,c", type=words, help="only this work")
    parser.add_argument("--systems", metavar="NAMES", type=words, help="only these: " + ",".join(plan.ALL))
    parser.add_argument("--rounds", metavar="N", type=int, help="how often each is run (5; quick: 3)")
    parser.add_argument("--seconds", metavar="S", type=float, help="how long each measures (4; quick: 2)")
    parser.add_argument("--out", metavar="FOLDER", default=BENCH, help="where results go (default: bench/)")
    parser.add_argument("--build", metavar="FOLDER", default=os.path.join(ROOT, "build"), help=argparse.SUPPRESS)
    parser.add_argument("--tidegate", metavar="BINARY", help="measure this build of Tidegate")
    parser.add_argument("--processes", metavar="N", type=int, default=2, help="processes of clients (default: 2)")
    parser.add_argument("--pin", action="store_true", help="the server on core 0, everything else on the others")
    parser.add_argument("--list", action="store_true", help="show what would be run, and how long it takes")
    parser.add_argument("--report", metavar="JSON", help="only write the report of these results again")
    return parser.parse_args()


def words(text):
    return [word.strip() for word in text.split(",") if word.strip()]


def main():
    options = parse()
    if options.report:
        with open(options.report) as file:
            write(json.load(file), options.out)
        return 0
    rounds = options.rounds or (3 if options.quick else 5)
    seconds = options.seconds or (2 if options.quick else 4)
    items = plan.quick() if options.quick else plan.full()
    items = plan.chosen(items, options.work, options.systems, seconds)
    if options.list:
        show(items, rounds)
        return 0
    if not items:
        print("Nothing to run: --list shows what there is.", file=sys.stderr)
        return 2
    return run(options, items, rounds, seconds)


def show(items, rounds):
    for item in items:
        print(f"({item.letter}) {item.title}")
        for case in item.cases:
            print(f"      {case.name:<24} {', '.join(case.systems)}")
    print(f"{rounds} rounds, about {plan.seconds_of(items, rounds) / 60:.0f} minutes")


def run(options, items, rounds, seconds):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    process.raise_file_limit()
    folder = tempfile.mkdtemp(prefix="tidegate-bench-")
    setting = Setting(os.path.join(options.build, "tg-feed"), os.path.join(options.build, "tg-load"), folder,
                      options.processes, seconds, options.pin)
    start, is_interrupted = time.time(), False
    try:
        systems = make_systems(options, folder)
        left_out = what_is_missing(systems, items)
        items = plan.chosen(items, None, [name for name in plan.ALL if name not in left_out], plan.PLANNED_SECONDS)
        versions = versions_of(systems, items)
        runner = Runner(setting, systems, rounds)
        runner.run(items)
    except KeyboardInterrupt:
        print("\nInterrupted: what has been measured is written.", file=sys.stderr)
        is_interrupted = True
    except process.BenchError as error:
        print(f"script/bench: {error}", file=sys.stderr)
        return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if not runner.runs:
        return 1
    results = collect(options, items, rounds, seconds, runner, start)
    results.update(left_out=left_out, versions=versions, interrupted=is_interrupted)
    write(results, options.out)
    return INTERRUPTED if is_interrupted else 0


def write(results, folder):
    report.write(results, folder)
    print(f"\nWritten: {os.path.join(folder, 'RESULTS.md')}", file=sys.stderr)


def make_systems(options, folder):
    """Those of the build folder, with another build of Tidegate if that was asked for."""
    systems = servers.make_servers(os.path.abspath(options.build))
    if options.tidegate:
        systems[plan.TIDEGATE].programs_folder = folder
        os.symlink(os.path.abspath(options.tidegate), os.path.join(folder, "tidegate"))
    return systems


def wanted_systems(items):
    wanted = {name for item in items for case in item.cases for name in case.systems}
    return [name for name in plan.ALL if name in wanted]


def versions_of(systems, items):
    named = [name for name in wanted_systems(items) if name != plan.FLOOR]
    return {**{name: systems[name].version() for name in named}, **machine.versions()}


def what_is_missing(systems, items):
    """Why systems that are wanted cannot run, by name. Without peers the rest runs; without the others nothing does."""
    missing = {name: systems[name].missing() for name in wanted_systems(items) if systems[name].missing()}
    for name, reason in missing.items():
        print(f"{name} is left out: {reason}", file=sys.stderr)
    if set(missing) & set(plan.PAIR):
        raise process.BenchError("script/bench builds what is missing")
    return missing


def collect(options, items, rounds, seconds, runner, start):
    runs, took = runner.runs, runner.seconds
    for record in runs:
        record["buckets"] = histogram.coarse(record.get("buckets", []))
    return {
        "format": 1,
        "date": time.strftime("%Y-%m-%d %H:%M", time.gmtime(start)),
        "minutes": round((time.time() - start) / 60, 1),
        "commit": machine.commit(ROOT),
        "machine": machine.describe(),
        "compiler": machine.compiler(),
        "options": {"quick": options.quick, "rounds": rounds, "seconds": seconds, "processes": options.processes,
                    "pin": options.pin, "own_build": bool(options.tidegate)},
        "took": {f"{letter} {case} {name}": round(took, 1) for (letter, case, name), took in took.items()},
        "work": {item.letter: item.title for item in items},
        "runs": runs,
    }


if __name__ == "__main__":
    sys.exit(main())
