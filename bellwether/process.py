"""One process: starts what its parts need, runs their loops, and ends in good order."""

import errno
import socket
import threading
import uuid
from collections.abc import Callable, Sequence
from typing import TypeVar

import structlog
from prometheus_client import CollectorRegistry

from alerting.receiver import Receiver, ReceiverMetrics, receiver_route
from bellwether.auditing import audit_start
from bellwether.clock import now
from bellwether.crew import Crew, Stopped
from bellwether.failures import NotNow
from bellwether.health import Board, PageServer, pages
from bellwether.kinds import secret_in
from bellwether.logging import start_logging
from bellwether.loop import Loop
from bellwether.metrics import STARTING, LoopMetrics, describe_process
from bellwether.opening import open_logs, ready_logs
from bellwether.outage import Outage
from bellwether.roles import Surroundings, loop_names, roles
from bellwether.settings import Settings, WrongSettings
from bellwether.showing import Showing
from bellwether.stopping import leave_at_once
from ingest.logs import LogAway

log = structlog.get_logger()

# Later somebody else may let it go, the network be up, or the name be known.
LATER = {errno.EADDRINUSE, errno.EADDRNOTAVAIL, socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_NONAME}

T = TypeVar("T")


class Process:
    """Runs `parts` of the way until it is told to stop or a replay is through."""

    def __init__(self, settings: Settings, parts: Sequence[str]) -> None:
        self._settings, self._parts = settings, parts
        self._crew = Crew()
        self._done = {part: threading.Event() for part in ("classify", "aggregate")}
        self._registry = CollectorRegistry()
        self._metrics = LoopMetrics(self._registry, loop_names(parts, settings))
        self._board = Board(settings.http.healthy_within.total_seconds())
        self._receiver = self._make_receiver() if "deliver" in parts else None
        self._showing = Showing(settings, self._registry) if "console" in parts else None

    def run(self) -> None:
        """All of it. Raises `Died`, `LogUnfit`, `WrongSettings`, `NotNow`, `ArtifactError`, `ModelFails` or `DeviceError`."""
        start_logging(self._settings.logging)
        describe_process(self._registry)
        self._crew.listen()
        server = self._serve_pages()
        try:
            loops = self._crew.first(self._start)
            self._board.starting, self._board.loops = "", loops
            if self._crew.run(loops, self._done):
                leave_at_once(0)
        except Stopped:
            log.info("stopped")
            leave_at_once(0)
        finally:
            server.close()

    def _start(self) -> list[Loop]:
        settings, crew = self._settings, self._crew
        for part, done in self._done.items():
            if part not in self._parts:
                done.set()  # there is nobody here to wait for
        outage = Outage(STARTING, "read", self._metrics)
        logs = self._when_there(outage, lambda: open_logs(settings, now))
        for sentence in self._when_there(outage, lambda: ready_logs(settings, logs)):
            log.info("log made", what=sentence)
        started_at = now()

        def audit() -> None:
            writer = f"start-{uuid.uuid4().hex}"  # a name for each attempt: one that failed may have been written all the same
            audit_start(settings, self._parts, writer, logs, started_at)

        self._when_there(outage, audit)
        if self._receiver is not None:
            self._receiver.open(logs)
        self._board.starting = "starting"
        around = Surroundings(settings, logs, self._registry, crew.stop, self._done)
        made = roles(self._parts, around)
        if self._showing is not None:
            made.append(self._showing.role(logs))
        return [Loop(role, logs, now, self._metrics) for role in made]

    def _when_there(self, outage: Outage, act: Callable[[], T]) -> T:
        """Try until the log is there. Raises `Stopped` when a stop is asked for."""
        while True:
            try:
                result = act()
            except LogAway as away:
                outage.began(away)
                self._board.starting = str(away)
                if self._crew.stop.wait(outage.next_wait_s()):
                    raise Stopped from None
            else:
                outage.over()
                return result

    def _serve_pages(self) -> PageServer:
        http = self._settings.http
        routes = [receiver_route(self._receiver, now)] if self._receiver is not None else []
        others = [*routes, *(self._showing.routes() if self._showing is not None else [])]
        application = pages(self._board, self._registry, others)
        try:
            server = PageServer(application, http.host, http.port)
        except (OSError, ValueError, TypeError) as error:  # a name may be none
            why = str(getattr(error, "strerror", error)).partition(" (while")[0]  # what follows is the address again
            sentence = f"http.port: {http.host}:{http.port} is not to be had ({why}); name another, or 0 for any"
            if getattr(error, "errno", None) in LATER:
                raise NotNow(sentence) from None
            raise WrongSettings([sentence]) from None
        log.info("pages served", host=http.host, port=server.port)
        return server

    def _make_receiver(self) -> Receiver:
        http = self._settings.http
        try:
            token = secret_in(http.alertmanager_token, http.alertmanager_token_file)
        except (ValueError, OSError) as error:
            raise WrongSettings([f"http.alertmanager_token_file: {error}"]) from None
        return Receiver(ReceiverMetrics(self._registry), None if token is None else token.get_secret_value())
