"""Streams that end, and clients that fail."""

import threading
import time

from load_checks.support import Case, chunk, CHUNKED, event, head


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
