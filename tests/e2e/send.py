#!/usr/bin/env python3
"""End to end: messages of clients for the backend (routes of kind `send`), over raw sockets: what the backend gets of
them, what is refused, and what becomes of the connection.

The binary comes from TIDEGATE_BIN (default: build/tidegate). Nothing but Python's standard library is needed.
"""
import os
import socket
import ssl
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from messages import MessageBackend, post, post_chunked
from ports import free_port
from raw_http import EVENT_STREAM, Case, Client, make_certificate, wait_for

ORIGIN = b"Origin: https://a.example\r\n"
MAX = 1000  # bytes of a message to /small


def changes(tidegate):
    tidegate.peer = MessageBackend()
    upstream = {"url": tidegate.peer.url + "/feed", "ping_every": "0", "reconnect": {"first": "20ms", "max": "50ms"}}
    cors = {"origins": ["https://a.example"]}
    return {
        "streams": {"chat": {"upstream": upstream},
                    "own": {"scope": "client", "upstream": upstream}},
        "routes": [{"path": "/e", "stream": "s"}, {"path": "/own", "stream": "own"},
                   {"path": "/send", "send": "chat"}, {"path": "/binary", "send": "chat", "binary": True},
                   {"path": "/small", "send": "chat", "max_body": f"{MAX}B", "cors": cors},
                   {"path": "/own/send", "send": "own", "cors": cors}],
    }


class SendCase(Case):
    changes = staticmethod(changes)

    def setUp(self):
        self.peer = self.tidegate.peer
        wait_for(lambda: self.status(post(b"ready?")) == 202, "the backend to be there")
        self.assertEqual(self.peer.next(), (False, b"ready?"))

    def tearDown(self):
        self.assertTrue(self.peer.messages.empty(), "the backend got more than it should")

    def status(self, request):
        with self.client() as client:
            return client.send(request).answer()[0]

    def expect(self, client, status):
        got, fields, body = client.answer()
        self.assertEqual((got, body[:3]), (status, b"" if status in (202, 204) else b"%d" % status))
        return fields


