#!/usr/bin/env python3
"""Names of backends whose DNS server never answers: they keep nobody else waiting.

The test has an /etc/resolv.conf of its own, in a mount namespace; without the right to make one it is skipped. The
binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from ports import free_port

BINARY = os.path.abspath(os.environ.get("TIDEGATE_BIN", "build/tidegate"))
PATIENCE = 15
HUNG = 40
SILENT_ADDRESS = "127.0.0.77"


def may_unshare():
    return subprocess.run(["unshare", "-m", "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0


@unittest.skipUnless(may_unshare(), "no right to make a mount namespace")
class HungNames(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.dns = self.enterContext(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.dns.bind((SILENT_ADDRESS, 53))
        self.backend = self.enterContext(socket.create_server(("127.0.0.1", free_port())))
        self.backend.settimeout(PATIENCE)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def start(self, urls):
        streams = {name: {"upstream": {"url": url}} for name, url in urls.items()}
        config = self.write("tidegate.json", json.dumps({
            "listen": [{"address": "127.0.0.1", "port": free_port()}], "admin": {"enabled": False}, "workers": 1,
            "drain": "0s", "streams": streams,
            "routes": [{"path": f"/{name}", "stream": name} for name in streams]}))
        resolver = self.write("resolv.conf", f"nameserver {SILENT_ADDRESS}\n")
        log = self.enterContext(open(os.path.join(self.folder, "log"), "w", encoding="utf-8"))
        process = subprocess.Popen(["unshare", "-m", "sh", "-c",
                                    'mount --bind "$0" /etc/resolv.conf && exec "$1" run -c "$2"',
                                    resolver, BINARY, config], stderr=log)
        self.addCleanup(self.end, process)

    def end(self, process):
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(PATIENCE), 0)

    def test_they_keep_no_other_backend_waiting(self):
        names = {f"hung{i}": f"ws://h{i}.hung.test:7001/" for i in range(HUNG)}
        self.start({**names, "here": f"ws://localhost:{self.backend.getsockname()[1]}/"})
        connection, _ = self.backend.accept()
        connection.close()
        # Each of the names is asked for, too, and none of them is answered.
        asked = set()
        self.dns.settimeout(PATIENCE)
        while len(asked) < HUNG:
            question = self.dns.recv(512)
            asked.add(question[13:13 + question[12]])


if __name__ == "__main__":
    unittest.main()
