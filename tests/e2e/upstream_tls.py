#!/usr/bin/env python3
"""The upstream against hostile backends: TLS, and a real WebSocket library.

What a client of the stream sees is looked at: events, and the control events that tell of outages with their reason.
The binary comes from TIDEGATE_BIN (default: build/tidegate).
"""
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from hostile_backend import (CLOSE, Case, GOOD, PATIENCE, Tidegate, UP, frame, free_port, marker, serve_good,
                             text, wait_for)


class Library(Case):
    """A backend made with python3-websockets, which many real ones are; it offers compression and closes properly."""

    def serve(self, handler, **options):
        try:
            import asyncio
            import websockets
        except ImportError:
            self.skipTest("python3-websockets is not installed")
        port = free_port()
        ready = threading.Event()
        loop = asyncio.new_event_loop()

        async def main():
            self.server = await websockets.serve(handler, "127.0.0.1", port, **options)
            ready.set()

        def run():
            loop.run_until_complete(main())
            loop.run_forever()

        async def end():
            self.server.close()
            await self.server.wait_closed()

        def close():
            asyncio.run_coroutine_threadsafe(end(), loop).result(PATIENCE)
            loop.call_soon_threadsafe(loop.stop)

        threading.Thread(target=run, daemon=True).start()
        self.assertTrue(ready.wait(PATIENCE))
        self.addCleanup(close)
        return port

    def test_login_subscribe_receive(self):
        async def handler(websocket, path=None):
            self.assertEqual(json.loads(await websocket.recv()), {"op": "login"})
            self.assertEqual(await websocket.recv(), b"\0\1")
            for i in range(100):
                await websocket.send(json.dumps({"type": "tick", "seq": i, "data": {"n": i / 10}}))
            await websocket.send(["frag", "men", "ted"])
            await websocket.wait_closed()

        port = self.serve(handler, subprotocols=["quotes.v1"], ping_interval=0.1)
        tidegate = self.tidegate(f"ws://127.0.0.1:{port}/", subprotocols=["other", "quotes.v1"], ping_every="100ms",
                                 on_open=[{"op": "login"}, {"$base64": "AAE="}],
                                 stream={"translate": {"event": "/type", "data": "/data"}})
        self.expect(self.follow(tidegate), UP, *(("tick", json.dumps({"n": i / 10}, separators=(",", ":")))
                                                 for i in range(100)))
        wait_for(lambda: "message_dropped" in tidegate.read_log(), "what is no JSON is dropped")

    def test_each_end_is_followed_by_a_reconnect(self):
        count = 0

        async def handler(websocket, path=None):
            nonlocal count
            count += 1
            await websocket.send(f"{count}")
            if count < 4:
                await websocket.close(code=[1000, 1001, 4321][count - 1], reason="ende – Ende")
            await websocket.wait_closed()

        port = self.serve(handler)
        down = marker("down", "closed")
        self.expect(self.follow(self.tidegate(f"ws://127.0.0.1:{port}/")), UP, ("message", "1"), down, UP,
                    ("message", "2"), down, UP, ("message", "3"), down, UP, ("message", "4"))


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Tls(Case):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.ca = cls.make("ca", None, ["-addext", "basicConstraints=critical,CA:TRUE"])
        cls.local = cls.make("local", "ca", ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1"])
        cls.named = cls.make("named", "ca", ["-addext", "subjectAltName=DNS:legacy.internal"])
        cls.other = cls.make("other", None, ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        cls.client = cls.make("client", "ca", [])

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def path(cls, name):
        return os.path.join(cls.folder.name, name)

    @classmethod
    def make(cls, name, issuer, extensions):
        key, certificate, request = cls.path(name + ".key"), cls.path(name + ".crt"), cls.path(name + ".csr")
        common = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-subj", "/CN=" + name]
        if not issuer:
            openssl("req", "-x509", *common, "-days", "2", *extensions, "-out", certificate)
        else:
            openssl("req", "-new", *common, *extensions, "-out", request)
            openssl("x509", "-req", "-in", request, "-CA", cls.path(issuer + ".crt"), "-CAkey", cls.path(issuer + ".key"),
                    "-CAcreateserial", "-days", "2", "-copy_extensions", "copyall", "-out", certificate)
        return certificate

    def context(self, name, **options):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(name + ".crt"), self.path(name + ".key"))
        for key, value in options.items():
            setattr(context, key, value)
        return context

    def good(self, certificate, host="127.0.0.1", **tls):
        backend = self.backend(serve_good, tls=self.context(certificate))
        client = self.follow(self.tidegate(f"wss://{host}:{backend.port}/", tls=tls))
        self.expect(client, UP, GOOD)

    def bad(self, certificate, host="127.0.0.1", **tls):
        backend = self.backend(serve_good, tls=self.context(certificate))
        tidegate = self.tidegate(f"wss://{host}:{backend.port}/", tls=tls)
        self.expect(self.follow(tidegate), marker("down", "tls"))
        return tidegate

    def test_own_ca_and_name(self):
        self.good("local", "localhost", ca=self.ca)

    def test_address_in_the_certificate(self):
        self.good("local", "127.0.0.1", ca=self.ca)

    def test_address_not_in_the_certificate(self):
        self.bad("named", "127.0.0.1", ca=self.ca)

    def test_name_not_in_the_certificate(self):
        tidegate = self.bad("named", "localhost", ca=self.ca)
        wait_for(lambda: "mismatch" in tidegate.read_log(), "the log says why")

    def test_ipv6_address_in_the_certificate(self):
        try:
            backend = self.backend(serve_good, tls=self.context("local"), address="::1")
        except OSError:
            self.skipTest("no IPv6 here")
        self.expect(self.follow(self.tidegate(f"wss://[::1]:{backend.port}/", tls={"ca": self.ca})), UP, GOOD)

    def test_certificate_of_nobody(self):
        self.bad("other", "localhost", ca=self.ca)

    def test_certificate_unknown_to_the_system(self):
        self.bad("local", "localhost")

    def test_server_name_stands_in_for_the_host(self):
        seen = []
        context = self.context("named")
        context.sni_callback = lambda sock, name, ctx: seen.append(name)
        backend = self.backend(serve_good, tls=context)
        tidegate = self.tidegate(f"wss://127.0.0.1:{backend.port}/", tls={"ca": self.ca, "server_name": "legacy.internal"})
        self.expect(self.follow(tidegate), UP, GOOD)
        self.assertEqual(seen, ["legacy.internal"])

    def test_no_sni_for_an_address(self):
        seen = []
        context = self.context("local")
        context.sni_callback = lambda sock, name, ctx: seen.append(name)
        backend = self.backend(serve_good, tls=context)
        self.expect(self.follow(self.tidegate(f"wss://127.0.0.1:{backend.port}/", tls={"ca": self.ca})), UP, GOOD)
        self.assertEqual(seen, [None])

    def test_unverified_warns(self):
        backend = self.backend(serve_good, tls=self.context("other"))
        tidegate = self.tidegate(f"wss://127.0.0.1:{backend.port}/", tls={"verify": False})
        self.expect(self.follow(tidegate), UP, GOOD)
        self.assertIn("unverified_tls", tidegate.read_log())

    def test_client_certificate(self):
        context = self.context("local", verify_mode=ssl.CERT_REQUIRED)
        context.load_verify_locations(self.ca)
        backend = self.backend(serve_good, tls=context)
        tls = {"ca": self.ca, "certificate": self.client, "key": self.path("client.key")}
        self.expect(self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls=tls)), UP, GOOD)

    def test_old_tls(self):
        context = self.context("local")
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        backend = self.backend(serve_good, tls=context)
        client = self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca}))
        self.expect(client, marker("down", "tls"))

    def test_no_tls_at_all(self):
        backend = self.backend(lambda connection: connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        client = self.follow(self.tidegate(f"wss://127.0.0.1:{backend.port}/", tls={"ca": self.ca}))
        self.expect(client, marker("down", "tls"))

    def test_a_client_certificate_that_is_missing(self):
        context = self.context("local", verify_mode=ssl.CERT_REQUIRED)
        context.load_verify_locations(self.ca)
        backend = self.backend(serve_good, tls=context)
        client = self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca}))
        self.expect(client, marker("down", "tls"))

    def test_tls_1_2(self):
        context = self.context("local")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        backend = self.backend(serve_good, tls=context)
        self.expect(self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca})), UP, GOOD)

    def test_alpn(self):
        context = self.context("local")
        context.set_alpn_protocols(["h2", "http/1.1"])
        backend = None

        def script(connection):
            backend.seen.put(connection.sock.selected_alpn_protocol())
            serve_good(connection)

        backend = self.backend(script, tls=context)
        self.expect(self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca})), UP, GOOD)
        self.assertEqual(backend.seen.get(timeout=PATIENCE), "http/1.1")

    def cut_tls(self, step, script):
        """TLS whose records come in pieces of `step` bytes."""

        def serve(connection):
            raw = connection.sock
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sealed_in, sealed_out = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = self.context("local").wrap_bio(sealed_in, sealed_out, server_side=True)

            def flush():
                data = sealed_out.read()
                for i in range(0, len(data), step):
                    raw.sendall(data[i : i + step])

            def run(call, *arguments):
                while True:
                    try:
                        return call(*arguments)
                    except ssl.SSLWantReadError:
                        flush()
                        data = raw.recv(65536)
                        if not data:
                            raise ConnectionError("end of stream") from None
                        sealed_in.write(data)
                    finally:
                        flush()

            class Socket:
                recv = staticmethod(lambda count: run(tls.read, count))
                sendall = staticmethod(lambda data: run(tls.write, data))

            run(tls.do_handshake)
            connection.sock = Socket
            script(connection)

        return serve

    def test_records_cut_anywhere(self):
        for step in (1, 3, 1000):
            with self.subTest(step=step):
                backend = self.backend(self.cut_tls(step, serve_good))
                self.expect(self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca})), UP, GOOD)

    def test_garbage_instead_of_records(self):
        def script(connection):
            connection.accept()
            connection.send(text("good"))
            os.write(connection.sock.fileno(), os.urandom(5000))
            connection.wait_end()

        backend = self.backend(script, serve_good, tls=self.context("local"))
        client = self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca}))
        self.expect(client, UP, GOOD, marker("down", "protocol"), UP, GOOD)

    def test_large_login_over_tls(self):
        large = "L" * 3_000_000
        backend = None

        def script(connection):
            connection.accept()
            for _ in range(100):
                connection.send(text("x" * 65_000))
            backend.seen.put(len(connection.read_frame()[1]))
            connection.wait_end()

        backend = self.backend(script, tls=self.context("local"))
        self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca}, on_open=[large])
        self.assertEqual(backend.seen.get(timeout=PATIENCE), len(large))

    def test_large_message_over_tls(self):
        payload = "y" * 700_000

        def script(connection):
            connection.accept()
            connection.send(text(payload))
            connection.wait_end()

        backend = self.backend(script, tls=self.context("local"))
        client = self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca}, max_message="1MiB"))
        self.expect(client, UP, ("message", payload))

    def test_close_over_tls(self):
        def script(connection):
            connection.accept()
            connection.send(frame(CLOSE, struct.pack(">H", 1000)))
            connection.read_frame()

        backend = self.backend(script, serve_good, tls=self.context("local"))
        client = self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca}))
        self.expect(client, UP, marker("down", "closed"), UP, GOOD)

    def test_hang_up_over_tls(self):
        def script(connection):
            connection.accept()
            connection.send(text("a"))
            connection.sock.unwrap()

        backend = self.backend(script, serve_good, tls=self.context("local"))
        client = self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca}))
        self.expect(client, UP, ("message", "a"), marker("down", "closed"), UP, GOOD)

    def test_breach_over_tls(self):
        def script(connection):
            connection.accept()
            connection.send(frame(3, b"x"))
            connection.wait_end()

        backend = self.backend(script, serve_good, tls=self.context("local"))
        client = self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca}))
        self.expect(client, UP, marker("down", "protocol"), UP, GOOD)

    def test_redirect_never_leaves_tls(self):
        plain = self.backend(serve_good)

        def script(connection):
            connection.read_request()
            connection.answer(status="302 X", headers=[("Location", f"ws://localhost:{plain.port}/"), ("Content-Length", "0")])
            connection.wait_end()

        backend = self.backend(script, tls=self.context("local"))
        client = self.follow(self.tidegate(f"wss://localhost:{backend.port}/", tls={"ca": self.ca}))
        self.expect(client, marker("down", "redirect"))
        self.assertEqual(plain.connections, 0)

    def test_redirect_into_tls(self):
        secure = self.backend(serve_good, tls=self.context("local"))

        def script(connection):
            connection.read_request()
            connection.answer(status="301 X", headers=[("Location", f"https://localhost:{secure.port}/"),
                                                       ("Content-Length", "0")])
            connection.wait_end()

        backend = self.backend(script)
        self.expect(self.follow(self.tidegate(f"ws://127.0.0.1:{backend.port}/", tls={"ca": self.ca})), UP, GOOD)

    def test_files_that_do_not_load_end_the_start(self):
        for tls in ({"ca": "/nonexistent.pem"}, {"ca": self.path("ca.key")},
                    {"certificate": self.client, "key": self.path("ca.key")}):
            with self.subTest(tls=tls):
                with self.assertRaisesRegex(AssertionError, "Tidegate ended"):
                    Tidegate({"kind": "websocket", "url": "wss://127.0.0.1:1/", "tls": tls})


if __name__ == "__main__":
    unittest.main()
