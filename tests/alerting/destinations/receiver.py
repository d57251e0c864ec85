"""A real HTTP receiver on a free port of this machine, which answers as it is told."""

import ssl
import struct
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SO_LINGER, SOL_SOCKET, socket
from threading import Event, Thread
from typing import NamedTuple

Answer = int | tuple[int, dict[str, str]] | Callable[["Handler"], None]


class Request(NamedTuple):
    """What came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers["Idempotency-Key"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        receiver = self.server
        assert isinstance(receiver, Receiver)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.requests.append(Request(self.path, dict(self.headers), body))
        answer = receiver.answers.popleft() if receiver.answers else receiver.otherwise
        if callable(answer):
            answer(self)
            self.close_connection = True
            return
        status, headers = answer if isinstance(answer, tuple) else (answer, {})
        if status < 300:
            receiver.taken.append(self.headers.get("Idempotency-Key", ""))
        self.send_response(status)
        for name, value in ({"Content-Length": "0"} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


class Receiver(ThreadingHTTPServer):
    """Gives `answers` in turn, then `otherwise`. `stopping` is set when it ends: slow answers wait for it."""

    daemon_threads = False  # so that closing waits for what still answers

    def __init__(self, *answers: Answer, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.requests: list[Request] = []
        self.taken: list[str] = []  # keys of those answered with a yes
        self.answers: deque[Answer] = deque(answers)
        self.otherwise: Answer = 200
        self.stopping = Event()
        self.scheme = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}/hook"

    @property
    def keys(self) -> list[str]:
        return [request.key for request in self.requests]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that leave are part of the tests


@contextmanager
def receiving(*answers: Answer, port: int = 0, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    receiver = Receiver(*answers, port=port)
    if tls:
        receiver.socket = tls.wrap_socket(receiver.socket, server_side=True)
        receiver.scheme = "https"
    thread = Thread(target=receiver.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.stopping.set()
        receiver.shutdown()
        receiver.server_close()
        thread.join()


@contextmanager
def nobody() -> Iterator[int]:
    """A port on which connections are refused."""
    with socket() as kept:
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


def silence(handler: Handler) -> None:
    """Takes the request and never answers."""
    stopping(handler).wait(20)


def slow_yes(handler: Handler) -> None:
    """Takes its time, then says yes."""
    stopping(handler).wait(0.6)
    handler.wfile.write(b"HTTP/1.1 204 No Content\r\n\r\n")


def drip(handler: Handler) -> None:
    """An answer whose headers never end, a byte at a time."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not stopping(handler).wait(0.02):
        handler.wfile.write(b"a")


def endless(handler: Handler) -> None:
    """A yes whose body never ends."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while not stopping(handler).is_set():
        handler.wfile.write(b"a" * 65_536)


def garbage(handler: Handler) -> None:
    """Something that is not HTTP."""
    handler.wfile.write(b"\x00\x01 certainly not \xff\r\n\r\n")


def torn(handler: Handler) -> None:
    """The line is cut in the middle of the answer's headers."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-")
    handler.wfile.flush()
    # Lingering for no time: the peer sees a reset.
    handler.connection.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def stopping(handler: Handler) -> Event:
    assert isinstance(handler.server, Receiver)
    return handler.server.stopping
