"""What all systems under test have in common: configuration written, processes started, stopped and counted."""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

from harness import process
from harness.process import BenchError

BENCH_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PEERS_FOLDER = os.path.join(BENCH_FOLDER, "peers")
# Where Debian packages are unpacked that must not be installed; what is installed comes first.
PREFIXES = ["/usr", os.path.join(os.path.dirname(BENCH_FOLDER), "build-tools", "usr")]
START_SECONDS = 15
STOP_SECONDS = 5
RETAIN_EVENTS = 10_000
RETAIN_BYTES = 64 << 20


class Server:
    """Started and stopped any number of times, with other ports each time.

    port and tls_port are those of HTTP and HTTPS, or None. Where feed_kind is not "ws", tg-feed publishes to
    publish_url; else it must be listening before start().
    """

    name = ""
    feed_kind = "ws"
    path = "/events/{stream}"
    plain_path = "/404"  # answered with a 404
    max_workers = 1
    max_streams = 1
    has_tls = False
    has_h2 = False
    has_replay = False

    def __init__(self, programs_folder, peers_folder=PEERS_FOLDER):
        self.programs_folder, self.peers_folder = programs_folder, peers_folder
        self.port = self.tls_port = self.publish_url = None
        self._processes = []  # the server's first, then helpers that are no part of it
        self._folder = None

    def start(self, feed_port, *, workers=1, streams=1, tls=False, retain_events=RETAIN_EVENTS,
              retain_bytes=RETAIN_BYTES):
        """Until it answers. With tls there is an HTTPS port as well; the floor has nothing but that then."""
        if workers > self.max_workers or streams > self.max_streams or tls and not self.has_tls:
            raise BenchError(f"{self.name} cannot do that: {workers} workers, {streams} streams, TLS: {tls}")
        process.raise_file_limit()
        self._folder = tempfile.mkdtemp(prefix="bench-")
        os.chmod(self._folder, 0o755)  # nginx's workers are another user
        try:
            self.port, self.tls_port = unused_port(), unused_port() if tls else None
            certificate = make_certificate(self._folder) if tls else (None, None)
            self._launch(feed_port, workers, streams, certificate, retain_events, retain_bytes)
            for port, is_tls in ((self.port, False), (self.tls_port, True)):
                if port:
                    self._wait_for(lambda: has_no_page(port, self.plain_path, is_tls))
            if self.publish_url:
                self._wait_for(lambda: can_connect(urlsplit(self.publish_url).port))
        except BaseException:
            self.stop()
            raise

    def stop(self):
        for running in self._processes:
            running.terminate()
            try:
                running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(running.pid, signal.SIGKILL)  # it and its children, if any are left
            except ProcessLookupError:
                pass
            running.wait()
            if running.stdin:
                running.stdin.close()
        self._processes = []
        self.port = self.tls_port = self.publish_url = None
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def pids(self):
        """All processes of the server."""
        return with_children(self._processes[0].pid) if self._processes else []

    def messages_received(self):
        """How many the feed's connections have brought so far, or None where the server does not say."""
        return None

    def version(self):
        raise NotImplementedError

    def missing(self):
        """What has to be installed first, or None."""
        raise NotImplementedError

    def _launch(self, feed_port, workers, streams, certificate, retain_events, retain_bytes):
        raise NotImplementedError

    def _program(self, name):
        return os.path.join(self.programs_folder, name)

    def _missing_file(self, path):
        return None if os.path.exists(path) else f"there is no {path}"

    def _missing_node(self):
        return None if shutil.which("node") else "there is no node"

    def _missing_below(self, *names):
        lacking = [os.path.basename(name) for name in names if not find_below(name)]
        return f"there is no {' and no '.join(lacking)}" if lacking else None

    def _write(self, name, text):
        path = os.path.join(self._folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def _fill_in(self, template, name, **values):
        """A template of the peers' folder, with @KEY@ replaced by the value of `key`."""
        with open(os.path.join(self.peers_folder, template)) as file:
            text = file.read()
        return self._write(name, re.sub(r"@([A-Z]+)@", lambda match: str(values[match[1].lower()]), text))

    def _run(self, argv, *, environment=None, has_input=False):
        """What it says goes to a file, for _last_words."""
        with open(os.path.join(self._folder, "output"), "ab") as output:
            self._processes.append(subprocess.Popen(
                [str(word) for word in argv], stdin=subprocess.PIPE if has_input else subprocess.DEVNULL,
                stdout=output, stderr=output, cwd=self._folder, start_new_session=True,
                env={**os.environ, **{key: str(value) for key, value in (environment or {}).items()}}))

    def _wait_for(self, is_ready):
        deadline = time.monotonic() + START_SECONDS
        while not is_ready():
            if any(running.poll() is not None for running in self._processes):
                raise BenchError(f"{self.name} has ended{self._last_words()}")
            if time.monotonic() > deadline:
                raise BenchError(f"{self.name} does not answer{self._last_words()}")
            time.sleep(0.05)

    def _last_words(self):
        with open(os.path.join(self._folder, "output"), errors="replace") as file:
            lines = file.read().strip().splitlines()
        return ": " + " / ".join(lines[-3:]) if lines else ""


_given_ports = []


def unused_port():
    """A port that can be bound even without SO_REUSEADDR: not all servers use that, and after one has ended, its port
    is blocked for a minute by the connections that it closed. Those given last come last."""
    candidates = [port for port in process.PORTS if port not in _given_ports] + list(_given_ports)
    start = os.getpid() % max(1, len(candidates) - len(_given_ports))
    for port in candidates[start:] + candidates[:start]:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port in _given_ports:
            _given_ports.remove(port)
        _given_ports.append(port)
        return port
    raise BenchError("no port is free")


def connect(port, is_tls):
    """A connection; certificates are not verified."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=5)
    if not is_tls:
        return connection
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connection:
        return context.wrap_socket(connection)


def can_connect(port):
    try:
        connect(port, False).close()
        return True
    except OSError:
        return False


def has_no_page(port, path, is_tls):
    """Whether it answers, and with 404."""
    try:
        with connect(port, is_tls) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return re.match(rb"HTTP/1\.\d 404", connection.recv(64)) is not None
    except OSError:
        return False


def fetch(port, path):
    """The text of a page of plain HTTP."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        if response.status != 200:
            raise BenchError(f"{path} was answered with {response.status}")
        return response.read().decode()
    finally:
        connection.close()


def make_certificate(folder):
    """The names of the files of a certificate for localhost and of its key."""
    names = os.path.join(folder, "certificate.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "30", "-subj", "/CN=localhost", "-out", names[0], "-keyout", names[1]],
                   check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return names


def with_children(pid):
    """The process, its children, theirs, and so on."""
    parents = {}
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{int(name)}/stat") as file:
                parents.setdefault(int(file.read().rpartition(")")[2].split()[1]), []).append(int(name))
        except (OSError, ValueError):
            continue
    found = [pid]
    for parent in found:
        found += parents.get(parent, [])
    return found


def find_below(name):
    """A file or folder of a Debian package, or None."""
    paths = [os.path.join(prefix, name) for prefix in PREFIXES]
    return next((path for path in paths if os.path.exists(path)), None)


def first_line(argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout.strip().splitlines()[0] if done.stdout.strip() else "unknown"
