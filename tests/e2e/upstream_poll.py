#!/usr/bin/env python3
"""The upstream against backends that have to be asked again and again.

What a client of the stream sees is looked at: events, and the control events that tell of outages with their reason.
The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import base64
import gzip
import json
import os
import sys
import time
import unittest
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import GOOD, Lost, PATIENCE, UP, marker, wait_for
from http_backend import HttpCase, LAST_CHUNK, answer, chunk, head

JSON = "application/json"


def message(data):
    return ("message", data)


class Cut(bytes):
    """An answer after which the backend hangs up."""


class Poll(HttpCase):
    kind = "poll"

    def start(self, reply, stream=None, **upstream):
        """A backend that answers request n (from 0) with `reply(n, request)`; a Cut: and then it hangs up."""
        def script(connection):
            while True:
                request = connection.ask()
                data = reply(request.number, request)
                connection.send(data)
                if isinstance(data, Cut):
                    return

        self.backend = self.http_backend(script)
        self.tidegate_under_test = self.gate(self.backend, stream, **{"every": "20ms", **upstream})
        return self.follow(self.tidegate_under_test)

    def wait_requests(self, count):
        wait_for(lambda: len(self.backend.requests) >= count, f"{count} requests")

    def times(self):
        return [request.time for request in self.backend.requests]


class Answers(Poll):
    def test_each_change_is_an_event(self):
        """An answer is given three times before it changes."""
        client = self.start(lambda n, request: answer(body=str(n // 3)))
        self.expect(client, UP, *(message(str(n)) for n in range(10)))
        self.assertEqual(self.metric(self.tidegate_under_test, "tidegate_upstream_connects_total"), 1)

    def test_one_connection_is_enough(self):
        self.start(lambda n, request: answer(body=str(n)))
        self.wait_requests(20)
        self.assertEqual(self.backend.connections, 1)

    def test_the_interval_begins_at_the_end_of_an_answer(self):
        def reply(n, request):
            time.sleep(0.2)
            ends.append(time.monotonic())
            return answer(body=str(n))

        ends = []
        self.start(reply, every="300ms", jitter=0)
        self.wait_requests(4)
        for ended, asked in zip(ends, self.times()[1:]):
            self.assertGreaterEqual(asked - ended, 0.29)

    def test_answers_without_a_body_bring_nothing(self):
        replies = [answer("204 No Content"), answer(), answer("200 OK", ""), answer(body="good")]
        client = self.start(lambda n, request: replies[min(n, 3)])
        self.expect(client, UP, GOOD)
        self.expect_nothing(client)
        self.assertEqual(self.metric(self.tidegate_under_test, "tidegate_upstream_messages_total"), 1)

    def test_chunked_and_gzip(self):
        def reply(n, request):
            packed = gzip.compress(f"answer {n // 2}".encode())
            start = head(Content_Encoding="gzip", Transfer_Encoding="chunked")
            return start + chunk(packed[:7]) + chunk(packed[7:]) + b"0\r\n\r\n"

        client = self.start(reply)
        self.expect(client, UP, *(message(f"answer {n}") for n in range(5)))

    def test_the_content_type_says_whether_it_is_text(self):
        replies = [answer(body=b"\0\1", Content_Type="application/octet-stream"), answer(body="{}", Content_Type=JSON),
                   answer(body=b"\xff"), answer(body="text")]
        client = self.start(lambda n, request: replies[min(n, 3)])
        self.expect(client, UP, ("binary", base64.b64encode(b"\0\1").decode()), message("{}"),
                    ("binary", base64.b64encode(b"\xff").decode()), message("text"))

    def test_a_byte_order_mark_is_not_part_of_the_text(self):
        """Nor does it keep a cursor from being found."""
        def reply(n, request):
            return answer(body=f'\ufeff{{"n":{n},"next":{n + 10}}}', Content_Type=JSON)

        client = self.start(reply, cursor={"from": "/next", "query": "since"})
        self.expect(client, UP, message('{"n":0,"next":10}'), message('{"n":1,"next":11}'))
        self.assertEqual(self.backend.requests[1].target, "/feed?since=10")

    def test_bodies_that_are_too_large_are_told_by_gaps(self):
        bodies = ["a" * 1001, "b" * 1000, "c" * 1000000, "good"]
        client = self.start(lambda n, request: answer(body=bodies[min(n, 3)]), max_message="1000")
        self.expect(client, UP, Lost("oversize"), message("b" * 1000), Lost("oversize", after=1), GOOD)
        gate = self.tidegate_under_test
        self.assertEqual(self.metric(gate, "tidegate_upstream_dropped_messages_total", "oversize"), 2)
        self.assertEqual(self.metric(gate, "tidegate_upstream_connects_total"), 1)

    def test_an_endless_body_is_told_by_a_gap(self):
        def reply(n, request):
            if n > 0:
                return answer(body="good")
            return head(Transfer_Encoding="chunked") + chunk("x" * 100000) * 100

        client = self.start(reply, max_message="1000")
        self.expect(client, UP, Lost("oversize"), GOOD)

    def test_redirects_are_told_in_the_log_while_it_connects_alone(self):
        """Each request may be redirected, and each second have many."""
        def reply(n, request):
            return answer(body=str(n)) if request.target == "/there" else answer("302 Found", Location="/there")

        client = self.start(reply)
        self.expect(client, UP, *(message(str(n)) for n in range(1, 20, 2)))
        self.assertEqual(self.tidegate_under_test.read_log().count('"event":"redirect"'), 1)

    def test_post(self):
        client = self.start(lambda n, request: answer(body="good"), method="POST", body=[1, 2])
        self.expect(client, UP, GOOD)
        self.wait_requests(3)
        for request in self.backend.requests:
            self.assertEqual((request.method, request.body), ("POST", b"[1,2]"))
            self.assertEqual(request.headers["content-type"], JSON)


class Conditional(Poll):
    def test_validators_go_back(self):
        def reply(n, request):
            tag = '"%d"' % (n // 3)
            if request.headers.get("if-none-match") == tag:
                return answer("304 Not Modified", ETag=tag)
            return answer(body=f"version {n // 3}", ETag=tag, Last_Modified="Sun, 06 Nov 1994 08:49:37 GMT")

        client = self.start(reply)
        self.expect(client, UP, *(message(f"version {n}") for n in range(5)))
        first, second = self.backend.requests[:2]
        self.assertNotIn("if-none-match", first.headers)
        self.assertNotIn("if-modified-since", first.headers)
        self.assertEqual(second.headers["if-none-match"], '"0"')
        self.assertEqual(second.headers["if-modified-since"], "Sun, 06 Nov 1994 08:49:37 GMT")

    def test_an_outage_does_not_make_it_forget(self):
        replies = [answer(body="good", ETag='"1"'), answer("500 No"), answer("304 Not Modified"), answer(body="next")]
        client = self.start(lambda n, request: replies[min(n, 3)])
        self.expect(client, UP, GOOD, marker("down", "status", status=500), UP, message("next"))
        self.assertEqual(self.backend.requests[2].headers["if-none-match"], '"1"')

    def test_a_post_has_no_validators(self):
        self.start(lambda n, request: answer(body=str(n), ETag='"1"'), method="POST", body="x")
        self.wait_requests(3)
        for request in self.backend.requests:
            self.assertNotIn("if-none-match", request.headers)


class Outages(Poll):
    def test_other_answers_are_outages(self):
        for status, reply in ((500, answer("500 No", "x")), (401, answer("401 No")),
                              (404, answer("404 Not Found", "x" * 100000))):
            with self.subTest(reply=reply[:30]):
                replies = [answer(body="a"), reply, reply, answer(body="good")]
                client = self.start(lambda n, request: replies[min(n, 3)])
                self.expect(client, UP, message("a"), marker("down", "status", status=status), UP, GOOD)

    def test_a_web_page_is_an_outage(self):
        """As servers answer whose login has run out; JSON that only says that it is HTML is none."""
        login = answer(body="<!DOCTYPE html><title>Log in</title>", Content_Type="text/html; charset=utf-8")
        replies = [answer(body="[1]", Content_Type="text/html"), login, login, answer(body="good")]
        client = self.start(lambda n, request: replies[min(n, 3)])
        self.expect(client, UP, message("[1]"), marker("down", "status", status=200), UP, GOOD)
        self.assertIn("content type text/html; charset=utf-8 is a web page, not an answer to a poll",
                      self.tidegate_under_test.read_log())

    def test_a_web_page_can_be_allowed(self):
        page = "<!DOCTYPE html><title>Sold out</title>"
        client = self.start(lambda n, request: answer(body=page, Content_Type="text/html"), accept_type=["text/html"])
        self.expect(client, UP, message(page))

    def test_retry_after_is_heeded(self):
        replies = [answer("503 Later", Retry_After=1), answer(body="good")]
        client = self.start(lambda n, request: replies[min(n, 1)])
        self.expect(client, marker("down", "status", status=503), UP, GOOD)
        times = self.times()
        self.assertGreaterEqual(times[1] - times[0], 0.99)

    def test_an_answer_that_was_cut(self):
        replies = [answer(body="a"), Cut(head(Content_Length=100) + b"half"), answer(body="good")]
        client = self.start(lambda n, request: replies[min(n, 2)])
        self.expect(client, UP, message("a"), marker("down", "closed"), UP, GOOD)

    def test_a_backend_that_keeps_no_connection(self):
        client = self.start(lambda n, request: Cut(answer(body=str(n))))
        self.expect(client, UP, *(message(str(n)) for n in range(10)))
        self.assertGreaterEqual(self.backend.connections, 10)

    def test_half_an_answer_that_does_not_go_on(self):
        replies = [answer(body="a"), head(Content_Length=100) + b"half", answer(body="good")]
        client = self.start(lambda n, request: replies[min(n, 2)], connect_timeout="300ms")
        self.expect(client, UP, message("a"), marker("down", "timeout"), UP, GOOD)

    def test_an_answer_that_does_not_come(self):
        def reply(n, request):
            if n == 1:
                time.sleep(1)
                return Cut()
            return answer(body="good" if n > 1 else "a")

        client = self.start(reply, connect_timeout="300ms")
        self.expect(client, UP, message("a"), marker("down", "timeout"), UP, GOOD)


class Cursors(Poll):
    def test_a_cursor_in_the_query(self):
        """Items are made as they are asked for; 500s in between lose nothing and repeat nothing."""
        def reply(n, request):
            query = urllib.parse.parse_qs(urllib.parse.urlsplit(request.target).query)
            since = query.get("since", ["none"])[0]
            asked.append(since)
            if n % 4 == 3:
                return answer("500 No")
            after = int(since.removeprefix("at "))
            return answer(body=json.dumps({"items": [{"n": after + 1}, {"n": after + 2}], "next": f"at {after + 2}"}),
                          Content_Type=JSON)

        asked = []
        translate = {"split": "/items", "data": "/n"}
        client = self.start(reply, {"translate": translate}, cursor={"from": "/next", "query": "since", "initial": "at 0"},
                            path="/feed?a=b")
        events = self.collect(client, 20, skip=(UP, marker("down", "status", status=500)))
        self.assertEqual(events, [message(str(n)) for n in range(1, 21)])
        self.assertEqual(asked[:2], ["at 0", "at 2"])
        self.assertEqual(self.backend.requests[1].target, "/feed?a=b&since=at%202")

    def test_a_cursor_in_the_body(self):
        def reply(n, request):
            body = json.loads(request.body)
            bodies.append(body)
            return answer(body='{"next":%d.50}' % n, Content_Type=JSON)

        bodies = []
        self.start(reply, method="POST", body={"op": "list", "page": {}}, cursor={"from": "/next", "body": "/page/since"})
        self.wait_requests(3)
        self.assertEqual(bodies[0], {"op": "list", "page": {}})
        self.assertEqual(bodies[1], {"op": "list", "page": {"since": 0.5}})
        self.assertIn(b'"since":1.50', self.backend.requests[2].body)

    def test_an_answer_without_a_cursor_leaves_it_where_it_was(self):
        bodies = ['{"next":1}', "[]", "no JSON", '{"next":null}', '{"next":""}', '{"next":2}']
        self.start(lambda n, request: answer(body=bodies[min(n, 5)]), cursor={"from": "/next", "query": "since"})
        self.wait_requests(7)
        targets = [request.target for request in self.backend.requests[:7]]
        self.assertEqual(targets, ["/feed"] + ["/feed?since=1"] * 5 + ["/feed?since=2"])

    def test_telegram_wants_the_number_after_the_last_update(self):
        """As getUpdates: what is before `offset` is confirmed, and never comes again; 64 bits are not enough for its ids."""
        first = 9223372036854775806

        def reply(n, request):
            query = urllib.parse.parse_qs(urllib.parse.urlparse(request.target).query)
            offset = int(query.get("offset", [first])[0])
            count = 0 if n % 3 == 1 else 2
            updates = [{"update_id": i, "message": {"text": str(i - first)}} for i in range(offset, offset + count)]
            return answer(body=json.dumps({"ok": True, "result": updates}), Content_Type=JSON)

        cursor = {"from": "/result/-/update_id", "query": "offset", "add": 1}
        client = self.start(reply, stream={"translate": {"split": "/result", "data": "/message/text"}}, cursor=cursor)
        self.expect(client, UP, *(message(str(n)) for n in range(30)))
        targets = [request.target for request in self.backend.requests[:3]]
        self.assertEqual(targets, ["/feed", f"/feed?offset={first + 2}", f"/feed?offset={first + 2}"])
        self.assertEqual(self.metric(self.tidegate_under_test, "tidegate_upstream_cursor_missing_total"), 0)

    def test_a_cursor_that_is_never_there_is_told(self):
        """Each request asks for the first page again."""
        first_page = answer(body=json.dumps({"items": [1, 2], "next": 7}), Content_Type=JSON)
        client = self.start(lambda n, request: first_page, cursor={"from": "/nxt", "query": "since"})
        gate = self.tidegate_under_test
        wait_for(lambda: "cursor_missing" in gate.read_log(), "a warning")
        line = next(json.loads(line) for line in gate.read_log().splitlines() if "cursor_missing" in line)
        self.assertEqual([line[key] for key in ("level", "stream", "rule", "finds", "answers")],
                         ["warning", "s", "/nxt", "nothing", 3])
        self.wait_metric(gate, 10, "tidegate_upstream_cursor_missing_total")
        self.assertEqual(gate.read_log().count("cursor_missing"), 1)


class Lists(Poll):
    def test_only_new_items_of_a_list_are_events(self):
        def reply(n, request):
            return answer(body=json.dumps([{"id": i, "text": f"item {i}"} for i in range(n, n + 5)]), Content_Type=JSON)

        translate = {"split": "", "id": "/id", "data": "/text", "seen": {"by": "id"}}
        client = self.start(reply, {"translate": translate})
        self.expect(client, UP, *(message(f"item {i}") for i in range(20)))
        self.assertGreater(self.metric(self.tidegate_under_test, "tidegate_upstream_repeated_messages_total"), 30)

    def test_what_does_not_match_is_counted(self):
        def reply(n, request):
            return answer(body=json.dumps({"n": n, "kind": "odd" if n % 2 else "even"}), Content_Type=JSON)

        translate = {"when": {"pointer": "/kind", "equals": "odd"}, "data": "/n"}
        client = self.start(reply, {"translate": translate})
        self.expect(client, UP, *(message(str(n)) for n in (1, 3, 5)))
        self.assertGreaterEqual(self.metric(self.tidegate_under_test, "tidegate_upstream_filtered_messages_total"), 3)


class Long(Poll):
    def test_the_next_request_follows_at_once(self):
        """With an interval of an hour nothing would come but by long polling."""
        def reply(n, request):
            time.sleep(0.15)
            return answer(body=str(n)) if n % 2 else answer("204 No Content")

        client = self.start(reply, long=True, every="1h")
        self.expect(client, UP, *(message(str(n)) for n in (1, 3, 5, 7)))
        self.assertEqual(self.backend.connections, 1)

    def test_a_held_request_may_take_longer_than_connecting(self):
        def reply(n, request):
            time.sleep(1)
            return answer(body="good")

        client = self.start(reply, long=True, connect_timeout="300ms")
        self.expect(client, UP, GOOD)

    def test_a_request_may_be_held_after_the_head_of_its_answer(self):
        """As CouchDB does it: the answer begins at once, and ends when there is something to say."""
        def script(connection):
            while True:
                connection.ask()
                connection.send(head(Content_Type=JSON, Transfer_Encoding="chunked") + chunk('{"results":['))
                time.sleep(1)
                connection.send(chunk("]}") + LAST_CHUNK)

        backend = self.http_backend(script)
        client = self.follow(self.gate(backend, long=True, connect_timeout="300ms"))
        self.expect(client, UP, message('{"results":[]}'))

    def test_an_idle_timeout_ends_an_answer_that_does(self):
        def script(connection):
            connection.ask()
            connection.send(head(Transfer_Encoding="chunked") + chunk("half"))
            connection.wait_end()

        backend = self.http_backend(script, lambda connection: (connection.ask(), connection.send(answer(body="good"))))
        client = self.follow(self.gate(backend, long=True, idle_timeout="500ms"))
        self.expect(client, marker("down", "timeout"), UP, GOOD)

    def test_an_idle_timeout_ends_a_held_request(self):
        def reply(n, request):
            if n == 1:
                time.sleep(3)
                return Cut()
            return answer(body=str(n))

        client = self.start(reply, long=True, idle_timeout="500ms")
        self.expect(client, UP, message("0"))
        down = client.events.get(timeout=PATIENCE)
        self.assertIn(down, (marker("down", "idle"), marker("down", "timeout")))
        self.expect(client, UP, message("2"))

    def test_a_backend_that_does_not_hold_is_not_hammered(self):
        self.start(lambda n, request: answer(body=str(n)), long=True)
        self.wait_requests(15)
        times = self.times()[:15]
        self.assertGreaterEqual(times[-1] - times[0], 1.2)  # 14 times 100 ms, and some for the first one's delay


class OnDemand(Poll):
    def test_nobody_listens_nobody_asks(self):
        self.backend = None

        def script(connection):
            while True:
                connection.ask()
                connection.send(answer(body="good"))

        self.backend = self.http_backend(script)
        tidegate = self.gate(self.backend, connect="on_demand", linger="100ms", every="20ms")
        time.sleep(0.3)
        self.assertEqual(self.backend.connections, 0)
        client = tidegate.follow()
        self.expect(client, UP, GOOD)
        client.close()
        wait_for(lambda: self.metric(tidegate, "tidegate_upstream_state", 'state="idle"') == 1, "it is idle again")
        count = len(self.backend.requests)
        time.sleep(0.3)
        self.assertEqual(len(self.backend.requests), count)


if __name__ == "__main__":
    unittest.main()
