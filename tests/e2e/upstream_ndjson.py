#!/usr/bin/env python3
"""The upstream against backends that send JSON line by line, well and badly.

What a client of the stream sees is looked at: events, and the control events that tell of outages with their reason.
The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import gzip
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import GOOD, Lost, UP, marker, wait_for
from http_backend import HttpCase, LAST_CHUNK, answer, chunk, head

LINES = head(Content_Type="application/x-ndjson", Transfer_Encoding="chunked")
OPEN_ENDED = head(Connection="close")
CLOSED = marker("down", "closed")


def message(data):
    return ("message", data)


class Ndjson(HttpCase):
    kind = "ndjson"

    def serve_good(self, connection):
        connection.ask()
        connection.send(LINES + chunk("good\n"))
        connection.wait_end()

    def start(self, *scripts, stream=None, **upstream):
        self.backend = self.http_backend(*scripts)
        self.tidegate_under_test = self.gate(self.backend, stream, **upstream)
        return self.follow(self.tidegate_under_test)

    def says(self, *pieces):
        """A script that sends these and hangs up."""
        def script(connection):
            connection.ask()
            for piece in pieces:
                connection.send(piece)

        return script

    def test_each_line_is_an_event(self):
        client = self.start(self.says(LINES, chunk('{"a":1}\n\n{"a"'), chunk(':2}\r\n\r\n3\n')), self.serve_good)
        self.expect(client, UP, message('{"a":1}'), message('{"a":2}'), message("3"), CLOSED, UP, GOOD)
        self.assertEqual(self.backend.requests[0].headers["accept"], "application/x-ndjson, application/json;q=0.9")

    def test_a_byte_order_mark_is_not_part_of_the_first_line(self):
        lines = LINES, chunk("\ufeff"), chunk('{"a":1}\n\ufeff\n'), LAST_CHUNK
        client = self.start(self.says(*lines), self.serve_good, stream={"translate": {"on_misfit": "raw", "data": "/a"}})
        self.expect(client, UP, message("1"), message("\ufeff"), CLOSED, UP, GOOD)

    def test_byte_by_byte(self):
        def script(connection):
            connection.ask()
            connection.send(LINES)
            for byte in '{"a":"ä"}\r\n\n{"b":2}\n':
                connection.send(chunk(byte))
                time.sleep(0.002)
            connection.wait_end()

        self.expect(self.start(script), UP, message('{"a":"ä"}'), message('{"b":2}'))

    def test_the_last_line_of_a_complete_answer_counts(self):
        for reply in (answer(body="1\n2"), LINES + chunk("1\n2") + LAST_CHUNK, OPEN_ENDED + b"1\n2"):
            with self.subTest(reply=reply):
                client = self.start(self.says(reply), self.serve_good)
                self.expect(client, UP, message("1"), message("2"), CLOSED, UP, GOOD)

    def test_a_line_that_was_cut_is_no_event(self):
        for reply in (LINES + chunk("1\n2"), head(Content_Length=10) + b"1\n2"):
            with self.subTest(reply=reply):
                client = self.start(self.says(reply), self.serve_good)
                self.expect(client, UP, message("1"), CLOSED, UP, GOOD)

    def test_cuts_at_every_byte_give_whole_lines_only(self):
        text = '{"n":1}\r\n{"n":2}\n'
        whole = {0: [], 1: ['{"n":1}'], 2: ['{"n":1}', '{"n":2}']}

        def script(connection):
            cut = connection.ask().number
            connection.send(LINES + chunk("start\n") + (chunk(text[:cut]) if cut else b""))
            if cut > len(text):
                connection.wait_end()

        client = self.start(script, reconnect={"first": "10ms", "max": "10ms"})
        for cut in range(len(text) + 1):
            lines = whole[text[:cut].count("\n")]
            self.expect(client, UP, message("start"), *(message(line) for line in lines), CLOSED)

    def test_a_line_that_is_too_long_is_told_by_a_gap(self):
        long_ones = chunk("x" * 1001 + "\n" + "y" * 1000 + "\r\n") + chunk("z" * 100000) + chunk("z\n1\n")
        client = self.start(self.says(LINES, long_ones), self.serve_good, max_message="1000")
        self.expect(client, UP, Lost("oversize"), message("y" * 1000), Lost("oversize", after=1), message("1"), CLOSED, UP, GOOD)
        gate = self.tidegate_under_test
        self.assertEqual(self.metric(gate, "tidegate_upstream_dropped_messages_total", "oversize"), 2)

    def test_what_came_before_is_let_go(self):
        """Many backends begin with their latest messages: `seen` makes one feed of it."""
        def script(connection):
            n = connection.ask().number
            connection.send(LINES + chunk("".join('{"id":%d}\n' % i for i in range(n, n + 3))))

        translate = {"id": "/id", "seen": {"by": "id"}}
        client = self.start(script, stream={"translate": translate}, reconnect={"first": "10ms", "max": "10ms"})
        events = self.collect(client, 10, skip=(UP, CLOSED))
        self.assertEqual(events, [message('{"id":%d}' % i) for i in range(10)])
        self.assertGreater(self.metric(self.tidegate_under_test, "tidegate_upstream_repeated_messages_total"), 0)

    def framed(self, framing, body, *expected, content_type="application/json", **upstream):
        """A body byte by byte, and messages that are there before it ends."""
        def script(connection):
            connection.ask()
            connection.send(head(Content_Type=content_type, Transfer_Encoding="chunked"))
            for byte in body:
                connection.send(chunk(byte))
            connection.wait_end()

        client = self.start(script, framing=framing, **upstream)
        self.expect(client, UP, *(message(each) if isinstance(each, str) else each for each in expected))

    def test_json_needs_no_lines(self):
        self.framed("json", '{"a":1}{"a":"}ä"}[3]"x"4 ', '{"a":1}', '{"a":"}ä"}', "[3]", '"x"', "4")

    def test_json_may_be_pretty(self):
        self.framed("json", '{\n  "a": 1\n}\n{\r\n  "a": 2\r\n}\n', '{\n  "a": 1\n}', '{\n  "a": 2\n}')

    def test_json_sequences_are_known_by_their_type(self):
        self.framed("auto", '\x1e{"a":\n1}\n\x1e{"a":\x1e{"a":3}\n', '{"a":\n1}', '{"a":3}', content_type="application/json-seq")
        self.assertEqual(self.metric(self.tidegate_under_test, "tidegate_upstream_dropped_messages_total", "json"), 1)

    def test_an_array_that_grows(self):
        self.framed("array", '[{"a":1},\n{"a":[2]},3,', '{"a":1}', '{"a":[2]}', "3")

    def test_a_text_that_is_too_large_is_left_out(self):
        self.framed("json", '["%s"]{"a":1}' % ("x" * 1000), Lost("oversize"), '{"a":1}', max_message="1000")
        self.assertEqual(self.metric(self.tidegate_under_test, "tidegate_upstream_dropped_messages_total", "oversize"), 1)

    def test_broken_json_without_lines_is_an_outage(self):
        client = self.start(self.says(LINES, chunk('{"a":1}{"a":"x}{"b":2}{"a":3}')), self.says(LINES, chunk('{"a":4}')),
                            framing="json")
        self.expect(client, UP, message('{"a":1}'), marker("down", "protocol"), UP, message('{"a":4}'))
        self.assertIn("its JSON is broken", self.tidegate_under_test.read_log())

    def test_a_first_message_without_a_line_end_is_told(self):
        def script(connection):
            connection.ask()
            connection.send(head(Content_Type="application/json", Transfer_Encoding="chunked") + chunk('{"a":1}'))
            connection.wait_end()

        self.start(script)
        gate = self.tidegate_under_test
        wait_for(lambda: "no_line_end" in gate.read_log(), "a hint in the log")
        self.assertIn("unless framing says otherwise", gate.read_log())

    def test_html_is_refused(self):
        client = self.start(self.says(answer(body="<html>", Content_Type="text/html")), self.serve_good)
        self.expect(client, marker("down", "status", status=200), UP, GOOD)
        self.assertIn("content type text/html", self.tidegate_under_test.read_log())

    def test_other_answers_are_refused(self):
        for reply, reason, status in ((answer("500 No", "x"), "status", 500), (answer("401 No"), "status", 401),
                                      (answer("204 No Content"), "finished", None)):
            with self.subTest(reply=reply):
                client = self.start(self.says(reply), self.serve_good)
                self.expect(client, marker("down", reason, status=status), UP, GOOD)

    def test_post_with_a_body(self):
        client = self.start(self.serve_good, method="POST", body="give me all", content_type="text/x")
        self.expect(client, UP, GOOD)
        request = self.backend.requests[0]
        self.assertEqual((request.method, request.body), ("POST", b"give me all"))
        self.assertEqual(request.headers["content-type"], "text/x")

    def test_gzip(self):
        packed = gzip.compress(b'{"a":1}\n{"a":2}\n')
        client = self.start(self.says(answer(body=packed, Content_Encoding="gzip")), self.serve_good)
        self.expect(client, UP, message('{"a":1}'), message('{"a":2}'), CLOSED, UP, GOOD)

    def test_empty_lines_keep_it_up(self):
        def script(connection):
            connection.ask()
            connection.send(LINES)
            for _ in range(15):
                connection.send(chunk("\n"))
                time.sleep(0.2)
            connection.send(chunk("good\n"))
            connection.wait_end()

        self.expect(self.start(script, idle_timeout="2s"), UP, GOOD)
        self.assertEqual(self.backend.connections, 1)

    def test_silence_is_noticed(self):
        client = self.start(self.serve_good, idle_timeout="400ms")
        self.expect(client, UP, GOOD, marker("down", "idle"), UP, GOOD)


if __name__ == "__main__":
    unittest.main()
