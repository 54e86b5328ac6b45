#!/usr/bin/env python3
"""End to end: what browsers POST for pages of other origins. The user's cookies come along, and nobody has asked before,
so it must neither reach a backend nor open a session.

The binary comes from TIDEGATE_BIN (default: build/tidegate). Nothing but Python's standard library is needed.
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from messages import MessageBackend, post, post_chunked
from raw_http import EVENT_STREAM, Case, wait_for

LISTED, OTHER = b"Origin: https://a.example\r\n", b"Origin: https://b.example\r\n"
COOKIE = b"Cookie: sid=1\r\n"
TEXT = b"Content-Type: text/plain\r\n"
ROUTES = (b"/send", b"/own", b"/own/send")


def changes(tidegate):
    tidegate.peer = MessageBackend()
    upstream = {"url": tidegate.peer.url + "/feed", "ping_every": "0"}
    cors = {"origins": ["https://a.example"]}
    return {
        "streams": {"chat": {"upstream": upstream},
                    "own": {"scope": "client", "upstream": upstream, "session": {"open": "both"}}},
        "routes": [{"path": "/e", "stream": "chat"}, {"path": "/send", "send": "chat"},
                   {"path": "/own", "stream": "own"},
                   {"path": "/own/send", "send": "own"}, {"path": "/listed", "send": "chat", "cors": cors},
                   {"path": "/credentials", "send": "chat", "cors": {**cors, "credentials": True}},
                   {"path": "/all", "send": "chat", "cors": {"origins": ["*"]}}],
    }


class ForeignPages(Case):
    changes = staticmethod(changes)

    def setUp(self):
        self.peer = self.tidegate.peer
        wait_for(lambda: self.status(post(b"ready?")) == 202, "the backend to be there")
        self.assertEqual(self.peer.next(), (False, b"ready?"))

    def status(self, request):
        with self.client() as client:
            return client.send(request).answer()[0]

    def expect_refused(self, request):
        connections = len(self.peer.asked)
        with self.client() as client:
            status, fields, body = client.send(request).answer()
            self.assertEqual((status, body), (403, b"403 Forbidden\n"))
            self.assertNotIn("access-control-allow-origin", fields)
            # Whatever had been sent to the backend would come before this.
            self.assertEqual(client.send(post(b"next")).answer()[0], 202)
        self.assertEqual(self.peer.next(), (False, b"next"))
        self.assertEqual(len(self.peer.asked), connections)

    def expect_sent(self, path, fields):
        self.assertEqual(self.status(post(b"hi", path, fields)), 202)
        self.assertEqual(self.peer.next(), (False, b"hi"))

    def test_others_are_refused(self):
        for path in ROUTES:
            for fields in (OTHER, b"Origin: null\r\n", b"Origin: https://a\r\n" + b"Sec-Fetch-Site: cross-site\r\n",
                           b"Origin: https://b.a\r\nSec-Fetch-Site: same-site\r\n", b"Sec-Fetch-Site: cross-site\r\n",
                           LISTED):  # on other routes
                with self.subTest(path=path, fields=fields):
                    self.expect_refused(post(b"evil", path, fields + COOKIE + TEXT))
            self.expect_refused(post_chunked([b"evil"], path, OTHER))
            self.expect_refused(post(b"", path, OTHER))

    def test_pages_of_the_own_host_may(self):
        for fields in (b"", COOKIE, b"Origin: http://a\r\n" + COOKIE, b"Origin: https://A\r\n",
                       b"Origin: https://b.example\r\nSec-Fetch-Site: same-origin\r\n" + COOKIE,
                       b"Origin: null\r\nSec-Fetch-Site: same-origin\r\n"):
            with self.subTest(fields=fields):
                self.expect_sent(b"/send", fields)
                with self.client().send(post(b"first", b"/own", fields + EVENT_STREAM)) as client:
                    self.assertEqual(client.head()[0], 200)
                self.assertEqual(self.peer.next(), (False, b"first"))

    def test_listed_pages_may(self):
        self.expect_sent(b"/listed", LISTED)
        self.expect_sent(b"/listed", LISTED + b"Sec-Fetch-Site: cross-site\r\n")
        self.expect_sent(b"/all", OTHER)
        self.expect_refused(post(b"evil", b"/listed", OTHER))

    def test_their_cookies_need_credentials(self):
        self.expect_sent(b"/credentials", LISTED + COOKIE)
        self.expect_refused(post(b"evil", b"/credentials", OTHER + COOKIE))
        for path in (b"/listed", b"/all"):
            self.assertEqual(self.status(post(b"evil", path, LISTED + COOKIE)), 403)

    def test_they_open_no_session(self):
        for fields in (OTHER, b"Sec-Fetch-Site: cross-site\r\n", LISTED):
            for query in (b"", b"?lastEventId=" + b"0" * 32 + b"-1"):
                self.expect_refused(b"GET /own" + query + b" HTTP/1.1\r\nHost: a\r\n" + EVENT_STREAM + fields +
                                    COOKIE + b"\r\n")
        with self.client().get(b"/own", EVENT_STREAM + b"Origin: http://a\r\n" + COOKIE) as client:
            self.assertEqual(client.head()[0], 200)

    def test_they_may_look(self):
        """At what is shared: the browser keeps it from the page."""
        with self.client().get(fields=EVENT_STREAM + OTHER) as client:
            status, fields = client.head()
            self.assertEqual(status, 200)
            self.assertNotIn("access-control-allow-origin", fields)


if __name__ == "__main__":
    unittest.main()
