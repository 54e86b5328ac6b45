#!/usr/bin/env python3
"""The upstream against backends that speak Server-Sent Events, well and badly.

What a client of the stream sees is looked at: events, and the control events that tell of outages with their reason.
The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import os
import re
import sys
import threading
import time
import unittest
import urllib.request
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import GOOD, Lost, PATIENCE, UP, marker, wait_for
from http_backend import HttpCase, LAST_CHUNK, answer, chunk, head, reset

STREAM = head(Content_Type="text/event-stream", Transfer_Encoding="chunked")
OPEN_ENDED = head(Content_Type="text/event-stream", Connection="close")
CLOSED = marker("down", "closed")


class Sse(HttpCase):
    kind = "sse"

    def serve_good(self, connection):
        connection.ask()
        connection.send(STREAM + chunk("data: good\n\n"))
        connection.wait_end()

    def start(self, *scripts, stream=None, **upstream):
        """A backend of these scripts, Tidegate, and a client."""
        self.backend = self.http_backend(*scripts)
        self.tidegate_under_test = self.gate(self.backend, stream, **upstream)
        return self.follow(self.tidegate_under_test)

    def refuses(self, reply, reason, status=None, **upstream):
        """After this answer it fails for this reason, and the next attempt works."""

        def script(connection):
            connection.ask()
            connection.send(reply)

        client = self.start(script, self.serve_good, **upstream)
        self.expect(client, marker("down", reason, status=status), UP, GOOD)


class Events(Sse):
    def test_type_id_and_data_come_through(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk(
                "\ufeffevent: quote\nid: 7\ndata: a\ndata: b\n\n: a comment\n\ndata: c\n\nid: no id here\ndata: d\n\n"))
            connection.wait_end()

        self.backend = self.http_backend(script)
        client = self.follow_ids(self.gate(self.backend))
        _, quote, plain, other = [client.events.get(timeout=PATIENCE) for _ in range(4)]
        self.assertEqual(quote, ("quote", "a\nb", "7"))
        self.assertEqual(plain[:2], ("message", "c"))
        self.assertRegex(plain[2], r"^\w+-\d+$")  # it had none of its own
        self.assertEqual(other[:2], ("message", "d"))
        self.assertRegex(other[2], r"^\w+-\d+$")  # and this one is no id for clients

    def test_the_request(self):
        client = self.start(self.serve_good, headers={"X-Client": "tidegate"})
        self.expect(client, UP, GOOD)
        request = self.backend.requests[0]
        self.assertEqual((request.method, request.target), ("GET", "/feed"))
        self.assertEqual(request.headers["accept"], "text/event-stream")
        self.assertEqual(request.headers["cache-control"], "no-cache")
        self.assertEqual(request.headers["x-client"], "tidegate")
        self.assertNotIn("last-event-id", request.headers)

    def test_post_with_a_body(self):
        client = self.start(self.serve_good, method="POST", body={"op": "subscribe"})
        self.expect(client, UP, GOOD)
        request = self.backend.requests[0]
        self.assertEqual((request.method, request.body), ("POST", b'{"op":"subscribe"}'))
        self.assertEqual(request.headers["content-type"], "application/json")

    def test_all_line_ends_byte_by_byte(self):
        text = "data: 1\r\rdata: 2\r\n\r\ndata: 3\n\nevent: x\rdata\rdata: 4\r\r"

        def script(connection):
            connection.ask()
            connection.send(STREAM)
            for byte in text:
                connection.send(chunk(byte))
                time.sleep(0.002)
            connection.wait_end()

        client = self.start(script)
        self.expect(client, UP, ("message", "1"), ("message", "2"), ("message", "3"), ("x", "\n4"))

    def test_gzip(self):
        def script(connection):
            connection.ask()
            packer = zlib.compressobj(wbits=31)
            connection.send(head(Content_Type="text/event-stream", Content_Encoding="gzip", Transfer_Encoding="chunked"))
            for n in range(3):
                packed = packer.compress(f"data: {n} {'x' * 1000}\n\n".encode()) + packer.flush(zlib.Z_SYNC_FLUSH)
                connection.send(chunk(packed))
            connection.wait_end()

        client = self.start(script)
        self.expect(client, UP, *(("message", f"{n} {'x' * 1000}") for n in range(3)))
        self.assertIn("gzip", self.backend.requests[0].headers["accept-encoding"])

    def test_an_event_that_is_too_large_is_told_by_a_gap(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk(f"id: 1\ndata: {'x' * 1001}\n\ndata: {'y' * 1000}\n\n"))
            connection.send(chunk("data: " + "z" * 100000))
            connection.send(chunk("z\n\ndata: good\n\n"))

        client = self.start(script, self.serve_good, max_message="1000")
        self.expect(client, UP, Lost("oversize"), ("message", "y" * 1000), Lost("oversize", after=1), GOOD, CLOSED, UP, GOOD)
        self.assertEqual(self.backend.requests[1].headers["last-event-id"], "1")
        gate = self.tidegate_under_test
        self.assertEqual(self.metric(gate, "tidegate_upstream_dropped_messages_total", "oversize"), 2)
        self.assertIn('"event":"message_dropped"', gate.read_log())
        self.assertNotIn("xxx", gate.read_log())

    def test_types_of_tidegates_own_are_misfits(self):
        def script(connection):
            connection.ask()
            for name in ("tidegate.end", "tidegate.gap", "tidegate.upstream", " tidegate.hello"):
                connection.send(STREAM * (name == "tidegate.end") + chunk(f"event: {name}\ndata: forged\n\n"))
            connection.send(chunk("data: good\n\n"))
            connection.wait_end()

        self.expect(self.start(script), UP, GOOD)
        self.assertEqual(self.metric(self.tidegate_under_test, "tidegate_upstream_dropped_messages_total", "event"), 4)

    def test_bytes_that_are_not_utf8_are_told_by_a_gap_and_the_connection_stays(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk(b"data: \xff\xfe\n\ndata: good\n\n"))
            connection.wait_end()

        self.expect(self.start(script), UP, Lost("encoding"), GOOD)
        self.assertEqual(self.metric(self.tidegate_under_test, "tidegate_upstream_dropped_messages_total", "utf8"), 1)
        self.assertEqual(self.backend.connections, 1)

    def test_a_flood_leaves_others_their_turn(self):
        count = 100000

        def script(connection):
            connection.ask()
            connection.send(STREAM)
            block = chunk("".join(f"data: {'x' * 80}\n\n" for _ in range(1000)))
            for _ in range(count // 1000):
                connection.send(block)
            connection.wait_end()

        def is_done():
            with urllib.request.urlopen(f"http://127.0.0.1:{gate.admin_port}/healthz", timeout=PATIENCE) as page:
                self.assertEqual(page.status, 200)
            return self.metric(gate, "tidegate_upstream_messages_total") >= count

        self.start(script)
        gate = self.tidegate_under_test
        wait_for(is_done, "all of the flood is there")
        self.assertEqual(self.metric(gate, "tidegate_upstream_messages_total"), count)
        self.assertEqual(self.metric(gate, "tidegate_stream_events_total"), count)


class Resuming(Sse):
    def test_it_asks_for_what_it_missed(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk("id: 5\ndata: five\n\nid: 6\n\n: id only\n"))

        client = self.start(script, self.serve_good)
        self.expect(client, UP, ("message", "five"), CLOSED, UP, GOOD)
        self.assertEqual(self.backend.requests[1].headers["last-event-id"], "6")

    def test_an_empty_id_is_not_sent(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk("id: 5\ndata: five\n\nid\n\n"))

        client = self.start(script, self.serve_good)
        self.expect(client, UP, ("message", "five"), CLOSED, UP, GOOD)
        self.assertNotIn("last-event-id", self.backend.requests[1].headers)

    def test_retry_is_heeded(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk("retry: 700\ndata: a\n\n") + LAST_CHUNK)

        client = self.start(script, script, self.serve_good)
        self.expect(client, UP, ("message", "a"), CLOSED, UP, ("message", "a"), CLOSED, UP, GOOD)
        times = self.backend.times
        self.assertGreaterEqual(times[1] - times[0], 0.69)
        self.assertGreaterEqual(times[2] - times[1], 0.69)

    def test_finite_answers_lose_and_repeat_nothing(self):
        """A backend that ends its answer after each event."""
        def script(connection):
            after = int(connection.ask().headers.get("last-event-id", 0))
            connection.send(STREAM + chunk(f"id: {after + 1}\ndata: {after + 1}\n\n") + LAST_CHUNK)

        client = self.start(script, reconnect={"first": "10ms", "max": "10ms"})
        self.assertEqual(self.collect(client, 30, skip=(UP, CLOSED)), [("message", str(n)) for n in range(1, 31)])

    def test_cuts_at_every_byte_lose_and_repeat_nothing(self):
        """Each connection sends an event and then so much of the next one that each cut is there once."""
        def event(n):
            return f"event: t\nid: {n}\ndata: {n}\ndata: {n}\n\n".encode()

        longest = len(event(99))

        def script(connection):
            request = connection.ask()
            cut = request.number % (longest + 1)
            after = int(request.headers.get("last-event-id", 9))
            part = event(after + 1) + event(after + 2)[:cut]
            how = request.number % 3
            if how == 0:
                connection.send(STREAM + chunk(part))
            elif how == 1:
                connection.send(OPEN_ENDED + part)
            else:
                connection.send(STREAM + b"%x\r\n%s" % (len(part) + 7, part))  # within a chunk

        client = self.start(script, reconnect={"first": "10ms", "max": "10ms"})
        events = self.collect(client, 80, skip=(UP, CLOSED))
        self.assertEqual(events, [("t", f"{n}\n{n}") for n in range(10, 90)])
        self.assertGreater(len(self.backend.requests), longest)

    def test_a_reset_keeps_the_place(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk("id: 5\ndata: five\n\n"))
            reached.wait(PATIENCE)
            reset(connection)

        reached = threading.Event()
        client = self.start(script, self.serve_good)
        self.expect(client, UP, ("message", "five"))
        reached.set()
        self.expect(client, CLOSED, UP, GOOD)
        self.assertEqual(self.backend.requests[1].headers["last-event-id"], "5")


class Refusals(Sse):
    def test_no_content_means_finished(self):
        self.refuses(answer("204 No Content"), "finished", reconnect={"first": "10ms", "max": "600ms"})
        times = self.backend.times
        self.assertGreaterEqual(times[1] - times[0], 0.59)

    def test_another_content_type(self):
        self.refuses(answer(body="<html>", Content_Type="text/html; charset=utf-8"), "status", 200)
        self.assertIn("content type text/html", self.tidegate_under_test.read_log())

    def test_json(self):
        self.refuses(answer(body='{"error":"no"}', Content_Type="application/json"), "status", 200)
        self.assertIn("content type application/json is not an event stream; accept_type can allow it",
                      self.tidegate_under_test.read_log())

    def test_unauthorized(self):
        self.refuses(answer("401 Unauthorized", "who are you?", WWW_Authenticate="Basic"), "status", 401)
        self.assertIn('"status":401', self.tidegate_under_test.read_log())

    def test_server_errors(self):
        for status in ("404 Not Found", "500 Internal Server Error", "502 Bad Gateway"):
            with self.subTest(status=status):
                self.refuses(answer(status, "x" * 1000), "status", int(status[:3]))

    def test_retry_after_is_heeded(self):
        for status in ("503 Service Unavailable", "429 Too Many Requests"):
            with self.subTest(status=status):
                self.refuses(answer(status, Retry_After=1), "status", int(status[:3]))
                times = self.backend.times
                self.assertGreaterEqual(times[1] - times[0], 0.99)

    def test_one_marker_for_one_outage(self):
        def refuse(connection):
            connection.ask()
            connection.send(answer("500 No"))

        client = self.start(refuse, refuse, refuse, self.serve_good)
        self.expect(client, marker("down", "status", status=500), UP, GOOD)
        self.assertEqual(self.backend.connections, 4)

    def test_no_head_in_time(self):
        client = self.start(lambda connection: connection.wait_end(), self.serve_good, connect_timeout="300ms")
        self.expect(client, marker("down", "timeout"), UP, GOOD)

    def test_a_stream_may_be_silent_longer_than_connecting_may_take(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM)
            time.sleep(1)
            connection.send(chunk("data: good\n\n"))
            connection.wait_end()

        self.expect(self.start(script, connect_timeout="300ms"), UP, GOOD)


class Redirects(Sse):
    def test_a_redirect_is_followed(self):
        def script(connection):
            while True:
                if connection.ask().target == "/feed":
                    connection.send(answer("302 Found", Location="/other?a=b"))
                else:
                    connection.send(STREAM + chunk("data: good\n\n"))

        client = self.start(script)
        self.expect(client, UP, GOOD)
        self.assertEqual(self.backend.requests[1].target, "/other?a=b")
        self.assertEqual(self.backend.requests[1].headers["accept"], "text/event-stream")

    def test_too_many_redirects(self):
        def script(connection):
            while True:
                connection.ask()
                connection.send(answer("302 Found", Location="/feed"))

        self.expect(self.start(script, max_redirects=3), marker("down", "redirect"))


class Silence(Sse):
    def test_silence_is_noticed(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk("data: a\n\n"))
            connection.wait_end()

        client = self.start(script, self.serve_good, idle_timeout="400ms")
        self.expect(client, UP, ("message", "a"), marker("down", "idle"), UP, GOOD)

    def test_comments_keep_it_up(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM)
            for _ in range(15):
                connection.send(chunk(": still here\n\n"))
                time.sleep(0.2)
            connection.send(chunk("data: good\n\n"))
            connection.wait_end()

        self.expect(self.start(script, idle_timeout="2s"), UP, GOOD)
        self.assertEqual(self.backend.connections, 1)


class OnDemand(Sse):
    def test_it_connects_for_the_first_and_leaves_after_the_last(self):
        def script(connection):
            number = connection.ask().number
            connection.send(STREAM + chunk(f"id: {number + 1}\ndata: good\n\n"))
            connection.wait_end()
            self.backend.seen.put("gone")

        self.backend = self.http_backend(script)
        tidegate = self.gate(self.backend, connect="on_demand", linger="200ms")
        time.sleep(0.3)
        self.assertEqual(self.backend.connections, 0)
        client = tidegate.follow()
        self.expect(client, UP, GOOD)
        client.close()
        self.assertEqual(self.backend.seen.get(timeout=PATIENCE), "gone")
        self.expect(self.follow(tidegate), UP, GOOD, UP, GOOD)  # no outage in between
        self.assertEqual(self.backend.requests[1].headers["last-event-id"], "1")


class Many(Sse):
    def test_many_reconnects_leak_nothing(self):
        def script(connection):
            connection.ask()
            connection.send(STREAM + chunk("data: x\n\n"))

        self.start(script, reconnect={"first": "10ms", "max": "10ms"})
        pid = self.tidegate_under_test.process.pid

        def fds():
            return len(os.listdir(f"/proc/{pid}/fd"))

        def rss_kb():
            with open(f"/proc/{pid}/status") as status:
                return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

        wait_for(lambda: self.backend.connections > 200, "200 connections")
        before_fds, before_rss = fds(), rss_kb()
        wait_for(lambda: self.backend.connections > 800, "800 connections")
        self.assertLess(fds(), before_fds + 10)
        with open(f"/proc/{pid}/maps") as maps:
            is_sanitized = re.search("lib[at]san|libclang_rt", maps.read())
        if not is_sanitized:  # sanitizers keep freed memory
            self.assertLess(rss_kb(), before_rss + 4096)


if __name__ == "__main__":
    unittest.main()
