"""Lost, duplicated and disordered events, also across a reconnect; latency."""

import threading
import time

from load_checks.support import Case, chunk, CHUNKED, event, head, payload


class Checking(Case):
    def test_lost_duplicated_disordered(self):
        text = "".join(event(seq) for seq in (11, 12, 15, 15, 14, 3, 16, 20))
        self.check_stream(text, events=8, lost=5, duplicated=1, disordered=2, max_seq=20)

    def test_first_event_may_have_any_number(self):
        self.check_stream(event(1000000), events=1, max_seq=1000000)

    def test_latency(self):
        now = time.monotonic_ns()
        text = "".join(f"data: {payload(seq, t=now - 10**9 * age)}\n\n" for seq, age in ((1, 1), (2, 100)))
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
