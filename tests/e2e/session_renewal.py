#!/usr/bin/env python3
"""Sessions whose clients come back with renewed credentials: the next attempt has them, and what was good is not lost.

The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import os
import struct
import sys
import threading
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import CLOSE, frame, text, wait_for
from http_backend import HttpCase, IdClient, answer, chunk, head

KINDS = ("websocket", "closing", "sse", "ndjson", "poll")  # "closing": a WebSocket that refuses by a close code
CHUNKED = {"Transfer_Encoding": "chunked"}


class SessionClient(IdClient):
    def __init__(self, *args):
        self.is_answered = threading.Event()
        super().__init__(*args)

    def run(self):
        stream = self.sock.makefile("rb")
        try:
            while stream.readline() not in (b"\r\n", b""):
                pass
            self.is_answered.set()
            self.parse(iter(lambda: self.read_chunk(stream), b""))
        except (OSError, ValueError):
            pass


class Renewal(HttpCase):
    def setUp(self):
        self.accepted, self.open, self.lock = {"first"}, set(), threading.Lock()

    # ---- the backend

    def hang_up(self, *accepted):
        """From now on the backend accepts these."""
        with self.lock:
            self.accepted = set(accepted)
            connections = list(self.open)
        for connection in connections:
            try:
                connection.sock.shutdown(2)
            except OSError:  # it has gone by itself
                pass

    def token_of(self, request):
        _, _, query = request.target.partition("?token=")
        return query or request.headers.get("authorization", "").removeprefix("Bearer ")

    def serve(self, kind, connection):
        while True:
            request = connection.ask()
            token = self.token_of(request)
            with self.lock:
                is_good = token in self.accepted
                if is_good and kind != "poll":
                    self.open.add(connection)
            if is_good and kind == "poll":
                connection.send(answer(body=f"hello {token}"))
            elif is_good:
                self.welcome(kind, connection, f"hello {token}")
                return
            elif kind == "closing":
                connection.answer()
                connection.send(frame(CLOSE, struct.pack(">H", 4401) + b"expired"))
                connection.wait_end()
                return
            else:
                connection.send(answer("401 Unauthorized"))

    def welcome(self, kind, connection, message):
        if kind in ("websocket", "closing"):
            connection.answer()
            connection.send(text(message))
        elif kind == "sse":
            connection.send(head(Content_Type="text/event-stream", **CHUNKED) + chunk(f"data: {message}\n\n"))
        else:
            connection.send(head(Content_Type="application/x-ndjson", **CHUNKED) + chunk(f'"{message}"\n'))
        connection.wait_end()
        self.open.discard(connection)

    # ---- Tidegate and its clients

    def start(self, kind, session=None, reconnect=None, **stream):
        self.back = self.http_backend(lambda connection: self.serve(kind, connection))
        is_websocket = kind in ("websocket", "closing")
        session = {"forward_headers": ["Authorization", "Cookie"], "identity": {"cookie": "sid"}, **(session or {})}
        url = f"{'ws' if is_websocket else 'http'}://127.0.0.1:{self.back.port}/feed"
        poll = {"every": "50ms"} if kind == "poll" else {}
        # Over WebSocket the backend has accepted a token once the connection has lasted.
        self.gate_port = self.tidegate(url, {"scope": "client", "session": session, **stream}, linger="20s",
                                       reconnect={"stable": "1s", **(reconnect or {})}, kind="websocket" if is_websocket else kind, **poll)

    def client(self, token=None, id=None, cookie="sid=1", path="/e"):
        fields = "".join(f"{name}: {value}\r\n" for name, value in (
            ("Authorization", token and f"Bearer {token}"), ("Cookie", cookie), ("Last-Event-ID", id)) if value)
        client = SessionClient(self.gate_port.port, path, fields)
        self.addCleanup(client.close)
        self.assertTrue(client.is_answered.wait(15))
        return client

    def until(self, client, data):
        """The last id that came up to there."""
        id = None
        while True:
            kind, seen, own = client.events.get(timeout=15)
            id = own or id
            if seen.strip('"') == data:
                return id

    def tokens(self):
        return [self.token_of(request) for request in self.back.requests]

    # ---- tests

    def test_the_next_attempt_has_the_newest(self):
        for kind in KINDS:
            for workers in (1, 2):
                with self.subTest(kind=kind, workers=workers):
                    self.accepted = {"first"}
                    self.start(kind, workers=workers)
                    id = self.until(self.client("first"), "hello first")
                    connections = self.back.connections
                    clients = [self.client("second", id) for _ in range(4)]  # on whichever worker
                    self.assertEqual(self.back.connections, connections)  # what is up stays up
                    if kind == "poll":
                        self.accepted.add("second")
                        wait_for(lambda: self.tokens()[-1] == "second", "a poll with it")
                    self.hang_up("second")
                    for client in clients:
                        self.until(client, "hello second")
                    self.hang_up("second", "first")
                    wait_for(lambda: len(self.tokens()) > 3, "another attempt") if kind == "poll" else None
                    self.assertEqual(self.tokens()[-1], "second")

    def test_what_was_good_is_not_lost(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.accepted = {"first"}
                self.start(kind)
                id = self.until(self.client("first"), "hello first")
                self.client("wrong", id)
                if kind == "poll":
                    wait_for(lambda: "wrong" in self.tokens(), "a poll with it")
                    self.hang_up("first")
                else:
                    self.hang_up("first")
                    wait_for(lambda: "wrong" in self.tokens(), "an attempt with it")
                wait_for(lambda: self.tokens()[-1] == "first" and "wrong" in self.tokens(), "the old one again")
                later = len(self.tokens())
                if kind != "poll":
                    wait_for(lambda: self.open, "a connection")
                    self.hang_up("first")
                wait_for(lambda: len(self.tokens()) > later, "one more attempt")
                self.hang_up("third")
                self.client("third", id)
                wait_for(lambda: self.tokens()[-1] == "third", "the newest at last")

    def test_a_refused_session_does_not_wait_long_for_a_new_token(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.accepted = {"first"}
                self.start(kind, reconnect={"max": "1h"})
                id = self.until(self.client("first"), "hello first")
                self.hang_up("second")
                wait_for(lambda: self.tokens().count("first") > 1, "an attempt that is refused")
                self.until(self.client("second", id), "hello second")

    def test_who_brings_nothing_erases_nothing(self):
        self.start("websocket")
        id = self.until(self.client("first"), "hello first")
        client = self.client(None, id)
        self.hang_up("first")
        self.until(client, "hello first")
        self.assertEqual(set(self.tokens()), {"first"})

    def test_only_who_may_resume_may_renew(self):
        self.start("websocket")
        id = self.until(self.client("first"), "hello first")
        self.accepted = {"first", "evil"}
        other = self.client("evil", id, cookie="sid=2")  # gets a session of its own
        self.until(other, "hello evil")
        self.back.requests.clear()
        self.hang_up("first", "evil")
        wait_for(lambda: len(self.tokens()) >= 2, "both are back")
        self.assertEqual(sorted(self.tokens()[:2]), ["evil", "first"])
        self.assertEqual({(self.token_of(r), r.headers["cookie"]) for r in self.back.requests},
                         {("first", "sid=1"), ("evil", "sid=2")})

    def test_without_identity_it_is_an_option(self):
        for renew, expected in ((False, "first"), (True, "second")):
            with self.subTest(renew=renew):
                self.accepted = {"first"}
                self.start("websocket")
                session = {"forward_headers": ["Authorization"], **({"renew": True} if renew else {})}
                self.gate_port = self.tidegate(f"ws://127.0.0.1:{self.back.port}/feed",
                                               {"scope": "client", "session": session}, linger="20s")
                id = self.until(self.client("first", cookie=None), "hello first")
                client = self.client("second", id, cookie=None)
                self.hang_up("first", "second")
                self.until(client, f"hello {expected}")

    def test_queries_too(self):
        self.start("sse", {"forward_headers": [], "forward_query": ["token"]})
        id = self.until(self.client(path="/e?token=first"), "hello first")
        client = self.client(id=id, path="/e?token=second&other=1")
        self.hang_up("second")
        self.until(client, "hello second")

    def test_who_sends_renews_too(self):
        self.start("websocket", routes=[{"path": "/send", "send": "s"}])
        client = self.client("first")
        id = self.until(client, "hello first")
        request = urllib.request.Request(f"http://127.0.0.1:{self.gate_port.port}/send", b"hi", method="POST", headers={
            "Last-Event-ID": id, "Cookie": "sid=1", "Authorization": "Bearer second", "Content-Type": "text/plain"})
        self.assertEqual(urllib.request.urlopen(request, timeout=15).status, 202)
        self.hang_up("second")
        self.until(client, "hello second")

    def test_what_can_be_no_request_is_left(self):
        self.start("websocket", {"forward_query": ["token"]})
        id = self.until(self.client(path="/e?token=first"), "hello first")
        client = self.client(id=id, path="/e?token=" + "{hush}" * 1000)  # in a URL each brace is three bytes
        self.hang_up("first")
        self.until(client, "hello first")
        self.assertIn('"event":"request_not_renewed"', self.gate_port.read_log())
        self.assertNotIn("hush", self.gate_port.read_log())


if __name__ == "__main__":
    unittest.main()
