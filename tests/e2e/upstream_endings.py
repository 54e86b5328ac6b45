#!/usr/bin/env python3
"""The upstream against hostile backends: how connections end, and on demand.

What a client of the stream sees is looked at: events, and the control events that tell of outages with their reason.
The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import (CLOSE, Case, GOOD, PATIENCE, PING, PONG, TEXT, UP, frame, free_port, marker,
                             serve_good, text, wait_for)


class Endings(Case):
    def test_close_is_answered_with_its_code(self):
        backend = None

        def script(connection):
            connection.accept()
            connection.send(frame(CLOSE, payload))
            backend.seen.put(connection.read_frame())
            connection.wait_end()

        for payload in (struct.pack(">H", 1001) + b"bye", struct.pack(">H", 4999), b""):
            with self.subTest(payload=payload):
                backend = self.backend(script, serve_good)
                client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/"))
                self.expect(client, UP, marker("down", "closed"), UP, GOOD)
                self.assertEqual(backend.seen.get(timeout=PATIENCE), (CLOSE, payload[:2]))

    def test_close_codes_registered_later(self):
        for code in (1002, 1012, 1013, 1014):
            with self.subTest(code=code):

                def script(connection):
                    connection.accept()
                    connection.send(frame(CLOSE, struct.pack(">H", code)))
                    connection.wait_end()

                _, tidegate = self.fails(script, "closed", before=[UP])
                self.assertIn(f'"close_code":{code}', tidegate.read_log())

    def test_a_backend_that_does_not_stop_after_the_close_is_left(self):
        backend = None

        def script(connection):
            connection.accept()
            connection.send(frame(CLOSE, struct.pack(">H", 1000)))
            started = time.monotonic()
            try:
                while True:
                    connection.send(text("late" * 1000))
            except OSError:
                backend.seen.put(time.monotonic() - started)

        backend = self.backend(script, serve_good)
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/"))
        self.expect(client, UP, marker("down", "closed"), UP, GOOD)
        self.assertLess(backend.seen.get(timeout=PATIENCE), 3)

    def test_messages_before_a_reset_are_not_lost(self):
        tidegate = None

        def script(connection):
            connection.accept()
            connection.send(text("first"))
            started.wait(PATIENCE)
            time.sleep(0.2)  # the login message is here by now; who closes without having read it sends a reset
            tidegate.process.send_signal(signal.SIGSTOP)
            connection.send(b"".join(text(str(i)) for i in range(2000)))
            connection.sock.close()
            time.sleep(0.1)
            tidegate.process.send_signal(signal.SIGCONT)

        started = threading.Event()
        backend = self.backend(script, serve_good)
        tidegate = self.tidegate(f"ws://127.0.0.1:{backend.port}/", on_open=["hello"])
        client = self.follow(tidegate)
        started.set()
        self.expect(client, UP, ("message", "first"), *(("message", str(i)) for i in range(2000)),
                    marker("down", "closed"), UP, GOOD)

    def test_close_without_a_code(self):
        def script(connection):
            connection.accept()
            connection.send(frame(CLOSE))
            connection.wait_end()

        self.fails(script, "closed", before=[UP])

    def test_hang_up(self):
        def script(connection):
            connection.accept()
            connection.send(text("a"))

        self.fails(script, "closed", before=[UP, ("message", "a")])

    def test_reset(self):
        def script(connection):
            connection.accept()
            connection.read_frame()  # it has the answer by now: a reset would throw it away
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        self.fails(script, "closed", before=[UP], on_open=["hello"])

    def test_reset_instead_of_an_answer(self):
        def script(connection):
            connection.read_request()
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        self.fails(script, "handshake")

    def test_messages_after_close_are_not_taken(self):
        def script(connection):
            connection.accept()
            connection.send(frame(CLOSE, struct.pack(">H", 1000)) + text("late"))
            connection.wait_end()

        self.fails(script, "closed", before=[UP])

    def test_hang_up_within_a_message(self):
        def script(connection):
            connection.accept()
            connection.send(frame(TEXT, b"half", fin=False))

        self.fails(script, "closed", before=[UP])

    def test_no_answer_to_pings(self):
        def script(connection):
            connection.accept()
            connection.wait_end()

        self.fails(script, "liveness", before=[UP], ping_every="100ms", pong_timeout="200ms")

    def test_pongs_keep_it_up(self):
        def script(connection):
            connection.accept()
            for _ in range(8):
                opcode, payload = connection.read_frame()
                self.assertEqual(opcode, PING)
                connection.send(frame(PONG, payload))
            connection.send(text("good"))
            connection.wait_end()

        backend = self.backend(script)
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/", ping_every="100ms", pong_timeout="150ms"))
        self.expect(client, UP, GOOD)

    def test_a_slow_large_frame_is_a_sign_of_life(self):
        def script(connection):
            connection.accept()
            data = frame(TEXT, b"x" * 60)
            for i in range(len(data)):
                connection.send(data[i : i + 1])
                time.sleep(0.02)
            connection.wait_end()

        backend = self.backend(script)
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/", ping_every="100ms", pong_timeout="200ms"))
        self.expect(client, UP, ("message", "x" * 60))

    def test_no_message_for_too_long(self):
        def script(connection):
            connection.accept()
            connection.send(text("a"))
            while True:
                opcode, payload = connection.read_frame()
                if opcode == PING:
                    connection.send(frame(PONG, payload))

        self.fails(script, "idle", before=[UP, ("message", "a")], idle_timeout="400ms", ping_every="100ms")

    def test_no_handshake_in_time(self):
        def script(connection):
            connection.wait_end()

        self.refuses(script, "timeout", connect_timeout="300ms")

    def test_half_a_handshake_in_time(self):
        def script(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 101 Switching")
            connection.wait_end()

        self.refuses(script, "timeout", connect_timeout="300ms")

    def test_nobody_listens(self):
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{free_port()}/"))
        self.expect(client, marker("down", "connect"))

    def test_name_that_does_not_exist(self):
        client = self.follow(self.tidegate("ws://no-such-name.invalid/", connect_timeout="10s"))
        down = client.events.get(timeout=PATIENCE)
        self.assertIn(down, [marker("down", "dns"), marker("down", "timeout")])

    def test_name_with_an_address_that_refuses(self):
        """localhost may mean ::1 first, where nobody listens."""
        backend = self.backend(serve_good)
        self.expect(self.follow(self.tidegate(f"ws://localhost:{backend.port}/")), UP, GOOD)

    def test_ipv6(self):
        try:
            backend = self.backend(serve_good, address="::1")
        except OSError:
            self.skipTest("no IPv6 here")
        self.expect(self.follow(self.tidegate(f"ws://[::1]:{backend.port}/")), UP, GOOD)

    def test_stop_says_goodbye(self):
        backend = None

        def script(connection):
            connection.accept()
            connection.send(text("good"))
            backend.seen.put(connection.read_frame())

        backend = self.backend(script)
        tidegate = self.tidegate(f"ws://127.0.0.1:{backend.port}/")
        self.expect(self.follow(tidegate), UP, GOOD)
        self.assertEqual(tidegate.stop(), 0, tidegate.read_log())
        self.assertEqual(backend.seen.get(timeout=PATIENCE), (CLOSE, struct.pack(">H", 1001)))

    def test_one_marker_for_one_outage(self):
        def refuse(connection):
            connection.read_request()
            connection.answer(status="500 No", headers=[("Content-Length", "0")])

        backend = self.backend(refuse, refuse, refuse, serve_good)
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/"))
        self.expect(client, marker("down", "handshake", status=500), UP, GOOD)
        self.assertEqual(backend.connections, 4)

    def test_many_reconnects_leak_nothing(self):
        def script(connection):
            connection.accept()
            connection.send(text("x"))

        backend = self.backend(script)
        tidegate = self.tidegate(f"ws://127.0.0.1:{backend.port}/", reconnect={"first": "10ms", "max": "10ms"})
        pid = tidegate.process.pid

        def fds():
            return len(os.listdir(f"/proc/{pid}/fd"))

        def rss_kb():
            with open(f"/proc/{pid}/status") as status:
                return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))

        wait_for(lambda: backend.connections > 200, "200 connections")
        before_fds, before_rss = fds(), rss_kb()
        wait_for(lambda: backend.connections > 1200, "1200 connections")
        self.assertLess(fds(), before_fds + 10)
        with open(f"/proc/{pid}/maps") as maps:
            is_sanitized = re.search("lib[at]san|libclang_rt", maps.read())
        if not is_sanitized:  # sanitizers keep freed memory
            self.assertLess(rss_kb(), before_rss + 4096)


class Races(Case):
    def test_connections_reset_as_they_come_up_do_no_harm(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        shim = os.path.join(folder.name, "reset.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib", "reset_after_connect.c")
        subprocess.run(["cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
        backend = self.backend(*[lambda connection: connection.wait_end()] * 200)
        sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        env = {"LD_PRELOAD": shim, "ASAN_OPTIONS": sanitizer}
        tidegate = self.tidegate(f"ws://127.0.0.1:{backend.port}/", {"env": env})
        failures = re.compile('"event":"attempt_failed".*"reason":"connect"')
        wait_for(lambda: len(failures.findall(tidegate.read_log())) >= 3, "three failed attempts")
        self.assertIsNone(tidegate.process.poll(), tidegate.read_log())
        self.end(tidegate)
        self.assertNotIn("handle_left_open", tidegate.read_log())


class OnDemand(Case):
    def test_connects_for_the_first_and_leaves_after_the_last(self):
        backend = None

        def script(connection):
            connection.accept()
            connection.send(text("good"))
            backend.seen.put(connection.read_frame())

        backend = self.backend(script)
        tidegate = self.tidegate(f"ws://127.0.0.1:{backend.port}/", connect="on_demand", linger="200ms")
        time.sleep(0.3)
        self.assertEqual(backend.connections, 0)
        client = tidegate.follow()
        self.expect(client, UP, GOOD)
        client.close()
        self.assertEqual(backend.seen.get(timeout=PATIENCE), (CLOSE, struct.pack(">H", 1000)))
        again = self.follow(tidegate)
        self.expect(again, UP, GOOD, UP, GOOD)  # no outage in between
        self.assertEqual(backend.connections, 2)


if __name__ == "__main__":
    unittest.main()
