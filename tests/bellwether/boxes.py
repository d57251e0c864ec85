"""A small real box for the loop's tests: it copies records from one log to another, one step a record."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from prometheus_client import CollectorRegistry

from bellwether.loop import Loop, Role
from bellwether.metrics import LoopMetrics
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import SECOND
from ingest.logs import Batch, Ended, Event, Kept, Message, Opened, Place, Position
from ingest.steps import Step
from tests.publishing import publish

SOURCE, COPY = Kept("source"), Kept("copy")
HERE = Place("source", 0)


class Clock:
    """A settable clock."""

    def __init__(self, now: int = 1_700_000_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def tick(self) -> None:
        self.now += SECOND


class Copier:
    """Copies. `seen` holds what it was given, `times` when."""

    wants_ends: ClassVar[bool] = False

    def __init__(self) -> None:
        self.seen: list[Event] = []
        self.times: list[int] = []

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        for event in events:
            self.seen.append(event)
            self.times.append(now)
            if not isinstance(event, Batch):
                continue
            for record in event.records:
                position = record.offset + 1
                yield Step([Message(COPY.log, record.value)], {event.place: Position(position)})


class Finite(Copier):
    """Knows when it is through: once it has copied as many records as `finish_at` says."""

    finish_at = 5

    def __init__(self) -> None:
        super().__init__()
        self.finished = False

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        for step in super().step(events, now):
            yield step
            self.finished = step.commits[HERE].offset >= self.finish_at


class Watcher(Copier):
    """A copier that wants to know how far its log reaches."""

    wants_ends: ClassVar[bool] = True

    @property
    def ends(self) -> list[Ended]:
        return [event for event in self.seen if isinstance(event, Ended)]


class Rewinder(Copier):
    """Goes on from its own position, whatever was committed."""

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        for event in events:
            if isinstance(event, Opened):
                yield Step(seeks={event.place: event.start})
        yield from super().step(events, now)


def made_logs(path: Path, clock: Clock, records: int = 0) -> EmbeddedLogs:
    """The two logs; numbers as records."""
    logs = EmbeddedLogs(path, clock, busy_s=0.05)
    logs.ensure([SOURCE, COPY])
    append(logs, range(records))
    return logs


def append(logs: EmbeddedLogs, numbers: range) -> None:
    publish(logs, *(Message(SOURCE.log, str(number).encode()) for number in numbers))


def copies(logs: EmbeddedLogs) -> list[int]:
    return [int(record.value or b"") for record in logs.scan(COPY.log)]


def committed(logs: EmbeddedLogs) -> int | None:
    """Where the group goes on, as its next member is told."""
    reader = logs.reader("copiers", [SOURCE.log])
    (opened,) = [event for event in reader.poll(0) if isinstance(event, Opened)]
    reader.close()
    return None if opened.committed is None else opened.committed.offset


class Running:
    """A loop in a thread of its own; leaving the block stops it."""

    def __init__(self, role: Role, logs: EmbeddedLogs, clock: Clock, *, standby_s: float = 30.0) -> None:
        self.registry, self.clock = CollectorRegistry(), clock
        self.loop = Loop(role, logs, clock, LoopMetrics(self.registry, [role.name]), standby_s=standby_s)
        self.error: BaseException | None = None
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self.loop.run(self.stop)
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def __enter__(self) -> "Running":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"bellwether_loop_{name}", {"loop": self.loop.name, **labels})
