#!/usr/bin/env python3
"""End to end: requests that open sessions (scope client) and resume them, over raw sockets: which do, and which must not.

The binary comes from TIDEGATE_BIN (default: build/tidegate). Nothing but Python's standard library is needed.
"""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import text
from messages import MessageBackend, post, post_chunked
from raw_http import EVENT_STREAM, Case, wait_for

ORIGIN = b"Origin: https://a.example\r\n"
MAX = 1000  # bytes of a body that opens a session
SECRET = rb"data: secret\n"


def changes(tidegate):
    tidegate.peer = MessageBackend()

    def session(name, **options):
        return {"scope": "client", "session": options, "upstream": {"url": f"{tidegate.peer.url}/{name}", "ping_every": "0"}}

    names = ("get", "post", "both", "other", "cookie", "bearer", "user", "send")
    cors = {"origins": ["https://a.example"], "credentials": True}
    rate = {"per_second": 1, "burst": 2}
    return {
        "streams": {
            "few": session("few", open="both"),
            "get": session("get"), "post": session("post", open="post", max_body=f"{MAX}B"),
            "both": session("both", open="both", max_body=f"{MAX}B"), "other": session("other"),
            "cookie": session("cookie", open="both", identity={"cookie": "sid"}),
            "bearer": session("bearer", identity={"header": "Authorization"}),
            "user": session("user", identity={"header": "X-User"}),
            "room": {**session("{room}"), "parameters": {"room": {}}},
            "short": {**session("short"), "until": {"text": "over"}, "retain": {"events": 0}},
            "live": {**session("live"), "until": {"text": "over"}, "retain": {"events": 1}, "after_gap": "live"},
        },
        "routes": [{"path": "/e", "stream": "s"}, {"path": "/send/cookie", "send": "cookie"},
                   {"path": "/send/get", "send": "get"},
                   {"path": "/short", "stream": "short"}, {"path": "/live", "stream": "live"},
                   {"path": "/few", "stream": "few", "rate": rate}, {"path": "/rooms/{room}", "stream": "room"},
                   {"path": "/send/room", "send": "room"}, {"path": "/send/rooms/{room}", "send": "room"}] +
                  [{"path": f"/{name}", "stream": name, "cors": cors} for name in names if name != "send"],
    }


def get(path, fields=b""):
    return b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + EVENT_STREAM + fields + b"\r\n"


class SessionCase(Case):
    changes = staticmethod(changes)

    def setUp(self):
        self.peer = self.tidegate.peer
        self.known = len(self.peer.asked)

    def expect_nothing_opened(self):
        """Were there a connection on its way, it would come before that of the session opened here."""
        self.assertEqual(self.open(get(b"/other"))[2].request, "GET /other HTTP/1.1")
        self.assertEqual(len(self.peer.asked), self.known)

    def open(self, request):
        """A client of a new session, the session's token, and the backend's side."""
        client = self.client().send(request)
        token = re.search(rb"id: (\S+)-0\n", client.until(rb"id: [0-9a-f]{32}-0\n")).group(1)
        return client, token, self.next_connection()

    def next_connection(self):
        self.known += 1
        wait_for(lambda: len(self.peer.asked) >= self.known, "the session's connection")
        return self.peer.asked[self.known - 1]

    def open_with_secret(self, request):
        client, token, connection = self.open(request)
        client.until(rb'data: \{"state":"up"\}\n')
        connection.send(text("secret"))
        client.until(SECRET + rb"id: " + token + rb"-1\n")
        return token

    def resumes(self, request):
        """False: it has opened a session of its own, and told the client that this is another one."""
        client = self.client().send(request)
        if b"secret" in client.until(SECRET + rb"|id: [0-9a-f]{32}-0\n"):
            return True
        client.until(rb"event: tidegate.gap\ndata: \{[^\n]*unknown[^\n]*\}\n")
        self.next_connection()
        return False

    def answer(self, request, **options):
        with self.client() as client:
            return client.send(request).answer(**options)


