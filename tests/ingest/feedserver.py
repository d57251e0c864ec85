"""A web server with feeds, for tests: real HTTP on a free port of this machine."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Answer(NamedTuple):
    """What is served at a path."""

    content: bytes = b""
    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/rss+xml"),)


class FeedServer(ThreadingHTTPServer):
    """Serves `answers` by path; knows ETags. `asked` are the requests: path and headers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class _Handler(BaseHTTPRequestHandler):
    server: FeedServer

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.server.asked.append((path, dict(self.headers)))
        answer = self.server.answers.get(path, Answer(status=404))
        answer = answer() if callable(answer) else answer
        etag = dict(answer.headers).get("ETag")
        status = 304 if etag and self.headers["If-None-Match"] == etag else answer.status
        content = b"" if status == 304 else answer.content
        self.send_response(status)
        for name, value in (("Content-Length", str(len(content))), *answer.headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def feed_server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def item(number: int, *, title: str = "", date: str = "Sun, 01 Mar 2026 08:00:00 GMT") -> str:
    return (
        f"<item><guid>guid-{number}</guid><title>{title or f'Headline {number}'}</title><pubDate>{date}</pubDate>"
        f"<link>https://news.example/{number}</link><description>&lt;p&gt;Body {number}&lt;/p&gt;</description></item>"
    )


def rss(*items: str, head: str = "") -> bytes:
    return f'<?xml version="1.0"?><rss version="2.0"><channel><title>T</title>{head}{"".join(items)}</channel></rss>'.encode()
