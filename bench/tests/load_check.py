"""Holds tg-load against servers that lie: TG_LOAD=build/tg-load python3 bench/tests/load_check.py"""

import contextlib
import http.client  # only for its table of reasons
import json
import os
import random
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest

PROGRAM = os.environ.get("TG_LOAD", "build/tg-load")
UNUSED = 2**64 - 1


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


# ---- tests -------------------------------------------------------------------------------------------------


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


class Parsing(Case):
    def check_every_split(self, response, events=3, last_id="e-3", **server):
        """Each client gets the response in two parts, cut at another byte."""
        splits = iter(range(1, len(response)))
        lock = threading.Lock()
        go_on = threading.Event()

        def serve(connection, head_text):
            if "Last-Event-ID" in head_text:
                connection.sendall(CHUNKED)
                return
            with lock:
                split = next(splits)
            connection.sendall(response[:split])
            go_on.wait(10)
            connection.sendall(response[split:])
            self.server.hold()

        load = self.start(serve, **server)
        clients = len(response) - 1
        load.send(f"connect clients={clients}")
        end = time.monotonic() + 5
        while len(self.server.heads) < min(clients, 512) and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(0.05)
        go_on.set()
        answer = load.answer()
        self.assertEqual((answer["connected"], answer["failed"]), (clients, 0))
        report = load.wait_for(events=events * clients)
        self.assert_counts(report, clients=clients, events=events * clients, min_seq=events, max_seq=events)
        self.assertEqual(report["bytes"], clients * len(response))
        self.assertEqual(report["latency_ns"]["count"], events * clients)
        load("disconnect")
        self.server.heads.clear()
        load("reconnect")
        ids = [line for text in self.server.heads for line in text.split("\r\n") if "Last-Event-ID" in line]
        self.assertEqual(ids, [f"Last-Event-ID: {last_id}"] * clients)

    def test_split_at_every_byte_lf(self):
        self.check_every_split(CHUNKED + b"".join(chunk(event(seq, 64)) for seq in (1, 2, 3)))

    def test_split_at_every_byte_crlf_without_blanks(self):
        text = ":hello\r\n\r\n" + "".join(event(seq, 64, "\r\n", "", False) for seq in (1, 2, 3))
        self.check_every_split(CHUNKED + chunks(text, 41))

    def test_split_at_every_byte_cr(self):
        text = "retry: 10\r" + "".join(event(seq, 64, "\r") for seq in (1, 2, 3))
        self.check_every_split(head(200, "Connection: close") + text.encode())

    def test_split_at_every_byte_tls(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl to make a certificate with")
        with tempfile.TemporaryDirectory() as folder:
            tls = make_tls(folder)
        self.check_every_split(CHUNKED + chunk(event(1, 64)) + chunk(event(2, 64)), 2, "e-2", tls=tls)

    def test_byte_by_byte(self):
        response = CHUNKED + chunks("".join(event(seq, 200, "\r\n") for seq in (1, 2, 3)), 7)

        def serve(connection, _head):
            for i in range(len(response)):
                connection.sendall(response[i : i + 1])
                if i % 16 == 0:
                    time.sleep(0.0005)
            self.server.hold()

        load = self.start(serve)
        self.connect(load)
        self.assert_counts(load.wait_for(events=3), events=3, max_seq=3)

    def test_random_cuts_and_chunks(self):
        rng = random.Random(7)

        def serve(connection, _head):
            text = ""
            for seq in range(1, 201):
                text += rng.choice(["", ":\n\n", "event: x\ndata: {}\n\n", "\n\r\n\r"])
                text += event(seq, rng.randint(64, 3000), rng.choice(["\n", "\r\n", "\r"]), data_first=rng.random() < 0.5)
            body, response = text.encode(), CHUNKED
            while body:
                size = rng.choice([1, 2, 3, 50, 500, 5000])
                response += chunk(body[:size], rng.choice(["", ";a=b"]))
                body = body[size:]
            while response:
                size = rng.choice([1, 2, 3, 50, 500, 5000])
                connection.sendall(response[:size])
                response = response[size:]
            self.server.hold()

        load = self.start(serve)
        self.connect(load, 5)
        self.assert_counts(load.wait_for(events=1000), events=1000, min_seq=200, max_seq=200)

    def test_large_events(self):
        self.check_stream("".join(event(seq, 300000) for seq in (1, 2, 3)), events=3, max_seq=3)

    def test_many_events_in_one_chunk(self):
        self.check_stream("".join(event(seq) for seq in range(1, 5001)), events=5000, max_seq=5000)

    def test_chunk_extension_and_upper_case(self):
        text = event(1, 171)
        self.check_stream(CHUNKED + chunk(text, ";x=y").replace(b"b9;", b"B9;"), events=1)

    def test_nothing_but_payloads_counts(self):
        text = (
            ":\n\n" + "event: tidegate.upstream\ndata: {\"state\":\"up\"}\nid: c-1\n\n" + event(1)
            + "id: e-9\n\n" + "data\n\n" + "dat: " + payload(7) + "\n\n" + "x" * 5000 + "\n\n" + "data: " + payload(8)[:30] + "\n\n"
            + ":data: " + payload(6) + "\n\n" + "retry: 100\n\n" + "data: " + payload(2) + "\ndata: more\n\n"
            + "data: " + payload(3) + "\n"  # its end is missing
        )  # fmt: skip
        self.check_stream(text, events=2, max_seq=2)

    def test_informational_head_first(self):
        self.check_stream(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + CHUNKED + chunk(event(1)), events=1)


class Checking(Case):
    def test_lost_duplicated_disordered(self):
        text = "".join(event(seq) for seq in (11, 12, 15, 15, 14, 3, 16, 20))
        self.check_stream(text, events=8, lost=5, duplicated=1, disordered=2, max_seq=20)

    def test_first_event_may_have_any_number(self):
        self.check_stream(event(1000000), events=1, max_seq=1000000)

    def test_latency(self):
        text = "".join("data: " + payload(seq, t=time.monotonic_ns() - 10**9 * age) + "\n\n" for seq, age in ((1, 1), (2, 100)))
        load = self.start(self.serve_bytes(CHUNKED + chunk(text)))
        self.connect(load)
        latency = load.wait_for(events=2)["latency_ns"]
        self.assertEqual(latency["count"], 2)
        self.assertTrue(1e9 <= latency["p50"] < 2.5e9, latency)
        self.assertTrue(100e9 <= latency["max"] < 102e9, latency)

    def test_reset_starts_anew(self):
        steps = [threading.Event() for _ in range(2)]

        def serve(connection, _head):
            connection.sendall(CHUNKED + chunk(event(1) + event(5)))
            steps[0].wait(5)
            connection.sendall(chunk(event(9)))
            steps[1].wait(5)
            connection.sendall(chunk(event(2) + event(3)))
            self.server.hold()

        load = self.start(serve)
        self.connect(load)
        self.assert_counts(load.wait_for(events=2), events=2, lost=3)
        self.assertEqual(load("reset"), {})
        self.assert_counts(load("report"), events=0, bytes=0, max_seq=5)
        steps[0].set()
        self.assert_counts(load.wait_for(events=1), events=1, max_seq=9)
        load("reset")
        steps[1].set()  # a backend that counts from 1 again
        self.assert_counts(load.wait_for(events=2), events=2, max_seq=3)
        self.assertEqual(load("until seq=3 timeout=2")["reached"], True)

    def test_reconnect_checks_across(self):
        def serve(connection, head_text):
            if "Last-Event-ID: e-3\r\n" in head_text:
                connection.sendall(CHUNKED + chunk(event(4) + event(5)))
            elif "Last-Event-ID: e-5\r\n" in head_text:
                connection.sendall(CHUNKED + chunk(event(5) + event(9)))
            elif "Last-Event-ID" in head_text:
                connection.sendall(head(500))
            else:  # the id of an event whose empty line does not come must not be taken over
                connection.sendall(CHUNKED + chunk(event(1) + event(2) + event(3) + event(4)[:-1]))
            self.server.hold()

        load = self.start(serve)
        self.connect(load, 20)
        self.assert_counts(load.wait_for(events=60), events=60)
        self.assertEqual(load("disconnect"), {"disconnected": 20})
        self.assert_counts(load("report"), clients=0, events=60)
        answer = load("reconnect")
        self.assertEqual((answer["connected"], answer["failed"]), (20, 0))
        self.assert_counts(load.wait_for(events=100), clients=20, events=100, min_seq=5)
        load("disconnect")
        load("reconnect")
        self.assert_counts(load.wait_for(events=140), events=140, duplicated=20, lost=60)
        load("disconnect")
        answer = load("reconnect")
        self.assertEqual((answer["connected"], answer["failed"]), (0, 20))


class Ends(Case):
    def test_close_delimited(self):
        response = head(200, "Connection: close") + (event(1) + event(2)).encode()

        def serve(connection, _head):
            connection.sendall(response)

        load = self.start(serve)
        self.connect(load)
        self.assert_counts(load.wait_for(closed=1), clients=0, events=2, closed=1)

    def test_content_length(self):
        body = (event(1) + event(2)).encode()
        self.check_stream(head(200, f"Content-Length: {len(body)}") + body, events=2, closed=1, clients=0)

    def check_stream(self, response, clients=1, **expected):
        load = self.start(self.serve_bytes(response))
        self.connect(load)
        self.assert_counts(load.wait_for(**expected), clients=clients, **expected)

    def test_last_chunk(self):
        self.check_stream(CHUNKED + chunk(event(1)) + b"0\r\nX: y\r\n\r\n", events=1, closed=1, clients=0)

    def test_broken_chunk(self):
        self.check_stream(CHUNKED + chunk(event(1)) + b"nonsense\r\n", events=1, closed=1, clients=0)

    def test_wrong_chunk_size(self):
        self.check_stream(CHUNKED + b"5\r\ndata: {}\n\n\r\n", events=0, closed=1, clients=0)

    def check_failure(self, serve, **expected):
        load = self.start(serve)
        self.connect(load, 3, failed=3)
        self.assert_counts(load("report"), clients=0, events=0, **expected)
        self.assertEqual(load("reconnect")["connected"], 0)  # they are forgotten

    def test_500(self):
        self.check_failure(self.serve_bytes(head(500, "Content-Length: 0")))

    def test_no_http(self):
        self.check_failure(self.serve_bytes(b"SSH-2.0-OpenSSH_9.2p1 Debian\r\n\r\n"))

    def test_closes_before_the_head(self):
        self.check_failure(lambda connection, _head: None)

    def test_closes_within_the_head(self):
        self.check_failure(lambda connection, _head: connection.sendall(CHUNKED[:40]))

    def test_closes_before_the_body(self):
        self.check_failure(lambda connection, _head: connection.sendall(CHUNKED))

    def test_refused(self):
        load = self.start(None)
        self.server.close()
        self.connect(load, 3, failed=3)

    def test_silent_server(self):
        load = self.start(lambda connection, _head: self.server.hold())
        answer = load("connect clients=2 timeout=0.2")
        self.assertEqual((answer["connected"], answer["failed"]), (0, 2))

    def test_some_fail(self):
        lock, count = threading.Lock(), [0]

        def serve(connection, _head):
            with lock:
                count[0] += 1
                fails = count[0] % 3 == 0
            connection.sendall(head(503) if fails else CHUNKED + chunk(event(count[0])))
            self.server.hold()

        load = self.start(serve)
        self.connect(load, 30, failed=10)
        self.assert_counts(load.wait_for(events=20), clients=20, events=20)
        self.connect(load, 30, failed=10)
        self.assert_counts(load.wait_for(events=40), clients=40, events=40)

    def test_body_that_is_late(self):
        load = self.start(self.serve_bytes(CHUNKED))
        start = time.monotonic()
        answer = self.connect(load, 2)
        self.assertTrue(0.19 < time.monotonic() - start < 1)
        self.assertLess(answer["seconds"], 0.15)  # that of the heads


class Progress(Case):
    """One server whose connections the test talks to itself."""

    def setUp(self):
        self.file = tempfile.NamedTemporaryFile()
        self.addCleanup(self.file.close)
        self.file.write(bytes(4096))
        self.file.flush()

    def slot(self):
        return struct.unpack("Q", os.pread(self.file.fileno(), 8, 64 * 5))[0]

    def wait_slot(self, expected):
        end = time.monotonic() + 3
        while self.slot() != expected and time.monotonic() < end:
            time.sleep(0.001)
        self.assertEqual(self.slot(), expected)

    def start_all(self, clients):
        self.connections = []

        def serve(connection, _head):
            self.connections.append(connection)
            connection.sendall(CHUNKED + chunk(":\n\n"))
            self.server.hold()

        load = self.start(serve, "/", "--progress", self.file.name, "--slot", "5")
        self.connect(load, clients)
        return load

    def tell(self, client, *seqs):
        self.connections[client].sendall(chunk("".join(event(seq) for seq in seqs)))

    def test_least_of_all(self):
        load = self.start_all(3)
        self.wait_slot(UNUSED)
        self.tell(0, 7)
        self.wait_slot(7)
        self.tell(1, 5)
        self.wait_slot(5)
        self.tell(2, 6, 7, 8)
        self.tell(1, 9)  # 6 to 8 are lost
        self.wait_slot(7)
        self.tell(0, 8, 9, 10)
        self.wait_slot(8)
        self.connections[2].shutdown(socket.SHUT_RDWR)
        self.wait_slot(9)
        self.assertEqual(load("until seq=9 timeout=2")["reached"], True)
        self.assertEqual(load("until seq=10 timeout=0.05")["reached"], False)
        load("disconnect")
        self.wait_slot(UNUSED)

    def test_far_apart(self):
        load = self.start_all(3)
        for client, seq in enumerate((1, 100000, 500000)):
            self.tell(client, seq)
        load.wait_for(events=3)
        self.wait_slot(1)
        self.tell(0, 99999)
        self.wait_slot(99999)
        self.tell(0, 700000)
        self.wait_slot(100000)
        self.tell(1, 650000)
        self.wait_slot(500000)
        self.connections[2].shutdown(socket.SHUT_RDWR)
        self.wait_slot(650000)
        load("reset")
        self.tell(0, 3)  # a backend that counts from 1 again
        self.wait_slot(3)

    def test_random_walk(self):
        rng = random.Random(5)
        load = self.start_all(8)
        at = [0] * 8
        for client in range(8):
            at[client] = rng.randint(1, 200000)
            self.tell(client, at[client])
        for _ in range(60):
            for _ in range(rng.randint(1, 5)):
                client = rng.randrange(8)
                at[client] += rng.choice([1, 1, 1, 10, 65535, 65536, 200000])
                self.tell(client, at[client])
            self.wait_slot(min(at))
        self.assert_counts(load("report"), min_seq=min(at), max_seq=max(at), lost=load("report")["lost"])

    def test_frozen_clients_do_not_count(self):
        load = self.start_all(2)
        self.tell(0, 1)
        self.tell(1, 1)
        self.assertEqual(load("until seq=1 timeout=2")["reached"], True)
        self.assertEqual(load("freeze clients=1"), {"frozen": 1})
        self.wait_slot(1)
        for i in (0, 1):
            self.tell(i, 2, 3)
        answer = load("until seq=3 timeout=2")
        self.assertEqual(answer["reached"], True)
        self.wait_slot(3)
        self.assert_counts(load("report"), clients=2, events=4, min_seq=3, max_seq=3)
        self.assertEqual(load("freeze clients=5"), {"frozen": 1})
        self.wait_slot(UNUSED)
        self.assertEqual(load("thaw"), {"frozen": 0})
        self.wait_slot(3)
        self.assert_counts(load.wait_for(events=6), events=6, min_seq=3)

    def test_until_without_clients(self):
        load = self.start_all(1)
        load.send("until seq=5 timeout=5")
        self.connections[0].shutdown(socket.SHUT_RDWR)
        self.assertEqual(load.answer()["reached"], False)

    def test_until_while_events_come(self):
        load = self.start_all(3)
        load.send("until seq=100 timeout=5")
        load.send("report")  # has to wait
        for client in range(3):
            self.tell(client, *range(1, 101))
        self.assertEqual(load.answer()["reached"], True)
        self.assert_counts(load.answer(), events=300, min_seq=100)


class Others(Case):
    def test_streams(self):
        def serve(connection, head_text):
            stream = int(head_text.split()[1].rsplit("/", 1)[1])
            connection.sendall(CHUNKED + chunk(event(1000 * stream + 1) + event(1000 * stream + 2)))
            self.server.hold()

        load = self.start(serve, "/s/{stream}", "--streams", "3")
        self.connect(load, 9)
        self.assert_counts(load.wait_for(events=18), events=18, min_seq=2, max_seq=2002)
        paths = sorted(text.split()[1] for text in self.server.heads)
        self.assertEqual(paths, ["/s/0"] * 3 + ["/s/1"] * 3 + ["/s/2"] * 3)

    def test_request(self):
        load = self.start(self.serve_bytes(CHUNKED + chunk(":\n")), "/x?y=z")
        self.connect(load)
        lines = self.server.heads[0].split("\r\n")
        self.assertEqual(lines[0], "GET /x?y=z HTTP/1.1")
        self.assertIn(f"Host: 127.0.0.1:{self.server.port}", lines)
        self.assertIn("Accept: text/event-stream", lines)

    def test_rate(self):
        load = self.start(self.serve_bytes(CHUNKED + chunk(":\n")))
        answer = load("connect clients=20 rate=100")
        self.assertEqual(answer["connected"], 20)
        self.assertTrue(0.18 < answer["seconds"] < 0.5, answer)

    def test_hold_and_close(self):
        closed = []

        def serve(connection, _head):
            closed.append(connection.recv(100))

        load = self.start(serve, reads_head=False)
        self.assertEqual(load("hold clients=30 rate=1000"), {"held": 30, "failed": 0})
        self.assertEqual(load("report")["held"], 30)
        self.assertEqual(load("close"), {})
        self.assertEqual(load("report")["held"], 0)

    def test_source(self):
        sources = []

        def serve(connection, _head):
            sources.append(connection.getpeername()[0])
            connection.sendall(CHUNKED + chunk(":\n"))
            self.server.hold()

        load = self.start(serve, "/", "--source", "127.0.0.9")
        self.connect(load, 2)
        self.assertEqual(sources, ["127.0.0.9"] * 2)

    def check_accepts(self, response, **server):
        load = self.start(lambda connection, _head: connection.sendall(response), **server)
        answer = load("accepts seconds=0.3 concurrency=4 path=/none")
        self.assertGreater(answer["accepts"], 10)
        self.assertEqual((answer["failed"], answer["status"]), (0, 404))
        self.assertIn("GET /none HTTP/1.1\r\n", self.server.heads[0])
        self.assertAlmostEqual(answer["seconds"], 0.3, delta=0.1)

    def test_accepts(self):
        self.check_accepts(head(404, "Content-Length: 5") + b"none\n")

    def test_accepts_until_close(self):
        self.check_accepts(head(404) + b"none\n")

    def test_accepts_chunked_tls(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl to make a certificate with")
        with tempfile.TemporaryDirectory() as folder:
            tls = make_tls(folder)
        self.check_accepts(head(404, "Transfer-Encoding: chunked") + chunk("none") + chunk(""), tls=tls)

    def test_accepts_that_fail(self):
        load = self.start(lambda connection, _head: connection.sendall(CHUNKED[:20]))
        answer = load("accepts seconds=0.2 concurrency=4")
        self.assertEqual((answer["accepts"], answer["status"]), (0, 0))
        self.assertGreater(answer["failed"], 0)

    def test_errors(self):
        load = self.start(self.serve_bytes(b""))
        for line in ("", "dance", "connect", "connect clients=x", "connect clients=-1", "connect clients=1 speed=3",
                     "until", "accepts", "freeze", "report all=1", "accepts seconds=1 path=x"):  # fmt: skip
            self.assertEqual(list(load(line)), ["error"], line)

    def test_command_line(self):
        for arguments in ([], ["--target", "localhost:80"], ["--target", "127.0.0.1:0"], ["--target", "127.0.0.1:1", "x"],
                          ["--target", "127.0.0.1:1", "--path", "x"], ["--target", "127.0.0.1:1", "--slot", "1"],
                          ["--target", "127.0.0.1:1", "--progress", "/none", "--slot", "1"], ["--faster"]):  # fmt: skip
            result = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=5)
            self.assertEqual((result.returncode, result.stdout), (2, b""), arguments)
            self.assertTrue(result.stderr)

    def test_commands_from_a_file(self):
        with tempfile.TemporaryFile("w+") as file:
            file.write("hold clients=0\nreset\nclose\n")
            file.seek(0)
            result = subprocess.run([PROGRAM, "--target", "127.0.0.1:1"], stdin=file, capture_output=True, timeout=5)
        self.assertEqual(result.returncode, 0)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(lines, [{"ready": True}, {"held": 0, "failed": 0}, {}, {}])


# ---- HTTP/2 ------------------------------------------------------------------------------------------------

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY = 0, 1, 3, 4, 6, 7
OK_200, ERROR_500 = b"\x88", b"\x8e"  # of the static table (RFC 7541)


def frame(kind, stream, data=b"", flags=0):
    return struct.pack("!I", len(data))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + data


class Http2(Case):
    def start_h2(self, answer, *options):
        """`answer(stream)` gives the bytes that answer a request."""

        def serve(connection, _head):
            stream = connection.makefile("rb")
            stream.read(24)  # the preface
            connection.sendall(frame(SETTINGS, 0))
            while header := stream.read(9):
                length, kind, flags = int.from_bytes(header[:3], "big"), header[3], header[4]
                stream.read(length)
                if kind == SETTINGS and not flags & 1:
                    connection.sendall(frame(SETTINGS, 0, flags=1))
                if kind == HEADERS:
                    answer(connection, int.from_bytes(header[5:9], "big"))

        return self.start(serve, "/", "--h2", *options, reads_head=False)

    def test_streams_share_a_connection(self):
        connections = set()

        def answer(connection, stream):
            connections.add(connection)
            body = event(1) + event(2) + event(5)
            data = frame(HEADERS, stream, OK_200, 4)
            for cut in range(0, len(body), 50):
                data += frame(DATA, stream, body[cut : cut + 50].encode())
            connection.sendall(data)

        load = self.start_h2(answer, "--streams-per-connection", "10")
        self.connect(load, 25)
        self.assert_counts(load.wait_for(events=75), clients=25, events=75, lost=50)
        self.assertEqual(len(connections), 3)
        self.assertEqual(load("freeze clients=14"), {"frozen": 10})
        self.assertEqual(load("thaw"), {"frozen": 0})
        self.assertEqual(load("disconnect"), {"disconnected": 25})
        answer = load("reconnect")
        self.assertEqual((answer["connected"], answer["failed"]), (25, 0))
        self.assert_counts(load.wait_for(events=150), events=150, lost=50, duplicated=25, disordered=50)

    def test_every_split(self):
        def answer(connection, stream):
            data = frame(HEADERS, stream, OK_200, 4) + frame(DATA, stream, (event(1, 64) + event(2, 64)).encode())
            split = 1 + stream // 2 % (len(data) - 1)
            connection.sendall(data[:split])
            time.sleep(0.0005)
            connection.sendall(data[split:])

        load = self.start_h2(answer, "--streams-per-connection", "300")
        self.connect(load, 230)
        self.assert_counts(load.wait_for(events=460), clients=230, events=460)

    def test_ends(self):
        def answer(connection, stream):
            good = frame(HEADERS, stream, OK_200, 4) + frame(DATA, stream, event(1).encode())
            what = stream // 2 % 4
            if what == 0:
                connection.sendall(good)
            elif what == 1:
                connection.sendall(good + frame(DATA, stream, b"", 1))
            elif what == 2:
                connection.sendall(frame(HEADERS, stream, ERROR_500, 5))
            else:
                connection.sendall(frame(RST_STREAM, stream, bytes(4)))

        load = self.start_h2(answer)
        self.connect(load, 40, failed=20)
        self.assert_counts(load.wait_for(closed=10), clients=10, events=20, closed=10)
        self.connect(load, 40, failed=20)

    def test_connection_ends(self):
        requests = []

        def answer(connection, stream):
            connection.sendall(frame(HEADERS, stream, OK_200, 4) + frame(DATA, stream, event(1).encode()))
            requests.append(stream)
            if len(requests) == 10:
                time.sleep(0.1)
                connection.shutdown(socket.SHUT_RDWR)

        load = self.start_h2(answer)
        self.connect(load, 10)
        self.assert_counts(load.wait_for(closed=10), clients=0, events=10, closed=10)
        self.assertEqual(load("reconnect")["connected"], 10)

    def test_going_away(self):
        def answer(connection, stream):
            connection.sendall(frame(HEADERS, stream, OK_200, 4) + frame(DATA, stream, event(1).encode()))
            connection.sendall(frame(GOAWAY, 0, struct.pack("!II", stream, 0)))

        load = self.start_h2(answer)
        self.connect(load, 1)
        self.connect(load, 1)
        self.assert_counts(load.wait_for(events=2), clients=2, events=2)


if __name__ == "__main__":
    unittest.main()
