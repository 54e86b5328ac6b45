#!/usr/bin/env python3
"""The upstream against hostile backends: handshakes that are refused, wrong, or lead elsewhere.

What a client of the stream sees is looked at: events, and the control events that tell of outages with their reason.
The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import base64
import os
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import (Case, Connection, GOOD, PATIENCE, UP, free_port, marker, serve_good, text, wait_for)


class Handshakes(Case):
    def test_wrong_accept(self):
        def script(connection):
            connection.read_request()
            connection.answer(headers=[("Upgrade", "websocket"), ("Connection", "Upgrade"),
                                       ("Sec-WebSocket-Accept", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=")])
            connection.wait_end()

        self.refuses(script)

    def test_missing_accept(self):
        def script(connection):
            connection.read_request()
            connection.answer(headers=[("Upgrade", "websocket"), ("Connection", "Upgrade")])
            connection.wait_end()

        self.refuses(script)

    def test_missing_upgrade(self):
        def script(connection):
            connection.read_request()
            connection.answer(headers=[("Connection", "Upgrade"), ("Sec-WebSocket-Accept", connection.answer_key())])
            connection.wait_end()

        self.refuses(script)

    def test_extension_nobody_offered(self):
        def script(connection):
            connection.accept([("Sec-WebSocket-Extensions", "permessage-deflate")])
            connection.wait_end()

        self.refuses(script)

    def test_subprotocol_nobody_offered(self):
        def script(connection):
            connection.accept([("Sec-WebSocket-Protocol", "c")])
            connection.wait_end()

        self.refuses(script, subprotocols=["a", "b"])

    def test_subprotocol_that_begins_like_an_offered_one(self):
        def script(connection):
            connection.accept([("Sec-WebSocket-Protocol", "quo")])
            connection.wait_end()

        self.refuses(script, subprotocols=["quotes"])

    def test_subprotocol_without_an_offer(self):
        def script(connection):
            connection.accept([("Sec-WebSocket-Protocol", "c")])
            connection.wait_end()

        self.refuses(script)

    def test_subprotocols_are_offered_in_order(self):
        def script(connection):
            connection.read_request()
            self.assertEqual(connection.headers["sec-websocket-protocol"], "a, b.v1")
            connection.answer(extra=[("Sec-WebSocket-Protocol", "b.v1")])
            connection.send(text("good"))
            connection.wait_end()

        backend = self.backend(script)
        self.expect(self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/", subprotocols=["a", "b.v1"])), UP, GOOD)

    def test_other_status(self):
        for status in ("200 OK", "401 Unauthorized", "403 Forbidden", "404 Not Found", "500 Oops"):
            with self.subTest(status=status):

                def script(connection):
                    connection.read_request()
                    connection.answer(status=status, headers=[("Content-Length", "2")])
                    connection.send(b"no")
                    connection.wait_end()

                self.refuses(script, status=int(status[:3]))

    def test_http_1_0(self):
        def script(connection):
            connection.read_request()
            connection.answer(version="HTTP/1.0")
            connection.wait_end()

        self.refuses(script)

    def test_garbage(self):
        for garbage in (b"\0" * 100, b"SSH-2.0-x\r\n\r\n", b"\r\n\r\n\r\n", b"HTTP/1.1\r\n\r\n", os.urandom(5000)):
            with self.subTest(garbage=garbage[:10]):

                def script(connection):
                    connection.read_request()
                    connection.send(garbage)

                self.refuses(script)

    def test_hang_up_instead_of_an_answer(self):
        def script(connection):
            connection.read_request()

        _, tidegate = self.fails(script, "handshake")
        self.assertIn('"detail":"closed before the handshake was over"', tidegate.read_log())

    def test_nobody_listens(self):
        tidegate = self.tidegate(f"ws://127.0.0.1:{free_port()}/")
        self.expect(self.follow(tidegate), marker("down", "connect"))
        wait_for(lambda: '"detail":"refused, or not to be reached"' in tidegate.read_log(), "the log says why")

    def test_no_answer(self):
        _, tidegate = self.fails(lambda connection: connection.wait_end(), "timeout", connect_timeout="300ms")
        self.assertIn('"detail":"no answer in time"', tidegate.read_log())

    def test_endless_headers(self):
        def script(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 101 X\r\n")
            for i in range(4000):
                connection.send(b"X-%d: %s\r\n" % (i, b"v" * 100))
            connection.wait_end()

        self.refuses(script)

    def test_heads_that_are_not_http_by_the_letter(self):
        def script(connection):
            connection.read_request()
            connection.send((head + "\r\n").replace("ACCEPT", connection.answer_key()).encode("latin-1") + text("bad"))
            connection.wait_end()

        good = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Accept: ACCEPT\r\n")
        for what, head in {
            "two accepts": good + "Sec-WebSocket-Accept: ACCEPT\r\n",
            "folded line": good + "X-A: b\r\n c\r\n",
            "bare line feed": good + "X-A: b\n",
            "bare carriage return": good + "X-A: b\rc\r\n",
            "NUL": good + "X-A: \0\r\n",
            "space before the colon": good + "X-A : b\r\n",
            "no name": good + ": b\r\n",
            "no colon": good + "X-A\r\n",
            "other upgrade": good.replace("Upgrade: websocket", "Upgrade: h2c"),
            "no connection": good.replace("Connection: Upgrade", "Connection: close"),
            "HTTP/2": good.replace("HTTP/1.1", "HTTP/2"),
        }.items():
            with self.subTest(what=what):
                self.refuses(script)

    def test_informational_answers_come_first(self):
        def script(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            connection.answer()
            connection.send(text("good"))
            connection.wait_end()

        backend = self.backend(script)
        self.expect(self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/")), UP, GOOD)

    def test_answer_cut_at_each_byte(self):
        backend = None

        def script(connection):
            connection.read_request()
            answer = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Accept: {connection.answer_key()}\r\n\r\n").encode() + text("first") + text("good")
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            cut = backend.connections
            connection.send(answer[:cut])
            time.sleep(0.003)
            connection.send(answer[cut:])
            if cut >= len(answer):
                backend.seen.put(cut)
                connection.wait_end()

        backend = self.backend(script)
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/", reconnect={"first": "10ms", "max": "10ms"}))
        for _ in range(backend.seen.get(timeout=PATIENCE) - 1):
            self.expect(client, UP, ("message", "first"), GOOD, marker("down", "closed"))

    def test_a_long_path(self):
        path = "/" + "p" * 7_999
        backend = None

        def script(connection):
            connection.read_request()
            backend.seen.put(connection.request)
            connection.answer()
            connection.wait_end()

        backend = self.backend(script)
        self.tidegate(f"ws://127.0.0.1:{backend.port}{path}")
        self.assertEqual(backend.seen.get(timeout=PATIENCE), f"GET {path} HTTP/1.1")

    def test_an_http_proxy_of_the_environment_is_not_asked(self):
        backend = self.backend(serve_good)
        proxy = self.backend(lambda connection: connection.wait_end())
        env = {"http_proxy": f"http://127.0.0.1:{proxy.port}"}
        self.expect(self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/", {"env": env})), UP, GOOD)
        self.assertEqual(proxy.connections, 0)

    def test_answer_byte_by_byte(self):
        def script(connection):
            connection.read_request()
            answer = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Accept: {connection.answer_key()}\r\n\r\n").encode() + text("good")
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for i in range(len(answer)):
                connection.send(answer[i : i + 1])
            connection.wait_end()

        backend = self.backend(script)
        self.expect(self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/")), UP, GOOD)

    def test_request_headers(self):
        backend = None

        def script(connection):
            connection.read_request()
            backend.seen.put((connection.request, connection.headers, connection.header_list))
            connection.answer()
            connection.send(text("good"))
            connection.wait_end()

        backend = self.backend(script)
        self.expect(
            self.follow(
                self.tidegate(f"ws://127.0.0.1:{backend.port}/a/b?c=d&e=%20f", origin="https://app.example",
                              headers={"X-One": "1", "X-Two": "zwei"}, auth={"bearer": "tok"})
            ),
            UP, GOOD,
        )
        request, headers, header_list = backend.seen.get(timeout=PATIENCE)
        self.assertEqual(request, "GET /a/b?c=d&e=%20f HTTP/1.1")
        self.assertEqual(headers["host"], f"127.0.0.1:{backend.port}")
        self.assertEqual(headers["origin"], "https://app.example")
        self.assertEqual((headers["x-one"], headers["x-two"]), ("1", "zwei"))
        self.assertEqual(headers["authorization"], "Bearer tok")
        self.assertEqual(headers["sec-websocket-version"], "13")
        self.assertNotIn("sec-websocket-extensions", headers)
        names = [name.lower() for name, _ in header_list]
        self.assertEqual(len(names), len(set(names)))

    def test_basic_auth(self):
        backend = None

        def script(connection):
            connection.read_request()
            backend.seen.put(connection.headers.get("authorization"))
            connection.answer()
            connection.wait_end()

        backend = self.backend(script)
        self.tidegate(f"ws://127.0.0.1:{backend.port}/", auth={"basic": {"user": "u", "password": "p:w"}})
        self.assertEqual(backend.seen.get(timeout=PATIENCE), "Basic " + base64.b64encode(b"u:p:w").decode())

    def retry_after(self, value, at_least):
        def script(connection):
            connection.read_request()
            connection.answer(status="503 Later", headers=[("Retry-After", value()), ("Content-Length", "0")])
            connection.wait_end()

        backend, _ = self.fails(script, "handshake", status=503)
        self.assertGreaterEqual(backend.times[1] - backend.times[0], at_least)

    def test_retry_after_in_seconds(self):
        self.retry_after(lambda: "1", 0.99)

    def test_retry_after_as_a_date(self):
        self.retry_after(lambda: time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 2)), 0.99)


class Redirects(Case):
    def redirect(self, location, status="302 Found"):
        def script(connection):
            connection.read_request()
            connection.answer(status=status, headers=[("Location", location), ("Content-Length", "0")])
            connection.wait_end()

        return script

    def test_each_status_and_form(self):
        backend = None

        def final(connection):
            connection.read_request()
            backend.seen.put(connection.request.split()[1])
            connection.answer()
            connection.send(text("good"))
            connection.wait_end()

        for status, location, path in (
            ("301 X", "/other?x=1", "/other?x=1"),
            ("302 X", "next", "/a/next"),
            ("303 X", "../up", "/up"),
            ("307 X", "ws://127.0.0.1:{port}/abs", "/abs"),
            ("308 X", "http://127.0.0.1:{port}", "/"),
            ("302 X", "//127.0.0.1:{port}/p#frag", "/p"),
            ("302 X", "?q=2", "/a/b?q=2"),
        ):
            with self.subTest(location=location):
                backend = self.backend(
                    lambda connection: self.redirect(location.format(port=backend.port), status)(connection), final
                )
                self.expect(self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/a/b?q=1")), UP, GOOD)
                self.assertEqual(backend.seen.get(timeout=PATIENCE), path)

    def test_endless_redirects(self):
        backend = self.backend(self.redirect("/again"))
        client = self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/", max_redirects=3,
                                           reconnect={"first": "20s", "max": "20s"}))
        self.expect(client, marker("down", "redirect"))
        self.assertEqual(backend.connections, 4)

    def test_redirects_to_nowhere(self):
        for location in ("ftp://127.0.0.1/", "http://", "ws://user@127.0.0.1/", "ws://127.0.0.1:99999/", "ws://[::1/",
                         "javascript:alert(1)", "ws://a b/", "/with space"):
            with self.subTest(location=location):
                self.refuses(self.redirect(location), "redirect")

    def test_redirect_without_location(self):
        def script(connection):
            connection.read_request()
            connection.answer(status="302 Found", headers=[("Content-Length", "0")])
            connection.wait_end()

        self.refuses(script, "redirect")

    def test_no_secrets_for_another_host(self):
        other = None

        def final(connection):
            connection.read_request()
            other.seen.put(connection.headers)
            connection.answer()
            connection.send(text("good"))
            connection.wait_end()

        other = self.backend(final)
        backend = self.backend(self.redirect(f"ws://localhost:{other.port}/x"))
        tidegate = self.tidegate(f"ws://127.0.0.1:{backend.port}/", headers={"X-Secret": "s"}, auth={"bearer": "tok"})
        self.expect(self.follow(tidegate), UP, GOOD)
        headers = other.seen.get(timeout=PATIENCE)
        self.assertEqual(headers["host"], f"localhost:{other.port}")
        self.assertNotIn("authorization", headers)
        self.assertNotIn("x-secret", headers)

    def test_secrets_stay_with_the_same_host(self):
        backend = None

        def final(connection):
            connection.read_request()
            backend.seen.put(connection.headers.get("authorization"))
            connection.answer()
            connection.wait_end()

        backend = self.backend(self.redirect("/there"), final)
        self.tidegate(f"ws://127.0.0.1:{backend.port}/", auth={"bearer": "tok"})
        self.assertEqual(backend.seen.get(timeout=PATIENCE), "Bearer tok")


if __name__ == "__main__":
    unittest.main()
