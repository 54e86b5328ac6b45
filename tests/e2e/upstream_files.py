#!/usr/bin/env python3
"""Tokens in files that are replaced while Tidegate runs: each attempt, and each poll, has the one that is there.

The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import json
import os
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import CLOSE, Client, frame, marker, text, wait_for
from http_backend import HttpCase, answer, chunk, head

KINDS = ("websocket", "sse", "ndjson", "poll")
CHUNKED = {"Transfer_Encoding": "chunked"}  # so that an answer which breaks off is told from one that is over


class Files(HttpCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = os.path.join(folder.name, "token")
        self.open = set()
        self.rotate("first")

    def write(self, content):
        """As careful programs do: nobody sees half of it."""
        with open(self.file + ".new", "w") as file:
            file.write(content)
        os.replace(self.file + ".new", self.file)

    def rotate(self, token):
        """The backend takes this one alone from now on, and hangs up on who came with another."""
        self.write(token + "\n")
        self.accepted = {token}
        for connection in list(self.open):
            try:
                connection.sock.shutdown(2)
            except OSError:  # it has gone by itself
                pass

    def serve(self, kind, connection):
        while True:
            request = connection.ask()
            token = request.headers.get("authorization", "").removeprefix("Bearer ")
            if token not in self.accepted:
                connection.send(answer("401 Unauthorized"))
                continue
            self.tell(kind, connection, f"hello {token}")

    def tell(self, kind, connection, message):
        if kind == "poll":
            connection.send(answer(body=message))
            return
        self.open.add(connection)
        if kind == "websocket":
            connection.answer()
            connection.send(text(message))
        elif kind == "sse":
            connection.send(head(Content_Type="text/event-stream", **CHUNKED) + chunk(f"data: {message}\n\n"))
        else:
            connection.send(head(Content_Type="application/x-ndjson", **CHUNKED) + chunk(json.dumps(message) + "\n"))
        connection.wait_end()
        self.open.discard(connection)
        raise ConnectionError("over")

    def gate_of(self, kind, stream=None, **upstream):
        self.back = self.http_backend(lambda connection: self.serve(kind, connection))
        poll = {"every": "50ms"} if kind == "poll" else {}
        scheme = "ws" if kind == "websocket" else "http"
        upstream = {"auth": {"bearer": {"$file": self.file}}, **poll, **upstream}
        return self.tidegate(f"{scheme}://127.0.0.1:{self.back.port}/feed", stream, kind=kind, **upstream)

    def until(self, client, data):
        seen = []
        while True:
            event = client.events.get(timeout=15)
            seen.append(event)
            if event[1].strip('"') == data:
                return seen

    def test_a_token_that_is_replaced(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.rotate("first")
                client = self.follow(self.gate_of(kind))
                self.until(client, "hello first")
                for token in ("second", "third"):
                    self.rotate(token)
                    self.until(client, f"hello {token}")

    def test_polls_have_it_without_an_outage(self):
        client = self.follow(self.gate_of("poll"))
        self.until(client, "hello first")
        self.accepted.add("second")
        self.write("second")
        wait_for(lambda: self.back.requests[-1].headers["authorization"] == "Bearer second", "a poll with the new one")
        self.accepted.remove("first")
        self.assertNotIn(marker("down", "status"), self.until(client, "hello second")[:-1][1:])

    def test_keys_and_sessions(self):
        scopes = {"keyed": {"scope": "keyed", "parameters": {"x": {}}}, "client": {"scope": "client"}}
        for name, scope in scopes.items():
            for kind in KINDS:
                with self.subTest(scope=name, kind=kind):
                    self.rotate("first")
                    path = "/k/{x}" if name == "keyed" else "/e"
                    tidegate = self.gate_of(kind, {**scope, "path": path})
                    client = Client(tidegate.port, path.replace("{x}", "a"))
                    self.addCleanup(client.close)
                    self.until(client, "hello first")
                    self.rotate("second")
                    self.until(client, "hello second")

    def test_messages(self):
        asked = []

        def serve(connection):
            connection.accept()
            asked.append(connection.read_frame()[1].decode())
            connection.send(frame(CLOSE, struct.pack(">H", 4401) + b"expired") if len(asked) < 3 else text("good"))
            connection.wait_end()

        backend = self.backend(serve)
        tidegate = self.tidegate(f"ws://127.0.0.1:{backend.port}/", on_open=[{"token": {"$file": self.file}}],
                                 reconnect={"first": "100ms", "max": "200ms"})
        wait_for(lambda: asked, "the first login")
        self.write("second")
        self.until(self.follow(tidegate), "good")
        self.assertEqual((asked[0], asked[-1]), ('{"token":"first"}', '{"token":"second"}'))

    def test_what_cannot_be_used_leaves_what_was_good(self):
        tidegate = self.gate_of("poll")
        client = self.follow(tidegate)
        self.until(client, "hello first")

        def told(why):
            wait_for(lambda: tidegate.read_log().count(f'"why":"{why}') == 1, why)
            count = len(self.back.requests)
            wait_for(lambda: len(self.back.requests) > count + 3, "more polls")
            self.assertEqual(tidegate.read_log().count(f'"why":"{why}'), 1)

        os.remove(self.file)
        told("cannot read the file: No such file or directory")
        self.write("")
        told("the file is empty")
        self.write("two\nlines\n")
        told("streams.s.upstream.auth.bearer: ")
        self.assertEqual({r.headers["authorization"] for r in self.back.requests}, {"Bearer first"})
        self.rotate("second")
        self.until(client, "hello second")
        self.assertIn(f'"file":"{self.file}"', tidegate.read_log())
        self.assertNotIn("lines", tidegate.read_log())


if __name__ == "__main__":
    unittest.main()
