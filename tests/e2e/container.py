#!/usr/bin/env python3
"""What the container image and docker/compose.yml promise, as far as that can be tried without a container engine: the
health check, and the composition's configuration.

TIDEGATE_BIN names the binary; build/tidegate unless set."""
import json
import os
import re
import socket
import subprocess
import time
import unittest
import urllib.request

from cli import BINARY, PATIENCE_S, ROOT, Case, Process, config, get, run, wait_until
from ports import free_port


def read(*names):
    with open(os.path.join(ROOT, *names), encoding="utf-8") as file:
        return file.read()


class Healthcheck(Case):
    def test_it_asks_the_admin_of_the_configuration(self):
        port = free_port()
        path = self.write(config(admin={"port": port, "address": "0.0.0.0"}))
        done = run("healthcheck", "-c", path)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot connect", done.stderr)
        process = self.start(config(admin={"port": port, "address": "0.0.0.0"}))
        process.wait_for("ready")
        self.assertEqual(run("healthcheck", "-c", path).returncode, 0)
        self.assertEqual(run("healthcheck", f"http://127.0.0.1:{port}/healthz").returncode, 0)
        done = run("healthcheck", f"http://127.0.0.1:{port}/readyz")
        self.assertEqual(done.returncode, 1)
        self.assertIn("503", done.stderr)

    def check_without_admin(self, scheme, **listener):
        """Any answer of a listener will do; none will not, nor one of something else."""
        port = None if "unix" in listener else free_port()
        place = {**listener, **({"address": "127.0.0.1", "port": port} if port else {})}
        content = config(admin={"enabled": False}, listen=[{"address": "127.0.0.1", "port": 0}, place])
        path = self.write(content)
        self.assertEqual(run("healthcheck", "-c", path).returncode, 1)
        self.start(content).wait_for("ready")
        done = run("healthcheck", "-c", path)
        self.assertEqual((done.returncode, done.stderr), (0, ""), scheme)

    def test_without_an_admin_port_it_asks_a_listener(self):
        files = os.path.join(ROOT, "config", "files")
        tls = {"certificate": os.path.join(files, "tls.crt"), "key": os.path.join(files, "tls.key")}
        self.check_without_admin("http")
        self.check_without_admin("https", tls=tls)
        self.check_without_admin("unix", unix=os.path.join(self.folder.name, "a.sock"))

    def test_it_finds_the_configuration_by_itself(self):
        content = config(admin={"port": free_port()})
        self.write(content, "tidegate.json")
        check = lambda: subprocess.run([BINARY, "healthcheck"], cwd=self.folder.name, capture_output=True, text=True,
                                       timeout=PATIENCE_S, check=False)
        done = check()
        self.assertEqual(done.returncode, 1)
        self.assertIn(f":{content['admin']['port']}:", done.stderr)
        self.start(content).wait_for("ready")
        self.assertEqual(check().returncode, 0)

    def test_a_configuration_without_a_fixed_port_cannot_be_asked(self):
        done = run("healthcheck", "-c", self.write(config()))
        self.assertEqual((done.returncode, done.stderr), (1, "tidegate healthcheck: the configuration has no fixed port to ask\n"))

    def test_it_waits_3_seconds_at_most(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            begun = time.monotonic()
            done = run("healthcheck", f"http://127.0.0.1:{silent.getsockname()[1]}/")
            self.assertEqual(done.returncode, 1)
            self.assertLess(time.monotonic() - begun, 10)

    def test_the_image_asks_the_demo_too(self):
        """There is no configuration then, and the demo has the default admin port."""
        words = json.loads(re.search(r"^HEALTHCHECK .* CMD (\[.*\])$", read("docker", "Dockerfile"), re.M)[1])
        self.assertEqual(words[0], "tidegate")
        with socket.socket() as holder:
            if holder.connect_ex(("127.0.0.1", 9090)) == 0:
                self.skipTest("port 9090 is taken")
        with Process("demo", "--port", str(free_port()), "--legacy-port", "0") as demo:
            demo.wait_for("ready")
            done = subprocess.run([BINARY, *words[1:]], cwd=self.folder.name, capture_output=True, text=True,
                                  timeout=PATIENCE_S, check=False)
            if "admin_left_out" in demo.stderr():
                self.skipTest("port 9090 was taken meanwhile")
            self.assertEqual((done.returncode, done.stderr), (0, ""))


class Composition(Case):
    """docker/compose.yml: its files are there, and what it runs serves a page, the stream and metrics."""

    def test_the_files_that_it_mounts_are_there(self):
        mounted = dict(re.findall(r"^ *- (\S+?):(/\S+?):ro$", read("docker", "compose.yml"), re.M))
        self.assertEqual(mounted["../config/compose.json"], "/etc/tidegate/tidegate.json")
        for file in mounted:
            self.assertTrue(os.path.isfile(os.path.join(ROOT, "docker", file)), file)
        page = json.loads(read("config", "compose.json"))["routes"][-1]["file"]
        self.assertEqual(mounted[f"../config/{page}"], f"/etc/tidegate/{page}")

    def start_all(self):
        legacy_port, ports = free_port(), {8080: free_port(), 9090: free_port()}
        legacy = Process("demo", "--backend-only", "--legacy-port", str(legacy_port))
        self.addCleanup(legacy.__exit__)
        wait_until("the backend runs", lambda: "legacy backend runs" in legacy.stdout())
        content = json.loads(read("config", "compose.json"))
        content["listen"][0]["port"] = ports[8080]
        content["admin"]["port"] = ports[9090]
        os.mkdir(os.path.join(self.folder.name, "files"))
        self.write(read("config", "files", "page.html"), os.path.join("files", "page.html"))
        process = self.start(content, env={"FEED_URL": f"ws://127.0.0.1:{legacy_port}/feed", "FEED_TOKEN": "demo"})
        process.wait_for("ready")
        return f"http://127.0.0.1:{ports[8080]}", f"127.0.0.1:{ports[9090]}", process

    def test_it_serves_a_page_a_stream_and_metrics(self):
        public, admin, process = self.start_all()
        status, page = get(public + "/")
        self.assertEqual(status, 200)
        path = re.search(r'PATH = "([^"]+)"', page)[1]
        with urllib.request.urlopen(public + path, timeout=PATIENCE_S) as stream:
            wait_until("a quote", lambda: stream.readline() == b"event: quote\n")
        scrape = urllib.request.Request(f"http://{admin}/metrics", headers={"Host": "tidegate:9090"})
        with urllib.request.urlopen(scrape, timeout=PATIENCE_S) as answer:
            self.assertIn(b"tidegate_build_info", answer.read())
        self.assertEqual(run("healthcheck", "-c", os.path.join(self.folder.name, "t.json"),
                             env={"FEED_URL": "ws://x/", "FEED_TOKEN": "x"}).returncode, 0)


if __name__ == "__main__":
    unittest.main()
