"""HTTP backends of raw sockets that answer as told, Tidegate in front of them, and clients of the stream; for the tests
of the upstreams over HTTP."""
import socket
import struct
import threading
import time
import urllib.request

from hostile_backend import Backend, Case, Client, GREETINGS, PATIENCE, wait_for


class Request:
    def __init__(self, connection):
        connection.read_request()
        self.method, self.target, self.version = connection.request.split(" ")
        self.headers = connection.headers
        self.body = connection.read(int(self.headers.get("content-length", 0)))
        self.time = time.monotonic()


def head(status="200 OK", **headers):
    """The head of an answer: header names with "_" for "-"."""
    lines = [f"HTTP/1.1 {status}"] + [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def answer(status="200 OK", body=b"", **headers):
    """A complete answer."""
    body = body.encode() if isinstance(body, str) else body
    if status[:3] not in ("204", "304"):
        headers = {"Content_Length": len(body), **headers}
    return head(status, **headers) + body


def chunk(data):
    data = data.encode() if isinstance(data, str) else data
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"


def reset(connection):
    """Closing sends a RST."""
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class HttpBackend(Backend):
    """Backend, with all the requests that its scripts have read by `connection.ask()`."""

    def __init__(self, *scripts, **options):
        self.requests = []
        self.lock = threading.Lock()
        super().__init__(*map(self.prepare, scripts), **options)

    def prepare(self, script):
        def run(connection):
            connection.ask = lambda: self.ask(connection)
            script(connection)

        return run

    def ask(self, connection):
        request = Request(connection)
        with self.lock:
            request.number = len(self.requests)
            self.requests.append(request)
        return request


class IdClient(Client):
    """Follows a stream; its events come as (type, data, id), the id None when there is none. Without the greetings."""

    def run(self):
        stream = self.sock.makefile("rb")
        try:
            while stream.readline() not in (b"\r\n", b""):
                pass
            self.parse(iter(lambda: self.read_chunk(stream), b""))
        except (OSError, ValueError):
            pass

    def parse(self, pieces):
        pending, kind, data, id = b"", "message", [], None
        for piece in pieces:
            pending += piece
            while b"\n" in pending:
                line, pending = pending.split(b"\n", 1)
                name, _, value = line.decode().partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    data.append(value)
                elif name == "id":
                    id = value
                elif line == b"":
                    if data and (kind, "\n".join(data)) not in GREETINGS:
                        self.events.put((kind, "\n".join(data), id))
                    kind, data, id = "message", [], None


class HttpCase(Case):
    kind = None

    def http_backend(self, *scripts, **options):
        backend = HttpBackend(*scripts, **options)
        self.addCleanup(backend.close)
        return backend

    def gate(self, backend, stream=None, path="/feed", **upstream):
        return self.tidegate(f"http://127.0.0.1:{backend.port}{path}", stream, kind=self.kind, **upstream)

    def follow_ids(self, tidegate):
        client = IdClient(tidegate.port)
        self.addCleanup(client.close)
        return client

    def metric(self, tidegate, name, *labels):
        url = f"http://127.0.0.1:{tidegate.admin_port}/metrics"
        with urllib.request.urlopen(url, timeout=PATIENCE) as page:
            for line in page.read().decode().splitlines():
                key, _, value = line.rpartition(" ")
                if key.startswith(name + "{") and all(label in key for label in labels):
                    return float(value)
        raise AssertionError(f"no metric {name} {labels}")

    def wait_metric(self, tidegate, value, name, *labels):
        wait_for(lambda: self.metric(tidegate, name, *labels) >= value, f"{name} {labels} reaches {value}")

    def collect(self, client, count, skip=()):
        """The next events, without those that are to be skipped."""
        events = []
        while len(events) < count:
            event = client.events.get(timeout=PATIENCE)
            if event not in skip:
                events.append(event)
        return events

    def expect_nothing(self, client, seconds=0.3):
        time.sleep(seconds)
        self.assertTrue(client.events.empty(), None if client.events.empty() else client.events.get())
