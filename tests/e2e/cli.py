#!/usr/bin/env python3
"""The command line from outside: messages, exit codes, signals, `listen` and the demo.

TIDEGATE_BIN names the binary; build/tidegate unless set."""
import contextlib
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
from ports import free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("TIDEGATE_BIN") or os.path.join(ROOT, "build", "tidegate")
PATIENCE_S = 60


def run(*words, env=None, cwd=None, given=None):
    return subprocess.run([BINARY, *words], capture_output=True, text=True, timeout=PATIENCE_S, cwd=cwd,
                          input=given, env={**os.environ, **(env or {})}, check=False)


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited in vain: {what}")


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


class Process:
    """A running binary whose output is collected."""

    def __init__(self, *words, env=None, cwd=None, given=None):
        self.errors = tempfile.TemporaryFile("w+")
        self.output = tempfile.TemporaryFile("w+")
        self.child = subprocess.Popen([BINARY, *words], stdout=self.output, stderr=self.errors, cwd=cwd, text=True,
                                      stdin=subprocess.PIPE if given else None, env={**os.environ, **(env or {})})
        if given:
            with self.child.stdin as stdin:
                stdin.write(json.dumps(given))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.errors.close()
        self.output.close()

    @staticmethod
    def read(file):
        return os.pread(file.fileno(), 1 << 22, 0).decode()

    def stderr(self):
        return self.read(self.errors)

    def stdout(self):
        return self.read(self.output)

    def log(self):
        return [json.loads(line) for line in self.stderr().splitlines() if line.startswith("{")]

    def wait_for(self, event):
        def find():
            found = [line for line in self.log() if line["event"] == event]
            assert found or self.child.poll() is None, f"it ended before {event}:\n{self.stderr()}"
            return found
        return wait_until(f"{event} in the log", find)[0]

    def signal(self, number):
        self.child.send_signal(number)

    def exit_code(self):
        return self.child.wait(PATIENCE_S)


