"""Requests, held connections, accepts, what is refused."""

import json
import shutil
import subprocess
import tempfile

from load_checks.support import Case, chunk, CHUNKED, event, head, make_tls, PROGRAM


class Others(Case):
    def test_streams(self):
        def serve(connection, head_text):
            stream = int(head_text.split()[1].rsplit("/", 1)[1])
            connection.sendall(CHUNKED + chunk(event(1000 * stream + 1) + event(1000 * stream + 2)))
            self.server.hold()

        load = self.start(serve, "/s/{stream}", "--streams", "3")
        self.connect(load, 9)
        self.assert_counts(load.wait_for(events=18), events=18, min_seq=2, max_seq=2002)
        paths = sorted(text.split()[1] for text in self.server.heads)
        self.assertEqual(paths, ["/s/0"] * 3 + ["/s/1"] * 3 + ["/s/2"] * 3)

    def test_request(self):
        load = self.start(self.serve_bytes(CHUNKED + chunk(":\n")), "/x?y=z")
        self.connect(load)
        lines = self.server.heads[0].split("\r\n")
        self.assertEqual(lines[0], "GET /x?y=z HTTP/1.1")
        self.assertIn(f"Host: 127.0.0.1:{self.server.port}", lines)
        self.assertIn("Accept: text/event-stream", lines)

    def test_rate(self):
        load = self.start(self.serve_bytes(CHUNKED + chunk(":\n")))
        answer = load("connect clients=20 rate=100")
        self.assertEqual(answer["connected"], 20)
        self.assertTrue(0.18 < answer["seconds"] < 0.5, answer)

    def test_hold_and_close(self):
        closed = []

        def serve(connection, _head):
            closed.append(connection.recv(100))

        load = self.start(serve, reads_head=False)
        self.assertEqual(load("hold clients=30 rate=1000"), {"held": 30, "failed": 0})
        self.assertEqual(load("report")["held"], 30)
        self.assertEqual(load("close"), {})
        self.assertEqual(load("report")["held"], 0)

    def test_source(self):
        sources = []

        def serve(connection, _head):
            sources.append(connection.getpeername()[0])
            connection.sendall(CHUNKED + chunk(":\n"))
            self.server.hold()

        load = self.start(serve, "/", "--source", "127.0.0.9")
        self.connect(load, 2)
        self.assertEqual(sources, ["127.0.0.9"] * 2)

    def check_accepts(self, response, **server):
        load = self.start(lambda connection, _head: connection.sendall(response), **server)
        answer = load("accepts seconds=0.3 concurrency=4 path=/none")
        self.assertGreater(answer["accepts"], 10)
        self.assertEqual((answer["failed"], answer["status"]), (0, 404))
        self.assertIn("GET /none HTTP/1.1\r\n", self.server.heads[0])
        self.assertAlmostEqual(answer["seconds"], 0.3, delta=0.1)

    def test_accepts(self):
        self.check_accepts(head(404, "Content-Length: 5") + b"none\n")

    def test_accepts_until_close(self):
        self.check_accepts(head(404) + b"none\n")

    def test_accepts_chunked_tls(self):
        if not shutil.which("openssl"):
            self.skipTest("no openssl to make a certificate with")
        with tempfile.TemporaryDirectory() as folder:
            tls = make_tls(folder)
        self.check_accepts(head(404, "Transfer-Encoding: chunked") + chunk("none") + chunk(""), tls=tls)

    def test_accepts_that_fail(self):
        load = self.start(lambda connection, _head: connection.sendall(CHUNKED[:20]))
        answer = load("accepts seconds=0.2 concurrency=4")
        self.assertEqual((answer["accepts"], answer["status"]), (0, 0))
        self.assertGreater(answer["failed"], 0)

    def test_errors(self):
        load = self.start(self.serve_bytes(b""))
        for line in (
            "",
            "dance",
            "connect",
            "connect clients=x",
            "connect clients=-1",
            "connect clients=1 speed=3",
            "until",
            "accepts",
            "accepts seconds=1 path=x",
            "freeze",
            "report all=1",
        ):
            self.assertEqual(list(load(line)), ["error"], line)

    def test_command_line(self):
        target = ["--target", "127.0.0.1:1"]
        for arguments in (
            [],
            ["--target", "localhost:80"],
            ["--target", "127.0.0.1:0"],
            ["--faster"],
            [*target, "x"],
            [*target, "--path", "x"],
            [*target, "--slot", "1"],
            [*target, "--progress", "/none", "--slot", "1"],
        ):
            result = subprocess.run([PROGRAM, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=5)
            self.assertEqual((result.returncode, result.stdout), (2, b""), arguments)
            self.assertTrue(result.stderr)

    def test_commands_from_a_file(self):
        with tempfile.TemporaryFile("w+") as file:
            file.write("hold clients=0\nreset\nclose\n")
            file.seek(0)
            result = subprocess.run([PROGRAM, "--target", "127.0.0.1:1"], stdin=file, capture_output=True, timeout=5)
        self.assertEqual(result.returncode, 0)
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertEqual(lines, [{"ready": True}, {"held": 0, "failed": 0}, {}, {}])
