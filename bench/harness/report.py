"""Writes RESULTS.md, results.json and the charts."""

import json
import os

from harness import report_tables
from harness.plan import plural
from harness.statistics import Runs
from harness.targets import verdicts

KEPT_LATENCIES = ("a", "b")
# The kernel's own threads do a little, too.
BUSY_PERCENT = 15
MARKS = {True: "✅ yes", False: "❌ no", None: "–"}


def write(results, folder):
    # Only here, because only this needs matplotlib.
    from harness import charts
    os.makedirs(os.path.join(folder, "charts"), exist_ok=True)
    runs = Runs(results["runs"])
    drawn = charts.draw_all(runs, os.path.join(folder, "charts"))
    with open(os.path.join(folder, "RESULTS.md"), "w") as file:
        file.write(markdown(results, runs, drawn))
    with open(os.path.join(folder, "results.json"), "w") as file:
        file.write(machine_readable(results))


def machine_readable(results):
    """One run a line, so that two files can be compared line by line."""
    head = {key: value for key, value in results.items() if key != "runs"}
    lines = [json.dumps(_rounded(_slim(record)), separators=(",", ":")) for record in results["runs"]]
    text = json.dumps(head, indent=2)
    return text[:-2] + ',\n  "runs": [\n    ' + ",\n    ".join(lines) + "\n  ]\n}\n"


def _slim(record):
    """Latencies are drawn for some work only."""
    return {key: value for key, value in record.items() if key != "buckets" or record["work"] in KEPT_LATENCIES}


def _rounded(record):
    figures = record.get("figures")
    if figures is None:
        return record
    return {**record, "figures": {key: round(value, 3) if isinstance(value, float) else value
                                  for key, value in figures.items()}}


def markdown(results, runs, drawn):
    parts = [_head(results), _targets(runs), _charts(drawn)]
    parts += [report_tables.section(results, runs, work) for work in runs.works()]
    parts.append(_repeat(results))
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(results):
    machine, options = results["machine"], results["options"]
    versions = ", ".join(results["versions"].values())
    how = f"{options['rounds']} round{plural(options['rounds'])}, {options['seconds']:g} s of measuring each, "
    how += f"{options['processes']} processes of clients"
    if results.get("interrupted"):
        how += ", interrupted"
    if options["pin"]:
        how += ", the server on a core of its own"
    build = ", with another build of Tidegate" if options["own_build"] else ""
    rows = [
        ("Date", f"{results['date']} UTC, {results['minutes']:g} minutes"),
        ("Commit", f"`{results['commit']}`{build}"),
        ("Machine", f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB"),
        ("System", f"{machine['system']}, Linux {machine['kernel']}, {results['compiler']}"),
        ("Versions", versions),
        ("Runs", ("the quick selection: " if options["quick"] else "") + how),
    ]
    table = "\n".join(f"| {name} | {text} |" for name, text in rows)
    busy = Runs(results["runs"]).overall_median("other_cpu_percent")
    noise = ""
    if busy and busy > BUSY_PERCENT:
        noise = f"\n\n**Other programs used {busy:.0f} % of a core meanwhile: these figures are not to be relied on.**"
    left_out = "".join(f"\n\n{name} is left out: {reason}." for name, reason in results.get("left_out", {}).items())
    return f"""# Results

Written by `script/bench`; [README.md](README.md) says what is measured and how. *floor* is a server that makes exactly
one `send()` for each client and event and does nothing else: what the kernel costs.

| | |
|---|---|
{table}

A figure is the median of its runs, with the lowest and the highest behind it. *× floor* is the median of the ratios
of each round. CPU is that of the server; load and feed run on the same machine.{noise}{left_out}"""


def _targets(runs):
    lines = ["## What Tidegate must reach", ""]
    lines += ["| work | figure | target | measured | reached |", "|---|---|---|---|---|"]
    rows = verdicts(runs)
    for row in rows:
        lines.append(f"| ({row.work}) | {row.subject} | {row.target} | {row.measured} | {MARKS[row.is_reached]} |")
    measured = [row for row in rows if row.is_reached is not None]
    lines += ["", f"{sum(row.is_reached for row in measured)} of {len(measured)} targets reached."]
    return "\n".join(lines)


def _charts(drawn):
    if not drawn:
        return ""
    images = [f"![{title}](charts/{name})" for name, title in drawn]
    return "## Charts\n\n" + "\n\n".join(images)


def _repeat(results):
    command = "script/bench --quick" if results["options"]["quick"] else "script/bench"
    works = ",".join(results["work"])
    return f"""## How to repeat it

    {command}

installs what it needs on a Debian 12 machine, builds, runs, and writes this file, `results.json` (every single run) and
the charts again. `script/bench --work {works[0]} --rounds 3 --out /tmp/mine` runs one piece of work only and writes
elsewhere; `script/bench --list` shows all. Nothing else should run on the machine meanwhile."""