def config(**changes):
    return {
        "listen": [{"address": "127.0.0.1", "port": 0}],
        "admin": {"port": 0},
        "log": {"format": "json"},
        "drain": "0s",
        "streams": {"s": {"upstream": {"kind": "websocket", "url": "ws://127.0.0.1:1/",
                                       "reconnect": {"first": "1s", "max": "1s"}}}},
        "routes": [{"path": "/events", "stream": "s"}],
        **changes,
    }


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, content, name="t.json"):
        path = os.path.join(self.folder.name, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(content if isinstance(content, str) else json.dumps(content, indent=1))
        return path

    def start(self, content, env=None):
        process = Process("run", "-c", self.write(content), env=env)
        self.enterContext(process) if hasattr(self, "enterContext") else self.addCleanup(process.__exit__)
        return process

    def listeners(self, process):
        process.wait_for("ready")
        return {line["server"]: f"http://127.0.0.1:{line['port']}" for line in process.log()
                if line["event"] == "listening"}


class Usage(Case):
    def test_no_arguments_show_the_commands(self):
        done = run()
        self.assertEqual(done.returncode, 2)
        self.assertIn("healthcheck", done.stderr)

    def test_help_is_everywhere(self):
        self.assertEqual(run("--help").returncode, 0)
        self.assertIn("Commands:", run("help").stdout)
        for command in "run check schema reference demo listen healthcheck version help".split():
            for words in ((command, "--help"), ("help", command)):
                done = run(*words)
                self.assertEqual((done.returncode, done.stderr), (0, ""), words)
                self.assertTrue(done.stdout.startswith(f"Usage: tidegate {command}"), words)

    def test_help_fits_a_terminal_of_80_columns(self):
        for words in (("help",), *(("help", command) for command in re.findall(r"^  (\w+)  ", run("help").stdout, re.M))):
            for line in run(*words).stdout.splitlines():
                self.assertLessEqual(len(line), 80, f"{words}: {line}")

    def test_help_speaks_of_every_kind_of_backend(self):
        text = run("--help").stdout
        for words in ("WebSocket", "event stream", "JSON on each line", "polls"):
            self.assertIn(words, text)

    def test_an_unknown_command_names_the_nearest(self):
        for words in (("chekc",), ("help", "chekc")):
            done = run(*words)
            self.assertEqual(done.returncode, 2)
            self.assertIn('unknown command "chekc"; did you mean "check"?', done.stderr)
        self.assertIn("tidegate run my.json", run("my.json").stderr)

    def test_an_unknown_option_names_the_nearest(self):
        done = run("run", "--confg", "x")
        self.assertEqual(done.returncode, 2)
        self.assertIn('unknown option "--confg"; did you mean "--config"?', done.stderr)

    def test_a_missing_configuration_is_told(self):
        for command in ("run", "check", "translate"):
            done = run(command, cwd=self.folder.name, given="")
            self.assertEqual(done.returncode, 2)
            self.assertIn("name one with -c FILE; there is neither ./tidegate.json nor /etc/tidegate/", done.stderr)

    def test_version(self):
        done = run("version")
        self.assertRegex(done.stdout, r"^tidegate [0-9]+\.[0-9]+\.[0-9]+\n$")
        self.assertEqual(run("--version").stdout, done.stdout)

    def test_output_that_cannot_be_written_is_a_failure(self):
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([BINARY, "schema"], stdout=full, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 1)


class Check(Case):
    def test_a_good_file_is_ok(self):
        path = self.write(config())
        done = run("check", "-c", path)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, f"{path}: ok\n", ""))

    def test_all_errors_are_listed_with_their_places(self):
        path = self.write('{\n "strems": {},\n "routes": [ { "path": 7 } ]\n}\n')
        for words in (("check", "-c", path), ("run", "-c", path), ("-c", path)):
            done = run(*words)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn(f'{path}:2:2: strems: unknown key; did you mean "streams"?', done.stderr)
            self.assertRegex(done.stderr, r":3:\d+: routes\[0\]\.path: ")
            for line in done.stderr.splitlines():
                self.assertRegex(line, r"^.+:\d+:\d+: ")

    def test_the_file_may_be_an_operand_standard_input_or_in_the_usual_place(self):
        path = self.write(config(), "tidegate.json")
        ok = f"{path}: ok\n"
        for done, expected in ((run("check", path), ok), (run("check", "-c", "-", given=json.dumps(config())), "stdin: ok\n"),
                               (run("check", "-", given=json.dumps(config())), "stdin: ok\n"),
                               (run("check", cwd=self.folder.name), "tidegate.json: ok\n")):
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, expected, ""))
        done = run("translate", cwd=self.folder.name, given="one\n")
        self.assertEqual((done.returncode, done.stdout), (0, "data: one\n\n"))

    def test_the_file_is_named_once(self):
        path = self.write(config())
        self.assertIn("given twice", run("check", "-c", path, path).stderr)
        self.assertIn("standard input", run("translate", "-c", "-", given="").stderr)
        self.assertIn("stdin:1:2: syntax: a key needs double quotes", run("check", "-", given="{a: 1}").stderr)

    def test_a_missing_file_is_told(self):
        done = run("check", "-c", os.path.join(self.folder.name, "none.json"))
        self.assertEqual(done.returncode, 2)
        self.assertIn("none.json", done.stderr)

    def test_warnings_are_told_by_check_and_at_the_start_and_are_errors_when_strict(self):
        content = config()
        content["streams"]["unused"] = {"upstream": {"url": "ws://127.0.0.1:1/"}}
        content["streams"]["s"]["translate"] = {"event": "type", "data": "/payload"}
        path = self.write(content)
        done = run("check", path)
        self.assertEqual((done.returncode, done.stdout), (0, f"{path}: ok, with 2 warnings\n"))
        event, unused = done.stderr.splitlines()
        self.assertRegex(event, r'^.+:\d+:\d+: warning: streams\.s\.translate\.event: .*did you mean "/type"\?$')
        self.assertRegex(unused, r"^.+:\d+:\d+: warning: streams\.unused: no route leads to this stream$")
        strict = run("check", "--strict", path)
        self.assertEqual((strict.returncode, strict.stdout, strict.stderr), (2, "", done.stderr))
        process = self.start(content)
        process.wait_for("ready")
        told = [line for line in process.log() if line["event"] == "configuration_warning"]
        self.assertEqual([(line["level"], line["detail"]) for line in told], [("warning", event), ("warning", unused)])
        self.assertEqual(run("check", "--strict", self.write(config())).returncode, 0)

    def test_what_would_fail_the_start_fails_the_check(self):
        large = config()
        large["streams"]["s"]["upstream"]["headers"] = {"X-Large": "v" * 28 * 1024}
        port = free_port()
        listeners = config(listen=[{"port": port}, {"address": "127.0.0.1", "port": port}])
        pipe = config(routes=[{"path": "/", "file": "/dev/null"}])
        for content, place in ((large, "streams.s.upstream.headers: "), (listeners, "listen[1].port: "),
                               (pipe, "routes[0].file: ")):
            done = run("check", self.write(content))
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertRegex(done.stderr, r":\d+:\d+: " + re.escape(place))

    def test_an_unset_variable_is_an_error_and_a_set_one_is_not(self):
        content = config()
        content["streams"]["s"]["upstream"]["headers"] = {"Authorization": "Bearer ${TG_TEST_TOKEN}"}
        path = self.write(content)
        done = run("check", "-c", path)
        self.assertEqual(done.returncode, 2)
        self.assertIn("TG_TEST_TOKEN", done.stderr)
        self.assertEqual(run("check", "-c", path, env={"TG_TEST_TOKEN": "x"}).returncode, 0)

    def test_the_schema_is_json_and_names_the_options(self):
        schema = json.loads(run("schema").stdout)
        self.assertEqual(schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
        self.assertIn("streams", schema["properties"])

    def test_the_reference_is_markdown(self):
        done = run("reference")
        self.assertEqual(done.returncode, 0)
        self.assertIn("#", done.stdout)
        self.assertIn("max_message", done.stdout)


class Serving(Case):
    def test_it_says_where_it_listens_and_answers_there(self):
        process = self.start(config())
        at = self.listeners(process)
        self.assertEqual(get(at["admin"] + "/healthz"), (200, "ok\n"))
        self.assertEqual(get(at["admin"] + "/readyz")[0], 503)
        self.assertIn("tidegate_build_info", get(at["admin"] + "/metrics")[1])
        self.assertEqual(get(at["public"] + "/nothing")[0], 404)

    def test_the_log_names_the_configuration(self):
        self.write(config(), "tidegate.json")
        for words, name in (((), "tidegate.json"), (("tidegate.json",), "tidegate.json"), (("-c", "-"), "stdin")):
            with Process("run", *words, cwd=self.folder.name, given=config()) as process:
                process.wait_for("ready")
                self.assertEqual(process.log()[0]["event"], "configuration")
                self.assertEqual(process.log()[0]["file"], name)

    def test_log_lines_say_what_they_know_and_no_more(self):
        with socket.create_server(("127.0.0.1", 0)) as backend:
            upstream = {"kind": "ndjson", "url": f"http://127.0.0.1:{backend.getsockname()[1]}/"}
            content = config()
            content["streams"]["lines"] = {"upstream": upstream, "translate": {"data": "/payload"}}
            process = self.start(content)
            peer, _ = backend.accept()
            self.addCleanup(peer.close)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n{\"data\":1}\n")
            dropped = process.wait_for("message_dropped")
            self.assertEqual((dropped["why"], dropped["rule"], dropped["finds"]), ("data", "/payload", "nothing"))
            failed = process.wait_for("attempt_failed")
            self.assertIn("detail", failed)
            for line in process.log():
                for key in ("suppressed", "detail", "status", "close_code", "tls"):
                    self.assertNotIn(line.get(key, "absent"), (0, ""), line)

    def test_rules_that_never_find_anything_are_told(self):
        with socket.create_server(("127.0.0.1", 0)) as backend:
            upstream = {"kind": "ndjson", "url": f"http://127.0.0.1:{backend.getsockname()[1]}/"}
            rules = {"type": {"event": "/typ"}, "when": {"when": {"pointer": "/type", "equals": "qoute"}},
                     "fine": {"event": "/type", "when": {"pointer": "/type", "equals": "quote"}}}
            process = self.start(config(
                streams={name: {"upstream": upstream, "translate": translate} for name, translate in rules.items()},
                routes=[{"path": f"/{name}", "stream": name} for name in rules]))
            peers = [backend.accept()[0] for _ in rules]
            for peer in peers:
                self.addCleanup(peer.close)
                peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n" + b'{"type":"quote"}\n' * 1500)
            admin = self.listeners(process)["admin"]
            wait_until("all messages", lambda: get(admin + "/metrics")[1].count("_upstream_messages_total{") == 3 and all(
                f'tidegate_upstream_messages_total{{stream="{name}"}} 1500' in get(admin + "/metrics")[1] for name in rules))
            told = [line for line in process.log() if line["event"] == "rule_finds_nothing"]
            self.assertEqual(sorted((line["stream"], line["option"], line.get("rule")) for line in told),
                             [("type", "translate.event", "/typ"), ("when", "translate.when", None)])
            metrics = get(admin + "/metrics")[1]
            self.assertIn('tidegate_upstream_untyped_events_total{stream="type"} 1500', metrics)
            self.assertIn('tidegate_upstream_untyped_events_total{stream="fine"} 0', metrics)

    def test_a_signal_ends_it_with_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            process = self.start(config())
            process.wait_for("ready")
            process.signal(number)
            self.assertEqual(process.exit_code(), 0, process.stderr())
            process.wait_for("stopped")

    def test_signals_that_are_for_others_end_nothing(self):
        process = self.start(config(log={"format": "json", "level": "debug"}))
        at = self.listeners(process)
        for name in ("HUP", "USR1", "USR2", "PIPE"):
            process.signal(signal.Signals[f"SIG{name}"])
        lines = wait_until("the three in the log", lambda: sorted(
            (line["signal"], line["level"]) for line in process.log() if line["event"] == "signal_ignored")[2:3])
        self.assertEqual(lines, [("USR2", "debug")])
        hup = next(line for line in process.log() if line.get("signal") == "HUP")
        self.assertEqual((hup["level"], hup["detail"]), ("warning", "the configuration is not loaded again: restart to use a new one"))
        self.assertEqual(get(at["admin"] + "/healthz")[0], 200)

    def test_they_do_not_end_a_drain_either(self):
        process = self.start(config(drain="1h"))
        at = self.listeners(process)
        client = self.open_stream(at["public"])
        process.signal(signal.SIGTERM)
        process.wait_for("draining")
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            process.signal(number)
        process.wait_for("signal_ignored")
        client.close()
        self.assertEqual(process.exit_code(), 0, process.stderr())

    def open_stream(self, url):
        host = url.split("//")[1].split(":")
        client = socket.create_connection((host[0], int(host[1])), timeout=PATIENCE_S)
        self.addCleanup(client.close)
        client.sendall(b"GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n")
        head = b""
        while b"\n\n" not in head:
            head += client.recv(4096)
        return client

    def test_a_drain_ends_readiness_at_once_and_a_second_signal_ends_the_drain(self):
        process = self.start(config(drain="1h"))
        at = self.listeners(process)
        clients = [self.open_stream(at["public"]) for _ in range(3)]
        process.signal(signal.SIGTERM)
        wait_until("draining", lambda: get(at["admin"] + "/readyz") == (503, "draining\n"))
        self.assertEqual(get(at["admin"] + "/healthz")[0], 200)
        process.signal(signal.SIGTERM)
        self.assertEqual(process.exit_code(), 1, process.stderr())
        process.wait_for("ended_at_once")
        del clients

    def test_the_end_does_not_wait_for_a_filter(self):
        with socket.create_server(("127.0.0.1", 0)) as backend:
            upstream = {"kind": "ndjson", "url": f"http://127.0.0.1:{backend.getsockname()[1]}/"}
            translate = {"jq": "def f: f; f", "jq_timeout": "10s"}
            process = self.start(config(workers=1, streams={"s": {"upstream": upstream, "translate": translate}}))
            admin = self.listeners(process)["admin"]
            peer, _ = backend.accept()
            self.addCleanup(peer.close)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n1\n")
            wait_until("a message for the filter",
                       lambda: 'tidegate_upstream_messages_total{stream="s"} 1\n' in get(admin + "/metrics")[1])
            start = time.monotonic()
            process.signal(signal.SIGTERM)
            self.assertEqual(process.exit_code(), 0, process.stderr())
            self.assertLess(time.monotonic() - start, 5)
            self.assertNotIn("message_dropped", process.stderr())

    def test_a_drain_tells_clients_to_come_back(self):
        process = self.start(config(drain="200ms"))
        client = self.open_stream(self.listeners(process)["public"])
        process.signal(signal.SIGTERM)
        rest = b""
        while True:
            part = client.recv(4096)
            if not part:
                break
            rest += part
        self.assertRegex(rest.decode(), r"retry: [0-9]+\n")
        self.assertTrue(rest.endswith(b"0\r\n\r\n"))
        self.assertEqual(process.exit_code(), 0, process.stderr())

    def test_a_taken_port_is_a_clear_error(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = holder.getsockname()[1]
            done = run("run", "-c", self.write(config(listen=[{"address": "127.0.0.1", "port": port}])))
            self.assertEqual(done.returncode, 1)
            self.assertIn("listen_failed", done.stderr)
            self.assertIn(str(port), done.stderr)

    def test_a_taken_admin_port_is_an_error_only_if_it_was_asked_for(self):
        with socket.socket() as holder:
            with contextlib.suppress(OSError):  # who has it already will do as well
                holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                holder.bind(("127.0.0.1", 9090))
                holder.listen()
            done = run("run", "-c", self.write(config(admin={"port": 9090})))
            self.assertEqual(done.returncode, 1)
            self.assertIn("listen_failed", done.stderr)

            content = config()
            del content["admin"]
            process = self.start(content)
            process.wait_for("ready")
            process.wait_for("admin_left_out")
            process.signal(signal.SIGTERM)
            self.assertEqual(process.exit_code(), 0)

    def test_a_file_that_cannot_be_read_is_an_error(self):
        content = config(routes=[{"path": "/x", "file": "none.html"}])
        done = run("run", "-c", self.write(content))
        self.assertEqual(done.returncode, 2)
        self.assertIn(f'routes[0].file: cannot read the file "{self.folder.name}/none.html"', done.stderr)

    def test_a_file_is_served_with_its_type(self):
        self.write("<p>hello", "page.html")
        content = config(routes=[{"path": "/", "file": os.path.join(self.folder.name, "page.html")}])
        at = self.listeners(self.start(content))
        with urllib.request.urlopen(at["public"] + "/", timeout=10) as answer:
            self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
            self.assertEqual(answer.read(), b"<p>hello")


class Answers(http.server.BaseHTTPRequestHandler):
    """Gives each request the next of the server's answers."""
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append(dict(self.headers))
        status, content_type, body = self.server.answers.pop(0)
        self.send_response(status)
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_):
        pass


class Listen(Case):
    def serve(self, *answers):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        server.answers = list(answers)
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server, f"http://127.0.0.1:{server.server_address[1]}/x"

    def test_it_reconnects_with_the_last_id_and_ends_on_204(self):
        stream = "text/event-stream"
        server, url = self.serve(
            (200, stream, b"retry: 20\nid: 1\ndata: a\n\nid: 2\nevent: q\ndata: b\ndata: c\n\nid: 3\ndata: lost"),
            (503, None, b""), (200, stream, b"data: d\n\n"), (204, None, b""))
        done = run("listen", "--json", "--header", "X-Test: yes", url)
        self.assertEqual(done.returncode, 0, done.stderr)
        got = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual([(e["id"], e["type"], e["data"]) for e in got],
                         [("1", "message", "a"), ("2", "q", "b\nc"), (None, "message", "d")])
        self.assertEqual([asked.get("Last-Event-ID") for asked in server.asked], [None, "2", "2", "2"])
        self.assertTrue(all(asked["X-Test"] == "yes" for asked in server.asked))

    def test_lines_are_whole_when_it_is_no_terminal(self):
        _, url = self.serve((200, "text/event-stream", b"id: 7\ndata: " + b"x" * 5000 + b"\n\n"), (204, None, b""))
        done = run("listen", "--last-event-id", "6", url)
        self.assertRegex(done.stdout, r"^\d\d:\d\d:\d\d\.\d{3}  7  message  x{5000}\n$")

    def test_what_is_no_event_stream_is_an_error(self):
        for answer, message in (((404, None, b""), "404"), ((200, "text/html", b"<p>"), "no event stream"),
                                ((503, None, b""), "503")):
            _, url = self.serve(answer)
            done = run("listen", url)
            self.assertEqual(done.returncode, 1)
            self.assertIn(message, done.stderr)

    def test_bad_urls_and_headers_are_usage_errors(self):
        self.assertEqual(run("listen", "ftp://x/").returncode, 2)
        self.assertEqual(run("listen", "--header", "nonsense", "http://127.0.0.1:1/").returncode, 2)
        self.assertEqual(run("listen").returncode, 2)

    def test_nobody_there_is_an_error(self):
        done = run("listen", "http://127.0.0.1:1/")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot connect", done.stderr)


class Demo(Case):
    def start_demo(self, *words):
        process = Process("demo", *words)
        self.addCleanup(process.__exit__)
        return process

    def test_it_serves_the_page_and_listen_follows_it_until_sigint(self):
        port = free_port()
        process = self.start_demo("--port", str(port), "--legacy-port", "0", "--admin-port", "0")
        process.wait_for("ready")
        status, page = get(f"http://127.0.0.1:{port}/")
        self.assertEqual(status, 200)
        self.assertIn("<h1>Tidegate</h1>", page)
        self.assertEqual(get(f"http://127.0.0.1:{port}/demo/drop")[0], 405)
        listener = Process("listen", "--json", f"http://127.0.0.1:{port}/events/quotes")
        self.addCleanup(listener.__exit__)
        wait_until("quotes", lambda: listener.stdout().count('"type":"quote"') > 20)
        listener.signal(signal.SIGUSR1)
        listener.signal(signal.SIGUSR2)
        wait_until("more quotes", lambda: listener.stdout().count('"type":"quote"') > 40)
        listener.signal(signal.SIGINT)
        self.assertEqual(listener.exit_code(), 0)
        events = [json.loads(line) for line in listener.stdout().splitlines()]
        numbers = [int(event["id"].rsplit("-")[1]) for event in events if event["id"]]
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + len(numbers))))
        process.signal(signal.SIGINT)
        self.assertEqual(process.exit_code(), 0, process.stderr())

    def test_its_configuration_is_one_that_check_accepts(self):
        port = free_port()
        process = self.start_demo("--port", str(port), "--legacy-port", "0", "--admin-port", "0")
        process.wait_for("ready")
        path = self.write(get(f"http://127.0.0.1:{port}/demo/config.json")[1])
        self.assertEqual(run("check", "-c", path).returncode, 0)

    def test_the_backend_alone(self):
        port = free_port()
        process = self.start_demo("--backend-only", "--legacy-port", str(port))
        wait_until("it says so", lambda: "legacy backend runs" in process.stdout())
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            process.signal(number)
        wait_until("it says so", lambda: process.stderr().count("signal_ignored") >= 1)
        socket.create_connection(("127.0.0.1", port), timeout=10).close()
        process.signal(signal.SIGTERM)
        self.assertEqual(process.exit_code(), 0)

    def test_a_taken_port_is_told_with_the_way_out(self):
        with socket.socket() as holder:
            holder.bind(("127.0.0.1", 0))
            holder.listen()
            port = str(holder.getsockname()[1])
            done = run("demo", "--port", str(free_port()), "--legacy-port", port, "--admin-port", "0")
            self.assertEqual(done.returncode, 1)
            self.assertIn("--legacy-port", done.stderr)
            done = run("demo", "--port", port, "--legacy-port", "0", "--admin-port", "0")
            self.assertEqual(done.returncode, 1)
            self.assertIn("--port", done.stderr)


if __name__ == "__main__":
    unittest.main()
