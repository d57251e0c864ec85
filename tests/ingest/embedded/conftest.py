"""An embedded log under a clock that stands still until a test moves it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import SECOND
from ingest.logs import Kept, Message


class Clock:
    """Stands still until a test moves it."""

    now = 1_800_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "logs.db"


@pytest.fixture
def logs(path: Path, clock: Clock) -> Iterator[EmbeddedLogs]:
    opened = EmbeddedLogs(path, clock)
    opened.ensure([Kept("log", retention_s=3600)])
    yield opened
    opened.close()


def write(logs: EmbeddedLogs, *values: bytes, log: str = "log") -> None:
    writer = logs.writer()
    for value in values:
        writer.publish(Message(log, value))
    writer.flush()
    writer.close()
