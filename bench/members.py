#!/usr/bin/python3
"""Measures what keyed streams and sessions cost Tidegate: memory of one that is idle, CPU to open and to close one, with
few and with many of them there.

    python3 bench/members.py [--tidegate BINARY] [--port PORT] [--scope keyed|client] [--kind websocket|sse] [COUNT …]

Each has a connection to the backend and one client of its own; both ends are in this program. A row is measured with COUNT
of them there while BATCH others come and go, COUNT growing. CPU is Tidegate's own and that of the kernel on its behalf, without
what it takes when nothing happens; heartbeats and pings are off. Memory is Tidegate's: that of the kernel's sockets is
not in it."""

import argparse
import asyncio
import base64
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import proc_stats  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BATCH = 500
AT_ONCE = 50
QUIET_S = 2
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
HELLO = b'{"hello":1}'


class Legacy(asyncio.Protocol):
    """A backend's connection: says hello, then nothing."""

    there = 0

    def connection_made(self, transport):
        self.transport, self.request = transport, b""

    def connection_lost(self, error):
        Legacy.there -= self.request is None

    def data_received(self, data):
        if self.request is None:
            if data[0] & 15 == 8:  # a close frame
                self.transport.close()
            elif data[0] & 15 == 9:  # a ping, without a payload
                self.transport.write(b"\x8a\x00")
            return
        self.request += data
        if not self.request.endswith(b"\r\n\r\n"):
            return
        key = next((line[18:].strip() for line in self.request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")), None)
        self.transport.write(upgrade(key) if key else HEAD + b"data: " + HELLO + b"\n\n")
        self.request = None
        Legacy.there += 1


def upgrade(key):
    accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    return head + accept + b"\r\n\r\n\x81" + bytes([len(HELLO)]) + HELLO


class Client(asyncio.Protocol):
    def __init__(self, path):
        self.path, self.text = path, b""
        self.has_event = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(b"GET %s HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n" % self.path.encode())

    def data_received(self, data):
        if not self.has_event.done():
            self.text += data
            if HELLO in self.text:
                self.text = b""
                self.has_event.set_result(None)

    def connection_lost(self, error):
        if not self.has_event.done():
            self.has_event.set_exception(RuntimeError(f"no event: {self.text[:200]}"))


class Gate:
    def __init__(self, options, folder):
        is_keyed = options.scope == "keyed"
        self.port, backend, self.next_key = options.port, options.port + 1, 0
        self.path = "/k/{}" if is_keyed else "/s"
        scheme = "ws" if options.kind == "websocket" else "http"
        stream = {"scope": options.scope, "max_keys" if is_keyed else "max_sessions": 1000000, "initial": "all",
                  "upstream": {"kind": options.kind, "url": f"{scheme}://127.0.0.1:{backend}/{'{key}' if is_keyed else ''}",
                               "linger": "0"}}
        if options.kind == "websocket":
            stream["upstream"]["ping_every"] = "0"
        if is_keyed:
            stream["parameters"] = {"key": {}}
        config = {"listen": [{"address": "127.0.0.1", "port": self.port}], "admin": {"enabled": False}, "workers": 1,
                  "drain": "0", "sse": {"heartbeat": "1h"}, "log": {"level": "warning"}, "streams": {"s": stream},
                  "routes": [{"path": "/k/{key}" if is_keyed else "/s", "stream": "s"}]}
        self.backend_port = backend
        self.file = os.path.join(folder, "tidegate.json")
        with open(self.file, "w") as file:
            json.dump(config, file)

    async def start(self, binary):
        self.process = subprocess.Popen([binary, "run", "-c", self.file])
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                writer.close()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise
                await asyncio.sleep(0.05)

    def cpu_ns(self):
        return proc_stats.cpu_ns([self.process.pid])

    def rss(self):
        return proc_stats.memory([self.process.pid])["rss"]

    async def open_one(self):
        self.next_key += 1
        path = self.path.format(self.next_key)
        _, client = await asyncio.get_running_loop().create_connection(lambda: Client(path), "127.0.0.1", self.port)
        await client.has_event
        return client

    async def open(self, count):
        clients = []
        while len(clients) < count:
            step = min(AT_ONCE, count - len(clients))
            clients += await asyncio.gather(*(self.open_one() for _ in range(step)))
        return clients

    async def close(self, clients):
        want = Legacy.there - len(clients)
        for client in clients:
            client.transport.close()
        while Legacy.there > want:
            await asyncio.sleep(0.05)


async def cpu_ns_of(gate, work):
    """What it takes beyond what is taken anyway."""
    before, start = gate.cpu_ns(), time.monotonic()
    await asyncio.sleep(QUIET_S)
    idle = (gate.cpu_ns() - before) / (time.monotonic() - start)
    before, start = gate.cpu_ns(), time.monotonic()
    result = await work
    return result, gate.cpu_ns() - before - idle * (time.monotonic() - start)


async def measure(gate, count, last):
    """A row of the table. Returns those who stay, and for the next row how many there were, with how much memory."""
    present = await gate.open(count - Legacy.there)
    await asyncio.sleep(QUIET_S)
    batch, opening_ns = await cpu_ns_of(gate, gate.open(BATCH))
    await asyncio.sleep(QUIET_S)
    now = (Legacy.there, gate.rss())
    memory = f"{(now[1] - last[1]) / (now[0] - last[0]) / 1024:.1f}" if last else ""
    _, closing_ns = await cpu_ns_of(gate, gate.close(batch))
    print(f"| {count:,} | {memory} | {opening_ns / BATCH / 1000:.0f} | {closing_ns / BATCH / 1000:.0f} |", flush=True)
    return present, now


async def run(options):
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        gate = Gate(options, folder)
        server = await loop.create_server(Legacy, "127.0.0.1", gate.backend_port, backlog=4096)
        await gate.start(options.tidegate)
        try:
            print("| there are | KiB for each more | CPU to open, µs | CPU to close, µs |\n|--:|--:|--:|--:|")
            clients, last = [], None
            for count in options.counts:
                present, last = await measure(gate, count, last)
                clients += present
        finally:
            gate.process.terminate()
            gate.process.wait()
            server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tidegate", default=os.path.join(ROOT, "build", "tidegate"), metavar="BINARY")
    parser.add_argument("--port", type=int, default=7480, help="of Tidegate; the backend has the next one")
    parser.add_argument("--scope", choices=["keyed", "client"], default="keyed")
    parser.add_argument("--kind", choices=["websocket", "sse"], default="websocket")
    parser.add_argument("counts", nargs="*", type=int, metavar="COUNT", default=[100, 1000, 4000, 9000])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
