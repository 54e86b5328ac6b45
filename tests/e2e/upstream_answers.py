#!/usr/bin/env python3
"""The upstreams over HTTP against backends whose answers are too much: too long, too large, or of no use.

The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import gzip
import itertools
import os
import sys
import time
import unittest
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import GOOD, PATIENCE, UP, marker, wait_for
from http_backend import HttpCase, LAST_CHUNK, chunk, head

STREAM = head(Content_Type="text/event-stream", Transfer_Encoding="chunked")


class Answers(HttpCase):
    kind = "sse"

    def start(self, *scripts, **upstream):
        self.backend = self.http_backend(*scripts)
        self.tidegate_under_test = self.gate(self.backend, **upstream)
        return self.follow(self.tidegate_under_test)

    def test_a_flood_that_is_packed_leaves_others_their_turn(self):
        """What libcurl reads at a time would be gigabytes."""
        def script(connection):
            connection.ask()
            connection.send(head(Content_Type="text/event-stream", Content_Encoding="gzip"))
            packer = zlib.compressobj(9, wbits=31)
            connection.send(packer.compress(b"data: good\n\n") + packer.flush(zlib.Z_FULL_FLUSH))
            for sent in itertools.count():
                connection.send(block)
                if sent == 20:
                    self.backend.seen.put("it has begun")

        packer = zlib.compressobj(9, wbits=-15)
        block = packer.compress(b": " + b"x" * 100_000_000) + packer.flush(zlib.Z_FULL_FLUSH)
        self.expect(self.start(script), UP, GOOD)
        self.backend.seen.get(timeout=PATIENCE)
        gate = self.tidegate_under_test
        looks = time.monotonic()
        for _ in range(5):
            self.assertEqual(self.metric(gate, "tidegate_upstream_messages_total"), 1)
        self.assertLess(time.monotonic() - looks, PATIENCE)

    def test_a_coding_that_nobody_asked_for_is_no_way_to_be_up(self):
        def script(connection):
            connection.ask()
            connection.send(head(Content_Type="text/event-stream", Content_Encoding="rot13") + b"qngn: tbbq\n\n")

        def good(connection):
            connection.ask()
            connection.send(STREAM + chunk("data: good\n\n"))

        self.expect(self.start(script, good), marker("down", "protocol"), UP, GOOD)
        self.assertIn("content coding", self.tidegate_under_test.read_log())

    def test_a_retry_of_months_counts_as_an_hour(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk("retry: 9999999999\ndata: good\n\n"))

        self.expect(self.start(script), UP, GOOD, marker("down", "closed"))
        wait_for(lambda: '"retry_ms":3600000' in self.tidegate_under_test.read_log(), "the log says how long it waits")

    def test_answers_that_end_at_once_do_not_fill_the_log(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk("data: good\n\n") + LAST_CHUNK)

        start = time.monotonic()
        self.start(script)
        wait_for(lambda: self.backend.connections >= 100, "a hundred answers")
        log = self.tidegate_under_test.read_log()
        seconds = time.monotonic() - start
        for event in ("connected", "disconnected"):
            self.assertLess(log.count(f'"event":"{event}"'), seconds + 2)

    def test_more_than_the_packed_data(self):
        """What libcurl says of it is that the disk may be full."""
        def script(connection):
            connection.ask()
            connection.send(head(Content_Type="text/event-stream", Content_Encoding="gzip")
                            + gzip.compress(b"data: good\n\n") + b"garbage")

        def serve_more(connection):
            connection.ask()
            connection.send(STREAM + chunk("data: more\n\n"))
            connection.wait_end()

        client = self.start(script, serve_more)
        self.expect(client, UP, GOOD)
        self.assertIn(client.events.get(timeout=PATIENCE), (marker("down", "protocol"), marker("down", "closed")))
        self.expect(client, UP, ("message", "more"))
        self.assertNotIn("disk", self.tidegate_under_test.read_log())

    def test_a_line_of_the_head_without_an_end(self):
        """What libcurl says of it is that it is out of memory."""
        def script(connection):
            connection.ask()
            connection.send(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000000)
            connection.wait_end()

        def serve_good(connection):
            connection.ask()
            connection.send(STREAM + chunk("data: good\n\n"))
            connection.wait_end()

        self.expect(self.start(script, serve_good), marker("down", "protocol"), UP, GOOD)
        log = self.tidegate_under_test.read_log()
        self.assertIn("a line of its head is too long", log)
        self.assertNotIn("yyy", log)


if __name__ == "__main__":
    unittest.main()
