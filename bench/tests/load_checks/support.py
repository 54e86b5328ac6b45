"""The program, servers that say what a test wants, and what tests have in common."""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import threading
import time
import unittest

PROGRAM = os.environ.get("TG_LOAD", "build/tg-load")


# ---- the program -------------------------------------------------------------------------------------------


class Load:
    def __init__(self, port, path="/", *options):
        command = [PROGRAM, "--target", f"127.0.0.1:{port}", "--path", path, *options]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.answer() == {"ready": True}

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise EOFError(f"tg-load ended with {self.process.wait()}")
        return json.loads(line)

    def send(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def __call__(self, line):
        self.send(line)
        return self.answer()

    def wait_for(self, **expected):
        """The first report that has all of these, or the last one before patience ends."""
        end = time.monotonic() + 3
        while True:
            report = self("report")
            if all(report[key] == value for key, value in expected.items()) or time.monotonic() > end:
                return report
            time.sleep(0.005)

    def end(self):
        self.process.stdin.close()
        rest = self.process.stdout.read()
        self.process.stdout.close()
        return self.process.wait(), rest


# ---- servers -----------------------------------------------------------------------------------------------


class Server:
    """Calls `serve(connection, head)` in a thread for each connection; it is closed when that returns."""

    def __init__(self, serve, tls=None, reads_head=True):
        self.serve, self.tls, self.reads_head = serve, tls, reads_head
        self.heads = []
        self.ends = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.run, args=(connection,), daemon=True).start()

    def run(self, connection):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            head = b""
            while self.reads_head and not head.endswith(b"\r\n\r\n"):
                data = connection.recv(4096)
                if not data:
                    return
                head += data
            self.heads.append(head.decode())
            self.serve(connection, head.decode())
        except OSError:
            pass
        finally:
            connection.close()

    def hold(self):
        """Keeps a connection open until the test is over."""
        self.ends.wait(20)

    def close(self):
        self.ends.set()
        with contextlib.suppress(OSError):  # if it is closed already
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def payload(seq, size=80, t=None):
    start = f'{{"seq":{seq},"t":{time.monotonic_ns() if t is None else t},"pad":"'
    return start + "x" * (size - len(start) - 2) + '"}'


def event(seq, size=80, eol="\n", blank=" ", data_first=True):
    lines = [f"data:{blank}{payload(seq, size)}", f"id:{blank}e-{seq}"]
    return eol.join((lines if data_first else lines[::-1]) + ["", ""])


def head(status=200, *headers):
    lines = [f"HTTP/1.1 {status} {http.client.responses[status]}", "Content-Type: text/event-stream", *headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


CHUNKED = head(200, "Transfer-Encoding: chunked")


def chunk(data, extension=""):
    data = data.encode() if isinstance(data, str) else data
    return f"{len(data):x}{extension}\r\n".encode() + data + b"\r\n"


def chunks(data, size):
    """Cuts the data into chunks of this size, wherever lines may end."""
    data = data.encode()
    return b"".join(chunk(data[i : i + size]) for i in range(0, len(data), size))


def make_tls(folder):
    certificate, key = os.path.join(folder, "c.pem"), os.path.join(folder, "k.pem")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-keyout", key, "-out", certificate],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


# ---- tests -------------------------------------------------------------------------------------------


class Case(unittest.TestCase):
    def start(self, serve, path="/", *options, tls=None, reads_head=True):
        self.server = Server(serve, tls, reads_head)
        self.addCleanup(self.server.close)
        if tls:
            options = ("--tls", *options)
        load = Load(self.server.port, path, *options)
        self.addCleanup(self.check_end, load)
        return load

    def check_end(self, load):
        self.assertEqual(load.end(), (0, ""))

    def serve_bytes(self, response):
        """Sends these bytes and keeps the connection."""

        def serve(connection, _head):
            connection.sendall(response)
            self.server.hold()

        return serve

    def connect(self, load, clients=1, failed=0):
        answer = load(f"connect clients={clients}")
        self.assertEqual((answer["connected"], answer["failed"]), (clients - failed, failed), answer)
        return answer

    def assert_counts(self, report, **expected):
        counts = dict(lost=0, duplicated=0, disordered=0, closed=0)
        counts.update(expected)
        self.assertEqual({key: report[key] for key in counts}, counts)

    def check_stream(self, text_or_bytes, **expected):
        """What is counted of one stream."""
        body = text_or_bytes if isinstance(text_or_bytes, bytes) else CHUNKED + chunk(text_or_bytes)
        load = self.start(self.serve_bytes(body))
        self.connect(load)
        self.assert_counts(load.wait_for(**expected), clients=1, **expected)
