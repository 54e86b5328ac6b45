#!/usr/bin/env python3
"""End to end: Tidegate's HTTP side over TLS and unix sockets, at its limits, and when it ends,
over raw sockets.

The binary comes from TIDEGATE_BIN (default: build/tidegate). Nothing but Python's standard library is needed, and
the openssl command for certificates. Tests wait for conditions; times are only upper bounds.
"""
import os
import re
import socket
import ssl
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from raw_http import (BINARY, END_OF_EVENT, EVENT_STREAM, PATIENCE, Case, Client, Tidegate, dechunk, free_port,
                      make_certificate, numbers, wait_for)


class Tls(Case):
    def changes(self):
        certificate, key = make_certificate(self.folder)
        self.tls_port, self.modern_port = free_port(), free_port()
        tls = {"certificate": certificate, "key": key}
        return {"listen": self.config["listen"] + [
            {"address": "127.0.0.1", "port": self.tls_port, "tls": tls},
            {"address": "127.0.0.1", "port": self.modern_port, "tls": dict(tls, min_version="1.3")}]}

    def context(self, version=None, alpn=None):
        context = ssl.create_default_context(cafile=os.path.join(self.tidegate.folder, "c.pem"))
        if version:
            context.minimum_version = context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(alpn)
        return context

    def connect(self, port=None, **options):
        client = Client(port or self.tidegate.tls_port, tls=self.context(**options))
        self.addCleanup(client.socket.close)
        return client

    def test_versions(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            client = self.connect(version=version)
            self.assertEqual(client.socket.version(), name)
            client.get(b"/404")
            self.assertEqual(client.answer()[0], 404)
            client.get()
            client.until(rb"retry: 1000\n:\nevent: tidegate.hello\n\n\r\n")
            self.tidegate.backend.say("over " + name)
            client.until(rb"data: over " + name.encode() + END_OF_EVENT)
        with self.assertRaises(ssl.SSLError):
            self.connect(port=self.tidegate.modern_port, version=ssl.TLSVersion.TLSv1_2)
        self.connect(port=self.tidegate.modern_port).get(b"/404").answer()

    def test_alpn(self):
        client = self.connect(alpn=["h2", "http/1.1"])
        self.assertEqual(client.socket.selected_alpn_protocol(), "http/1.1")
        with self.assertRaises(ssl.SSLError):
            self.connect(alpn=["h2"])

    def test_sessions_resume_on_any_worker(self):
        context = self.context(version=ssl.TLSVersion.TLSv1_2)
        first = Client(self.tidegate.tls_port, tls=context)
        session = first.socket.session
        first.socket.close()
        for _ in range(6):
            with socket.create_connection(("127.0.0.1", self.tidegate.tls_port)) as plain:
                with context.wrap_socket(plain, server_hostname="localhost", session=session) as resumed:
                    self.assertTrue(resumed.session_reused)

    def test_plain_http_is_told_so(self):
        with Client(self.tidegate.tls_port) as client:
            client.get(b"/404")
            self.assertEqual(client.answer()[0], 400)
            self.assertTrue(client.is_closed())

    def test_garbage_and_silence_are_closed(self):
        with Client(self.tidegate.tls_port) as garbage, Client(self.tidegate.tls_port) as silent:
            garbage.send(b"\x16\x03\x01\x00\x05hello" + b"\xff" * 1000)
            garbage.rest()
            self.assertTrue(silent.is_closed())

    def test_large_replay_through_a_slow_reader(self):
        client = self.connect()
        client.get()
        client.until(rb"retry: 1000\n:\nevent: tidegate.hello\n\n\r\n")
        for i in range(100):
            self.tidegate.backend.say(f"n{i} " + "y" * 2000)
        client.socket.close()
        slow = Client(self.tidegate.tls_port, tls=self.context(), receive_buffer=4096)
        self.addCleanup(slow.socket.close)
        slow.get(fields=b"Last-Event-ID: unknown\r\n")
        slow.head()
        content, _ = dechunk(slow.until(rb"data: n99 y+" + END_OF_EVENT))
        self.assertEqual(numbers(content), list(range(100)))

    def test_the_end_of_a_client_is_noticed(self):
        before = len(self.tidegate.closed("client"))
        client = self.connect().get()
        client.until(rb"retry")
        client.socket.close()
        wait_for(lambda: len(self.tidegate.closed("client")) > before, "the subscriber's end")


class Unix(Case):
    def changes(self):
        self.path = os.path.join(self.folder, "s.sock")
        with socket.socket(socket.AF_UNIX) as stale:
            stale.bind(self.path)
        return {"listen": self.config["listen"] + [{"unix": self.path, "unix_mode": "0600"}]}

    def test_it_serves(self):
        with Client(self.tidegate.path) as client:
            client.get(b"/404")
            self.assertEqual(client.answer()[0], 404)
            client.get()
            client.until(rb"retry: 1000\n:\nevent: tidegate.hello\n\n\r\n")
        self.assertEqual(os.stat(self.tidegate.path).st_mode & 0o777, 0o600)

    def test_a_second_one_is_refused(self):
        process = subprocess.run([BINARY, "run", "-c", os.path.join(self.tidegate.folder, "tidegate.json")],
                                 stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
        self.assertNotEqual(process.returncode, 0)
        with Client(self.tidegate.path) as client:
            client.get(b"/404")
            self.assertEqual(client.answer()[0], 404)

    @classmethod
    def tearDownClass(cls):
        path = cls.tidegate.path
        cls.tidegate.end()
        cls.tidegate.process.wait(timeout=PATIENCE)
        assert not os.path.exists(path)
        super().tearDownClass()


class Limits(Case):
    def changes(self):
        return {"limits": {"connections": 3}, "workers": 1}

    def test_over_the_limit(self):
        streams = []
        for _ in range(3):
            streams.append(self.stream())
        for _ in range(3):
            client = self.client().get(fields=EVENT_STREAM + b"Origin: https://a.example\r\n")
            status, fields, body = client.answer()
            self.assertEqual((status, fields["content-type"]), (200, "text/event-stream"))
            self.assertEqual(fields["access-control-allow-origin"], "https://a.example")
            self.assertIn(int(re.fullmatch(rb"retry: (\d+)\nevent: tidegate.hello\n\n", body).group(1)), range(1000, 1501))
            self.assertTrue(client.is_closed())
            client = self.client().get()
            status, fields, _ = client.answer()
            self.assertEqual((status, fields["connection"]), (503, "close"))
            self.assertGreater(int(fields["retry-after"]), 0)
        client = self.client().get(b"/404", EVENT_STREAM)
        self.assertEqual(client.answer()[0], 404)
        streams[0].socket.close()
        wait_for(lambda: self.client().get(fields=EVENT_STREAM).head()[1].get("transfer-encoding"), "room")

    def test_silent_connections_beyond_the_limit_go_away(self):
        silent = [self.client() for _ in range(20)]
        for client in silent[3:]:
            self.assertTrue(client.is_closed())


class LimitsPerAddress(Case):
    def changes(self):
        return {"limits": {"connections_per_address": 2}}

    def test_over_the_limit(self):
        wait_for(lambda: self.tidegate.descriptors() < 60, "the first probe to go")
        first, second = self.stream(), self.stream()
        client = self.client().get(fields=EVENT_STREAM)
        status, fields, _ = client.answer()
        self.assertEqual((status, fields["connection"]), (200, "close"))
        first.socket.close()
        second.socket.close()
        wait_for(lambda: self.client().get(fields=EVENT_STREAM).head()[1].get("transfer-encoding"), "room")


class Pending(Case):
    def changes(self):
        return {"limits": {"pending_requests": 16, "request_timeout": "1m"}}

    def test_a_crowd_that_says_nothing_gives_way(self):
        silent = [self.client() for _ in range(60)]
        client = self.stream()
        self.tidegate.backend.say("served")
        client.until(rb"data: served" + END_OF_EVENT)
        for other in silent:
            other.socket.close()


class FewDescriptors(Case):
    nofile = 64

    def test_no_descriptors_is_no_busy_loop(self):
        crowd = [self.client() for _ in range(150)]
        start = self.tidegate.cpu_seconds()
        time.sleep(1.5)  # what is measured is a time
        self.assertLess(self.tidegate.cpu_seconds() - start, 0.5)
        for client in crowd:
            client.socket.close()

        def is_served():
            try:
                with Client(self.tidegate.port) as client:
                    return client.get(fields=EVENT_STREAM).head()[0] == 200
            except (AssertionError, OSError):
                return False
        wait_for(is_served, "service after the crowd has gone")


class Drain(unittest.TestCase):
    def test_clients_are_told_and_the_exit_code_is_0(self):
        def changes(tidegate):
            certificate, key = make_certificate(tidegate.folder)
            tidegate.tls_port = free_port()
            return {"listen": tidegate.config["listen"] + [
                {"address": "127.0.0.1", "port": tidegate.tls_port, "tls": {"certificate": certificate, "key": key}}]}
        tidegate = Tidegate(changes)
        context = ssl.create_default_context(cafile=os.path.join(tidegate.folder, "c.pem"))
        streams = [Client(tidegate.port).get(fields=EVENT_STREAM) for _ in range(30)]
        streams += [Client(tidegate.tls_port, tls=context).get(fields=EVENT_STREAM) for _ in range(3)]
        bare = Client(tidegate.port).get(version=b"1.0")
        kept = Client(tidegate.port).get(b"/404")
        silent = Client(tidegate.port)
        self.assertEqual(kept.answer()[0], 404)
        for client in streams:
            client.head()
            client.until(rb"retry: 1000\n:\nevent: tidegate.hello\n\n\r\n")
        bare.until(rb":\n\n")
        tidegate.end()
        retries = []
        for client in streams:
            content, is_complete = dechunk(client.rest())  # for TLS: not ragged
            self.assertTrue(is_complete)
            retries.append(int(re.search(rb"retry: (\d+)\n\n$", content).group(1)))
        self.assertRegex(bare.rest(), rb"retry: \d+\n\n$")
        self.assertTrue(kept.is_closed())
        self.assertTrue(silent.is_closed())
        self.assertGreater(len(set(retries)), 10)
        self.assertTrue(all(1000 <= retry <= 1500 for retry in retries))
        self.assertEqual(len(wait_for(lambda: len(tidegate.closed("drain")) == 34 and tidegate.closed("drain"),
                                      "the log")), 34)
        for client in streams + [bare, kept, silent]:
            client.socket.close()
        self.assertEqual(tidegate.stop(), 0)


class Ports(unittest.TestCase):
    def test_a_port_in_use_is_an_error_at_once(self):
        tidegate = Tidegate()
        process = subprocess.run([BINARY, "run", "-c", os.path.join(tidegate.folder, "tidegate.json")],
                                 stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn(str(tidegate.port).encode(), process.stderr)
        self.assertEqual(tidegate.stop(), 0)


if __name__ == "__main__":
    unittest.main()
