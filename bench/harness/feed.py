"""The feed: what the servers under test pass on."""

import time

from harness.process import BenchError, Program, free_port

CONNECT_SECONDS = 15


class Feed:
    """tg-feed, either as the WebSocket server that a server under test connects to, or as a publisher by POST."""

    def __init__(self, program, port, streams):
        self.program, self.port, self.streams = program, port, streams
        self.pid = program.pid

    @classmethod
    def websocket(cls, binary, streams=1, cores=None):
        port = free_port()
        return cls(Program([binary, "--listen", port, "--streams", streams], cores), port, streams)

    @classmethod
    def post(cls, binary, kind, url, streams=1, cores=None):
        return cls(Program([binary, "--post", kind, "--url", url, "--streams", streams], cores), None, streams)

    def wait_connected(self):
        """Until the server under test has a connection for each stream."""
        deadline = time.monotonic() + CONNECT_SECONDS
        while self.program.ask("connections")["connections"] < self.streams:
            if time.monotonic() > deadline:
                raise BenchError("the server has not connected to the feed")
            time.sleep(0.02)

    def start(self, **arguments):
        self.program.ask("start", **arguments)

    def stop(self):
        return self.program.ask("stop")

    def wait(self, timeout):
        return self.program.ask("wait", timeout)

    def status(self):
        return self.program.ask("status")

    def end(self):
        self.program.end()