class Opening(SessionCase):
    def test_by_which_method(self):
        for request, allow in ((get(b"/post"), "POST, OPTIONS"), (b"HEAD /post HTTP/1.1\r\nHost: a\r\n\r\n", "POST, OPTIONS"),
                               (post(b"x", b"/get"), "GET, HEAD, OPTIONS"), (post(b"x", b"/other"), "GET, HEAD, OPTIONS"),
                               (b"PUT /both HTTP/1.1\r\nHost: a\r\n\r\n", "GET, HEAD, POST, OPTIONS"),
                               (b"DELETE /post HTTP/1.1\r\nHost: a\r\n\r\n", "POST, OPTIONS")):
            with self.subTest(request=request):
                status, fields, _ = self.answer(request, has_body=not request.startswith(b"HEAD"))
                self.assertEqual((status, fields["allow"]), (405, allow))
        self.expect_nothing_opened()
        for request in (get(b"/get"), post(b"", b"/post"), get(b"/both"), post(b"", b"/both", EVENT_STREAM)):
            self.open(request)

    def test_head_and_options_open_nothing(self):
        client = self.client()
        for path in (b"/get", b"/both"):
            client.send(b"HEAD " + path + b" HTTP/1.1\r\nHost: a\r\n" + EVENT_STREAM + b"\r\n")
            status, fields = client.head()
            self.assertEqual((status, fields["content-type"]), (200, "text/event-stream"))
        for path in (b"/get", b"/post", b"/both"):
            client.send(b"OPTIONS " + path + b" HTTP/1.1\r\nHost: a\r\n" + ORIGIN +
                        b"Access-Control-Request-Method: POST\r\n\r\n")
            status, fields, _ = client.answer()
            self.assertEqual((status, fields["access-control-allow-methods"]), (204, fields["allow"]))
        self.expect_nothing_opened()

    def test_the_body_is_the_first_message(self):
        exact = b"m" * MAX
        for request, body in ((post(b'{"ask": "\xe2\x82\xac"}', b"/post"), b'{"ask": "\xe2\x82\xac"}'),
                              (post_chunked([b"t", b"wo"], b"/post", trailers=b"X: y\r\n"), b"two"),
                              (post(exact, b"/both"), exact), (post_chunked([b"m"] * MAX, b"/both"), exact),
                              (post(b"old", b"/post", version=b"1.0"), b"old"), (post(b"\0", b"/post"), b"\0")):
            self.open(request)
            self.assertEqual(self.peer.next(), (False, body))

    def test_who_expects_to_be_asked_for_the_body(self):
        client = self.client()
        client.send(b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(client.head()[0], 100)
        client.send(b"hi")
        self.assertEqual(client.head()[0], 200)
        self.assertEqual(self.peer.next(), (False, b"hi"))

    def test_not_too_many_in_a_short_time(self):
        wait, waits = None, b"\r\n\r\nretry: "
        token = self.open(post(b"", b"/few"))[1]
        while wait is None:  # the machine may be so slow that there is room for more
            status, fields = self.client().send(post(b"", b"/few")).head()
            self.known += status == 200
            wait = fields.get("retry-after")
            self.assertEqual((status, wait), (429, "1") if wait else (200, None))
        native = b""
        while waits not in native:
            native = self.client().send(get(b"/few")).until(rb"tidegate.hello\n")
            self.known += waits not in native
        for request in (post(b"", b"/few", b"Last-Event-ID: " + token + b"-0\r\n"), get(b"/few?lastEventId=" + token + b"-0")):
            for _ in range(5):  # to come back is not to open one
                self.assertNotIn(waits, self.client().send(request).until(rb"tidegate.hello\n"))
        self.expect_nothing_opened()

    def test_bodies_that_open_nothing(self):
        big, head = b"m" * (MAX + 1), b"POST /post HTTP/1.1\r\nHost: a\r\n" + ORIGIN
        for request, status in ((post(big, b"/post", ORIGIN), 413), (post_chunked([big], b"/both", ORIGIN), 413),
                                (head + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n", 413),
                                (post(b"\xff", b"/post", ORIGIN), 400), (post(b"a\xc3", b"/both", ORIGIN), 400),
                                (post(b"x", b"/post", ORIGIN + b"Content-Encoding: gzip\r\n"), 415),
                                (post(b"x", b"/post", ORIGIN + b"Expect: money\r\n"), 417)):
            with self.subTest(request=request[:100]):
                got, fields, _ = self.answer(request)
                self.assertEqual((got, fields.get("access-control-allow-origin")), (status, "https://a.example"))
        for body in (b"3\nabc\r\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"g\r\n"):
            self.assertEqual(self.answer(head + b"Transfer-Encoding: chunked\r\n\r\n" + body)[0], 400)
        for request in (post(b"x", b"/post", b"Origin: https://b.example\r\n"), get(b"/get", b"Origin: https://b.example\r\n"),
                        get(b"/both", b"Origin: null\r\n")):
            self.assertEqual(self.answer(request)[0], 403)
        slow = self.client().send(post(b"slow", b"/post")[:-1])
        self.assertEqual(slow.answer()[0], 408)
        self.expect_nothing_opened()


class Identity(SessionCase):
    def test_who_shows_none_is_refused(self):
        for fields in (b"", b"Cookie: other=1\r\n", b"Cookie: SID=1\r\n", b"Cookie: sid=\r\n", b"Cookie: sid\r\n",
                       b"Cookie: xsid=1; sidx=1; x=sid=1\r\n", b"Cookie:\r\n", b"X-Cookie: sid=1\r\n", b"Cookie: ;;=;\r\n"):
            for request in (get(b"/cookie", fields + ORIGIN), post(b"x", b"/cookie", fields + ORIGIN),
                            post(b"x", b"/send/cookie", fields)):
                with self.subTest(request=request):
                    status, got, _ = self.answer(request)
                    self.assertEqual((status, got["www-authenticate"]), (401, "Cookie"))
                    if b"send" not in request:
                        self.assertEqual(got["access-control-allow-origin"], "https://a.example")
        for fields in (b"", b"Authorization:\r\n", b"Authorization: \t \r\n", b"Proxy-Authorization: Bearer x\r\n"):
            self.assertEqual(self.answer(get(b"/bearer", fields))[0], 401)
        self.assertEqual(self.answer(get(b"/bearer?Authorization=x"))[0], 401)
        self.expect_nothing_opened()

    def test_only_the_same_cookie_resumes(self):
        token = self.open_with_secret(get(b"/cookie", b"Cookie: sid=alice\r\n"))
        last_id = b"Last-Event-ID: " + token + b"-0\r\n"
        for cookie in (b"Cookie: a=b; sid=alice; c=d", b"Cookie: a=b\r\nCookie: sid=alice", b"Cookie:sid=alice;sid=mallory",
                       b"cookie: ; ;x;sid = alice ;"):
            with self.subTest(cookie=cookie):
                self.assertTrue(self.resumes(get(b"/cookie", cookie + b"\r\n" + last_id)))
                self.assertTrue(self.resumes(get(b"/cookie?lastEventId=" + token + b"-0", cookie + b"\r\n")))
        self.assertEqual(len(self.peer.asked), self.known)
        for value in (b"mallory", b'"alice"', b"Alice", b"alic", b"alicee", b"mallory; sid=alice", b"alice%00", b"%61lice"):
            with self.subTest(value=value):
                self.assertFalse(self.resumes(get(b"/cookie", b"Cookie: sid=" + value + b"\r\n" + last_id)))
                self.assertFalse(self.resumes(get(b"/cookie?lastEventId=" + token + b"-0",
                                                  b"Cookie: sid=" + value + b"\r\n")))
                self.assertEqual(self.answer(post(b"x", b"/send/cookie", b"Cookie: sid=" + value + b"\r\n" + last_id))[0], 404)
        self.assertEqual(self.answer(get(b"/cookie", last_id))[0], 401)
        self.assertEqual(self.answer(get(b"/cookie", last_id + b"X-Identity: " + b"0" * 64 + b"\r\n"))[0], 401)
        self.assertEqual(self.answer(post(b"x", b"/send/cookie", b"Cookie: sid=alice\r\n" + last_id))[0], 202)
        self.assertEqual(self.peer.next(), (False, b"x"))

    def test_only_the_same_bearer_resumes(self):
        token = self.open_with_secret(get(b"/bearer", b"Authorization: Bearer abc\r\n"))
        last_id = b"Last-Event-ID: " + token + b"-0\r\n"
        for value in (b"Authorization: Bearer abc", b"authorization:   Bearer abc \t"):
            self.assertTrue(self.resumes(get(b"/bearer", value + b"\r\n" + last_id)))
        for value in (b"Authorization: Bearer abd", b"Authorization: bearer abc", b"Authorization: Bearer  abc",
                      b"Authorization: Bearer abc,"):
            self.assertFalse(self.resumes(get(b"/bearer", value + b"\r\n" + last_id)), value)

    def test_an_identity_that_comes_twice_is_refused(self):
        token = self.open_with_secret(get(b"/user", b"X-User: alice\r\n"))
        last_id = b"Last-Event-ID: " + token + b"-0\r\n"
        self.assertTrue(self.resumes(get(b"/user", b"X-User: alice\r\n" + last_id)))
        for path, lines in ((b"/user", b"X-User: alice\r\nX-User: mallory\r\n"), (b"/user", b"X-User: alice\r\nx-user: alice\r\n"),
                            (b"/bearer", b"Authorization: Bearer abc\r\nAuthorization: x\r\n")):
            for fields in (lines, lines + last_id):
                self.assertEqual(self.answer(get(path, fields))[0], 400, fields)
        asked = self.client().send(get(b"/user", b"X-User: mallory\r\nX-User: alice\r\n").replace(b"GET", b"HEAD"))
        self.assertEqual(asked.head()[0], 400)


class Resuming(SessionCase):
    def setUp(self):
        super().setUp()
        self.token = self.open_with_secret(get(b"/both"))

    def test_the_session_is_found_by_its_token(self):
        token = self.token
        encoded = b"".join(b"%%%02x" % byte for byte in token)
        for request in (get(b"/both", b"Last-Event-ID: " + token + b"-0\r\n"),
                        get(b"/both?lastEventId=" + token + b"-0"), get(b"/both?last%45ventId=" + encoded + b"%2d0"),
                        get(b"/both?a=b&last_event_id=" + token + b"-0&c", b"Last-Event-ID:\r\n"),
                        get(b"/both", b"Last-Event-ID: x-1\r\nLast-Event-ID: " + token + b"-0\r\n"),
                        get(b"/both", b"Last-Event-ID: x-1, " + token + b"-0\r\n"),
                        get(b"/both?lastEventId=x-1", b"Last-Event-ID: " + token + b"-0\r\n"),
                        get(b"/both", b"Last-Event-ID: " + token + b"-18446744073709551616\r\n"),
                        get(b"/both", b"Last-Event-ID: " + token + b"-" + b"9" * 500 + b"\r\n"),
                        get(b"/both", b"Last-Event-ID: " + token + b"--1\r\n"), get(b"/both?lastEventId=" + token + b"-%00"),
                        get(b"/both", b"Last-Event-ID: " + token + b"-\r\n"), get(b"/both?lastEventId=" + token + b"-0%0d%0a")):
            with self.subTest(request=request):
                self.assertTrue(self.resumes(request))
        self.assertEqual(len(self.peer.asked), self.known)

    def test_what_only_looks_like_it_opens_another(self):
        token = self.token
        last = b"%x" % ((int(token[-1:], 16) + 1) % 16)
        upper = token.upper() if token.upper() != token else b"A" * 32
        for name in (token[:-1] + last + b"-0", token[:-1] + b"-0", token[1:] + b"-0", upper + b"-0", token, token + b"_0",
                     token + b"0-0", b"0" + token + b"-0", token[:16] + b"-" + token[16:], b"-0", b"-" * 33,
                     b'"' + token + b'-0"'):
            with self.subTest(name=name):
                self.assertFalse(self.resumes(get(b"/both", b"Last-Event-ID: " + name + b"\r\n")))
                self.assertFalse(self.resumes(get(b"/both?lastEventId=" + name)))
        for request in (get(b"/both?lastEventId=" + token[:-1] + b"%00-0"), get(b"/both?lastEventId=%00" + token + b"-0"),
                        get(b"/both?lastEventId=" + token + b"%2500-0"), get(b"/both?lastEventId=%20" + token + b"-0"),
                        get(b"/both", b"Last-Event-ID: " + token + b"-0\r\nLast-Event-ID: x-1\r\n"),
                        get(b"/both?lastEventId=" + token + b"-0", b"Last-Event-ID: x-1\r\n"),
                        get(b"/other", b"Last-Event-ID: " + token + b"-0\r\n")):
            with self.subTest(request=request):
                self.assertFalse(self.resumes(request))
        self.assertEqual(self.answer(post(b"x", b"/send/get", b"Last-Event-ID: " + token + b"-0\r\n"))[0], 404)

    def test_the_body_of_a_post_that_resumes_is_ignored(self):
        request = post(b"ignored", b"/both", EVENT_STREAM + b"Last-Event-ID: " + self.token + b"-0\r\n")
        self.assertTrue(self.resumes(request))
        self.assertEqual(self.answer(request.replace(b"ignored", b"i" * 2000).replace(b"h: 7", b"h: 2000"))[0], 413)
        self.open(post(b"taken", b"/both"))
        self.assertEqual(self.peer.next(), (False, b"taken"))

    def test_a_get_resumes_what_a_post_opened(self):
        token = self.open_with_secret(post(b"ask", b"/post"))
        self.assertEqual(self.peer.next(), (False, b"ask"))
        self.assertTrue(self.resumes(get(b"/post", b"Last-Event-ID: " + token + b"-0\r\n")))
        self.assertEqual(self.answer(get(b"/post", b"Last-Event-ID: " + token[1:] + b"-0\r\n"))[0], 405)
        self.assertEqual(len(self.peer.asked), self.known)


class Paths(SessionCase):
    def test_a_session_is_of_the_path_that_opened_it(self):
        token = self.open_with_secret(get(b"/rooms/tea"))
        name = b"Last-Event-ID: " + token + b"-0\r\n"
        self.client().send(get(b"/rooms/tea", name)).until(SECRET)
        client, other, connection = self.open(get(b"/rooms/coffee", name))
        self.assertNotEqual(other, token)
        self.assertEqual(connection.request, "GET /coffee HTTP/1.1")
        for path, status in ((b"/send/rooms/coffee", 404), (b"/send/rooms/tea", 202), (b"/send/room", 202)):
            with self.subTest(path=path):
                self.assertEqual(self.client().send(post(b"hi", path, name)).answer()[0], status)
        self.assertEqual(self.peer.texts(2), [b"hi", b"hi"])


class Ends(SessionCase):
    def test_who_has_missed_the_last_event_is_told_once(self):
        for path in (b"/short", b"/live"):
            with self.subTest(path=path):
                client, token, connection = self.open(get(path))
                client.until(rb'data: \{"state":"up"\}\n')
                connection.send(text("first") + text("second") + text("over"))
                client.until(rb"\n0\r\n\r\n")
                last_id = b"Last-Event-ID: " + token + b"-1\r\n"
                answer = wait_for(lambda: self.rest_with_gap(path, last_id), "the events to be no longer retained")
                self.assertIn(b'"reason":"evicted","missed":2', answer)
                self.assertEqual(re.findall(rb"id: (\S+)\n", answer), [token + b"-3"])
                status, _ = self.client().send(get(path, b"Last-Event-ID: " + token + b"-3\r\n")).head()
                self.assertEqual(status, 204)

    def rest_with_gap(self, path, last_id):
        rest = self.client().send(get(path, last_id)).rest()
        return rest if b"tidegate.gap" in rest else None


if __name__ == "__main__":
    unittest.main()
