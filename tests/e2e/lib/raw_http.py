"""Raw sockets for tests: a WebSocket backend, a Tidegate in front of it, and clients that may do anything."""
import base64
import hashlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

from ports import free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BINARY = os.environ.get("TIDEGATE_BIN", os.path.join(ROOT, "build", "tidegate"))
PATIENCE = float(os.environ.get("TIDEGATE_TEST_PATIENCE", "20"))  # seconds; sanitizers are slow
END_OF_EVENT = rb"\n(?:id: \S+\n)?\n\r\n"
EVENT_STREAM = b"Accept: text/event-stream\r\n"


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        result = condition()
        if result:
            return result
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for: {what}")


class Backend(threading.Thread):
    """A WebSocket backend (RFC 6455) that says what it is told to."""

    def __init__(self):
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.server.getsockname()[1]
        self.clients = []
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                piece = client.recv(4096)
                if not piece:
                    break
                head += piece
            key = re.search(rb"(?i)sec-websocket-key: *(\S+)", head)
            if not key:
                client.close()
                continue
            accept = hashlib.sha1(key.group(1) + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
            client.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           b"Sec-WebSocket-Accept: " + base64.b64encode(accept) + b"\r\n\r\n")
            self.clients.append(client)

    def say(self, text):
        data = text.encode()
        if len(data) < 126:
            head = struct.pack("!BB", 0x81, len(data))
        elif len(data) < 65536:
            head = struct.pack("!BBH", 0x81, 126, len(data))
        else:
            head = struct.pack("!BBQ", 0x81, 127, len(data))
        for client in self.clients:
            client.sendall(head + data)

    def close(self):
        self.server.close()
        for client in self.clients:
            client.close()


class Tidegate:
    """A running Tidegate with one route, /e."""

    def __init__(self, changes=None, nofile=None):
        self.folder = tempfile.mkdtemp(prefix="tidegate-hostile-")
        self.backend = Backend()
        self.port = free_port()
        self.config = {
            "workers": 2,
            "drain": "1s",
            "log": {"level": "debug", "format": "json"},
            "admin": {"enabled": False},
            "listen": [{"address": "127.0.0.1", "port": self.port}],
            "limits": {"request_timeout": "2s", "idle_timeout": "2s", "url": "256", "request_header": "2KiB"},
            "sse": {"heartbeat": "1s", "stall_timeout": "3s", "retry": "1s"},
            "streams": {"s": {"upstream": {"kind": "websocket", "ping_every": "0",
                                           "url": f"ws://127.0.0.1:{self.backend.port}/"},
                              "retain": {"events": 1000, "bytes": "256KiB"}}},
            "routes": [{"path": "/e", "stream": "s", "cors": {"origins": ["https://a.example"]}}],
        }
        for key, value in (changes(self) if changes else {}).items():
            if isinstance(value, dict):
                self.config.setdefault(key, {}).update(value)
            else:
                self.config[key] = value
        self.log = []
        self.is_ending = False
        self.start(nofile)

    def start(self, nofile=None):
        path = os.path.join(self.folder, "tidegate.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.config, file)
        self.process = subprocess.Popen(
            [BINARY, "run", "-c", path], stderr=subprocess.PIPE,
            preexec_fn=(lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (nofile, nofile))) if nofile else None)
        threading.Thread(target=self.read_log, args=(self.process.stderr,), daemon=True).start()
        wait_for(lambda: self.answers() or self.process.poll() is not None, "Tidegate to start")
        if self.process.poll() is not None:
            raise AssertionError("Tidegate did not start: " + "\n".join(map(str, self.log)))
        wait_for(lambda: self.backend.clients, "the upstream to connect")

    def read_log(self, stream):
        for line in stream:
            try:
                self.log.append(json.loads(line))
            except ValueError:
                self.log.append({"event": "not_json", "line": line.decode(errors="replace")})

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def closed(self, reason):
        return [line for line in self.log
                if line.get("event") == "subscriber_closed" and line.get("reason") == reason]

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self):
        """A second signal would end it at once, with another code."""
        if not self.is_ending and self.process.poll() is None:
            self.is_ending = True
            self.process.send_signal(signal.SIGTERM)

    def stop(self):
        """Ends it and says with which code."""
        self.end()
        code = self.process.wait(timeout=PATIENCE)
        self.backend.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


class Client:
    """A raw socket that can read HTTP answers and event streams."""

    def __init__(self, address, tls=None, receive_buffer=None):
        self.socket = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(address if isinstance(address, str) else ("127.0.0.1", address))
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost", suppress_ragged_eofs=False)
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def get(self, path=b"/e", fields=b"", version=b"1.1"):
        return self.send(b"GET " + path + b" HTTP/" + version + b"\r\nHost: a\r\n" + fields + b"\r\n")

    def more(self):
        piece = self.socket.recv(65536)
        self.bytes += piece
        return piece

    def until(self, pattern):
        """What comes up to and with the pattern. Heartbeats alone do not keep it waiting."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.bytes, re.S)):
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain for {pattern!r}: {self.bytes[-300:]!r}")
            if not self.more():
                raise AssertionError(f"closed before {pattern!r}: {self.bytes[-300:]!r}")
        taken, self.bytes = self.bytes[:found.end()], self.bytes[found.end():]
        return taken

    def rest(self):
        while self.more():
            pass
        taken, self.bytes = self.bytes, b""
        return taken

    def is_closed(self):
        try:
            return self.rest() == b""
        except ConnectionError:
            return True

    def head(self):
        """Status and fields of the next answer."""
        lines = self.until(rb"\r\n\r\n").decode("latin-1").split("\r\n")
        fields = {}
        for line in lines[1:]:
            if ":" in line:
                name, value = line.split(":", 1)
                fields[name.lower()] = value.strip()
        return int(lines[0].split()[1]), fields

    def answer(self, has_body=True):
        status, fields = self.head()
        length = int(fields.get("content-length", "0")) if has_body else 0
        while len(self.bytes) < length:
            if not self.more():
                raise AssertionError("closed within a body")
        body, self.bytes = self.bytes[:length], self.bytes[length:]
        return status, fields, body


def dechunk(data):
    """The content of complete chunks, and whether the last one was there."""
    content = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            assert data == b"\r\n", data
            return content, True
        if len(data) < length + 2:
            break
        assert data[length:length + 2] == b"\r\n", data[:200]
        content, data = content + data[:length], data[length + 2:]
    return content, False


def numbers(content):
    return [int(number) for number in re.findall(rb"data: n(\d+)", content)]


class Case(unittest.TestCase):
    changes = None
    nofile = None

    @classmethod
    def setUpClass(cls):
        cls.tidegate = Tidegate(cls.changes, cls.nofile)

    @classmethod
    def tearDownClass(cls):
        code = cls.tidegate.stop()
        noise = [line for line in cls.tidegate.log if line.get("event") == "not_json"]
        assert code == 0 and not noise, (code, noise[:40])

    def client(self, **options):
        client = Client(self.tidegate.port, **options)
        self.addCleanup(client.socket.close)
        return client

    def stream(self, **options):
        client = self.client(**options).get(fields=EVENT_STREAM)
        client.until(rb"retry: 1000\n:\nevent: tidegate.hello\n\n\r\n")
        return client


def make_certificate(folder):
    certificate, key = os.path.join(folder, "c.pem"), os.path.join(folder, "k.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost"], check=True, stderr=subprocess.DEVNULL)
    return certificate, key
