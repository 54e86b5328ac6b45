"""Programs that take commands on their standard input and answer each with a line of JSON."""

import json
import os
import random
import resource
import select
import socket
import subprocess
import tempfile
import time

PORTS = range(9600, 9800)
READY_SECONDS = 10
ANSWER_SECONDS = 30
END_SECONDS = 5


class BenchError(Exception):
    """A run that cannot go on; its text is for people."""


def free_port():
    """A port of 127.0.0.1 that nobody uses now, below those that connections are given."""
    for port in random.sample(PORTS, len(PORTS)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise BenchError(f"no port from {PORTS.start} to {PORTS.stop - 1} is free")


def raise_file_limit():
    """Lets this process and its children open as many files as they may; how many that is."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def pin(pids, cores):
    """Keeps all threads of these processes on these cores."""
    for pid in pids:
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(thread), cores)
        except OSError:
            pass


class Program:
    """A running program. Commands may be sent to several programs before their answers are read."""

    def __init__(self, argv, cores=None):
        self.name = os.path.basename(argv[0])
        self._errors = tempfile.TemporaryFile()
        self._input = b""
        # A session of its own: an interrupt from the terminal is ours to pass on, after the figures are safe.
        self._process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=self._errors, bufsize=0, start_new_session=True)
        self.pid = self._process.pid
        if cores:
            pin([self.pid], cores)
        try:
            self.first = self.receive(READY_SECONDS)
        except BaseException:
            self.end()
            raise

    def send(self, command, **arguments):
        line = " ".join([command] + [f"{key}={value}" for key, value in arguments.items() if value is not None])
        try:
            self._process.stdin.write(line.encode() + b"\n")
        except OSError:
            raise BenchError(f"{self.name} has ended{self._last_words()}") from None

    def receive(self, timeout=ANSWER_SECONDS):
        line = self._read_line(time.monotonic() + timeout)
        try:
            answer = json.loads(line)
        except ValueError:
            raise BenchError(f"{self.name} said {line[:200]!r}, which is no JSON") from None
        if "error" in answer:
            raise BenchError(f"{self.name}: {answer['error']}")
        return answer

    def ask(self, command, timeout=ANSWER_SECONDS, **arguments):
        self.send(command, **arguments)
        return self.receive(timeout)

    def end(self):
        """Its end of input ends it; what does not listen is killed."""
        if self._process.stdin.closed:
            return
        self._process.stdin.close()
        try:
            self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _read_line(self, deadline):
        fd = self._process.stdout.fileno()
        pieces = [self._input]
        while b"\n" not in pieces[-1]:
            if not select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise BenchError(f"{self.name} has not answered in time")
            piece = os.read(fd, 1 << 20)
            if not piece:
                raise BenchError(f"{self.name} has ended{self._last_words()}")
            pieces.append(piece)
        line, self._input = b"".join(pieces).split(b"\n", 1)
        return line

    def _last_words(self):
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return ": " + " / ".join(lines[-3:]) if lines else ""
