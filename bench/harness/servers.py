#!/usr/bin/env python3
"""The systems under test, all used by the same calls.

    python3 bench/harness/servers.py --check --bin FOLDER

starts each in turn with a feed, reads three events from it, and says so on a line of its own.
"""

import json
import os
import re
import shutil
import sys

if __name__ == "__main__":
    # Not this folder, whose modules have names of the standard library's.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from harness.process import BenchError
from harness.server import PEERS_FOLDER, Server, fetch, find_below, first_line, unused_port

NCHAN_MODULE = "lib/nginx/modules/ngx_nchan_module.so"
PUSHPIN_LIBRARY = "lib/pushpin"


class Tidegate(Server):
    name = "tidegate"
    max_workers = 256
    max_streams = 10_000
    has_tls = True
    has_replay = True

    def _launch(self, feed_port, workers, streams, certificate, retain_events, retain_bytes):
        listen = [{"address": "127.0.0.1", "port": self.port}]
        self._admin_port = unused_port()
        if self.tls_port:
            tls = {"certificate": certificate[0], "key": certificate[1]}
            listen.append({"address": "127.0.0.1", "port": self.tls_port, "tls": tls})
        numbers = range(streams)
        config = {
            "listen": listen,
            "admin": {"address": "127.0.0.1", "port": self._admin_port},
            "log": {"level": "warning"},
            "workers": workers,
            "drain": "0",
            "limits": {"pending_requests": 19_900, "request_timeout": "10m"},
            "streams": {str(number): {
                "upstream": {"url": f"ws://127.0.0.1:{feed_port}/s/{number}"},
                "retain": {"events": retain_events, "bytes": f"{retain_bytes}B"},
            } for number in numbers},
            "routes": [{"path": f"/events/{number}", "stream": str(number)} for number in numbers],
        }
        self._run([self._program("tidegate"), "run", "-c", self._write("tidegate.json", json.dumps(config))])

    def messages_received(self):
        return messages_counted(fetch(self._admin_port, "/metrics"))

    def version(self):
        return first_line([self._program("tidegate"), "version"])

    def missing(self):
        return self._missing_file(self._program("tidegate"))


def messages_counted(page):
    """Of all backends together, as Tidegate's metrics have them."""
    values = re.findall(r"^tidegate_upstream_messages_total\{[^}]*\} (\d+)$", page, re.MULTILINE)
    if not values:
        raise BenchError("Tidegate's metrics have no count of messages")
    return sum(map(int, values))


class Floor(Server):
    name = "floor"
    has_tls = True
    has_replay = True

    def _launch(self, feed_port, workers, streams, certificate, retain_events, retain_bytes):
        argv = [self._program("tg-floor"), "--listen", self.tls_port or self.port, "--retain", retain_bytes,
                "--upstream", f"ws://127.0.0.1:{feed_port}/s/0"]
        if self.tls_port:
            self.port = None
            argv += ["--tls", *certificate]
        self._run(argv, has_input=True)

    def version(self):
        return "one send() for each client and event"

    def missing(self):
        return self._missing_file(self._program("tg-floor"))


class Nchan(Server):
    name = "nchan"
    feed_kind = "nchan"
    max_workers = 64
    max_streams = 10_000
    has_tls = True
    has_h2 = True
    has_replay = True

    def _launch(self, feed_port, workers, streams, certificate, retain_events, retain_bytes):
        publish_port = unused_port()
        self.publish_url = f"http://127.0.0.1:{publish_port}/pub/{{stream}}"
        config = self._fill_in("nchan.conf.in", "nginx.conf", dir=self._folder, workers=workers, port=self.port,
                               pubport=publish_port, messages=retain_events, module=find_below(NCHAN_MODULE),
                               tls="" if self.tls_port else "#", tlsport=self.tls_port, cert=certificate[0],
                               key=certificate[1])
        self._run([find_below("sbin/nginx"), "-c", config, "-p", self._folder])

    def version(self):
        nginx = re.search(r"nginx/[\d.]+", first_line([find_below("sbin/nginx"), "-v"]))[0]
        with open(find_below(NCHAN_MODULE), "rb") as file:
            nchan = re.search(rb"\0(1\.\d+\.\d+)\0", file.read())
        return f"Nchan {nchan[1].decode() if nchan else 'of unknown version'}, {nginx}"

    def missing(self):
        return self._missing_below("sbin/nginx", NCHAN_MODULE)


class Node(Server):
    """A script of the peers' folder."""

    script = package = ""

    def _launch(self, feed_port, workers, streams, certificate, retain_events, retain_bytes):
        environment = {"PORT": self.tls_port or self.port, "EVENTS_PATH": self.path.replace("{stream}", "0"),
                       "UPSTREAM": f"ws://127.0.0.1:{feed_port}/s/0"}
        if self.tls_port:
            self.port = None
            environment.update(CERT=certificate[0], KEY=certificate[1])
        self._run([shutil.which("node"), os.path.join(self.peers_folder, self.script)], environment=environment)

    def version(self):
        with open(self._package_file()) as file:
            package = json.load(file)["version"]
        return f"Node {first_line([shutil.which('node'), '--version'])}, {self.package} {package}"

    def missing(self):
        return self._missing_node() or self._missing_file(self._package_file())

    def _package_file(self):
        return os.path.join(self.peers_folder, "node_modules", self.package, "package.json")


class NodeBridge(Node):
    name = "node"
    script = "node-bridge.mjs"
    package = "ws"
    has_tls = True


class BetterSse(Node):
    name = "better-sse"
    script = "better-sse.mjs"
    package = "better-sse"


class Pushpin(Server):
    """Several processes: what accepts has two threads, and there is no setting for that. The origin that it asks about
    each client is not counted."""

    name = "pushpin"
    commands = ["bin/pushpin", "bin/pushpin-proxy", "bin/pushpin-handler", "bin/condure", "bin/zurl"]
    feed_kind = "pushpin"
    max_streams = 10_000

    def _launch(self, feed_port, workers, streams, certificate, retain_events, retain_bytes):
        publish_port, origin_port = unused_port(), unused_port()
        self.publish_url = f"http://127.0.0.1:{publish_port}/publish/"
        for folder in ("run", "log"):
            os.mkdir(os.path.join(self._folder, folder))
        self._fill_in("pushpin/routes.in", "routes", originport=origin_port)
        config = self._fill_in("pushpin/pushpin.conf.in", "pushpin.conf", dir=self._folder, port=self.port,
                               pubport=publish_port, libdir=find_below(PUSHPIN_LIBRARY))
        folders = {os.path.dirname(find_below(command)): None for command in self.commands}
        self._run([find_below("bin/pushpin"), f"--config={config}"],
                  environment={"PATH": os.pathsep.join([*folders, os.environ["PATH"]])})
        self._run([shutil.which("node"), os.path.join(self.peers_folder, "pushpin-origin.mjs")],
                  environment={"PORT": origin_port})

    def version(self):
        return first_line([find_below("bin/pushpin"), "--version"])

    def missing(self):
        return self._missing_below(*self.commands, PUSHPIN_LIBRARY) or self._missing_node()


KINDS = [Tidegate, Floor, Nchan, NodeBridge, BetterSse, Pushpin]


def make_servers(programs_folder, peers_folder=PEERS_FOLDER):
    """One of each, by name."""
    return {kind.name: kind(programs_folder, peers_folder) for kind in KINDS}


if __name__ == "__main__":
    from harness import servers_check

    sys.exit(servers_check.main(make_servers))
