"""The charts, as SVG on white. Each system has one colour everywhere, and its name beside its line."""

import math
import os

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.colors import to_rgb  # noqa: E402
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator  # noqa: E402

from harness import charts_labels, histogram  # noqa: E402
from harness.plan import ALL, TIDEGATE  # noqa: E402

COLOURS = {"tidegate": "#0b62a8", "floor": "#303030", "nchan": "#d97a00", "node": "#3a8f3a", "better-sse": "#b0569a",
           "pushpin": "#b03a2e"}
NAMES = {"tidegate": "Tidegate", "floor": "floor", "nchan": "Nchan", "node": "Node bridge", "better-sse": "better-sse",
         "pushpin": "Pushpin"}
# Whose latencies are those of fewer events than the others get.
SLOWER = {"pushpin": "Pushpin, at a fifth\nof the events"}
PERCENTILES = [0, 0.5, 0.9, 0.99, 0.999, 0.9999]
LOOK = {
    "font.family": "DejaVu Sans", "font.size": 11, "axes.titlesize": 13, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.titlepad": 14, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": "#808080", "axes.labelcolor": "#303030", "xtick.color": "#505050", "ytick.color": "#505050",
    "axes.grid": True, "grid.color": "#e4e4e4", "grid.linewidth": 0.8, "axes.axisbelow": True,
    # Outlines instead of text look the same wherever the fonts differ; a fixed salt makes equal charts equal files.
    "svg.fonttype": "path", "svg.hashsalt": "tidegate", "figure.facecolor": "white", "savefig.facecolor": "white",
}


def draw_all(runs, folder):
    """Those that there are figures for: [(file name, what it shows)]."""
    drawn = []
    with plt.rc_context(LOOK):
        for name, title, draw in CHARTS:
            figure = draw(runs)
            if figure is None:
                continue
            metadata = {"Date": None, "Title": title}
            figure.savefig(os.path.join(folder, name), metadata=metadata, bbox_inches="tight")
            plt.close(figure)
            drawn.append((name, title))
    return drawn


def style(system):
    if system == TIDEGATE:
        return {"color": COLOURS[system], "linewidth": 3.2, "zorder": 5}
    if system == "floor":
        return {"color": COLOURS[system], "linewidth": 1.8, "linestyle": (0, (4, 2)), "zorder": 4}
    return {"color": COLOURS[system], "linewidth": 1.8, "zorder": 3}


def cost_by_clients(runs):
    cases = [case for case in runs.cases("j") if case.endswith(" clients")]
    steps = [(case, int(case.split()[0].replace(",", ""))) for case in cases]
    if len(steps) < 2:
        return None
    figure, axes = plt.subplots(figsize=(8, 4.6))
    ends = []
    for system in ordered(runs.systems("j")):
        points = [(clients, runs.spread("j", case, system, "cpu_ns_per_delivery")) for case, clients in steps]
        points = [(clients, spread) for clients, spread in points if spread]
        if not points:
            continue
        xs = [clients for clients, _ in points]
        axes.plot(xs, [spread.median / 1e3 for _, spread in points], marker="o", markersize=5, **style(system))
        lowest, highest = zip(*[(spread.lowest / 1e3, spread.highest / 1e3) for _, spread in points])
        axes.fill_between(xs, lowest, highest, color=COLOURS[system], alpha=0.12, linewidth=0)
        ends.append((NAMES[system], COLOURS[system], xs[-1], points[-1][1].median / 1e3, system == TIDEGATE))
    axes.set_xscale("log")
    axes.set_xticks([clients for _, clients in steps])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=0)
    axes.set_xlabel("clients")
    axes.set_title("Server CPU per delivery, µs")
    axes.grid(axis="x", visible=False)
    charts_labels.at_line_ends(axes, ends)
    return figure


