#!/usr/bin/env python3
"""What proves a backend, and what its ends mean: back-off, markers, close codes, answers and sessions that end in order.

The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import itertools
import json
import os
import struct
import sys
import threading
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import CLOSE, Client, PATIENCE, Tidegate, UP, frame, marker, text, wait_for
from http_backend import LAST_CHUNK, HttpBackend, HttpCase, answer, chunk, head

KINDS = ("websocket", "sse", "ndjson", "poll")
TYPES = {"sse": "text/event-stream", "ndjson": "application/x-ndjson"}
DOWN = marker("down", "closed")


def message(n):
    return ("message", str(n))


def piece(kind, n):
    return text(str(n)) if kind == "websocket" else chunk(f"data: {n}\n\n" if kind == "sse" else f"{n}\n")


class Flapping(HttpBackend):
    """Each connection says one thing, its number, and breaks, until it is told to last. A poll fails every other time."""

    def __init__(self, kind):
        self.kind = kind
        self.numbers = itertools.count(1)
        self.lasts = threading.Event()
        super().__init__(self.serve_poll if kind == "poll" else self.serve_one)

    def serve_one(self, connection):
        if self.kind == "websocket":
            connection.accept()
        else:
            connection.read_request()
            connection.send(head(Content_Type=TYPES[self.kind], Transfer_Encoding="chunked"))
        connection.send(piece(self.kind, next(self.numbers)))
        if self.lasts.is_set():
            connection.wait_end()

    def serve_poll(self, connection):
        while True:
            connection.read_request()
            number = next(self.numbers)
            connection.send(answer(body=str(number)) if number % 2 or self.lasts.is_set() else answer("500 No"))


class Case(HttpCase):
    def url(self, backend, kind):
        return f"{'ws' if kind == 'websocket' else 'http'}://127.0.0.1:{backend.port}/feed"

    def start(self, kind, backend, stream=None, reconnect=None, path="/e", **upstream):
        """With the time a connection must last by default."""
        self.addCleanup(backend.close)
        upstream = {"kind": kind, "url": self.url(backend, kind), **upstream}
        upstream["reconnect"] = {"first": "10ms", "max": "50ms", **(reconnect or {})}
        tidegate = Tidegate(upstream, path=path, **(stream or {}))
        self.addCleanup(self.end, tidegate)
        return tidegate

    def follow_at(self, tidegate, path="/e"):
        client = Client(tidegate.port, path)
        self.addCleanup(client.close)
        return client


class Proof(Case):
    def test_a_backend_that_hangs_up_at_once_is_down_until_it_lasts(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                backend = Flapping(kind)
                options = {"every": "10ms"} if kind == "poll" else {}
                tidegate = self.start(kind, backend, reconnect={"stable": "2s"}, **options)
                client = self.follow_at(tidegate)
                lost = marker("down", "status", status=500) if kind == "poll" else DOWN
                self.expect(client, UP, message(1), lost)
                said = [client.events.get(timeout=PATIENCE) for _ in range(5)]
                self.assertEqual({event[0] for event in said}, {"message"}, "no marker while it goes on like that")
                backend.lasts.set()
                while (event := client.events.get(timeout=PATIENCE))[0] == "message":
                    said.append(event)
                data = json.loads(event[1])
                self.assertEqual((event[0], data["state"]), ("tidegate.upstream", "up"))
                # All but the last connection were lost, the first one with a marker.
                connects = self.metric(tidegate, "tidegate_upstream_connects_total")
                self.assertEqual(data["flaps"], connects - 2)

    def test_waits_grow_whatever_it_says(self):
        for kind in ("websocket", "sse", "ndjson"):
            with self.subTest(kind=kind):
                backend = Flapping(kind)
                self.start(kind, backend, reconnect={"first": "50ms", "max": "30s"})
                wait_for(lambda: len(backend.times) >= 7, "seven connections")
                # The sixth wait alone is 0.8 s on average; they were 0.15 s in all.
                self.assertGreater(backend.times[6] - backend.times[0], 0.2)

    def test_refused_credentials_mean_not_soon(self):
        for kind in KINDS:
            for status in ("401 Who", "403 No"):
                with self.subTest(kind=kind, status=status):

                    def script(connection):
                        connection.read_request()
                        connection.send(answer(status))

                    backend = HttpBackend(script)
                    self.start(kind, backend, reconnect={"max": "800ms"})
                    wait_for(lambda: len(backend.times) >= 2, "a second attempt")
                    self.assertGreaterEqual(backend.times[1] - backend.times[0], 0.39)


class Conditions(Case):
    """Who comes is told what those were told who were there."""

    def refused(self, kind):
        def script(connection):
            connection.read_request()
            connection.send(answer("401 Who"))

        return HttpBackend(script), marker("down", "handshake" if kind == "websocket" else "status", status=401)

    def test_newcomers_of_what_is_shared(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                backend, refused = self.refused(kind)
                tidegate = self.start(kind, backend, stream={"initial": "live"})
                wait_for(lambda: backend.connections >= 2, "a refusal that was told")
                self.expect(self.follow_at(tidegate), refused)

    def test_newcomers_of_keys_and_topics_and_sessions(self):
        scopes = {"keyed": {"scope": "keyed", "parameters": {"k": {}}},
                  "topics": {"parameters": {"k": {}}, "route": {"by": "/k"}},
                  "sessions": {"scope": "client", "parameters": {"k": {}}}}
        for name, stream in scopes.items():
            with self.subTest(scope=name):
                backend, refused = self.refused("websocket")
                tidegate = self.start("websocket", backend, stream={"initial": "live", **stream}, path="/e/{k}")
                self.expect(self.follow_at(tidegate, "/e/a"), refused)
                self.expect(self.follow_at(tidegate, "/e/a"), refused)
                self.expect(self.follow_at(tidegate, "/e/b"), refused)


class InOrder(Case):
    def serve(self, kind, portions, last=None):
        """Each answer is one portion, and ends in order; the last one stays open."""
        remaining = iter(portions)

        def script(connection):
            connection.ask()
            portion = next(remaining, last)
            if portion is None:
                connection.send(answer("204 No Content"))
                return
            connection.send(head(Content_Type=TYPES[kind], Transfer_Encoding="chunked") + chunk(portion))
            if portion is last:
                connection.wait_end()
            connection.send(LAST_CHUNK)

        return HttpBackend(script)

    def portions(self, kind, count):
        return [f"retry: 100\nid: {n}\ndata: {n}\n\n" if kind == "sse" else f"{n}\n" for n in range(count)]

    def is_ready(self, tidegate):
        try:
            return urllib.request.urlopen(f"http://127.0.0.1:{tidegate.admin_port}/readyz").status == 200
        except urllib.error.HTTPError:
            return False

    def test_answers_in_portions_are_no_outages(self):
        for kind in ("sse", "ndjson"):
            with self.subTest(kind=kind):
                *portions, last = self.portions(kind, 6)
                backend = self.serve(kind, portions, last)
                tidegate = self.start(kind, backend, reconnect={"max": "30s" if kind == "sse" else "100ms"})
                client = self.follow_at(tidegate)
                self.expect(client, UP, message(0))
                self.assertTrue(self.is_ready(tidegate))
                self.expect(client, *map(message, range(1, 6)))
                waits = [after - before for before, after in zip(backend.times, backend.times[1:])]
                self.assertGreaterEqual(min(waits), 0.089)

    def test_an_answer_without_events_backs_off(self):
        for kind in ("sse", "ndjson"):
            with self.subTest(kind=kind):
                backend = self.serve(kind, [": nothing\n\n" if kind == "sse" else "\n"] * 20)
                client = self.follow_at(self.start(kind, backend, reconnect={"max": "30s"}))
                self.expect(client, UP, DOWN)
                wait_for(lambda: len(backend.times) >= 7, "seven connections")
                self.assertGreater(backend.times[6] - backend.times[0], 0.04)


class Sessions(InOrder):
    END = ("tidegate.end", '{"reason":"closed"}')
    FINISHED = ("tidegate.end", '{"reason":"finished"}')

    def open(self, kind, backend, session=None, **upstream):
        tidegate = self.start(kind, backend, stream={"scope": "client", "session": session or {}}, **upstream)
        return self.follow_at(tidegate)

    def test_an_event_stream_is_asked_again_with_its_last_id(self):
        backend = self.serve("sse", self.portions("sse", 3))
        client = self.open("sse", backend)
        self.expect(client, UP, message(0), message(1), message(2), self.FINISHED)
        self.assertEqual([request.headers.get("last-event-id") for request in backend.requests], [None, "0", "1", "2"])

    def test_on_end_decides(self):
        for kind, session, count in (("sse", {"on_end": "end"}, 1), ("ndjson", {}, 1),
                                     ("ndjson", {"on_end": "reconnect"}, 3)):
            with self.subTest(kind=kind, **session):
                backend = self.serve(kind, self.portions(kind, 3))
                client = self.open(kind, backend, session)
                self.expect(client, UP, *map(message, range(count)), self.END if count == 1 else self.FINISHED)

    def closing(self, *codes):
        def script_of(code):
            def script(connection):
                connection.accept()
                connection.send(text(str(code)) + frame(CLOSE, struct.pack(">H", code)))
                connection.wait_end()

            return script

        return HttpBackend(*map(script_of, codes))

    def test_close_codes_end_a_session(self):
        self.expect(self.open("websocket", self.closing(1000)), UP, message(1000), self.END)
        codes = {"end": [4000]}
        client = self.open("websocket", self.closing(1000, 1001, 4000), close_codes=codes)
        self.expect(client, UP, message(1000), DOWN, message(1001), message(4000), self.END)

    def test_close_codes_say_how_soon(self):
        for code, least in ((1008, 0.39), (1012, 0.29), (1011, 0)):
            with self.subTest(code=code):
                backend = self.closing(code)
                self.start("websocket", backend, reconnect={"first": "300ms", "max": "800ms"})
                wait_for(lambda: len(backend.times) >= 2, "a second connection")
                self.assertGreaterEqual(backend.times[1] - backend.times[0], least)


if __name__ == "__main__":
    unittest.main()
