"""Work with a number of clients and a rate, or as fast as the slowest client: (a), (b), (c), (e), (k)."""

from harness.session import Session

CLOSED_WINDOW = 256
CONNECT_RATE = 5000
TLS_CONNECT_RATE = 2500


def run(setting, system, *, clients, rate=0, size=200, workers=1, has_tls=False, window=CLOSED_WINDOW,
        connect_rate=None):
    """With a rate, the feed sends at it; without, never more than `window` events ahead of the slowest client."""
    with Session(setting, system, workers=workers, has_tls=has_tls) as session:
        load = session.load(has_progress=not rate)
        before = session.memory()
        session.connect(load, clients, connect_rate or (TLS_CONNECT_RATE if has_tls else CONNECT_RATE))
        if rate:
            result = session.measure_rate(load, clients, rate=rate, size=size, seconds=setting.seconds)
        else:
            result = session.measure_closed(load, clients, window=window, size=size, seconds=setting.seconds)
        result.figures.update(memory_per_client(before, session.memory(), clients))
    return result


def memory_per_client(before, after, clients):
    return {
        "rss_bytes_per_client": (after["rss"] - before["rss"]) / clients,
        "pss_bytes_per_client": (after["pss"] - before["pss"]) / clients,
        "rss_bytes": after["rss"],
    }
