"""Who keeps the logs in a test, and what an operator or time may do to them behind our back."""

import sqlite3
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError

from ingest.embedded.logs import EmbeddedLogs
from ingest.kafka.connection import KafkaConnection
from ingest.kafka.logs import KafkaLogs
from ingest.logs import Event, Kept, LogAway, Logs, Reader

PATIENCE_S = 40


def now() -> int:
    return time.time_ns() // 1000


def until(reader: Reader, enough: Callable[[list[Event]], object], within_s: float = PATIENCE_S) -> list[Event]:
    """Poll until `enough` of all events so far is true."""
    events: list[Event] = []
    deadline = time.monotonic() + within_s
    while not enough(events):
        assert time.monotonic() < deadline, f"not in {within_s} s; what came: {events}"
        events += reader.poll(0.2)
    return events


class Background:
    """A reader that another thread polls all the time, as a daemon would."""

    def __init__(self, reader: Reader) -> None:
        self.events: list[Event] = []
        self._reader = reader
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.events += self._reader.poll(0.1)
            except LogAway:
                time.sleep(0.2)

    def wait(self, enough: Callable[[list[Event]], object]) -> list[Event]:
        deadline = time.monotonic() + PATIENCE_S
        while not enough(self.events):
            assert time.monotonic() < deadline, f"not in {PATIENCE_S} s; what came: {self.events}"
            time.sleep(0.05)
        return self.events

    def __enter__(self) -> "Background":
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._reader.close()


def of(kind: type[Any], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


class Keeper(Protocol):
    kind: str

    def open(self) -> Logs: ...
    def arguments(self) -> Mapping[str, Any]: ...
    def remake(self, log: str) -> None: ...
    def forget(self, group: str, log: str) -> None: ...
    def cut(self, log: str, before: int) -> None: ...


class Embedded:
    """The embedded log in one file; leases are short."""

    kind = "embedded"

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self) -> Logs:
        return open_logs(self.kind, self.arguments())

    def arguments(self) -> Mapping[str, Any]:
        return {"path": str(self.path)}

    def remake(self, log: str) -> None:
        with sqlite3.connect(self.path) as db:
            (number,) = db.execute("SELECT number FROM logs WHERE name = ?", (log,)).fetchone()
            db.execute(f"DROP TABLE records_{number}")
            db.execute("DELETE FROM logs WHERE name = ?", (log,))
        db.close()
        self.open().ensure([Kept(log)])

    def forget(self, group: str, log: str) -> None:
        with sqlite3.connect(self.path) as db:
            db.execute("DELETE FROM positions WHERE reading_group = ? AND log = ?", (group, log))
        db.close()

    def cut(self, log: str, before: int) -> None:
        with sqlite3.connect(self.path) as db:
            (number,) = db.execute("SELECT number FROM logs WHERE name = ?", (log,)).fetchone()
            db.execute(f"DELETE FROM records_{number} WHERE position < ?", (before,))
            db.execute("UPDATE logs SET start = ? WHERE name = ?", (before, log))
        db.close()


class OnKafka:
    """Logs of one partition on a real broker."""

    kind = "kafka"

    def __init__(self, connection: KafkaConnection) -> None:
        self.connection = connection

    def open(self) -> Logs:
        return open_logs(self.kind, self.arguments())

    def arguments(self) -> Mapping[str, Any]:
        return {"bootstrap_servers": list(self.connection.bootstrap_servers)}

    def remake(self, log: str, partitions: int = 1) -> None:
        with self._admin() as admin:
            admin.delete_topics([log])
            deadline = time.monotonic() + PATIENCE_S
            while True:
                try:
                    admin.create_topics({log: {"num_partitions": partitions}}, wait_for_metadata=True)
                except KafkaError:  # the old one is still being removed
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
                else:
                    return

    def forget(self, group: str, log: str) -> None:
        with self._admin() as admin:
            admin.delete_group_offsets(group, [TopicPartition(log, 0)])

    def cut(self, log: str, before: int) -> None:
        with self._admin() as admin:
            admin.delete_records({TopicPartition(log, 0): before})

    def _admin(self) -> Any:
        return KafkaAdminClient(bootstrap_servers=list(self.connection.bootstrap_servers))


def open_logs(kind: str, arguments: Mapping[str, Any]) -> Logs:
    """The same logs in any process; timeouts are short."""
    if kind == "embedded":
        return EmbeddedLogs(Path(arguments["path"]), now, lease_s=1.0)
    servers = tuple(arguments["bootstrap_servers"])
    return KafkaLogs(KafkaConnection(bootstrap_servers=servers, session_timeout_s=3, request_timeout_s=5))
