"""A WebSocket backend of raw sockets that breaks the protocol as told, Tidegate in front of it, and a client of the
stream; for the tests of the upstream."""
import base64
import hashlib
import json
import os
import queue
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from ports import free_port

BINARY = os.environ.get("TIDEGATE_BIN", "build/tidegate")
PATIENCE = 15  # seconds until a condition that does not come true is a failure
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

TEXT, BINARY_FRAME, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


def frame(opcode, payload=b"", fin=True, rsv=0, mask=None, length_form=None, length=None):
    """One frame, with every rule open to be broken."""
    length = len(payload) if length is None else length
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    masked = 0x80 if mask is not None else 0
    if length_form is None:
        length_form = 7 if length < 126 else 16 if length < 65536 else 64
    if length_form == 7:
        head += bytes([masked | length])
    elif length_form == 16:
        head += bytes([masked | 126]) + struct.pack(">H", length)
    else:
        head += bytes([masked | 127]) + struct.pack(">Q", length)
    if mask is not None:
        payload = bytes(b ^ mask[i & 3] for i, b in enumerate(payload))
        head += mask
    return head + payload


def text(payload):
    return frame(TEXT, payload.encode())


class Connection:
    """What a backend sees of one connection."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.request = ""
        self.headers = {}

    def read(self, count):
        while len(self.buffer) < count:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("end of stream")
            self.buffer += data
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def read_request(self):
        while b"\r\n\r\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("end of stream")
            self.buffer += data
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        self.request = lines[0]
        self.header_list = [tuple(line.split(": ", 1)) for line in lines[1:]]
        self.headers = {name.lower(): value for name, value in self.header_list}

    def answer_key(self):
        digest = hashlib.sha1(self.headers["sec-websocket-key"].encode() + GUID).digest()
        return base64.b64encode(digest).decode()

    def answer(self, status="101 Switching Protocols", version="HTTP/1.1", headers=None, extra=()):
        if headers is None:
            headers = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", self.answer_key())]
        lines = [f"{version} {status}"] + [f"{n}: {v}" for n, v in [*headers, *extra]]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())

    def accept(self, extra=()):
        self.read_request()
        self.answer(extra=extra)

    def send(self, data):
        self.sock.sendall(data)

    def read_frame(self):
        first, second = self.read(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack(">H", self.read(2))[0]
        elif length == 127:
            length = struct.unpack(">Q", self.read(8))[0]
        mask = self.read(4) if second & 0x80 else b"\0\0\0\0"
        payload = bytes(b ^ mask[i & 3] for i, b in enumerate(self.read(length)))
        return first & 0x0F, payload

    def wait_end(self):
        """Reads until the other side hangs up."""
        try:
            while self.sock.recv(65536):
                pass
        except OSError:
            pass


class Backend:
    """Serves each connection with the next of the scripts; the last one serves all that follow."""

    def __init__(self, *scripts, tls=None, address="127.0.0.1"):
        self.scripts = list(scripts)
        self.connections = 0
        self.times = []
        self.seen = queue.Queue()  # whatever the scripts want to tell the test
        self.listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        while True:
            self.port = free_port()
            try:
                self.listener.bind((address, self.port))
                break
            except OSError:
                continue
        self.listener.listen(64)
        self.tls = tls
        self.open = set()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            script = self.scripts[min(self.connections, len(self.scripts) - 1)]
            self.connections += 1
            self.times.append(time.monotonic())
            self.open.add(sock)
            threading.Thread(target=self.serve, args=(sock, script), daemon=True).start()

    def serve(self, sock, script):
        raw = sock
        try:
            sock.settimeout(PATIENCE)
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            script(Connection(sock))
        except (OSError, ConnectionError):
            pass
        finally:
            self.open.discard(raw)
            sock.close()

    def close(self):
        self.listener.close()
        for sock in list(self.open):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Client(threading.Thread):
    """Follows a stream; its events come out of a queue as (type, data)."""

    def __init__(self, port, path="/e", fields=""):
        super().__init__(daemon=True)
        self.events = queue.Queue()
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n{fields}\r\n".encode())
        self.start()

    def run(self):
        stream = self.sock.makefile("rb")
        try:
            while stream.readline() not in (b"\r\n", b""):
                pass
            parse_events(iter(lambda: self.read_chunk(stream), b""), self.events)
        except (OSError, ValueError):
            pass

    @staticmethod
    def read_chunk(stream):
        size = stream.readline().strip()
        if not size or int(size, 16) == 0:
            return b""
        data = stream.read(int(size, 16))
        stream.readline()
        return data

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()


# What a client that comes while the upstream is not up is told at once, outside the stream's order. As these clients
# get all that there is, they learn of an outage from its event.
GREETINGS = [("tidegate.upstream", '{"state":"connecting"}')]


def parse_events(pieces, events):
    pending, kind, data = b"", "message", []
    for piece in pieces:
        pending += piece
        while b"\n" in pending:
            line, pending = pending.split(b"\n", 1)
            if line.startswith(b"event: "):
                kind = line[7:].decode()
            elif line.startswith(b"data: ") or line == b"data:":
                data.append(line[6:].decode())
            elif line == b"" and data:
                event, kind, data = (kind, "\n".join(data)), "message", []
                if event not in GREETINGS:
                    events.put(event)
            elif line == b"":
                kind = "message"


class Tidegate:
    def __init__(self, upstream, env=None, others=None, path="/e", workers=1, routes=(), **stream):
        """`others`: further streams by name, which nobody follows."""
        self.port = free_port()
        self.admin_port = free_port()
        config = {
            "listen": [{"address": "127.0.0.1", "port": self.port}],
            "admin": {"port": self.admin_port},
            "workers": workers,
            "streams": {"s": {"upstream": upstream, "initial": "all", **stream}, **(others or {})},
            "routes": [{"path": path, "stream": "s"}, *routes],
        }
        self.file = tempfile.NamedTemporaryFile("w", suffix=".json")
        json.dump(config, self.file)
        self.file.flush()
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([BINARY, "run", "-c", self.file.name], stderr=self.log,
                                        env={**os.environ, **(env or {})})
        wait_for(self.is_listening, "Tidegate listens")

    def is_listening(self):
        if self.process.poll() is not None:
            raise AssertionError("Tidegate ended: " + self.read_log())
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def follow(self):
        return Client(self.port)

    def read_log(self):
        self.log.seek(0)
        return self.log.read().decode()

    def stop(self):
        """Ends it; returns its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("did not happen: " + what)


