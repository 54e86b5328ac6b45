#!/usr/bin/env python3
"""The upstream against backends that hang up, or cannot be reached: what the log says of it.

The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import json
import os
import struct
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import CLOSE, frame, free_port, serve_good, wait_for
from http_backend import HttpCase, answer


class Log(HttpCase):
    """What the log says of an end: code and reason of a close, host and path, and no secret."""

    def lines(self, tidegate, event, count=1):
        def found():
            lines = [json.loads(line) for line in tidegate.read_log().splitlines() if line.startswith("{")]
            return [line for line in lines if line["event"] == event]

        wait_for(lambda: len(found()) >= count, f"a line {event}")
        return found()

    def closes(self, payload, path="/feed", **upstream):
        def script(connection):
            connection.accept()
            connection.send(frame(CLOSE, payload))
            connection.wait_end()

        backend = self.backend(script, serve_good)
        return self.lines(self.tidegate(f"ws://127.0.0.1:{backend.port}{path}", **upstream), "disconnected")[0]

    def test_the_close_of_a_websocket(self):
        line = self.closes(struct.pack(">H", 4001) + b"bad token", "/feed/v1?key=hushhush")
        self.assertEqual((line["close_code"], line["close_reason"], line["host"], line["path"]),
                         (4001, "bad token", "127.0.0.1", "/feed/v1"))
        self.assertNotIn("hushhush", str(line))

    def test_what_a_backend_writes_is_no_danger(self):
        reason = "a\0b\n\x1b[2J\u202ec level=error \"q".encode()
        backend_log = self.closes(struct.pack(">H", 4001) + reason)["close_reason"]
        self.assertEqual(backend_log, "a\ufffdb\n\x1b[2J\ufffdc level=error \"q")

    def test_a_backend_that_repeats_secrets(self):
        stream = {"env": {"FEED_TOKEN": "hush-variable-1"}}
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("hush-file-2\n")
            file.flush()
            repeated = "hush-variable-1 hush-file-2 hush-basic-3 hush query4 hush-cookie-5 hush-head"
            line = self.closes(struct.pack(">H", 4401) + repeated.encode(), "/${FEED_TOKEN}/x?k=hush+query4", stream=stream,
                               headers={"Cookie": "a=1; sid=hush-cookie-5", "X-Key": "hush-header-6"},
                               auth={"basic": {"user": "u", "password": "hush-basic-3"}},
                               on_open=[{"token": {"$file": file.name}}])
        self.assertEqual(line["close_reason"], "*** *** *** *** *** ***")
        self.assertEqual(line["path"], "/***/x")

    def test_failed_attempts_over_http(self):
        for kind in ("sse", "ndjson", "poll"):
            with self.subTest(kind=kind):
                self.kind = kind
                backend = self.http_backend(lambda c: (c.ask(), c.send(answer("400 Bad Request")), c.wait_end()))
                line = self.lines(self.gate(backend, path="/v1/prices?key=hushhush"), "attempt_failed")[0]
                self.assertEqual((line["status"], line["host"], line["port"], line["path"]),
                                 (400, "127.0.0.1", backend.port, "/v1/prices"))
                self.assertNotIn("hushhush", str(line))

    def test_where_a_redirect_led(self):
        other = self.http_backend(lambda c: (c.ask(), c.send(answer("404 Not Found")), c.wait_end()))
        location = f"http://127.0.0.1:{other.port}/moved/" + "x" * 300 + "?key=hushhush"
        for kind in ("websocket", "sse", "poll"):
            with self.subTest(kind=kind):
                self.kind = kind
                backend = self.http_backend(
                    lambda c: (c.ask(), c.send(answer("302 Found", Location=location)), c.wait_end()))
                where = location.replace("http:", "ws:") if kind == "websocket" else location
                scheme = "ws" if kind == "websocket" else "http"
                tidegate = self.tidegate(f"{scheme}://127.0.0.1:{backend.port}/feed", kind=kind, max_redirects=1)
                line = self.lines(tidegate, "attempt_failed")[0]
                self.assertEqual((line["status"], line["port"], line["path"]),
                                 (404, other.port, "/moved/" + "x" * 193 + "…"), where)

    def test_no_name_no_connection_no_tls(self):
        plain = self.http_backend(lambda c: c.wait_end())
        for url, reason in (("s://nobody.invalid/a", "dns"), (f"://127.0.0.1:{free_port()}/a", "connect"),
                            (f"s://127.0.0.1:{plain.port}/a", "tls")):
            for kind in ("websocket", "poll"):
                with self.subTest(reason=reason, kind=kind):
                    url_of_kind = ("ws" if kind == "websocket" else "http") + url
                    tidegate = self.tidegate(url_of_kind, kind=kind, connect_timeout="1s")
                    line = self.lines(tidegate, "attempt_failed")[0]
                    self.assertIn(line["reason"], (reason, "timeout"))
                    self.assertEqual((line["host"], line["path"]), (url.split("//")[1].split("/")[0].split(":")[0], "/a"))


if __name__ == "__main__":
    unittest.main()