class Messages(SendCase):
    def test_the_backend_gets_the_bytes(self):
        client = self.client()
        texts = [b"", b"a", b"\0", b"\r\n\r\n", "\u20ac \U0001f300 \ufeff".encode(), b'{"a": [1, 2]}',
                 b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n", b"0\r\n\r\n"]
        texts += [bytes([97 + length % 26]) * length for length in (125, 126, 127, 4095, 4096, 4097, 32768, 65535, 65536)]
        for text in texts:
            chunks = [text[:1], text[1:]] if len(text) > 1 else [text] if text else []
            for request in (post(text), post_chunked(chunks)):
                with self.subTest(text=text[:20], request=request[:100]):
                    self.expect(client.send(request), 202)
                    self.assertEqual(self.peer.next(), (False, text))

    def test_binary(self):
        client = self.client()
        for data in (bytes(range(256)) * 256, b"\xff\xfe", b"", b"text"):
            self.expect(client.send(post(data, b"/binary")), 202)
            self.assertEqual(self.peer.next(), (True, data))

    def test_text_must_be_utf8(self):
        client = self.client()
        for bad in (b"\xff", b"\x80", b"a\xc3", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
                    b"\xf8\x88\x80\x80\x80", b"x" * 60000 + b"\xe2\x82"):
            with self.subTest(bad=bad[:10]):
                self.expect(client.send(post(bad)), 400)
                self.expect(client.send(post_chunked([bad])), 400)
        # A character may be cut by chunks.
        self.expect(client.send(post_chunked([b"\xe2", b"\x82", b"\xac"])), 202)
        self.assertEqual(self.peer.next(), (False, "\u20ac".encode()))

    def test_up_to_max_body(self):
        client = self.client()
        exact = b"m" * MAX
        for request in (post(exact, b"/small"), post_chunked([exact], b"/small"),
                        post_chunked([b"m"] * MAX, b"/small")):
            self.expect(client.send(request), 202)
            self.assertEqual(self.peer.next(), (False, exact))

    def test_larger_ones_are_refused_and_pages_can_read_why(self):
        big = b"m" * (MAX + 1)
        head = b"POST /small HTTP/1.1\r\nHost: a\r\n" + ORIGIN
        for request in (post(big, b"/small", ORIGIN), post_chunked([big], b"/small", ORIGIN),
                        post_chunked([b"m"] * (MAX + 1), b"/small", ORIGIN),
                        head + b"Content-Length: 1001\r\n\r\n", head + b"Content-Length: 18446744073709551615\r\n\r\n",
                        head + b"Expect: 100-continue\r\nContent-Length: 1001\r\n\r\n",
                        head + b"Transfer-Encoding: chunked\r\n\r\n3e9\r\n",
                        head + b"Transfer-Encoding: chunked\r\n\r\n3e8\r\n" + b"m" * MAX + b"\r\n1\r\n",
                        head + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n",
                        head + b"Transfer-Encoding: chunked\r\n\r\n" + b"1;%s\r\nm\r\n" % (b"x" * 200) * 500):
            with self.subTest(request=request[:150]):
                client = self.client()
                fields = self.expect(client.send(request), 413)
                self.assertEqual(fields["access-control-allow-origin"], "https://a.example")
                self.assertEqual(fields["connection"], "close")
                self.assertTrue(client.is_closed())

    def test_extensions_and_trailers_are_no_content(self):
        client = self.client()
        self.expect(client.send(b"POST /send HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                                b"0003;a=b;c=\"d\"\r\nabc\r\n2;\r\nde\r\n000;last\r\nX: y\r\nHost: evil\r\n\r\n"), 202)
        self.assertEqual(self.peer.next(), (False, b"abcde"))
        self.expect(client.send(post(b"next")), 202)
        self.assertEqual(self.peer.next(), (False, b"next"))

    def test_broken_bodies_send_nothing(self):
        head = b"POST /send HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        for body in (b"3\nabc\n0\r\n\r\n", b"3\r\nabcd\r\n0\r\n\r\n", b"-3\r\nabc\r\n0\r\n\r\n", b"3 \r\nabc\r\n0\r\n\r\n",
                     b"\r\nabc\r\n0\r\n\r\n", b"3;\0\r\nabc\r\n0\r\n\r\n", b"3\r\nabc\r\n0\r\nX: \x01\r\n\r\n",
                     b"3\r\nabc\r\n0\r\n\rX", b"0x3\r\nabc\r\n0\r\n\r\n"):
            with self.subTest(body=body):
                client = self.client().send(head + body)
                self.expect(client, 400)
                self.assertTrue(client.is_closed())

    def test_a_body_that_does_not_end_sends_nothing(self):
        for request in (post(b"twelve bytes")[:-1], post_chunked([b"abc"])[:-1], post_chunked([b"abc"])[:-4]):
            with self.client().send(request) as client:
                client.socket.shutdown(socket.SHUT_WR)
                self.assertNotIn(b"202", client.rest())

    def test_what_follows_the_length_is_the_next_request(self):
        client = self.client().send(b"POST /send HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nokPOST /send HTTP/1.1\r\n"
                                    b"Host: a\r\nContent-Length: 3\r\n\r\ntooxx\r\n\r\n")
        self.expect(client, 202)
        self.expect(client, 202)
        self.expect(client, 400)
        self.assertTrue(client.is_closed())
        self.assertEqual(self.peer.texts(2), [b"ok", b"too"])

    def test_codings_are_refused(self):
        for coding in (b"gzip", b"br", b"identity, gzip", b"identity\r\nContent-Encoding: deflate", b"x"):
            client = self.client().send(post(b"xx", b"/small", b"Content-Encoding: " + coding + b"\r\n" + ORIGIN))
            self.assertIn("access-control-allow-origin", self.expect(client, 415))
        self.expect(self.client().send(post(b"plain", fields=b"Content-Encoding: Identity\r\n")), 202)
        self.assertEqual(self.peer.next(), (False, b"plain"))


