"""The work: what is run with which numbers on which systems."""

from dataclasses import dataclass, field

from harness import work_accept, work_frozen, work_idle, work_ingest, work_replay, work_steady, work_sweep

TIDEGATE, FLOOR = "tidegate", "floor"
PEERS = ["nchan", "node", "better-sse", "pushpin"]
ALL = [TIDEGATE, FLOOR, *PEERS]
PAIR = [TIDEGATE, FLOOR]
PLANNED_SECONDS = 5
QUICK = [TIDEGATE, FLOOR, "nchan", "node"]


@dataclass
class Case:
    """One row of figures: a piece of work with its numbers. A sweep's function gives several rows."""

    name: str
    run: object
    numbers: dict
    systems: list
    # About how long a run takes when each measuring takes PLANNED_SECONDS, and how many of those it has.
    seconds: float
    windows: int = 1
    # Numbers that are others for a system that does not keep up.
    instead: dict = field(default_factory=dict)

    def numbers_for(self, system):
        return {**self.numbers, **self.instead.get(system, {})}


@dataclass
class Item:
    letter: str
    title: str
    cases: list


def steady(name, systems, seconds, instead=None, **numbers):
    return Case(name, work_steady.run, numbers, systems, seconds, 1, instead or {})


def plural(count):
    return "" if count == 1 else "s"


def full():
    many = [100, 1000, 5000, 10000, 19000]
    sizes = [100, 1024, 4096, 16384, 65536]
    two = [TIDEGATE, "nchan"]
    # Pushpin refuses connections that come faster, and does not keep up with the others' events.
    slow_a = {"pushpin": {"rate": 10, "connect_rate": 500}}
    slow_b = {"pushpin": {"rate": 2, "connect_rate": 500}}
    slow_c = {"pushpin": {"connect_rate": 500}}
    # These take a whole window in before they give anything out, which would be 2.5 million deliveries.
    by_fits = {"node": {"window": 32}, "better-sse": {"window": 32}}
    return [
        Item("a", "1,000 clients, 50 events of 200 B a second", [
            steady("1,000 clients", ALL, 7, slow_a, clients=1000, rate=50)]),
        Item("b", "10,000 clients, 10 events of 200 B a second", [
            steady("10,000 clients", ALL, 12, slow_b, clients=10000, rate=10)]),
        Item("c", "Saturation: as fast as the slowest client takes 200 B events", [
            steady("1,000 clients", ALL, 8, slow_c, clients=1000),
            steady("10,000 clients", ALL[:-1], 11, by_fits, clients=10000)]),
        Item("d", "19,000 idle clients", [
            Case("19,000 clients", work_idle.run, {"clients": 19000}, ALL[:-1], 24, 0)]),
        Item("e", "TLS: 2,000 clients, 10 events of 200 B a second", [
            steady("2,000 clients", QUICK, 9, clients=2000, rate=10, has_tls=True)]),
        Item("f", "Connections a second, with and without others that hold theirs before their request", [
            Case("none held", work_accept.run, {"held": 0}, [TIDEGATE, FLOOR, "nchan"], 4, 0),
            Case("15,000 held", work_accept.run, {"held": 15000}, [TIDEGATE, FLOOR, "nchan"], 8, 0)]),
        Item("g", "Replay storm: 5,000 clients come back at once, each missing 1,000 events of 200 B", [
            Case("5,000 clients", work_replay.run, {"clients": 5000, "missed": 1000, "live_clients": 500},
                 [TIDEGATE, FLOOR, "nchan"], 16, 1, {"nchan": {"clients": 200}})]),
        Item("h", "100 of 1,000 clients frozen, 50 events of 1 KiB a second", [
            Case("100 frozen", work_frozen.run, {"clients": 1000, "frozen": 100}, QUICK, 20, 2)]),
        Item("i", "Ingest: one backend sends 200 B as fast as it can, no clients", [
            Case("no clients", work_ingest.run, {}, QUICK, 6)]),
        Item("j", "Cost as the work grows, at the same 50,000 deliveries a second", [
            Case("clients", work_sweep.run_clients, {"steps": many}, QUICK, 30, 0),
            Case("sizes", work_sweep.run_sizes, {"steps": sizes}, PAIR, 23, 0),
            *[Case(f"{count:,} stream{plural(count)}", work_sweep.run_streams, {"streams": count}, [TIDEGATE], 6, 0)
              for count in (1, 10, 100, 1000)]]),
        Item("k", "1 against 2 workers", [
            steady(f"({letter}), {workers} worker{plural(workers)}", two, 7 if clients == 1000 else 10,
                   clients=clients, rate=rate, workers=workers)
            for letter, clients, rate in (("a", 1000, 50), ("b", 10000, 10), ("c", 1000, 0)) for workers in (1, 2)]),
    ]


def quick():
    """Less of the same, in under ten minutes."""
    items = {item.letter: item for item in full()}
    items["c"].cases = items["c"].cases[:1]
    items["d"].cases[0].numbers = {"clients": 5000, "seconds": 5}
    items["d"].cases[0].name = "5,000 clients"
    items["d"].title = "5,000 idle clients"
    items["d"].cases[0].seconds = 8.7
    for case in items["f"].cases:
        case.numbers["seconds"] = 2
        case.seconds -= 1
    for item in items.values():
        for case in item.cases:
            case.systems = [system for system in case.systems if system in QUICK]
    return [items[letter] for letter in "abcdefi"]


def chosen(items, letters, systems, seconds):
    """Only this work on these systems; None stands for all. `seconds` is how long each measures."""
    kept = [item for item in items if letters is None or item.letter in letters]
    for item in kept:
        for case in item.cases:
            case.systems = [system for system in case.systems if systems is None or system in systems]
            case.seconds += (seconds - PLANNED_SECONDS) * case.windows
        item.cases = [case for case in item.cases if case.systems]
    return [item for item in kept if item.cases]


def seconds_of(items, rounds):
    return rounds * sum(case.seconds * len(case.systems) for item in items for case in item.cases)

