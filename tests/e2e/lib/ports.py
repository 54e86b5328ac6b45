"""Free ports for tests."""
import random
import socket


def free_port():
    """Below 10240, where the machine's ephemeral ports begin."""
    while True:
        port = random.randrange(2000, 10000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
