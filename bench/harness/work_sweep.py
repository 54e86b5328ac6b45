"""How the cost of a delivery changes as the work grows: (j). One server takes all steps, but for streams."""

from harness.process import BenchError
from harness.session import Result, Session
from harness.work_steady import memory_per_client

DELIVERIES_PER_S = 50_000
STEP_SECONDS = 3
# The largest events are sent more rarely: loopback carries so much, and no more is wanted.
BYTES_PER_S = 250_000_000


def run_clients(setting, system, *, steps, size=200):
    """Ever more clients, and the fewer events, so that deliveries stay as many."""
    results = {}
    with Session(setting, system) as session:
        load = session.load()
        before = session.memory()
        connected = 0
        for clients in steps:
            try:
                session.connect(load, clients - connected)
                result = _step(session, load, clients, DELIVERIES_PER_S / clients, size)
            except BenchError as error:
                # What it could do before is kept.
                results[f"{clients:,} clients"] = Result(problems=[f"failed: {error}"])
                break
            connected = clients
            result.figures.update(memory_per_client(before, session.memory(), clients))
            results[f"{clients:,} clients"] = result
    return results


def run_sizes(setting, system, *, steps, clients=1000):
    results = {}
    with Session(setting, system) as session:
        load = session.load()
        session.connect(load, clients)
        for size in steps:
            rate = min(DELIVERIES_PER_S, BYTES_PER_S / size) / clients
            results[f"{size:,} B"] = _step(session, load, clients, rate, size)
    return results


def run_streams(setting, system, *, streams, clients=1000, size=200):
    with Session(setting, system, streams=streams) as session:
        # The clients of one process are dealt out over the streams; of two, only half of 1,000 streams would have any.
        load = session.load(processes=1)
        session.connect(load, clients)
        return _step(session, load, clients, DELIVERIES_PER_S / clients, size)


def _step(session, load, clients, rate, size):
    return session.measure_rate(load, clients, rate=rate, size=size, seconds=STEP_SECONDS)