def latency_distribution(runs):
    works = [work for work in ("a", "b") if work in runs.works() and runs.cases(work)]
    if not works:
        return None
    figure, panels = plt.subplots(1, len(works), figsize=(6 * len(works), 5), sharey=True, squeeze=False)
    for axes, work in zip(panels[0], works):
        case = runs.cases(work)[0]
        earliest = []
        for system in reversed(ordered(runs.systems(work))):
            buckets = runs.buckets(work, case, system)
            if buckets:
                earliest.append(histogram.quantile(buckets, 0.01, buckets[-1][0]) / 1e6)
                points = histogram.percentile_points(buckets)
                axes.step([upper / 1e6 for upper, _ in points], [nines(share) for _, share in points], where="post",
                          label=system, **style(system))
        axes.set_xscale("log")
        axes.set_xlim(left=min(earliest, default=None))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks([nines(share) for share in PERCENTILES], [f"{100 * share:g} %" for share in PERCENTILES])
        axes.set_ylim(0, nines(PERCENTILES[-1]))
        axes.set_xlabel("latency, ms")
        axes.set_title(f"({work}) {case}, {'50' if work == 'a' else '10'} events/s")
    panels[0][0].set_ylabel("deliveries at or below this latency")
    # What failed in one of them has its line in the other.
    lines = {line.get_label(): line for axes in panels[0] for line in axes.get_lines()}
    names = {**NAMES, **SLOWER}
    panels[0][-1].legend([lines[system] for system in ordered(lines)], [names[system] for system in ordered(lines)],
                         frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def nines(share):
    """Where a share stands on an axis on which 90 %, 99 % and 99.9 % are equally far apart."""
    return -math.log10(max(1 - share, 1e-6))


def memory_per_client(runs):
    if not runs.cases("d"):
        return None
    case = runs.cases("d")[0]
    figures = {system: runs.spread("d", case, system, "rss_bytes_per_client") for system in runs.systems("d")}
    return bars([(case, figures)], f"Memory (RSS) per idle client, KiB, {case}", 1 / 1024, "{:.2f}")


def saturation(runs):
    cases = runs.cases("c")
    if not cases:
        return None
    groups = [(case, {system: runs.spread("c", case, system, "deliveries_per_s") for system in runs.systems("c")})
              for case in cases]
    return bars(groups, "Deliveries a second at saturation, millions", 1e-6, "{:.2f}")


def bars(groups, title, scale, form):
    """Horizontal bars, a panel for each group, with the figure at the end of each bar."""
    heights = [max(1, sum(1 for spread in figures.values() if spread)) for _, figures in groups]
    size = (8, 0.48 * sum(heights) + 0.55 * len(groups) + 0.3)
    figure, panels = plt.subplots(len(groups), 1, figsize=size, squeeze=False, sharex=True,
                                  gridspec_kw={"height_ratios": heights, "hspace": 0.35})
    for axes, (case, figures) in zip(panels[:, 0], groups):
        rows = [(system, figures[system]) for system in ordered(figures) if figures[system]]
        for index, (system, spread) in enumerate(rows):
            value = spread.median * scale
            is_ours = system == TIDEGATE
            axes.barh(index, value, height=0.62, color=COLOURS[system] if is_ours else lightened(COLOURS[system]))
            axes.text(value, index, "  " + form.format(value), va="center", ha="left", color="#303030",
                      fontweight="bold" if is_ours else "normal")
        axes.set_yticks(range(len(rows)), [NAMES[system] for system, _ in rows])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="y", visible=False)
        axes.set_xlim(left=0)
        axes.margins(x=0.12)
        if len(groups) > 1:
            axes.set_title(case, fontsize=11, fontweight="normal", pad=6)
    figure.suptitle(title, x=0.02, ha="left", fontsize=13, fontweight="bold")
    return figure


def lightened(colour, share=0.45):
    """Not by transparency, through which the grid would be seen."""
    return tuple(part + (1 - part) * share for part in to_rgb(colour))


def ordered(systems):
    return [system for system in ALL if system in systems]


CHARTS = [
    ("cost.svg", "Server CPU per delivery against the number of clients", cost_by_clients),
    ("saturation.svg", "Deliveries a second at saturation", saturation),
    ("latency.svg", "Distribution of latency", latency_distribution),
    ("memory.svg", "Memory per idle client", memory_per_client),
]
