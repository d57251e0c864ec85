"""Somebody whom Alertmanager tells: keeps what comes, by path, and says yes."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from bellwether.clock import now


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        listener = self.server
        assert isinstance(listener, Listener)
        listener.times[self.path].append(now())
        listener.heard[self.path].append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


class Listener(ThreadingHTTPServer):
    """Bodies by path, in the order in which they came, and the instants at which they did."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.times: dict[str, list[int]] = defaultdict(list)
        self.heard: dict[str, list[dict[str, Any]]] = defaultdict(list)


@contextmanager
def listening() -> Iterator[Listener]:
    listener = Listener()
    thread = Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield listener
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