class Exchanges(SendCase):
    def test_pipelined_requests_are_answered_in_order(self):
        requests, expected, texts = b"", [], []
        for i in range(40):
            text = b"n%d" % i
            requests += post(text) + b"GET /404 HTTP/1.1\r\nHost: a\r\n\r\n" + post_chunked([text, b"."])
            requests += post(b"\xff") + b"OPTIONS /send HTTP/1.1\r\nHost: a\r\n\r\n"
            expected += [202, 404, 202, 400, 204]
            texts += [text, text + b"."]
        client = self.client().send(requests)
        self.assertEqual([client.answer()[0] for _ in expected], expected)
        self.assertEqual(self.peer.texts(len(texts)), texts)

    def test_pieces_make_no_difference(self):
        client = self.client()
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        data = post(b"one") + post_chunked([b"t", b"wo"], trailers=b"X: y\r\n") + post(b"three")
        for i in range(len(data)):
            client.send(data[i:i + 1])
        for _ in range(3):
            self.expect(client, 202)
        self.assertEqual(self.peer.texts(3), [b"one", b"two", b"three"])

    def test_expect_continue(self):
        client = self.client()
        client.send(b"POST /send HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(client.head()[0], 100)
        self.expect(client.send(b"hi"), 202)
        self.expect(client.send(post(b"now", fields=b"Expect: 100-continue\r\n")), 202)  # it did not wait
        self.expect(client.send(post(b"never", fields=b"Expect: something\r\n")), 417)
        self.assertEqual(self.peer.texts(2), [b"hi", b"now"])

    def test_slow_bodies(self):
        request, client, slow = post(b"slowly"), self.client(), self.client()
        slow.send(request[:-1])
        for at in range(0, len(request), 10):
            client.send(request[at:at + 10])
            time.sleep(0.02)
        self.expect(client, 202)
        self.expect(slow, 408)
        self.assertTrue(slow.is_closed())
        self.assertEqual(self.peer.next(), (False, b"slowly"))

    def test_the_connection_is_kept(self):
        client = self.client()
        for request, status in ((post(b"\xff"), 400), (post(b"x", b"/own/send"), 404), (post(b"a"), 202),
                                (b"GET /send HTTP/1.1\r\nHost: a\r\n\r\n", 405), (post(b"b"), 202)):
            self.assertNotIn("connection", self.expect(client.send(request), status))
        self.expect(client.send(post(b"last", fields=b"Connection: close\r\n")), 202)
        self.assertTrue(client.is_closed())
        self.assertEqual(self.peer.texts(3), [b"a", b"b", b"last"])

    def test_http_1_0(self):
        client = self.client()
        fields = self.expect(client.send(post(b"a", fields=b"Connection: keep-alive\r\n", version=b"1.0")), 202)
        self.assertEqual(fields["connection"], "keep-alive")
        self.expect(client.send(post(b"b", version=b"1.0")), 202)
        self.assertTrue(client.is_closed())
        self.assertEqual(self.peer.texts(2), [b"a", b"b"])

    def test_other_methods(self):
        client = self.client()
        for method in (b"GET", b"HEAD", b"PUT", b"DELETE", b"PATCH", b"post"):
            client.send(method + b" /send HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nxx")
            status, fields, _ = client.answer(has_body=method != b"HEAD")
            self.assertEqual((status, fields["allow"]), (405, "POST, OPTIONS"))
        client.send(b"GET /send HTTP/1.1\r\nHost: a\r\n" + EVENT_STREAM + b"\r\n")
        self.assertEqual(self.expect(client, 405)["allow"], "POST, OPTIONS")

    def test_preflight(self):
        client = self.client()
        ask = (b"OPTIONS /small HTTP/1.1\r\nHost: a\r\n%sAccess-Control-Request-Method: POST\r\n"
               b"Access-Control-Request-Headers: content-type,x-csrf\r\n\r\n")
        fields = self.expect(client.send(ask % ORIGIN), 204)
        self.assertEqual(fields["access-control-allow-origin"], "https://a.example")
        self.assertIn("POST", fields["access-control-allow-methods"].split(", "))
        self.assertLessEqual({"last-event-id", "content-type", "x-csrf"},
                             set(fields["access-control-allow-headers"].lower().split(", ")))
        fields = self.expect(client.send(ask % b"Origin: https://b.example\r\n"), 204)
        self.assertNotIn("access-control-allow-origin", fields)

    def test_pages_of_other_origins_send_nothing(self):
        client = self.client()
        for path, fields in ((b"/small", b"Origin: https://b.example\r\n"), (b"/small", b"Origin: null\r\n"),
                             (b"/small", b"Origin: https://a.example.evil.example\r\n"),
                             (b"/small", ORIGIN + b"Cookie: a=b\r\n"), (b"/send", ORIGIN), (b"/own/send", ORIGIN[:-2] + b"x\r\n"),
                             (b"/send", b"Origin: http://a:81\r\n"),
                             (b"/send", b"Content-Type: text/plain\r\nOrigin: http://b\r\n")):
            with self.subTest(path=path, fields=fields):
                self.expect(client.send(post(b"forged", path, fields)), 403)
        for path, fields in ((b"/small", ORIGIN), (b"/send", b"Origin: http://a\r\nCookie: a=b\r\n")):
            self.expect(client.send(post(b"fine", path, fields)), 202)
        self.assertEqual(self.peer.texts(2), [b"fine", b"fine"])

    def test_names_of_sessions_that_there_are_not(self):
        client = self.client()
        token = b"0123456789abcdef" * 2
        for name in (b"", b"x", b"-", token, token + b"-", token + b"-1", token + b"-99999999999999999999999",
                     token[:-1] + b"-1", token + token + b"-1", b"a" * 1200):
            for request in (post(b"x", b"/own/send", b"Last-Event-ID: " + name + b"\r\n" + ORIGIN),
                            post(b"x", b"/own/send?lastEventId=" + name[:80], ORIGIN)):
                with self.subTest(request=request[:120]):
                    self.assertIn("access-control-allow-origin", self.expect(client.send(request), 404))
        for request in (post(b"x", b"/own/send?lastEventId=%00%0d%0a%zz&lastEventId"),
                        post(b"x", b"/own/send", b"Last-Event-ID: \xff\xfe\r\n")):
            self.expect(client.send(request), 404)


class Encrypted(SendCase):
    """What a connection has decrypted already lies in no socket that could wake anybody."""

    @staticmethod
    def changes(tidegate):
        certificate, key = make_certificate(tidegate.folder)
        tidegate.tls_port = free_port()
        return {**changes(tidegate), "listen": [
            {"address": "127.0.0.1", "port": tidegate.port},
            {"address": "127.0.0.1", "port": tidegate.tls_port, "tls": {"certificate": certificate, "key": key}}]}

    def test_requests_behind_one_that_waits(self):
        context = ssl.create_default_context(cafile=os.path.join(self.tidegate.folder, "c.pem"))
        texts = [b"%d" % i + b"." * length for i, length in enumerate((1, 10, 5000, 15000, 16384, 65000) * 3)]
        with Client(self.tidegate.tls_port, tls=context) as client:
            client.send(b"".join(post(text) + post_chunked([text[:1], text[1:]])
                                 for text in texts))
            for text in texts:
                for _ in range(2):
                    self.expect(client, 202)
                    self.assertEqual(self.peer.next(), (False, text))
            client.send(b"POST /send HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            self.assertEqual(client.head()[0], 100)
            self.expect(client.send(b"ok"), 202)
        self.assertEqual(self.peer.next(), (False, b"ok"))


if __name__ == "__main__":
    unittest.main()
