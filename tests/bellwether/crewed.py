"""A process with a crew, for the crew's tests: `python -m tests.bellwether.crewed FOLDER BOX`."""

# ruff: noqa: ARG002 - a box takes what its loop gives

import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from prometheus_client import CollectorRegistry

from bellwether.clock import now
from bellwether.crew import Crew
from bellwether.failures import exit_code, sentences
from bellwether.logging import start_logging
from bellwether.loop import Loop, Role
from bellwether.metrics import LoopMetrics
from bellwether.sections.process import LoggingSection
from ingest.embedded.logs import EmbeddedLogs
from ingest.logs import Event, Kept, Opened
from ingest.steps import Step


class Idle:
    wants_ends: ClassVar[bool] = False

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        yield from ()


class Stuck(Idle):
    """Never comes back from its first record."""

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        if any(isinstance(event, Opened) for event in events):
            print("stuck", flush=True)
            time.sleep(120)
        yield from ()


class Broken(Idle):
    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        password = "local-secret"  # noqa: F841 - must not show in any trace
        if any(isinstance(event, Opened) for event in events):
            raise ZeroDivisionError("our mistake")
        yield from ()


class Panic(BaseException):
    """As pyo3 raises it where Rust panics."""


class Panicking(Idle):
    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        if any(isinstance(event, Opened) for event in events):
            raise Panic("index out of bounds")
        yield from ()


def main(folder: str, box: str) -> int:
    start_logging(LoggingSection())
    logs = EmbeddedLogs(Path(folder) / "logs.db", now)
    logs.ensure([Kept("source"), Kept("other")])
    metrics = LoopMetrics(CollectorRegistry(), ["first", "second"])
    made = {"idle": Idle, "stuck": Stuck, "broken": Broken, "panicking": Panicking}[box]
    crew = Crew()
    crew.listen()
    loops = [
        Loop(Role("first", "first", ("source",), Idle), logs, now, metrics),
        Loop(Role("second", "second", ("other",), made), logs, now, metrics),
    ]
    print("started", flush=True)
    try:
        crew.run(loops)
    except Exception as error:  # noqa: BLE001 - as the command line does
        print(*sentences(error), file=sys.stderr)
        return exit_code(error) or 99
    return 0


if __name__ == "__main__":
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    sys.exit(main(*sys.argv[1:]))
