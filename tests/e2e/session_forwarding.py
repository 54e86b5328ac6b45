#!/usr/bin/env python3
"""End to end: what of a client's request goes along to the backend of its session, what must not, and what is too much;
that none of it is in the log; and how many sessions there may be.

The binary comes from TIDEGATE_BIN (default: build/tidegate). Nothing but Python's standard library is needed.
"""
import json
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from messages import MessageBackend, post
from ports import free_port
from raw_http import EVENT_STREAM, Case, wait_for


def changes(tidegate):
    tidegate.peer = MessageBackend()

    def stream(url, upstream=None, **session):
        return {"scope": "client", "session": {"forward_headers": ["Authorization", "Cookie", "X-User"], **session},
                "upstream": {"url": url, "reconnect": {"first": "20ms", "max": "50ms"}, "linger": "1s", **(upstream or {})}}

    peer, nobody = tidegate.peer.url, f"http://127.0.0.1:{free_port()}"
    streams = {
        "some": stream(peer + "/some?fixed=1", forward_query=["lang", "token"]),
        "all": stream(peer + "/all", forward_query=["*"], open="both", identity={"cookie": "sid"}),
        "none": stream(peer + "/none", forward_headers=[]),
        "nobody": stream(nobody + "/x", {"kind": "sse"}, forward_query=["*"]),
        "few": {**stream(peer + "/few", open="both"), "max_sessions": 4},
    }
    return {"limits": {"request_header": "64KiB", "url": "8KiB"}, "streams": streams,
            "routes": [{"path": "/e", "stream": "s"}, {"path": "/few/send", "send": "few"}] +
                      [{"path": f"/{name}", "stream": name, "cors": {"origins": ["https://a.example"]}} for name in streams]}


