import json
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.logs import Kept, Logs, Message
from tests.broker.keepers import Embedded, Keeper, OnKafka

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(params=["embedded", "kafka"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Keeper:
    if request.param == "embedded":
        return Embedded(tmp_path / "logs.db")
    return OnKafka(request.getfixturevalue("kafka").connection)


@pytest.fixture
def logs(keeper: Keeper) -> Iterator[Logs]:
    opened = keeper.open()
    yield opened
    opened.close()


@pytest.fixture
def log(logs: Logs) -> str:
    """A new log of one partition."""
    name = f"log-{uuid.uuid4().hex[:8]}"
    logs.ensure([Kept(name, partitions=1)])
    return name


@pytest.fixture
def write(logs: Logs, log: str) -> Iterator[Callable[..., None]]:
    """Write values to the log, or messages to any."""
    writer = logs.writer()

    def write(*values: bytes | Message) -> None:
        for value in values:
            writer.publish(value if isinstance(value, Message) else Message(log, value))
        writer.flush()

    yield write
    writer.close()


@pytest.fixture
def member(keeper: Keeper, log: str) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start a reader in a process of its own; returns when it has read a record."""
    processes = []

    def start(group: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.broker.member", keeper.kind, json.dumps(dict(keeper.arguments()))]
        process = subprocess.Popen(
            [*command, group, log], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "read\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()
