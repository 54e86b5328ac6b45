#!/usr/bin/env python3
"""A backend by Python `websockets` and a client by Python's own http.client: the other common pair of peers."""
import asyncio
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import websockets

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from ports import free_port

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.environ.get("TIDEGATE_BIN") or os.path.join(HERE, "../../build/tidegate")
WAIT_S = 60


def until(what, condition):
    end = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain: {what}")
        time.sleep(0.02)


class Backend(threading.Thread):
    """Insists on a login message, answers pings of its own kind, then runs `talk`."""

    def __init__(self, port, talk, **options):
        super().__init__(daemon=True)
        self.port, self.talk, self.options = port, talk, options
        self.received, self.connections, self.ready = [], 0, threading.Event()
        self.loop = asyncio.new_event_loop()
        self.start()
        if not self.ready.wait(WAIT_S):
            raise AssertionError("the backend did not start")

    def run(self):
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self.serve())
        finally:
            self.loop.close()

    async def serve(self):
        self.ended = asyncio.Event()
        async with websockets.serve(self.handle, "127.0.0.1", self.port, **self.options):
            self.ready.set()
            await self.ended.wait()

    async def handle(self, connection):
        self.connections += 1
        login = json.loads(await connection.recv())
        self.received.append(login)
        if login != {"op": "login", "token": "s3cret"}:
            await connection.close(4401, "log in first")
            return
        talking = asyncio.ensure_future(self.talk(connection, self.connections))
        try:
            async for message in connection:
                self.received.append(json.loads(message))
        except websockets.ConnectionClosed:
            pass
        finally:
            talking.cancel()

    def stop(self):
        self.loop.call_soon_threadsafe(self.ended.set)
        self.join(WAIT_S)


class Tidegate:
    def __init__(self, backend_port, **upstream):
        self.port, self.admin = free_port(), free_port()
        config = {
            "listen": [{"address": "127.0.0.1", "port": self.port}],
            "admin": {"port": self.admin},
            "drain": "100ms",
            "streams": {"feed": {
                "initial": "all",
                "upstream": {
                    "kind": "websocket", "url": f"ws://127.0.0.1:{backend_port}/",
                    "on_open": [{"op": "login", "token": "${FEED_TOKEN}"}],
                    "reconnect": {"first": "10ms", "max": "100ms", "stable": "0"}, **upstream,
                },
            }},
            "routes": [{"path": "/events", "stream": "feed"}],
        }
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(config, self.file)
        self.file.flush()
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([BINARY, "-c", self.file.name], stderr=self.log,
                                        env={**os.environ, "FEED_TOKEN": "s3cret"})
        until("readiness", self.is_ready)

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"Tidegate ended at its start:\n{self.read_log()}")
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/readyz", timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def read_log(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(WAIT_S)
        log = self.read_log()
        self.file.close()
        self.log.close()
        assert code == 0, f"it ended with {code}:\n{log}"
        assert "Sanitizer" not in log and "runtime error:" not in log, log
        assert "s3cret" not in log, "the log tells the token"


def read_events(port, enough, last_id=None):
    """Reads a stream with http.client until `enough(events)`; lists of (type, id, data)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
    headers = {"Accept": "text/event-stream"}
    if last_id:
        headers["Last-Event-ID"] = last_id
    connection.request("GET", "/events", headers=headers)
    response = connection.getresponse()
    assert response.status == 200, response.status
    events, kind, last, data = [], "message", None, []
    try:
        while not enough(events):
            line = response.readline()
            assert line.endswith(b"\n"), "the stream ended"
            line = line[:-1].decode()
            if line == "":
                if data:
                    events.append((kind, last, "\n".join(data)))
                kind, last, data = "message", None, []
                continue
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if field == "data":
                data.append(value)
            elif field == "event":
                kind = value
            elif field == "id":
                last = value
        return events
    finally:
        connection.close()


def messages_of(events):
    return [event for event in events if event[1] is not None]


class PythonPeers(unittest.TestCase):
    def start(self, talk, upstream=None, **options):
        backend = Backend(free_port(), talk, **options)
        self.addCleanup(backend.stop)
        gate = Tidegate(backend.port, **(upstream or {}))
        self.addCleanup(gate.stop)
        return backend, gate

    def test_login_payloads_and_replay(self):
        texts = ["plain", "", " x", "a\nb", "a\r\nb\rc", "é€😀", "\ufeffbom", "x" * (1 << 20), "end"]

        async def talk(connection, _):
            for text in texts:
                await connection.send(text)

        backend, gate = self.start(talk)
        events = messages_of(read_events(gate.port, lambda events: events and events[-1][2] == "end"))
        expected = [re.sub("\r\n|\r", "\n", text) for text in texts]
        self.assertEqual([event[2] for event in events], expected)
        self.assertEqual(backend.received, [{"op": "login", "token": "s3cret"}])
        again = messages_of(read_events(gate.port, lambda events: events and events[-1][2] == "end", events[3][1]))
        self.assertEqual(again, events[4:])

    def test_fragments_and_binary(self):
        async def talk(connection, _):
            async def pieces():
                for piece in ["a", "é", "", "😀", "z"] * 100:
                    yield piece
            await connection.send(pieces())
            await connection.send(b"\x00\xff")
            await connection.send("end")

        _, gate = self.start(talk)
        events = messages_of(read_events(gate.port, lambda events: events and events[-1][2] == "end"))
        self.assertEqual(events[0][2], "aé😀z" * 100)
        self.assertEqual((events[1][0], events[1][2]), ("binary", "AP8="))

    def test_keepalive_messages_keep_a_strict_backend(self):
        async def talk(connection, _):
            await connection.send("hello")

        backend, gate = self.start(talk, {"keepalive": {"message": {"op": "ping"}, "every": "200ms"}})
        until("three pings", lambda: backend.received.count({"op": "ping"}) >= 3)
        self.assertEqual(backend.connections, 1)

    def test_pings_of_the_backend_are_answered(self):
        async def talk(connection, _):
            for _ in range(3):
                await asyncio.wait_for(await connection.ping(), WAIT_S)
            await connection.send("end")

        backend, gate = self.start(talk, ping_interval=0.2, ping_timeout=WAIT_S)
        read_events(gate.port, lambda events: events and events[-1][2] == "end")
        self.assertEqual(backend.connections, 1)

    def test_closes_with_any_code_lead_to_a_new_connection(self):
        codes = [1000, 1001, 1011, 1012, 1013, 4000]

        async def talk(connection, number):
            await connection.send(f"connection {number}")
            if number <= len(codes):
                await connection.close(codes[number - 1], "bye")

        _, gate = self.start(talk)
        last = f"connection {len(codes) + 1}"
        events = read_events(gate.port, lambda events: events and events[-1][2] == last)
        self.assertEqual([event[2] for event in messages_of(events)],
                         [f"connection {n + 1}" for n in range(len(codes) + 1)])
        states = [json.loads(event[2])["state"] for event in events if event[0] == "tidegate.upstream"]
        self.assertEqual(states.count("down"), len(codes))


if __name__ == "__main__":
    unittest.main()
