#!/usr/bin/env python3
"""End to end: messages of clients for a backend that is away, is being connected, or hangs up; and what the end of a
session, or of Tidegate, means for them.

The binary comes from TIDEGATE_BIN (default: build/tidegate). Nothing but Python's standard library is needed.
"""
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import text
from messages import MessageBackend, post
from raw_http import EVENT_STREAM, Case, Tidegate, wait_for

ORIGIN = b"Origin: https://a.example\r\n"
BIG = 64 * 1024


def changes(tidegate):
    tidegate.peer = MessageBackend()

    def upstream(name):
        return {"url": f"{tidegate.peer.url}/{name}", "ping_every": "0", "reconnect": {"first": "20ms", "max": "50ms"}}

    cors = {"origins": ["https://a.example"]}
    limited = {"rate": {"per_second": 1, "burst": 3}, "cors": cors}
    return {
        "limits": {"idle_timeout": "1m"},
        "streams": {"chat": {"upstream": upstream("chat")},
                    "room": {"scope": "keyed", "parameters": {"room": {}}, "upstream": upstream("room")},
                    "own": {"scope": "client", "until": {"text": "[DONE]"}, "upstream": {**upstream("own"), "linger": "1s"}}},
        "routes": [{"path": "/e", "stream": "s"}, {"path": "/own", "stream": "own"},
                   {"path": "/send", "send": "chat", "cors": cors}, {"path": "/room/{room}", "send": "room"},
                   {"path": "/binary", "send": "chat", "binary": True, "cors": cors},
                   {"path": "/limited", "send": "chat", **limited}, {"path": "/own/send", "send": "own", **limited}],
    }


class BackendCase(Case):
    changes = staticmethod(changes)

    def setUp(self):
        self.peer = self.tidegate.peer
        self.wait_for_backend()
        self.asked = self.count("chat")

    def tearDown(self):
        self.peer.is_refusing = False
        self.peer.answers.set()
        self.peer.reads.set()

    def wait_for_backend(self):
        wait_for(lambda: self.status(post(b"ready?")) == 202, "the backend to be there")
        while self.peer.next() != (False, b"ready?"):
            pass

    def count(self, name):
        """How often the backend was asked for the connection of a stream."""
        return sum(asked.request.startswith(f"GET /{name} ") for asked in list(self.peer.asked))

    def ask(self, request):
        with self.client() as client:
            return client.send(request).answer()

    def status(self, request):
        return self.ask(request)[0]

    def session(self):
        """A client of a session of its own, its id, and the backend's side."""
        before = self.count("own")
        client = self.client().get(b"/own", EVENT_STREAM)
        name = re.search(rb"id: (\S+)\n", client.until(rb"id: \S+\n")).group(1)
        wait_for(lambda: self.count("own") > before, "the session's connection")
        wait_for(lambda: self.status(post(b"hello", b"/own/send", b"Last-Event-ID: " + name + b"\r\n")) == 202,
                 "the session's backend to be up")
        connections = [asked for asked in self.peer.asked if asked.request.startswith("GET /own ")]
        return client, name, connections[before]

    def fill(self):
        """Sends to a backend that does not read until a message waits in vain; how many were written."""
        self.peer.reads.clear()
        written = 0
        with self.client() as client:
            while True:
                status, fields, _ = client.send(post(b"f" * BIG, b"/binary", ORIGIN)).answer()
                if status == 504:
                    self.assertIn("access-control-allow-origin", fields)
                    return written
                self.assertEqual(status, 202)
                written += 1
                self.assertLess(written, 1000)


