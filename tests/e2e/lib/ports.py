"""Free ports for tests. Tests that run side by side have a range each (TIDEGATE_TEST_PORTS=FIRST-LAST)."""
import os
import random
import socket


def free_port():
    """Below 10240, where the machine's ephemeral ports begin."""
    first, last = os.environ.get("TIDEGATE_TEST_PORTS", "2000-9999").split("-")
    while True:
        port = random.randint(int(first), int(last))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
