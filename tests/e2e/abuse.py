#!/usr/bin/env python3
"""End to end: what an attacker or an unlucky operator may do to Tidegate, beside breaking the rules of HTTP.

The binary comes from TIDEGATE_BIN (default: build/tidegate). Nothing but Python's standard library is needed, and
the openssl command for certificates. Tests wait for conditions; times are only upper bounds.
"""
import os
import re
import resource
import select
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from raw_http import BINARY, END_OF_EVENT, EVENT_STREAM, PATIENCE, Case, Client, Tidegate, free_port, wait_for


class StandardError(unittest.TestCase):
    """The log's descriptor is closed, or a pipe that nobody reads, or a full disk."""

    def setUp(self):
        self.tidegate = Tidegate()  # for its configuration and its backend
        self.tidegate.end()
        self.assertEqual(self.tidegate.process.wait(timeout=PATIENCE), 0)
        self.addCleanup(self.tidegate.backend.close)

    def run_with(self, arguments, **options):
        path = os.path.join(self.tidegate.folder, "tidegate.json")
        process = subprocess.Popen(arguments + [BINARY, "run", "-c", path], **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        wait_for(self.tidegate.answers, "Tidegate to start")
        return process

    def ends_well(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(timeout=PATIENCE), 0)

    def test_a_closed_one_is_no_socket_of_ours(self):
        for redirection in ("2>&-", "0<&- 1>&- 2>&-"):
            with self.subTest(redirection=redirection):
                process = self.run_with(["sh", "-c", f'exec "$@" {redirection}', "sh"])
                self.assertEqual(os.readlink(f"/proc/{process.pid}/fd/2"), "/dev/null")
                with Client(self.tidegate.port) as client:
                    self.assertEqual(client.get(b"/404").answer()[0], 404)
                self.ends_well(process)

    def test_a_full_disk_does_not_matter(self):
        with open("/dev/full", "wb") as full:
            process = self.run_with([], stderr=full)
            with Client(self.tidegate.port) as client:
                self.assertEqual(client.get(b"/404").answer()[0], 404)
            self.ends_well(process)

    def test_a_pipe_that_nobody_reads_holds_up_nobody(self):
        reader, writer = os.pipe()
        self.addCleanup(os.close, reader)
        process = self.run_with([], stderr=writer)
        os.close(writer)
        with Client(self.tidegate.port) as client:  # more lines than a pipe holds
            for _ in range(20):
                client.send(b"OPTIONS /e HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
                for _ in range(100):
                    self.assertEqual(client.answer()[0], 204)
        os.set_blocking(reader, False)
        taken = b""

        def is_told():
            nonlocal taken
            try:
                taken += os.read(reader, 1 << 20)
            except BlockingIOError:
                pass
            with Client(self.tidegate.port) as client:
                client.get(b"/404").answer()
            return b'"lines_dropped"' in taken
        wait_for(is_told, "the log to say how many lines are missing")
        self.ends_well(process)


class Crowd(Case):
    """Connections that do nothing fill a limit, and stay: others are served all the same."""

    def changes(self):
        self.admin_port = free_port()
        return {"limits": {"connections": 20, "request_timeout": "1m", "idle_timeout": "1m"},
                "admin": {"enabled": True, "port": self.admin_port}}

    def is_served(self):
        try:
            with Client(self.tidegate.port) as client:
                return "transfer-encoding" in client.get(fields=EVENT_STREAM).head()[1]
        except (AssertionError, OSError):
            return False

    def crowd(self, count, data=b""):
        for _ in range(count):
            try:
                self.client().send(data)
            except OSError:
                pass  # turned away

    def test_silent_ones(self):
        self.crowd(100)
        wait_for(self.is_served, "service beside a silent crowd")

    def test_half_requests(self):
        self.crowd(100, b"GET /e HTTP/1.1\r\nHo")
        wait_for(self.is_served, "service beside slow senders")

    def test_kept_alive_ones(self):
        self.crowd(60, b"GET /404 HTTP/1.1\r\nHost: a\r\n\r\n")
        wait_for(self.is_served, "service beside idle connections")

    def test_a_subscriber_does_not_give_way(self):
        stream = self.stream()
        self.crowd(100)
        wait_for(self.is_served, "service beside a silent crowd")
        self.tidegate.backend.say("still here")
        stream.until(rb"data: still here" + END_OF_EVENT)

    def figures_add_up(self):
        with Client(self.tidegate.admin_port) as client:
            text = client.get(b"/metrics", b"Connection: close\r\n").answer()[2].decode()
        open_now, accepted, closed = (sum(float(value) for value in re.findall(
            rf'^tidegate_connections{name}{{server="public"[^}}]*}} (\S+)$', text, re.M))
            for name in ("", "_accepted_total", "_closed_total"))
        return accepted > 0 and accepted == open_now + closed

    def tearDown(self):
        wait_for(self.figures_add_up, "accepted connections = open ones + closed ones")


class CrowdWithoutDescriptors(Crowd):
    nofile = 64

    test_half_requests = test_a_subscriber_does_not_give_way = None

    def changes(self):
        return Crowd.changes(self) | {"limits": {"request_timeout": "1m", "idle_timeout": "1m"}}

    def test_one_gives_way_for_one(self):
        idle = [self.client() for _ in range(15)]
        for client in idle:
            client.get(b"/404").answer()
        process, late = self.tidegate.process.pid, []

        def are_served():
            client = self.client()
            try:
                client.get(b"/404").answer()
                late.append(client)
            except (AssertionError, OSError):
                pass  # turned away
            return len(late) == 3
        limits = resource.prlimit(process, resource.RLIMIT_NOFILE)
        resource.prlimit(process, resource.RLIMIT_NOFILE, (self.tidegate.descriptors(), limits[1]))
        try:
            wait_for(are_served, "idle ones to give way")
        finally:
            resource.prlimit(process, resource.RLIMIT_NOFILE, limits)
        gone = select.select([client.socket for client in idle], [], [], 0)[0]
        self.assertLessEqual(len(gone), 3)  # fewer where spare descriptors were enough


class FrozenClients(Case):
    """They take nothing; the events they miss must not pile up, in the kernel neither."""

    def kernel_bytes(self):
        """What the kernel holds for our clients; the system's limit for all sockets together is not far."""
        total = 0
        with open("/proc/net/tcp", encoding="ascii") as file:
            for fields in map(str.split, file.readlines()[1:]):
                if fields[1].endswith(f":{self.tidegate.port:04X}"):
                    total += int(fields[4].split(":")[0], 16)
        return total

    def test_little_is_buffered_for_each(self):
        frozen = [self.stream(receive_buffer=4096) for _ in range(30)]
        lively = self.stream()
        for i in range(200):
            self.tidegate.backend.say(f"n{i} " + "x" * 20000)
            lively.until(rb"data: n%d x+" % i + END_OF_EVENT)
        self.assertLess(self.kernel_bytes(), len(frozen) * 256 * 1024)


class StoppedProcess(Case):
    """Tidegate itself stands still for longer than stall_timeout, as in `docker pause`."""

    def test_clients_do_not_pay_for_it(self):
        client, lively = self.stream(receive_buffer=4096), self.stream()
        for i in range(60):
            self.tidegate.backend.say(f"s{i} " + "x" * 20000)
        lively.until(rb"data: s59 x+" + END_OF_EVENT)
        self.tidegate.process.send_signal(signal.SIGSTOP)
        time.sleep(4)  # stall_timeout is 3 s
        reader = threading.Thread(target=lambda: client.until(rb"data: s59 x+" + END_OF_EVENT))
        reader.start()
        time.sleep(0.2)
        self.tidegate.process.send_signal(signal.SIGCONT)
        reader.join(PATIENCE + 5)
        self.assertEqual(self.tidegate.closed("stall"), [])


if __name__ == "__main__":
    unittest.main()
