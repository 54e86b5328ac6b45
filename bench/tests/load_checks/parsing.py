"""However an answer is cut, the same comes out."""

import random
import shutil
import tempfile
import threading
import time

from load_checks.support import Case, chunk, CHUNKED, chunks, event, head, make_tls, payload


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
                eol, data_first = rng.choice(["\n", "\r\n", "\r"]), rng.random() < 0.5
                text += event(seq, rng.randint(64, 3000), eol, data_first=data_first)
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
        text = "\n\n".join(
            [
                ":",
                'event: tidegate.upstream\ndata: {"state":"up"}\nid: c-1',
                "data: " + payload(1),
                "id: e-9",
                "data",
                "dat: " + payload(7),
                "x" * 5000,
                "data: " + payload(8)[:30],
                ":data: " + payload(6),
                "retry: 100",
                "data: " + payload(2) + "\ndata: more",
                "data: " + payload(3) + "\n",  # its end is missing
            ]
        )[:-1]
        self.check_stream(text, events=2, max_seq=2)

    def test_informational_head_first(self):
        self.check_stream(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + CHUNKED + chunk(event(1)), events=1)
