"""How far all clients are: the progress file and `until`."""

import os
import random
import socket
import struct
import tempfile
import time

from load_checks.support import Case, chunk, CHUNKED, event

UNUSED = 2**64 - 1


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