class Away(BackendCase):
    def conflict(self, path=b"/send"):
        status, fields, body = self.ask(post(b"x", path, ORIGIN))
        self.assertEqual((status, body), (409, b"409 Conflict\n"))
        self.assertNotIn("connection", fields)
        return fields

    def test_while_it_is_down(self):
        self.peer.is_refusing = True
        self.peer.hang_up()
        wait_for(lambda: self.count("chat") > self.asked, "a new attempt")
        for _ in range(10):
            self.assertIn("access-control-allow-origin", self.conflict())
        self.peer.is_refusing = False
        self.wait_for_backend()
        self.assertTrue(self.peer.messages.empty(), "a refused message was sent after all")

    def connect_slowly(self):
        self.peer.answers.clear()
        self.peer.hang_up()
        wait_for(lambda: self.count("chat") > self.asked, "a new attempt")

    def test_while_it_connects_messages_wait(self):
        self.connect_slowly()
        waiting = [self.client().send(post(b"too long", path)) for path in (b"/send", b"/room/lobby", b"/send")]
        for client in waiting:
            self.assertEqual(client.answer()[0], 504)
            client.send(post(b"patient"))
        self.peer.answers.set()
        for client in waiting:
            self.assertEqual(client.answer()[0], 202)
        while self.peer.next() != (False, b"patient"):
            pass
        self.wait_for_backend()

    def test_an_attempt_in_vain_is_a_conflict(self):
        self.connect_slowly()
        waiting = [self.client().send(post(b"x")) for _ in range(3)]
        self.peer.is_refusing = True
        self.peer.answers.set()
        for client in waiting:
            self.assertEqual(client.answer()[0], 409)
        self.peer.is_refusing = False
        self.wait_for_backend()

    def test_a_key_is_opened_by_its_first_message(self):
        self.assertEqual(self.status(post(b"to the room", b"/room/new")), 202)
        self.assertEqual(self.peer.next(), (False, b"to the room"))
        self.assertEqual(self.status(post(b"x", b"/room/no%2Froom")), 404)

    def test_after_the_end_of_a_session(self):
        client, name, connection = self.session()
        message = post(b"x", b"/own/send?lastEventId=" + name)
        connection.send(text("[DONE]"))
        client.until(rb"tidegate.end.*0\r\n\r\n")
        self.assertEqual(self.status(message), 409)
        for _ in range(10):
            time.sleep(2)  # who asks, uses it: then it is kept
            if (status := self.status(message)) != 409:
                break
        self.assertEqual(status, 404)

    def test_hanging_up_while_messages_wait(self):
        self.fill()
        waiting = [self.client().send(post(b"w" * BIG, b"/binary")) for _ in range(5)]
        self.peer.hang_up()
        self.assertEqual([client.answer()[0] for client in waiting], [409] * 5)
        self.peer.reads.set()
        self.wait_for_backend()
        self.assertEqual(waiting[0].send(post(b"again")).answer()[0], 202)


class Draining(unittest.TestCase):
    """SIGTERM while a message waits."""

    def start(self, **limits):
        tidegate = Tidegate(lambda gate: {**changes(gate), "limits": {"request_timeout": "1m"}, **limits})
        self.addCleanup(tidegate.process.stderr.close)
        self.addCleanup(tidegate.stop)
        case = BackendCase()
        case.tidegate, case.peer = tidegate, tidegate.peer
        self.addCleanup(case.doCleanups)
        case.wait_for_backend()
        return tidegate, case

    def wait_until_full(self, case):
        """A client whose message waits."""
        case.peer.reads.clear()
        while True:
            client = case.client().send(post(b"f" * BIG, b"/binary"))
            client.socket.settimeout(5)  # so long, that it waits
            try:
                self.assertEqual(client.answer()[0], 202)
            except TimeoutError:
                client.socket.settimeout(20)
                return client

    def test_it_is_still_sent(self):
        tidegate, case = self.start(drain="30s")
        client = self.wait_until_full(case)
        tidegate.end()
        wait_for(lambda: not tidegate.answers(), "the drain")
        tidegate.peer.reads.set()
        status, fields, _ = client.answer()
        self.assertEqual((status, fields["connection"]), (202, "close"))
        self.assertEqual(tidegate.stop(), 0)

    def test_the_drain_ends_it(self):
        tidegate, case = self.start(drain="0")
        client = self.wait_until_full(case)
        self.assertEqual(tidegate.stop(), 0)
        status, fields, _ = client.answer()
        self.assertEqual((status, fields["connection"]), (504, "close"))
        self.assertEqual([line for line in tidegate.log if line["event"] == "not_json"], [])


if __name__ == "__main__":
    unittest.main()
