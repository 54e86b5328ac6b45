"""The way back, for tests: requests with a message, and a WebSocket backend that notes what it is asked for and sent, and
can stop reading, refuse and hang up."""
import queue
import socket
import threading

import hostile_backend
from hostile_backend import BINARY_FRAME, CLOSE, PING, PONG, TEXT, frame


def post(body=b"", path=b"/send", fields=b"", version=b"1.1"):
    return (b"POST " + path + b" HTTP/" + version + b"\r\nHost: a\r\nContent-Length: %d\r\n" % len(body) + fields +
            b"\r\n" + body)


def post_chunked(chunks, path=b"/send", fields=b"", trailers=b""):
    return (b"POST " + path + b" HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" + fields + b"\r\n" +
            b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n" + trailers + b"\r\n")


class MessageBackend(hostile_backend.Backend):
    def __init__(self):
        self.messages = queue.Queue()  # (is_binary, bytes), in order
        self.asked = []  # a Connection for each that has come so far: its request, and how to talk to the client
        self.reads = threading.Event()
        self.reads.set()
        self.answers = threading.Event()  # handshakes
        self.answers.set()
        self.is_refusing = False
        super().__init__(self.serve_messages)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)

    @property
    def url(self):
        return f"ws://127.0.0.1:{self.port}"

    def serve_messages(self, connection):
        connection.sock.settimeout(None)
        connection.read_request()
        self.asked.append(connection)
        self.answers.wait()
        if self.is_refusing:
            connection.answer("503 Service Unavailable", headers=[("Content-Length", "0")])
            return
        connection.answer()
        while True:
            self.reads.wait()
            opcode, payload = connection.read_frame()
            if opcode == CLOSE:
                connection.send(frame(CLOSE, payload[:2]))
                return
            if opcode == PING:
                connection.send(frame(PONG, payload))
            elif opcode in (TEXT, BINARY_FRAME):
                self.messages.put((opcode == BINARY_FRAME, payload))

    def next(self, patience=20):
        return self.messages.get(timeout=patience)

    def texts(self, count):
        return [self.next()[1] for _ in range(count)]

    def hang_up(self):
        """On all connections there are."""
        for sock in list(self.open):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