def marker(state, reason=None, **more):
    data = {"state": state}
    if reason:
        data["reason"] = reason
    data.update((key, value) for key, value in more.items() if value)
    return ("tidegate.upstream", json.dumps(data, separators=(",", ":")))


class Lost:
    """Equals a gap event that tells of so many lost messages, after the event with this number (0: none came before)."""

    def __init__(self, reason, missed=1, after=0):
        self.reason, self.missed, self.after = reason, missed, after

    def __eq__(self, event):
        kind, data = event[:2]
        if kind != "tidegate.gap":
            return False
        gap = json.loads(data)
        after = int(gap["after"].rsplit("-", 1)[1]) if gap["after"] else 0
        return gap.keys() == {"reason", "missed", "after", "before"} and gap["before"] is None and (
            gap["reason"], gap["missed"], after) == (self.reason, self.missed, self.after)

    def __repr__(self):
        return f"a gap: {self.missed} lost ({self.reason}) after event {self.after}"


UP = marker("up")
GOOD = ("message", "good")


def serve_good(connection):
    connection.accept()
    connection.send(text("good"))
    connection.wait_end()


class Case(unittest.TestCase):
    """Starts and ends what a test needs."""

    def backend(self, *scripts, **options):
        backend = Backend(*scripts, **options)
        self.addCleanup(backend.close)
        return backend

    def tidegate(self, url, stream=None, **upstream):
        """A connection need not last to count, so that each loss is told at once, and each that comes up."""
        upstream = {"kind": "websocket", "url": url, **upstream}
        upstream["reconnect"] = {"first": "20ms", "max": "100ms", "stable": "0", **upstream.get("reconnect", {})}
        tidegate = Tidegate(upstream, **(stream or {}))
        self.addCleanup(self.end, tidegate)
        return tidegate

    def end(self, tidegate):
        code = tidegate.stop()
        self.assertEqual(code, 0, tidegate.read_log())
        self.assertNotIn("ERROR: AddressSanitizer", tidegate.read_log())
        self.assertNotIn("runtime error", tidegate.read_log())

    def follow(self, tidegate):
        client = tidegate.follow()
        self.addCleanup(client.close)
        return client

    def expect(self, client, *events):
        for event in events:
            try:
                self.assertEqual(client.events.get(timeout=PATIENCE), event)
            except queue.Empty:
                self.fail(f"did not come: {event}")

    def fails(self, script, reason, before=(), status=None, **upstream):
        """After the script the connection fails with this reason, and the next one works."""
        backend = self.backend(script, serve_good)
        tidegate = self.tidegate(f"ws://127.0.0.1:{backend.port}/feed", **upstream)
        self.expect(self.follow(tidegate), *before, marker("down", reason, status=status), UP, GOOD)
        return backend, tidegate

    def breaks(self, *frames, before=()):
        """The frames are a breach of the protocol. What comes before the marker: `before`."""

        def script(connection):
            connection.accept()
            for data in frames:
                connection.send(data)
            connection.wait_end()

        self.fails(script, "protocol", before=(UP, *before))

    def refuses(self, script, reason="handshake", **upstream):
        self.fails(script, reason, **upstream)
