#!/usr/bin/env python3
"""End to end: a posted body takes memory as long as it may be needed, and no longer.

The binary comes from TIDEGATE_BIN (default: build/tidegate). Nothing but Python's standard library is needed.
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import text
from http_backend import HttpBackend, answer
from messages import MessageBackend, post
from raw_http import Case, wait_for

# What is freed is to be free again: else memory cannot be measured.
os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=4")
MIB = 1024 * 1024
COUNT = 32
BODY = b"x" * MIB
SLACK = COUNT * len(BODY) // 2


def serve(connection):
    connection.ask()
    connection.send(answer(body="data: over\n\n", Content_Type="text/event-stream"))


def changes(tidegate):
    tidegate.peer = MessageBackend()
    tidegate.http = HttpBackend(serve)

    def session(**upstream):
        return {"scope": "client", "session": {"open": "post", "max_body": "1MiB"}, "until": {"text": "over"},
                "upstream": {"linger": "1h", **upstream}}

    return {
        "streams": {"websocket": session(url=tidegate.peer.url, ping_every="0"),
                    "sse": session(kind="sse", method="POST", url=f"http://127.0.0.1:{tidegate.http.port}/")},
        "routes": [{"path": "/e", "stream": "s"}, {"path": "/websocket", "stream": "websocket"}, {"path": "/sse", "stream": "sse"}],
        "limits": {"request_timeout": "20s"},
    }


class PostedBodies(Case):
    changes = staticmethod(changes)

    def rss(self):
        with open(f"/proc/{self.tidegate.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def ask(self, path):
        with self.client() as client:
            client.send(post(BODY, path))
            client.until(rb'data: \{"state":"up"\}\n')
            if path == b"/websocket":
                self.assertEqual(len(self.tidegate.peer.next()[1]), len(BODY))
                self.tidegate.peer.asked[-1].send(text("over"))
            client.until(rb'data: \{"reason":"until"\}\n')

    def test_it_goes_when_the_answer_has_ended(self):
        for path in (b"/websocket", b"/sse"):
            with self.subTest(path=path):
                self.ask(path)
                before = self.rss()
                for _ in range(COUNT):
                    self.ask(path)
                wait_for(lambda: self.rss() - before < SLACK, "memory to come back")


if __name__ == "__main__":
    unittest.main()
