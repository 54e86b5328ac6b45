"""HTTP/2, by prior knowledge, against a server that knows just enough of it."""

import socket
import struct
import time

from load_checks.support import Case, event

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
