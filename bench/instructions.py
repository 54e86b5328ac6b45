#!/usr/bin/python3
"""Counts Tidegate's own instructions for each delivery and each message, by callgrind: the kernel's are not among them.

    python3 bench/instructions.py [--build FOLDER] [--tidegate BINARY …] [--size BYTES]

Unlike times, the counts are the same on any machine of a kind, whatever else it does. Two runs, with few and with more
clients, tell what a delivery costs from what a message costs. Needs valgrind."""

import argparse
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import process, servers  # noqa: E402
from harness.feed import Feed  # noqa: E402
from harness.load import Load  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FEW, MORE = 10, 110
EVENTS = 1000
RATE = 200  # slow enough for each event to be fanned out by itself under valgrind


class Counted(servers.Tidegate):
    """Tidegate under callgrind, which does not count until it is told to."""

    def __init__(self, binary, out):
        super().__init__(os.path.dirname(binary))
        self.binary, self.out = binary, out

    def _run(self, argv, **options):
        callgrind = ["valgrind", "--quiet", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={self.out}"]
        super()._run(callgrind + [self.binary] + argv[1:], **options)

    def count(self, is_on):
        subprocess.run(["callgrind_control", "-i", "on" if is_on else "off", str(self.pids()[0])], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def count_instructions(options, binary, clients):
    """Of the whole process while EVENTS messages come in and go out to so many clients."""
    with tempfile.TemporaryDirectory() as folder:
        server = Counted(binary, os.path.join(folder, "callgrind.out"))
        feed = Feed.websocket(os.path.join(options.build, "tg-feed"))
        load = None
        try:
            server.start(feed.port)
            feed.wait_connected()
            load = Load(os.path.join(options.build, "tg-load"), f"127.0.0.1:{server.port}", "/events/0", 1)
            load.connect(clients)
            server.count(True)
            feed.start(rate=RATE, size=options.size, events=EVENTS)
            feed.wait(120)
            has_all, _ = load.until(EVENTS, 60)
            server.count(False)
            if not has_all:
                raise process.BenchError("not all events have arrived")
        finally:
            if load:
                load.end()
            server.stop()
            feed.end()
        with open(server.out) as file:
            return int(re.search(r"^totals: (\d+)", file.read(), re.M)[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"), help="where tg-feed and tg-load are (build)")
    parser.add_argument("--tidegate", action="append", metavar="BINARY", help="what to count; may be given repeatedly")
    parser.add_argument("--size", type=int, default=200, help="of a message, in bytes (200)")
    options = parser.parse_args()
    print(f"{'instructions for each':<40} {'delivery':>10} {'message':>10}")
    for binary in options.tidegate or [os.path.join(options.build, "tidegate")]:
        few, more = (count_instructions(options, os.path.abspath(binary), clients) for clients in (FEW, MORE))
        delivery = (more - few) / (MORE - FEW) / EVENTS
        print(f"{binary:<40} {delivery:>10.0f} {few / EVENTS - FEW * delivery:>10.0f}")


if __name__ == "__main__":
    main()
