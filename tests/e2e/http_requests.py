#!/usr/bin/env python3
"""End to end: Tidegate's HTTP side against requests that break the rules, and what clients of
streams may do, over raw sockets.

The binary comes from TIDEGATE_BIN (default: build/tidegate). Nothing but Python's standard library is needed, and
the openssl command for certificates. Tests wait for conditions; times are only upper bounds.
"""
import json
import os
import random
import re
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from raw_http import (END_OF_EVENT, EVENT_STREAM, Case, Client, dechunk, wait_for)


class Refused(Case):
    """Heads that could be read in two ways, or not at all."""

    HOST = b"Host: a\r\n"
    BAD = [
        (400, b"GET / HTTP/1.1\nHost: a\n\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nX: a\rb\r\nHost: a\r\n\r\n"),
        (400, b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /\r\n\r\n"),
        (400, b"GET / HTTP/1.1 \r\nHost: a\r\n\r\n"),
        (400, b"G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n"),
        (400, b"GET e HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET * HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /../e HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /%2e%2e/e HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"),
        (400, b"GET /e#x HTTP/1.1\r\nHost: a\r\n\r\n"),
        (405, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n"),
        (505, b"GET / HTTP/3.0\r\nHost: a\r\n\r\n"),
        (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nx"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (400, b"POST /e HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        (501, b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
        (501, b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\r\n b\r\n\r\n"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX : a\r\n\r\n"),
        (400, b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX\r\n\r\n"),
        (400, b"GET /e HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nOrigin: http://b\r\n\r\n"),
        (400, b"GET /e HTTP/1.1\r\nHost: a\r\nSec-Fetch-Site: same-origin\r\nsec-fetch-site: cross-site\r\n\r\n"),
        (400, b"OPTIONS /e HTTP/1.1\r\nHost: a\r\nOrigin:\r\nX: y\r\nOrigin: http://b\r\n\r\n"),
        (400, b"GET /e HTTP/1.1\r\nHost: a\r\nAuthorization: Basic YQ==\r\nAuthorization: Basic Yg==\r\n\r\n"),
        (413, b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\nx"),
        (413, b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n"),
        (414, b"GET /" + b"a" * 300 + b" HTTP/1.1\r\nHost: a\r\n\r\n"),
        (414, b"a" * 10000),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 3000 + b"\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 1000),
    ]

    def expect_refusal(self, client, status):
        got, fields, body = client.answer()
        self.assertEqual(got, status)
        self.assertEqual(fields["connection"], "close")
        self.assertIn(str(status).encode(), body)
        self.assertTrue(client.is_closed())

    def test_each_is_answered_once_and_the_connection_closed(self):
        for status, data in self.BAD:
            with self.subTest(data=data[:80]):
                # Were it taken for two requests, there would be a second answer.
                self.expect_refusal(self.client().send(data + b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"), status)

    def test_pieces_make_no_difference(self):
        for status, data in self.BAD:
            if len(data) > 200:
                continue
            with self.subTest(data=data[:80]):
                client = self.client()
                client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    for i in range(len(data)):
                        client.send(data[i:i + 1])
                except ConnectionError:
                    pass  # it had its verdict before the end
                got, _, _ = client.answer()
                self.assertEqual(got, status)

    def test_the_answer_arrives_although_the_client_still_sends(self):
        client = self.client().send(b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * 100000)
        self.expect_refusal(client, 413)


class KeptAlive(Case):
    """Methods, and several requests on one connection."""

    def test_methods(self):
        client = self.client()
        client.send(b"HEAD /e HTTP/1.1\r\nHost: a\r\n\r\n")
        status, head_fields = client.head()
        self.assertEqual(status, 200)
        with self.client().get() as stream:
            _, get_fields = stream.head()
        del head_fields["date"], get_fields["date"]
        self.assertEqual(get_fields.pop("connection"), "close")  # once the stream has ended
        self.assertEqual(head_fields, get_fields)
        self.assertEqual(get_fields["content-type"], "text/event-stream")
        self.assertEqual(get_fields["cache-control"], "no-cache, no-transform")
        self.assertEqual(get_fields["x-accel-buffering"], "no")
        client.send(b"OPTIONS /e HTTP/1.1\r\nHost: a\r\n\r\n")
        status, fields, _ = client.answer()
        self.assertEqual((status, fields["allow"]), (204, "GET, HEAD, OPTIONS"))
        client.send(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(client.answer()[0], 204)
        for method in (b"POST", b"PUT", b"DELETE", b"PATCH", b"get", b"FOO"):
            client.send(method + b" /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxx")
            status, fields, _ = client.answer()
            self.assertEqual((status, fields["allow"]), (405, "GET, HEAD, OPTIONS"))
        client.get(b"/nothing", EVENT_STREAM)
        self.assertEqual(client.answer()[0], 404)
        client.send(b"GET http://other.example/e?x HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(client.head()[0], 200)

    def test_preflight(self):
        client = self.client().send(b"OPTIONS /e HTTP/1.1\r\nHost: a\r\nOrigin: https://a.example\r\n"
                                    b"Access-Control-Request-Method: GET\r\n"
                                    b"Access-Control-Request-Headers: x-a\r\n\r\n")
        status, fields, _ = client.answer()
        self.assertEqual(status, 204)
        self.assertEqual(fields["access-control-allow-origin"], "https://a.example")
        self.assertEqual(fields["access-control-allow-headers"], "Last-Event-ID, Cache-Control, Content-Type, Authorization, x-a")
        client.send(b"OPTIONS /e HTTP/1.1\r\nHost: a\r\nOrigin: https://b.example\r\n"
                    b"Access-Control-Request-Method: GET\r\n\r\n")
        self.assertNotIn("access-control-allow-origin", client.answer()[1])

    def test_pipelined_requests_are_answered_in_order(self):
        inner = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
        client = self.client().send(
            b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(inner) + inner +
            b"\r\nGET /404 HTTP/1.1\r\nHost: a\r\n\r\n" +
            b"POST /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%x;a=b\r\n" % len(inner) + inner +
            b"\r\n0\r\nX: y\r\n\r\n" +
            b"GET /404 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
            b"OPTIONS /e HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + inner)
        self.assertEqual([client.answer()[0] for _ in range(5)], [405, 404, 405, 404, 204])
        self.assertTrue(client.is_closed())

    def test_a_thousand_pipelined_requests(self):
        client = self.client().send(b"OPTIONS /e HTTP/1.1\r\nHost: a\r\n\r\n" * 1000 +
                                    b"GET /404 HTTP/1.0\r\n\r\n")
        self.assertEqual([client.answer()[0] for _ in range(1001)], [204] * 1000 + [404])
        self.assertTrue(client.is_closed())

    def test_expect_continue(self):
        client = self.client().send(b"POST /e HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(client.head()[0], 100)
        client.send(b"xx")
        self.assertEqual(client.answer()[0], 405)
        client.get(fields=b"Expect: something\r\n")
        self.assertEqual(client.answer()[0], 417)

    def test_http_1_0(self):
        with self.client().get(version=b"1.0") as client:
            status, fields = client.head()
            self.assertEqual(status, 200)
            self.assertNotIn("transfer-encoding", fields)
            self.assertEqual(fields["connection"], "close")
            client.until(rb"^retry: 1000\n:\nevent: tidegate.hello\n\n")
            self.tidegate.backend.say("bare")
            client.until(rb"data: bare\n(id: \S+\n)?\n")
        client = self.client().send(b"GET /404 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        status, fields, _ = client.answer()
        self.assertEqual(fields["connection"], "keep-alive")
        client.send(b"GET /404 HTTP/1.0\r\n\r\n")
        self.assertEqual(client.answer()[0], 404)
        self.assertTrue(client.is_closed())

    def test_slow_and_silent_clients_are_closed(self):
        silent, slow, native, idle = self.client(), self.client(), self.client(), self.client()
        slow.send(b"POST /e HTTP/1.1\r\nHo")
        native.send(b"GET /e HTTP/1.1\r\nHo")  # an EventSource would stop for good on a status
        idle.get(b"/404")
        self.assertEqual(idle.answer()[0], 404)
        self.assertEqual(slow.answer()[0], 408)
        self.assertTrue(slow.is_closed())
        self.assertTrue(native.is_closed())
        self.assertTrue(silent.is_closed())
        self.assertTrue(idle.is_closed())


class Streams(Case):
    """What clients do to an event stream."""

    def ends_with(self, reason, act):
        before = len(self.tidegate.closed(reason))
        client = self.stream()
        act(client)
        wait_for(lambda: len(self.tidegate.closed(reason)) > before, f"a subscriber to end with {reason}")

    def test_fin(self):
        self.ends_with("client", lambda client: client.socket.close())

    def test_half_close(self):
        def act(client):
            client.socket.shutdown(socket.SHUT_WR)
            self.assertIsNotNone(client.rest())
        self.ends_with("client", act)

    def test_reset(self):
        def act(client):
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.socket.close()
        self.ends_with("client", act)

    def test_a_few_extra_bytes_are_dropped(self):
        client = self.stream()
        for _ in range(10):
            client.send(b"GET /404 HTTP/1.1\r\nHost: a\r\n\r\n")
        self.tidegate.backend.say("still here")
        self.assertNotIn(b"404", client.until(rb"data: still here" + END_OF_EVENT))

    def test_many_extra_bytes_end_it(self):
        def act(client):
            try:
                client.send(b"x" * 200000)
            except ConnectionError:
                pass
        self.ends_with("error", act)

    def test_heartbeats(self):
        client = self.stream()
        start = time.monotonic()
        client.until(rb"3\r\n:\n\n\r\n.*3\r\n:\n\n\r\n")
        self.assertGreater(time.monotonic() - start, 0.8)

    def test_replay_and_ids(self):
        client = self.stream()
        for i in range(5):
            self.tidegate.backend.say(f"replay{i}")
        ids = re.findall(rb"id: (\S+)\n", client.until(rb"data: replay4" + END_OF_EVENT))
        for path, fields in ((b"/e", b"Last-Event-ID: " + ids[1] + b"\r\n"),
                             (b"/e?lastEventId=" + ids[1], b""),
                             (b"/e?x=y&last_event_id=" + ids[0], b"Last-Event-ID: " + ids[1] + b"\r\n"),
                             (b"/e?lastEventId=" + ids[1], b"Last-Event-ID:\r\n")):
            with self.client().get(path, fields) as other:
                got = other.until(rb"data: replay4" + END_OF_EVENT)
                self.assertEqual(re.findall(rb"data: replay(\d)", got), [b"2", b"3", b"4"])
                self.assertNotIn(b"tidegate.gap", got)
        for evil in (b"\xff\xfe", b"a" * 1500, b"%n%s", b"0-0", ids[1] + b"x", b"\"\\"):
            with self.client().get(fields=b"Last-Event-ID: " + evil + b"\r\n") as other:
                self.assertIn(b"tidegate.gap", other.until(rb"data: replay4" + END_OF_EVENT))

    def test_a_client_that_takes_nothing_is_closed(self):
        def act(client):
            del client
            for i in range(8000):
                self.tidegate.backend.say(f"stall{i} " + "x" * 2000)
        before = len(self.tidegate.closed("stall"))
        client = self.stream(receive_buffer=4096)
        act(client)
        wait_for(lambda: len(self.tidegate.closed("stall")) > before, "the stalled subscriber to be closed")

    def test_a_client_that_reads_slowly_is_not_closed(self):
        client = self.stream(receive_buffer=4096)
        for i in range(4000):
            self.tidegate.backend.say(f"slow{i} " + "x" * 2000)
        end = time.monotonic() + 7  # twice stall_timeout; half of the kernel's buffer lasts about as long
        while time.monotonic() < end:
            self.assertTrue(client.socket.recv(1000))
            time.sleep(0.2)

    def test_nothing_remains_after_churn(self):
        wait_for(lambda: self.tidegate.descriptors() < 60, "earlier clients to go")
        before = self.tidegate.descriptors()

        def churn(seed):
            chance = random.Random(seed)
            for _ in range(100):
                try:
                    client = Client(self.tidegate.port)
                    if chance.random() < 0.9:
                        client.get(fields=EVENT_STREAM)
                        if chance.random() < 0.7:
                            client.more()
                    act = chance.randrange(5)
                    if act == 0:
                        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    elif act == 1:
                        client.socket.shutdown(socket.SHUT_WR)
                        client.more()
                    elif act == 2:
                        client.send(b"x" * chance.randrange(1, 100000))
                    client.socket.close()
                except OSError:
                    pass

        threads = [threading.Thread(target=churn, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: self.tidegate.descriptors() <= before, "descriptors to come back")
        start = self.tidegate.cpu_seconds()
        time.sleep(2)  # what is measured is a time
        self.assertLess(self.tidegate.cpu_seconds() - start, 0.3)


class Frozen(Case):
    def changes(self):
        return {"sse": {"stall_timeout": "60s"}}

    def test_a_frozen_client_gets_an_exact_gap(self):
        def flood(first, count):
            for i in range(first, first + count):
                self.tidegate.backend.say(f"n{i} " + "x" * 2000)
        frozen, other = self.stream(receive_buffer=4096), self.stream()
        i = 0
        while i < 9000:
            flood(i, 100)
            i += 100
            other.until(rb"data: n%d " % (i - 1))
        self.tidegate.backend.say("n%d last" % i)
        data = frozen.until(rb"data: n%d last" % i + END_OF_EVENT)
        content, _ = dechunk(data)
        expected, gaps = 0, 0
        for block in content.split(b"\n\n"):
            if b"tidegate.gap" in block:
                gap = json.loads(block.split(b"data: ", 1)[1])
                self.assertEqual(gap["reason"], "lagged")
                expected += gap["missed"]
                gaps += 1
            elif (found := re.search(rb"data: n(\d+)", block)):
                self.assertEqual(int(found.group(1)), expected)
                expected += 1
        self.assertEqual(expected, i + 1)
        self.assertGreater(gaps, 0)


if __name__ == "__main__":
    unittest.main()
