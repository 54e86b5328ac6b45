#!/usr/bin/env python3
"""The upstream against hostile backends: frames and messages that break RFC 6455, or bend it.

What a client of the stream sees is looked at: events, and the control events that tell of outages with their reason.
The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import os
import random
import socket
import struct
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import (BINARY_FRAME, CLOSE, CONTINUATION, Case, GOOD, Lost, PATIENCE, PING, PONG, TEXT, UP,
                             frame, marker, serve_good, text, wait_for)


class Frames(Case):
    def test_reserved_bit(self):
        self.breaks(frame(TEXT, b"x", rsv=4))

    def test_reserved_bit_after_a_message(self):
        self.breaks(text("fine"), frame(TEXT, b"x", rsv=1), before=[("message", "fine")])

    def test_reserved_data_opcode(self):
        self.breaks(frame(3, b"x"))

    def test_reserved_control_opcode(self):
        self.breaks(frame(0xB, b"x"))

    def test_fragmented_control_frame(self):
        self.breaks(frame(PING, b"x", fin=False))

    def test_long_control_frame(self):
        self.breaks(frame(PING, b"x" * 126))

    def test_long_close_frame(self):
        self.breaks(frame(CLOSE, struct.pack(">H", 1000) + b"x" * 124))

    def test_continuation_without_start(self):
        self.breaks(frame(CONTINUATION, b"x"))

    def test_continuation_after_the_end(self):
        self.breaks(text("a"), frame(CONTINUATION, b"x"), before=[("message", "a")])

    def test_new_message_within_a_message(self):
        self.breaks(frame(TEXT, b"a", fin=False), text("b"))

    def test_length_with_the_top_bit(self):
        self.breaks(frame(TEXT, b"", length_form=64, length=1 << 63))

    def test_text_that_is_not_utf8(self):
        self.breaks(frame(TEXT, b"\xff"), before=[Lost("encoding")])

    def test_surrogate(self):
        self.breaks(frame(TEXT, b"\xed\xa0\x80"), before=[Lost("encoding")])

    def test_utf8_broken_over_fragments(self):
        self.breaks(frame(TEXT, b"a\xe2", fin=False), frame(CONTINUATION, b"\x82", fin=False), frame(CONTINUATION, b"z"),
                    before=[Lost("encoding")])

    def test_utf8_that_stops_short(self):
        self.breaks(frame(TEXT, b"a\xe2\x82"), before=[Lost("encoding")])

    def test_close_frame_of_one_byte(self):
        self.breaks(frame(CLOSE, b"\x03"))

    def test_close_codes_that_are_none(self):
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535):
            with self.subTest(code=code):
                self.breaks(frame(CLOSE, struct.pack(">H", code)))

    def test_close_reason_that_is_not_utf8(self):
        self.breaks(frame(CLOSE, struct.pack(">H", 1000) + b"\xc0\x80"))

    def test_utf8_split_between_fragments_is_fine(self):
        euro = "€".encode()

        def script(connection):
            connection.accept()
            connection.send(frame(TEXT, euro[:1], fin=False) + frame(PING, b"p") + frame(CONTINUATION, euro[1:]))
            self.assertEqual(connection.read_frame(), (PONG, b"p"))
            connection.wait_end()

        backend = self.backend(script)
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/"))
        self.expect(client, UP, ("message", "€"))

    def test_masked_frame(self):
        for mask in (b"\x01\x02\x03\x04", b"\0\0\0\0"):
            with self.subTest(mask=mask):
                self.breaks(frame(TEXT, b"masked", mask=mask))

    def test_length_longer_than_needed(self):
        for payload, form in ((b"long", 16), (b"long", 64), (b"x" * 125, 16), (b"x" * 126, 64), (b"x" * 65535, 64)):
            with self.subTest(length=len(payload), form=form):
                self.breaks(frame(TEXT, payload, length_form=form))

    def test_a_breach_is_answered_with_its_close_code(self):
        backend = None

        def script(connection):
            connection.accept()
            connection.send(frames)
            backend.seen.put(connection.read_frame())

        for frames, code, lost in ((frame(3, b"x"), 1002, []), (frame(TEXT, b"\xff"), 1007, [Lost("encoding")])):
            with self.subTest(code=code):
                backend = self.backend(script, serve_good)
                self.expect(self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/")), UP, *lost,
                            marker("down", "protocol"), UP, GOOD)
                self.assertEqual(backend.seen.get(timeout=PATIENCE), (CLOSE, struct.pack(">H", code)))

    def test_frames_cut_anywhere(self):
        data = text("one") + frame(TEXT, b"t" * 300) + frame(TEXT, b"w", fin=False) + frame(CONTINUATION, b"o") + text("3")

        def script(connection):
            connection.accept()
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(data)):
                connection.send(data[i : i + 1])
            connection.wait_end()

        backend = self.backend(script)
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/"))
        self.expect(client, UP, ("message", "one"), ("message", "t" * 300), ("message", "wo"), ("message", "3"))

    def test_each_ping_is_answered_in_order(self):
        backend = None
        payloads = [b"payload-%d" % i for i in range(10)]
        pings = b"".join(frame(PING, payload) for payload in payloads)

        def whole(connection):
            connection.send(pings)

        def in_octets(connection):
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(pings)):
                connection.send(pings[i : i + 1])

        def many(connection):
            connection.send(b"".join(frame(PING, payload) for payload in payloads * 300) + frame(PING, b"x" * 125))

        def and_a_close(connection):
            connection.send(pings + frame(CLOSE, struct.pack(">H", 1000)))

        def script(connection):
            connection.accept()
            send(connection)
            backend.seen.put([connection.read_frame() for _ in expected])
            connection.wait_end()

        pongs = [(PONG, payload) for payload in payloads]
        for send, expected in ((whole, pongs), (in_octets, pongs), (many, pongs * 300 + [(PONG, b"x" * 125)]),
                               (and_a_close, [*pongs, (CLOSE, struct.pack(">H", 1000))])):
            with self.subTest(send.__name__):
                backend = self.backend(script, serve_good)
                self.tidegate(f"ws://127.0.0.1:{backend.port}/")
                self.assertEqual(backend.seen.get(timeout=PATIENCE), expected)

    def test_a_backend_that_does_not_read_gets_the_latest_pong_at_least(self):
        backend = None
        count = 40_000

        def script(connection):
            connection.accept()
            for i in range(0, count, 100):
                connection.send(b"".join(frame(PING, b"%0125d" % j) for j in range(i, i + 100)))
            numbers = [-1]
            while numbers[-1] < count - 1:
                opcode, payload = connection.read_frame()
                self.assertEqual(opcode, PONG)
                numbers.append(int(payload))
            backend.seen.put(numbers)
            connection.wait_end()

        backend = self.backend(script)
        self.tidegate(f"ws://127.0.0.1:{backend.port}/")
        numbers = backend.seen.get(timeout=PATIENCE)
        self.assertEqual(numbers, sorted(set(numbers)), "in order, none twice")
        self.assertLess(len(numbers), count, "nobody keeps all of them for it")

    def test_ten_megabytes_of_control_frames(self):
        noise = b"".join(frame(PING if i % 2 else PONG, bytes([i % 256]) * (i % 126)) for i in range(20_000))

        def script(connection):
            connection.accept()
            for _ in range(8):
                connection.send(noise)
            connection.send(text("good"))
            connection.wait_end()

        backend = self.backend(script)
        self.expect(self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/")), UP, GOOD)

    def test_frames_in_the_same_segment_as_the_handshake(self):
        def script(connection):
            connection.read_request()
            key = connection.answer_key()
            connection.send(
                b"HTTP/1.1 101 X\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + key.encode() + b"\r\n\r\n" + text("first") + text("second")
            )
            connection.wait_end()

        backend = self.backend(script)
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/"))
        self.expect(client, UP, ("message", "first"), ("message", "second"))


class Messages(Case):
    def test_large_message_in_many_fragments_with_pings_between(self):
        payload = bytes(random.choices(b"abcdefgh", k=900_000))

        def script(connection):
            connection.accept()
            pieces = [payload[i : i + 7001] for i in range(0, len(payload), 7001)]
            for i, piece in enumerate(pieces):
                connection.send(frame(CONTINUATION if i else TEXT, piece, fin=i == len(pieces) - 1))
                if i % 10 == 0:
                    connection.send(frame(PING, b"x"))
            connection.wait_end()

        backend = self.backend(script)
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/", max_message="1MiB"))
        self.expect(client, UP, ("message", payload.decode()))

    def test_a_message_that_is_too_long_is_told_by_a_gap_and_the_connection_kept(self):
        def script(connection):
            connection.accept()
            connection.send(frame(TEXT, b"x" * 2048))
            connection.send(text("between"))
            connection.send(frame(TEXT, b"y" * 1000, fin=False) + frame(CONTINUATION, b"y" * 25))
            connection.send(frame(TEXT, b"z" * 1024))
            connection.wait_end()

        backend = self.backend(script)
        tidegate = self.tidegate(f"ws://127.0.0.1:{backend.port}/", max_message="1KiB")
        self.expect(self.follow(tidegate), UP, Lost("oversize"), ("message", "between"), Lost("oversize", after=1),
                    ("message", "z" * 1024))
        self.assertEqual(backend.connections, 1)
        wait_for(lambda: "oversize" in tidegate.read_log(), "the drop is logged")

    def test_binary_becomes_base64(self):
        def script(connection):
            connection.accept()
            connection.send(frame(BINARY_FRAME, b"\x00\xff", fin=False) + frame(CONTINUATION, b"\x10"))
            connection.wait_end()

        backend = self.backend(script)
        self.expect(self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/")), UP, ("binary", "AP8Q"))

    def test_on_open_messages_come_first_and_in_order(self):
        large = "L" * 300_000
        backend = None

        def script(connection):
            connection.accept()
            for _ in range(4):
                backend.seen.put(connection.read_frame())
            connection.send(text("good"))
            connection.wait_end()

        backend = self.backend(script)
        on_open = ["hello", {"op": "login", "n": 1}, {"$base64": "AAEC"}, large]
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/", on_open=on_open))
        self.expect(client, UP, GOOD)
        self.assertEqual(
            [backend.seen.get(timeout=PATIENCE) for _ in range(4)],
            [(TEXT, b"hello"), (TEXT, b'{"op":"login","n":1}'), (BINARY_FRAME, b"\0\1\2"), (TEXT, large.encode())],
        )

    def test_a_backend_that_sends_before_it_reads(self):
        """Both sides have more to say than the sockets hold: nobody may wait for the other to read first."""
        large = "L" * 8_000_000
        backend = None

        def script(connection):
            connection.accept()
            for _ in range(300):
                connection.send(text("x" * 65_000))
            connection.send(text("good"))
            opcode, payload = connection.read_frame()
            backend.seen.put((opcode, len(payload)))
            connection.wait_end()

        backend = self.backend(script)
        self.tidegate(f"ws://127.0.0.1:{backend.port}/", on_open=[large])
        self.assertEqual(backend.seen.get(timeout=PATIENCE), (TEXT, len(large)))

    def test_keepalive_messages(self):
        def script(connection):
            connection.accept()
            for _ in range(3):
                self.assertEqual(connection.read_frame(), (TEXT, b'{"op":"ping"}'))
            connection.send(text("good"))
            connection.wait_end()

        backend = self.backend(script)
        keepalive = {"message": {"op": "ping"}, "every": "100ms"}
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/", keepalive=keepalive))
        self.expect(client, UP, GOOD)

    def test_many_small_messages_at_full_speed(self):
        count = 50_000

        def script(connection):
            connection.accept()
            connection.send(b"".join(text(str(i)) for i in range(count)))
            connection.wait_end()

        backend = self.backend(script)
        client = self.follow(
            self.tidegate(f"ws://127.0.0.1:{backend.port}/", stream={"retain": {"events": 100000, "bytes": "64MiB"}})
        )
        self.expect(client, UP, *(("message", str(i)) for i in range(count)))


if __name__ == "__main__":
    unittest.main()
