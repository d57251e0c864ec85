"""The pages for machines: /metrics, /healthz and /readyz, on a thread of their own.

Healthy is a process whose loops get somewhere, even if that is only to find the log away: starting it again would not help.
Ready is one whose loops can work: the model is loaded, partitions are assigned or it stands by, the log is there.
"""

import socket
import threading
import time
from collections.abc import Sequence

import uvicorn
from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bellwether.loop import Loop


class Board(Struct):
    """What the pages tell of. The process replaces the values; they are never changed in place."""

    healthy_within_s: float
    starting: str = "starting"  # why there are no loops yet; empty once there are
    loops: Sequence[Loop] = ()

    def stuck(self) -> dict[str, str]:
        """Loops that have not turned lately."""
        now = time.monotonic()
        since = {loop.name: now - loop.turned_at for loop in self.loops if not loop.done}
        return {name: f"no turn for {s:.0f} s" for name, s in since.items() if s > self.healthy_within_s}

    def unready(self) -> dict[str, str]:
        """Loops that cannot work at present, and why."""
        if self.starting:
            return {"process": self.starting}
        waiting = {loop.name: "waiting for its log" for loop in self.loops if not loop.polled}
        away = {loop.name: loop.away for loop in self.loops if loop.away}
        return waiting | away | self.stuck()


def pages(board: Board, registry: CollectorRegistry, others: Sequence[BaseRoute] = ()) -> Starlette:
    """The application: `others` are what a process serves beside these."""

    async def metrics(request: Request) -> Response:
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})

    async def healthz(_: Request) -> Response:
        return _told(board.stuck(), "healthy")

    async def readyz(_: Request) -> Response:
        return _told(board.unready(), "ready")

    ours = [Route("/metrics", metrics), Route("/healthz", healthz), Route("/readyz", readyz)]
    return Starlette(routes=[*ours, *others])


def _told(wrong: dict[str, str], word: str) -> Response:
    return JSONResponse({word: not wrong, "wrong": wrong}, status_code=503 if wrong else 200)


class PageServer:
    """Serves an application from a thread. Raises `OSError` if the address is not to be had."""

    def __init__(self, application: Starlette, host: str, port: int) -> None:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, *_, address = min(found, key=lambda each: each[0] != socket.AF_INET)  # a name may have both
        self._sockets = [socket.create_server(address, family=family)]
        self.port: int = self._sockets[0].getsockname()[1]
        if host == "::":  # IPv4 by a socket of its own, so that its callers have the addresses that settings name
            self._sockets.append(socket.create_server(("", self.port)))
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,  # or whoever is on this machine could claim to come from a trusted proxy
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=(self._sockets,), name="pages", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer what was asked, and stop."""
        self._server.should_exit = True
        self._thread.join(3)
        for each in self._sockets:
            each.close()