class ForwardingCase(Case):
    changes = staticmethod(changes)

    def setUp(self):
        self.peer = self.tidegate.peer
        self.known = len(self.peer.asked)

    def send(self, path, fields=b""):
        return self.client().send(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\n" + EVENT_STREAM + fields + b"\r\n")

    def forward(self, path, fields=b"", request=None):
        """The request that the backend gets."""
        client = self.client().send(request) if request else self.send(path, fields)
        client.until(rb"id: [0-9a-f]{32}-0\n")
        self.known += 1
        wait_for(lambda: len(self.peer.asked) >= self.known, "the session's connection")
        return self.peer.asked[self.known - 1]


class Headers(ForwardingCase):
    def names(self, asked):
        return sorted(name.lower() for name, _ in asked.header_list)

    def test_only_those_that_are_named(self):
        usual = self.names(self.forward(b"/none", b"Authorization: a\r\nCookie: b\r\nX-User: c\r\n"))
        asked = self.forward(b"/some", b"X-Other: 1\r\nX-User: u\r\nOrigin: https://a.example\r\nHost2: x\r\n"
                             b"X-Forwarded-For: 1.2.3.4\r\nSec-WebSocket-Protocol: evil\r\nSec-WebSocket-Key: evil\r\n"
                             b"Upgrade: evil\r\nX-User-Name: v\r\nTE: trailers\r\nContent-Type: text/evil\r\n")
        self.assertEqual(self.names(asked), sorted(usual + ["x-user"]))
        self.assertEqual(asked.headers["x-user"], "u")
        self.assertEqual(asked.headers["host"], f"127.0.0.1:{self.peer.port}")
        self.assertNotIn("evil", str(asked.header_list))

    def test_repeated_ones_are_joined(self):
        asked = self.forward(b"/some", b"X-User: a\r\nCookie: sid=1\r\nx-user:b\r\nCookie: t=2\r\nX-USER: \t\r\n")
        self.assertEqual((asked.headers["x-user"], asked.headers["cookie"]), ("a, b, ", "sid=1; t=2"))
        self.assertEqual(len(self.names(asked)), len(set(self.names(asked))))

    def test_a_client_cannot_take_them_out_of_its_request(self):
        """Who could, would come to the backend as nobody, or as somebody else."""
        asked = self.forward(b"/some", b"Connection: keep-alive, Authorization, Cookie, X-User\r\nAuthorization: Bearer a\r\n"
                             b"Cookie: sid=1\r\nX-User: u\r\n")
        self.assertEqual([asked.headers.get(name) for name in ("authorization", "cookie", "x-user", "connection")],
                         ["Bearer a", "sid=1", "u", "Upgrade"])

    def test_values_stay_as_they_are(self):
        for value in ("a:b", "{x} {body} {/a} ${HOME} $${", "\u00e9\u20ac", '"\\', "a\tb", "%0d%0aX-Evil: 1", "a" * 8000):
            with self.subTest(value=value[:30]):
                asked = self.forward(b"/some", b"X-User: " + value.encode() + b"\r\n")
                self.assertEqual(asked.headers["x-user"], value)
                self.assertNotIn("x-evil", asked.headers)

    def test_nothing_ends_a_header(self):
        for evil in (b"a\nX-Evil: 1", b"a\rX-Evil: 1", b"a\0b", b"a\r\n X-Evil: 1", b"\x7f", b"\x01"):
            self.assertEqual(self.send(b"/some", b"X-User: " + evil + b"\r\n").answer()[0], 400)
        self.assertEqual(self.send(b"/some", b"X-User : a\r\n").answer()[0], 400)
        self.assertNotIn("x-evil", self.forward(b"/some", b"X-User: a\r\n").headers)

    def test_more_than_a_backend_takes(self):
        cookie = b"Cookie: sid=" + b"c" * 30000 + b"\r\n"
        status, fields, _ = self.client().send(b"GET /all HTTP/1.1\r\nHost: a\r\n" + cookie + b"\r\n").answer()
        self.assertEqual(status, 431)
        self.assertEqual(self.send(b"/all", cookie).answer()[0], 431)
        self.assertEqual(self.client().send(post(b"x", b"/all", cookie)).answer()[0], 431)
        self.assertEqual(self.send(b"/some", b"X-User: " + b"x" * 70000 + b"\r\n").answer()[0], 431)
        self.forward(b"/all", b"Cookie: sid=" + b"c" * 8192 + b"\r\n")


class Queries(ForwardingCase):
    def asks(self, query, expected, path=b"/all"):
        with self.subTest(query=query[:60]):
            self.assertEqual(self.forward(path + query, b"Cookie: sid=1\r\n").request, f"GET {expected} HTTP/1.1")

    def test_only_those_that_are_named(self):
        self.asks(b"", "/some?fixed=1", b"/some")
        self.asks(b"?other=1&langs=x&LANG=x&fixed=2", "/some?fixed=1", b"/some")
        self.asks(b"?lang=de&x=1&token=t&lang=fr&lang&token=", "/some?fixed=1&lang=de&token=t&lang=fr&lang&token=", b"/some")
        self.asks(b"?lang=a%26admin=1%23", "/some?fixed=1&lang=a%26admin=1%23", b"/some")
        self.asks(b"?%6Cang=a+b&l%61ng%3Dx=y;lang=z", "/some?fixed=1&%6Cang=a+b", b"/some")
        self.asks(b"?x=y?lang=1&lang=1?2=3", "/some?fixed=1&lang=1?2=3", b"/some")
        self.asks(b"?lang=1", "/none", b"/none")

    def test_all_but_the_ids(self):
        self.asks(b"?&&a&&b=1&", "/all?a&b=1")
        self.asks(b"?last%45ventId=x&a=1&lastEventId=&last_event_id=2&evs_last_event_id=%00&lastEventID", "/all?a=1")
        self.asks(b"?a=%0d%0aX-Evil:%201%00&b=%zz%", "/all?a=%0d%0aX-Evil:%201%00&b=%zz%")
        self.asks(b"?a={body}${HOME}&b='<>\"\\^`|", "/all?a=%7Bbody%7D$%7BHOME%7D&b='%3C%3E%22%5C%5E%60%7C")
        self.asks(b"?" + b"a" * 7000, "/all?" + "a" * 7000)
        self.asks(b"?=1&==&a==b", "/all?=1&==&a==b")

    def test_what_is_no_query(self):
        for query in (b"?a=1#lang=2", b"?a\x00=1", b"?a=\x01", b"?a=\xff", b"?a=\x7f"):
            self.assertEqual(self.send(b"/all" + query, b"Cookie: sid=1\r\n").answer()[0], 400, query)
        self.assertEqual(self.send(b"/all?a=\r\nb").answer()[0], 400)
        self.assertEqual(self.send(b"/all?" + b"a" * 9000).answer()[0], 414)


class Secrets(ForwardingCase):
    def test_none_is_in_the_log(self):
        secrets = [f"hush{i}hush" for i in range(6)]
        cookie, bearer, query, user, body, refused = secrets
        fields = f"Cookie: sid={cookie}\r\nAuthorization: Bearer {bearer}\r\nX-User: {user}\r\n".encode()
        asked = self.forward(b"/all?token=" + query.encode(), fields)
        self.assertEqual(asked.headers["cookie"], f"sid={cookie}")
        asked = self.forward(None, request=post(body.encode(), b"/all?token=" + query.encode(), fields))
        self.assertEqual(self.peer.next(), (False, body.encode()))
        token = re.search(rb"id: (\S+)-0\n", self.send(b"/all", fields).until(rb"id: \S+-0\n")).group(1)
        self.send(b"/all", fields + b"Last-Event-ID: " + token + b"-77\r\n").until(rb"tidegate.gap")
        self.peer.is_refusing = True
        self.addCleanup(setattr, self.peer, "is_refusing", False)
        self.peer.hang_up()
        before = len(self.peer.asked)
        wait_for(lambda: len(self.peer.asked) > before + 4, "attempts in vain")
        self.send(b"/nobody?token=" + query.encode(), fields).until(rb'"state":"down"')
        self.send(b"/all?a=" + refused.encode() + b"\xff", fields).answer()
        self.send(b"/all", b"X-User: " + refused.encode() + b"\x01\r\n").answer()
        self.send(b"/all", fields + b"X-User: " + refused.encode() * 3000 + b"\r\n").answer()
        self.client().send(post(refused.encode() + b"\xff", b"/all", fields)).answer()
        log = json.dumps(self.tidegate.log)
        self.assertIn("debug", log)
        for secret in [*secrets, token.decode(), "hush"]:
            self.assertNotIn(secret, log)


class Many(ForwardingCase):
    def test_who_opens_sessions_in_a_loop_harms_nobody(self):
        loyal = self.send(b"/few")
        name = re.search(rb"id: (\S+)\n", loyal.until(rb"id: \S+-0\n")).group(1)
        message = post(b"still here", b"/few/send", b"Last-Event-ID: " + name + b"\r\n")
        wait_for(lambda: self.client().send(message).answer()[0] == 202, "the session's backend")
        opened = 0
        for _ in range(100):
            with self.send(b"/few") as client:
                got = client.until(rb"\r\n\r\n.*(id: \S+-0|retry: \d+).*\n\n")
                opened += b"-0\n" in got
                self.assertIn(b" 200 OK\r\n", got)
        self.assertEqual(opened, 3)
        for request in (b"GET /few HTTP/1.1\r\nHost: a\r\n\r\n", post(b"x", b"/few", EVENT_STREAM)):
            status, fields, _ = self.client().send(request).answer()
            self.assertEqual(status, 503)
            self.assertGreaterEqual(int(fields["retry-after"]), 1)
        self.assertEqual(self.client().send(message).answer()[0], 202)
        self.assertFalse([line for line in self.tidegate.closed("limit")])
        self.assertEqual(loyal.bytes.count(b"0\r\n\r\n"), 0)

        def there_is_room_again():
            with self.send(b"/few") as client:
                return b"-0\n" in client.until(rb"\r\n\r\n.*(id: \S+-0|retry: \d+).*\n\n")
        wait_for(there_is_room_again, "an end of the sessions that were left")

    def test_nothing_remains(self):
        wait_for(lambda: self.tidegate.descriptors() < 60, "earlier sessions to go")
        before = self.tidegate.descriptors() + 5  # each worker may just be about to open its own
        for i in range(100):
            with self.send(b"/none") as client:
                client.until(rb"id: \S+-0\n" if i % 2 else rb"HTTP")
        wait_for(lambda: self.tidegate.descriptors() <= before, "descriptors to come back")
        start = self.tidegate.cpu_seconds()
        time.sleep(1)  # what is measured is a time
        self.assertLess(self.tidegate.cpu_seconds() - start, 0.3)


if __name__ == "__main__":
    unittest.main()
