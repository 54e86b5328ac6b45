#!/usr/bin/env python3
"""`tidegate translate`: rules of a stream tried on messages, and the processes of jq filters behind it.

TIDEGATE_BIN names the binary; build/tidegate unless set."""
import base64
import gzip
import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get("TIDEGATE_BIN") or os.path.join(ROOT, "build", "tidegate")
PATIENCE_S = 60
# A filter that is not meant to run out of time must not do so on a slow machine.
JQ_TIMEOUT = "10s"

WEBSOCKET = {"kind": "websocket", "url": "ws://127.0.0.1:1/"}
UPSTREAMS = {
    "websocket": WEBSOCKET,
    "sse": {"kind": "sse", "url": "http://127.0.0.1:1/"},
    "ndjson": {"kind": "ndjson", "url": "http://127.0.0.1:1/"},
    "poll": {"kind": "poll", "url": "http://127.0.0.1:1/", "every": "1s"},
}


def wait_until(what, condition):
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited in vain: {what}")


def lines(*messages):
    return "".join((m if isinstance(m, str) else json.dumps(m)) + "\n" for m in messages)


def stat_of(pid):
    """State and parent of a process, and the time it has used; None: there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            fields = file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return fields[0], int(fields[1]), int(fields[11]) + int(fields[12])


def children_of(pid):
    stats = ((int(name), stat_of(name)) for name in os.listdir("/proc") if name.isdigit())
    return [child for child, stat in stats if stat and stat[1] == pid]


def is_there(pid):
    stat = stat_of(pid)
    return stat is not None and stat[0] != "Z"


class Case(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = os.path.join(folder.name, "t.json")

    def write(self, streams, names=None):
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump({"streams": streams,
                       "routes": [{"path": f"/{name}", "stream": name} for name in (streams if names is None else names)]}, file)

    def run_with(self, *words, given=b""):
        given = given.encode() if isinstance(given, str) else given
        done = subprocess.run([BINARY, "translate", *words], input=given, capture_output=True,
                              timeout=PATIENCE_S, check=False)
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        return done

    def translate(self, rules, given, *words, **upstream):
        self.write({"s": {"upstream": {**WEBSOCKET, **upstream}, "translate": rules}})
        return self.run_with("-c", self.path, "-s", "s", *words, given=given)

    def expect(self, done, code, output, errors):
        self.assertEqual((done.stdout, done.stderr, done.returncode), (output, errors, code))

    def start(self, rules):
        self.write({"s": {"upstream": WEBSOCKET, "translate": rules}})
        child = subprocess.Popen([BINARY, "translate", "-c", self.path], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(self.stop, child)
        return child

    @staticmethod
    def stop(child):
        if child.poll() is None:
            child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout, child.stderr):
            try:
                pipe.close()
            except OSError:
                pass


class Rules(Case):
    def test_without_rules_the_message_is_the_data(self):
        done = self.translate({}, "one\n{\"a\": 1}\n")
        self.expect(done, 0, "data: one\n\ndata: {\"a\": 1}\n\n",
                    "2 messages: 2 events, 0 filtered, 0 repeated, 0 misfits\n")

    def test_pointers(self):
        given = lines({"t": "q", "n": 7, "d": {"x": [1, 0.10]}}, {"t": "q", "n": 8, "d": "a\nb\r\nc\rd\n"})
        done = self.translate({"event": "/t", "id": "/n", "data": "/d"}, given)
        self.expect(done, 0, "event: q\ndata: {\"x\":[1,0.1]}\nid: 7\n\n"
                             "event: q\ndata: a\ndata: b\ndata: c\ndata: d\ndata: \nid: 8\n\n",
                    "2 messages: 2 events, 0 filtered, 0 repeated, 0 misfits\n")

    def test_templates(self):
        rules = {"event": "{/type}.{/symbol|none}", "id": "n-{/n}", "data": "{/type} costs {/price}"}
        done = self.translate(rules, lines({"type": "quote", "symbol": "X", "n": 1, "price": 1.50},
                                           {"type": "quote", "n": 2, "price": "2"}))
        self.expect(done, 0, "event: quote.X\ndata: quote costs 1.5\nid: n-1\n\n"
                             "event: quote.none\ndata: quote costs 2\nid: n-2\n\n",
                    "2 messages: 2 events, 0 filtered, 0 repeated, 0 misfits\n")

    def test_when_and_split(self):
        rules = {"split": "/items", "when": {"pointer": "/price", "gt": 10}, "data": "/name"}
        done = self.translate(rules, lines({"items": [{"name": "a", "price": 11}, {"name": "b", "price": 10},
                                                      {"name": "c", "price": 12.5}]}, {"items": []}, {"items": 1}))
        self.expect(done, 1, "data: a\n\ndata: c\n\n",
                    "line 3: dropped: split: /items finds no array\n3 messages: 2 events, 1 filtered, 0 repeated, 1 misfit\n")

    def test_integers_are_compared_to_their_last_digit(self):
        numbers = ["9007199254740991", "9007199254740992", "9007199254740993", "9007199254740993.0", "-9007199254740993",
                   "123456789012345678901234567890", "-123456789012345678901234567890", "-0"]
        expected = {"gt": [2, 5], "ge": [1, 2, 3, 5], "lt": [0, 4, 6, 7], "le": [0, 1, 3, 4, 6, 7]}
        for test, places in expected.items():
            done = self.translate({"when": {"pointer": "", test: 9007199254740992}}, "\n".join(numbers) + "\n")
            self.assertEqual(done.stdout, "".join(f"data: {numbers[place]}\n\n" for place in places), test)

    def test_seen(self):
        done = self.translate({"id": "/n", "seen": {"by": "id"}}, lines({"n": 1}, {"n": 2}, {"n": 1}))
        self.assertEqual(done.stderr, "3 messages: 2 events, 0 filtered, 1 repeated, 0 misfits\n")
        self.assertEqual(done.returncode, 0)

    def test_decode(self):
        text = json.dumps({"t": "zipped", "d": [1, 2]})
        rules = {"decode": ["gunzip", "utf8"], "event": "/t", "data": "/d"}
        done = self.translate(rules, gzip.compress(text.encode()), "--binary")
        self.expect(done, 0, "event: zipped\ndata: [1,2]\n\n",
                    "1 message: 1 event, 0 filtered, 0 repeated, 0 misfits\n")
        done = self.translate(rules, b"no gzip", "--binary")
        self.expect(done, 1, "", "dropped: decode\n1 message: 0 events, 0 filtered, 0 repeated, 1 misfit\n")

    def test_binary_without_decoding_is_base64(self):
        done = self.translate({"binary_event": "blob"}, bytes(range(256)), "--binary")
        self.assertEqual(done.stdout, f"event: blob\ndata: {base64.b64encode(bytes(range(256))).decode()}\n\n")
        self.assertEqual(done.returncode, 0)

    def test_jq_and_what_follows_it(self):
        rules = {"jq": ".items[] | select(.price > 10) | {name, price}", "jq_timeout": JQ_TIMEOUT,
                 "event": "/name", "id": "/price"}
        done = self.translate(rules, lines({"items": [{"name": "a", "price": 11, "x": 1}, {"name": "b", "price": 1},
                                                      {"name": "c", "price": 12}]}, {"items": []}, {"items": 7}))
        self.expect(done, 1, "event: a\ndata: {\"name\":\"a\",\"price\":11}\nid: 11\n\n"
                             "event: c\ndata: {\"name\":\"c\",\"price\":12}\nid: 12\n\n",
                    "line 3: dropped: jq\n3 messages: 2 events, 0 filtered, 0 repeated, 1 misfit\n")

    def test_a_jq_filter_that_runs_away_costs_its_message_only(self):
        rules = {"jq": "if .n == 2 then (def f: f; f) else .n end", "jq_timeout": "1s"}
        done = self.translate(rules, lines({"n": 1}, {"n": 2}, {"n": 3}))
        self.expect(done, 1, "data: 1\n\ndata: 3\n\n",
                    "line 2: dropped: jq\n3 messages: 2 events, 0 filtered, 0 repeated, 1 misfit\n")

    def test_misfits_are_told_with_what_became_of_them(self):
        given = lines({"a": 1}, "{broken", {"b": 2})
        done = self.translate({"data": "/a"}, given)
        self.expect(done, 1, "data: 1\n\n", "line 2: dropped: json\nline 3: dropped: data: /a finds nothing\n"
                                           "3 messages: 1 event, 0 filtered, 0 repeated, 2 misfits\n")
        done = self.translate({"data": "/a", "on_misfit": "raw"}, given)
        self.expect(done, 1, "data: 1\n\ndata: {broken\n\ndata: {\"b\": 2}\n\n",
                    "line 2: raw: json\nline 3: raw: data: /a finds nothing\n3 messages: 3 events, 0 filtered, 0 repeated, 2 misfits\n")
        done = self.translate({"data": "/a", "on_misfit": "error_event"}, lines("{broken"))
        self.expect(done, 1, "event: tidegate.error\ndata: {\"reason\":\"json\"}\n\n",
                    "line 1: error event: json\n1 message: 1 event, 0 filtered, 0 repeated, 1 misfit\n")
        done = self.translate({"split": "", "data": "/a"}, lines([{"a": 1}, {}, {"a": 2}, {}, 7]))
        self.expect(done, 1, "data: 1\n\ndata: 2\n\n", "line 1: dropped: data: /a finds nothing, and 2 more\n"
                                                     "1 message: 2 events, 0 filtered, 0 repeated, 3 misfits\n")

    def test_no_message_has_a_type_of_tidegates_own(self):
        given = lines({"type": "tidegate.end"}, {"type": "quote"}, {"type": " tidegate.gap"})
        done = self.translate({"event": "/type"}, given)
        self.expect(done, 1, "event: quote\ndata: {\"type\": \"quote\"}\n\n",
                    "line 1: dropped: event: /type finds a type of Tidegate's own events\n"
                    "line 3: dropped: event: /type finds a type of Tidegate's own events\n"
                    "3 messages: 1 event, 0 filtered, 0 repeated, 2 misfits\n")
        done = self.translate({"jq": ".[]", "jq_timeout": JQ_TIMEOUT, "event": "{/type}", "on_misfit": "raw"},
                              lines([{"type": "tidegate.end"}]))
        self.assertEqual(done.stdout, "data: {\"type\":\"tidegate.end\"}\n\n")

    def test_each_kind_of_upstream_will_do(self):
        self.write({kind: {"upstream": upstream, "translate": {"data": "/a"}} for kind, upstream in UPSTREAMS.items()})
        for kind in UPSTREAMS:
            done = self.run_with("-c", self.path, "-s", kind, given="{\"a\": 5}\n")
            self.expect(done, 0, "data: 5\n\n", "1 message: 1 event, 0 filtered, 0 repeated, 0 misfits\n")


class Streams(Case):
    def run_stream(self, stream, given, *words):
        self.write({"s": {"upstream": WEBSOCKET, **stream}}, [])
        return self.run_with("-c", self.path, "-s", "s", *words, given=given)

    ROUTED = {"parameters": {"symbol": {"pattern": "[A-Z/]+"}, "venue": {"one_of": ["eu", "us"]}},
              "route": {"by": "/k", "to": {"7": "IBM/us"}}}

    def test_route_tells_the_key_of_each_event(self):
        given = lines({"k": "AAPL/eu", "p": 1}, {"k": 7, "p": 2}, {"k": "A%2FB/eu", "p": 3})
        done = self.run_stream({**self.ROUTED, "translate": {"event": "quote", "data": "/p"}}, given)
        self.expect(done, 0, ": key: AAPL/eu\nevent: quote\ndata: 1\n\n: key: IBM/us\nevent: quote\ndata: 2\n\n"
                             ": key: A%2FB/eu\nevent: quote\ndata: 3\n\n",
                    "3 messages: 3 events, 0 filtered, 0 repeated, 0 misfits\n")

    def test_messages_without_a_key_for_a_path_are_misfits(self):
        given = lines({"p": 1}, {"k": "AAPL"}, {"k": "AAPL/mars"}, {"k": {}}, {"k": "AAPL/us"})
        done = self.run_stream({**self.ROUTED, "translate": {"on_misfit": "raw"}}, given)
        found = ("nothing", "no valid key", "no valid key", "neither a string nor an integer")
        self.expect(done, 1, ": key: AAPL/us\ndata: {\"k\": \"AAPL/us\"}\n\n",
                    "".join(f"line {n}: dropped: key: /k finds {what}\n" for n, what in enumerate(found, 1)) +
                    "5 messages: 1 event, 0 filtered, 0 repeated, 4 misfits\n")

    def test_each_part_of_a_message_has_its_key(self):
        done = self.run_stream({**self.ROUTED, "translate": {"split": "/all", "data": "/p"}},
                               lines({"all": [{"k": "A/eu", "p": 1}, {"k": "B/us", "p": 2}]}))
        self.expect(done, 0, ": key: A/eu\ndata: 1\n\n: key: B/us\ndata: 2\n\n",
                    "1 message: 2 events, 0 filtered, 0 repeated, 0 misfits\n")

    def test_nothing_follows_the_message_of_until(self):
        for stream in ({}, {"scope": "client"}, {"scope": "keyed", "parameters": {"a": {}}}):
            done = self.run_stream({**stream, "until": {"text": "[DONE]"}}, "one\n[DONE]\ntwo\n[DONE]\nthree")
            self.expect(done, 0, "data: one\n\ndata: [DONE]\n\nevent: tidegate.end\ndata: {\"reason\":\"until\"}\n\n",
                        "line 2: the last message: until\n2 messages: 2 events, 0 filtered, 0 repeated, 0 misfits\n")

    def test_a_last_message_that_does_not_fit_makes_nothing(self):
        for on_misfit in ("drop", "raw", "error_event"):
            stream = {"until": {"text": "[DONE]"}, "translate": {"data": "/token", "on_misfit": on_misfit}}
            done = self.run_stream(stream, lines({"token": "a"}) + "[DONE]\n")
            self.expect(done, 0, "data: a\n\nevent: tidegate.end\ndata: {\"reason\":\"until\"}\n\n",
                        "line 2: the last message: until\n2 messages: 1 event, 0 filtered, 0 repeated, 0 misfits\n")

    def test_until_is_asked_of_the_message_as_it_came(self):
        rules = {"until": {"pointer": "/type", "equals": "end"}, "translate": {"jq": ".d", "jq_timeout": JQ_TIMEOUT}}
        done = self.run_stream(rules, lines({"d": {"type": "end"}}, {"type": "end", "d": 1}, {"d": 2}))
        self.expect(done, 0, "data: {\"type\":\"end\"}\n\ndata: 1\n\nevent: tidegate.end\ndata: {\"reason\":\"until\"}\n\n",
                    "line 2: the last message: until\n2 messages: 2 events, 0 filtered, 0 repeated, 0 misfits\n")
        done = self.run_stream(rules, "{\n \"type\": \"end\"\n}", "--whole")
        self.expect(done, 0, "data: null\n\nevent: tidegate.end\ndata: {\"reason\":\"until\"}\n\n",
                    "the last message: until\n1 message: 1 event, 0 filtered, 0 repeated, 0 misfits\n")


class Input(Case):
    def test_lines_end_in_several_ways_and_empty_ones_do_not_count(self):
        done = self.translate({}, "a\r\n\n\r\nb\nc")
        self.expect(done, 0, "data: a\n\ndata: b\n\ndata: c\n\n",
                    "3 messages: 3 events, 0 filtered, 0 repeated, 0 misfits\n")
        done = self.translate({"data": "/x"}, "\n\n{}")
        self.assertTrue(done.stderr.startswith("line 3: dropped: data: /x finds nothing\n"), done.stderr)

    def test_no_input_is_no_message(self):
        self.expect(self.translate({}, ""), 0, "", "0 messages: 0 events, 0 filtered, 0 repeated, 0 misfits\n")

    def test_the_whole_input_can_be_one_message(self):
        self.expect(self.translate({"data": "/a"}, "{\n \"a\":\n 1\n}\n", "--whole"), 0, "data: 1\n\n",
                    "1 message: 1 event, 0 filtered, 0 repeated, 0 misfits\n")
        self.expect(self.translate({"data": "/a"}, "nothing", "--whole"), 1, "",
                    "dropped: json\n1 message: 0 events, 0 filtered, 0 repeated, 1 misfit\n")

    def test_many_lines_and_long_ones(self):
        long = "x" * 300000
        given = "".join(f"{i}\n{long}\n" for i in range(20))
        done = self.translate({}, given, max_message="1MiB")
        self.assertEqual(done.stdout, "".join(f"data: {i}\n\ndata: {long}\n\n" for i in range(20)))
        self.assertEqual(done.returncode, 0)

    def test_a_line_over_max_message_is_passed_over_whole(self):
        for length in (1025, 65536, 70000, 500000):
            given = "a\n" + "x" * length + "\nb\n"
            done = self.translate({}, given, max_message="1KiB")
            self.expect(done, 1, "data: a\n\ndata: b\n\n",
                        "line 2: dropped: longer than max_message, 1024 bytes\n"
                        "3 messages: 2 events, 0 filtered, 0 repeated, 1 misfit\n")
        self.assertEqual(self.translate({}, "x" * 1024 + "\r\n", max_message="1KiB").returncode, 0)
        done = self.translate({}, "x" * 500000, "--whole", max_message="1KiB")
        self.expect(done, 1, "", "dropped: longer than max_message, 1024 bytes\n"
                                 "1 message: 0 events, 0 filtered, 0 repeated, 1 misfit\n")


class Live(Case):
    def lines_of(self, pipe):
        got = queue.Queue()
        threading.Thread(target=lambda: [got.put(line) for line in pipe], daemon=True).start()
        return got

    def test_events_come_out_before_the_input_ends(self):
        child = self.start({"jq": ".a", "jq_timeout": JQ_TIMEOUT})
        got = self.lines_of(child.stdout)
        for i in range(5):
            child.stdin.write(b"{\"a\": %d}\n" % i)
            child.stdin.flush()
            self.assertEqual(got.get(timeout=PATIENCE_S), b"data: %d\n" % i)
            self.assertEqual(got.get(timeout=PATIENCE_S), b"\n")
        child.stdin.close()
        self.assertEqual(child.wait(PATIENCE_S), 0)

    def test_sigint_ends_it_with_the_summary(self):
        child = self.start({})
        got = self.lines_of(child.stdout)
        child.stdin.write(b"a\npart")
        child.stdin.flush()
        self.assertEqual(got.get(timeout=PATIENCE_S), b"data: a\n")
        wait_until("it reads", lambda: stat_of(child.pid)[0] == "S")
        child.send_signal(signal.SIGINT)
        self.assertEqual(child.wait(PATIENCE_S), 0)
        self.assertEqual(child.stderr.read(), b"1 message: 1 event, 0 filtered, 0 repeated, 0 misfits\n")

    def test_it_ends_quietly_when_nobody_reads(self):
        child = self.start({"jq": ".", "jq_timeout": JQ_TIMEOUT})
        child.stdin.write(b"1\n")
        child.stdin.flush()
        self.assertEqual(child.stdout.readline(), b"data: 1\n")
        child.stdout.close()
        child.stdin.write(b"2\n")
        child.stdin.flush()
        self.assertEqual(child.wait(PATIENCE_S), 0)
        self.assertEqual(child.stderr.read(), b"")

    def test_output_that_cannot_be_written_is_a_failure(self):
        self.write({"s": {"upstream": WEBSOCKET}})
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([BINARY, "translate", "-c", self.path], input=b"a\n", stdout=full,
                                  stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)


class FilterProcesses(Case):
    def start_filter(self, rules):
        child = self.start(rules)
        child.stdin.write(b"1\n")
        child.stdin.flush()
        self.assertEqual(child.stdout.readline(), b"data: 1\n")
        return child, children_of(child.pid)[0]

    def test_it_can_be_told_from_others(self):
        _, pid = self.start_filter({"jq": ".", "jq_timeout": JQ_TIMEOUT})
        with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
            self.assertEqual(file.read(), "tidegate\0jq-filter\0")
        with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
            self.assertEqual(file.read(), "tidegate-jq\n")

    def test_it_ends_when_the_parent_is_gone(self):
        child, pid = self.start_filter({"jq": ".", "jq_timeout": JQ_TIMEOUT})
        child.kill()
        child.wait()
        wait_until("the filter's process has ended", lambda: not is_there(pid))

    def test_it_ends_soon_after_the_parent_even_when_it_has_run_away(self):
        child, pid = self.start_filter({"jq": "if . == 2 then (def f: f; f) else . end", "jq_timeout": "3s"})
        used = stat_of(pid)[2]
        child.stdin.write(b"2\n")
        child.stdin.flush()
        wait_until("it is busy", lambda: not is_there(pid) or stat_of(pid)[2] > used + 5)
        child.kill()
        child.wait()
        wait_until("the filter's process has ended", lambda: not is_there(pid))

    def test_signals_for_all_processes_leave_it_to_the_parent(self):
        child, pid = self.start_filter({"jq": ".", "jq_timeout": JQ_TIMEOUT})
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2):
            os.kill(pid, number)
        child.send_signal(signal.SIGUSR1)
        child.send_signal(signal.SIGUSR2)
        child.stdin.write(b"3\n")
        child.stdin.close()
        self.assertEqual(child.stdout.read(), b"\ndata: 3\n\n")
        self.assertEqual(child.wait(PATIENCE_S), 0)
        wait_until("the filter's process has ended", lambda: not is_there(pid))

    def test_by_hand_it_does_nothing(self):
        done = subprocess.run([BINARY, "jq-filter"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("only Tidegate itself", done.stderr)
        overview = subprocess.run([BINARY, "help"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertNotIn("jq-filter", overview.stdout)


class Usage(Case):
    def test_help(self):
        done = self.run_with("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(done.stdout.startswith("Usage: tidegate translate [OPTION]...\n"))
        for word in ("--config", "--stream", "--whole", "--binary", "Exit code 1"):
            self.assertIn(word, done.stdout)

    def test_an_unknown_stream_shows_those_that_there_are(self):
        self.write({name: {"upstream": WEBSOCKET} for name in ("alerts", "quotes", "trades")})
        done = self.run_with("-c", self.path, "-s", "qoutes")
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn('there is no stream "qoutes"; there are "quotes", ', done.stderr)
        self.assertIn('"alerts"', done.stderr)
        done = self.run_with("-c", self.path)
        self.assertEqual(done.returncode, 2)
        self.assertIn('name one with -s STREAM; there are "alerts", "quotes", "trades"\n', done.stderr)

    def test_the_only_stream_needs_no_name(self):
        self.write({"s": {"upstream": WEBSOCKET}})
        self.assertEqual(self.run_with("-c", self.path, given="a\n").stdout, "data: a\n\n")
        done = self.run_with("-c", self.path, "-s", "t")
        self.assertEqual(done.returncode, 2)
        self.assertIn('there is no stream "t"; there is "s"\n', done.stderr)

    def test_a_wrong_configuration_is_told_as_check_does(self):
        self.assertEqual(self.run_with("-s", "s").returncode, 2)
        for rules in ({"dta": "/x"}, {"jq": ".["}, {"split": "nothing"}):
            done = self.translate(rules, "{}\n")
            checked = subprocess.run([BINARY, "check", "-c", self.path], capture_output=True, text=True,
                                     timeout=PATIENCE_S, check=False)
            self.expect(done, 2, "", checked.stderr)
            self.assertNotEqual(done.stderr, "")

    def test_two_ways_to_read_are_one_too_many(self):
        done = self.translate({}, "", "--whole", "--binary")
        self.assertEqual(done.returncode, 2)
        self.assertIn("either", done.stderr)


if __name__ == "__main__":
    unittest.main()
