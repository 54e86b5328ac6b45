#!/usr/bin/env python3
"""End to end: more messages of clients than a backend takes, or than they may send; and clients that do not wait for the
answer.

The binary comes from TIDEGATE_BIN (default: build/tidegate). Nothing but Python's standard library is needed.
"""
import os
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from messages import post
from raw_http import Client, wait_for
from send_backends import BIG, ORIGIN, BackendCase

# What is freed is to be free again: else memory cannot be measured.
os.environ.setdefault("ASAN_OPTIONS", "quarantine_size_mb=16")
RSS_SLACK = (24 if os.environ.get("TIDEGATE_VARIANT") == "release" else 80) * 1024 * 1024


class Frozen(BackendCase):
    def rss(self):
        with open(f"/proc/{self.tidegate.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")

    def test_what_was_answered_with_202_arrives_once(self):
        self.fill()
        waiting = [self.client() for _ in range(20)]
        for i, client in enumerate(waiting):
            client.send(post(b"number %d" % i, b"/binary") + b"GET /404 HTTP/1.1\r\nHost: a\r\n\r\n")
        self.peer.reads.set()
        statuses = [client.answer()[0] for client in waiting]
        self.assertLessEqual(set(statuses), {202, 504})
        for client in waiting:
            self.assertEqual(client.answer()[0], 404)
        self.assertEqual(self.status(post(b"last")), 202)
        got = []
        while (message := self.peer.next()[1]) != b"last":
            got += [int(message[7:])] if message.startswith(b"number") else []
        self.assertEqual(len(got), len(set(got)))
        self.assertLessEqual({i for i, status in enumerate(statuses) if status == 202}, set(got))

    def flood(self, clients, rounds, statuses):
        for _ in range(rounds):
            for client in clients:
                client.send(post(b"f" * BIG, b"/binary", ORIGIN))
            for client in clients:
                status, fields, _ = client.answer()
                statuses.append(status)
                assert "access-control-allow-origin" in fields
                assert status != 429 or int(fields["retry-after"]) >= 1

    def test_a_flood_takes_little_memory(self):
        self.fill()
        before, statuses = self.rss(), []
        threads = [threading.Thread(target=self.flood, args=([self.client() for _ in range(40)], 10, statuses))
                   for _ in range(4)]
        for thread in threads:
            thread.start()
        peak = 0
        while any(thread.is_alive() for thread in threads):
            peak = max(peak, self.rss())
            time.sleep(0.02)
        self.assertEqual(len(statuses), 1600)  # 100 MiB
        self.assertLessEqual(set(statuses), {429, 504})
        self.assertIn(429, statuses)
        self.assertLess(peak - before, RSS_SLACK)
        self.peer.reads.set()
        self.wait_for_backend()

    def test_clients_that_leave_while_they_wait(self):
        before = self.tidegate.descriptors() + 5  # each worker may just be about to open its own
        self.fill()
        for i in range(30):
            client = self.client().send(post(b"x" * 1000, b"/binary"))
            if i % 2:
                client.socket.shutdown(socket.SHUT_WR)
            client.socket.close()
        wait_for(lambda: self.tidegate.descriptors() <= before, "descriptors to come back")
        start = self.tidegate.cpu_seconds()
        time.sleep(1)  # what is measured is a time
        self.assertLess(self.tidegate.cpu_seconds() - start, 0.3)
        self.peer.reads.set()
        self.wait_for_backend()


class TooOften(BackendCase):
    def until_refused(self, client, request):
        for allowed in range(30):
            status, fields, _ = client.send(request).answer()
            if status == 429:
                self.assertEqual(fields["access-control-allow-origin"], "https://a.example")
                self.assertNotIn("connection", fields)
                self.assertGreaterEqual(int(fields["retry-after"]), 1)
                return allowed, int(fields["retry-after"])
            self.assertEqual(status, 202)
        raise AssertionError("never too often")

    def test_each_address(self):
        client = self.client()
        request = post(b"x", b"/limited", ORIGIN)
        allowed, wait_s = self.until_refused(client, request)
        self.assertGreaterEqual(allowed, 3)
        for name in (b"X-Forwarded-For: 10.0.0.%d", b"X-Real-IP: 10.0.0.%d", b"Forwarded: for=10.0.0.%d",
                     b"Last-Event-ID: %d"):
            statuses = [self.status(post(b"x", b"/limited", name % i + b"\r\n")) for i in range(20)]
            self.assertIn(429, statuses, name)
        other = Client.__new__(Client)
        other.socket, other.bytes = socket.create_connection(("127.0.0.1", self.tidegate.port),
                                                             source_address=("127.0.0.2", 0)), b""
        with other:
            self.assertEqual(other.send(request).answer()[0], 202)
        self.assertLessEqual(wait_s, 2)
        wait_for(lambda: client.send(request).answer()[0] == 202, "new tokens")

    def test_each_session(self):
        requests = [post(b"x", b"/own/send", b"Last-Event-ID: " + self.session()[1] + b"\r\n" + ORIGIN) for _ in range(2)]
        client = self.client()
        self.until_refused(client, requests[0])
        self.assertEqual(client.send(requests[1]).answer()[0], 202)


if __name__ == "__main__":
    unittest.main()
