"""The embedded log: the contract of `ingest.logs` on one SQLite file, for one machine and no broker.

Several processes may use the file at once. It has to lie on a local disk: SQLite's write-ahead log needs shared memory.
"""

import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from ingest.embedded.file import LogFile
from ingest.embedded.reader import EmbeddedReader, Membership, record
from ingest.embedded.writer import EmbeddedWriter
from ingest.instants import SECOND
from ingest.logs import Kept, LogMissing, LogUnfit, Record, span

DEFAULT_RETENTION_S = 7 * 86_400  # where nobody says otherwise; Kafka's default too
CLEANUPS = {"delete", "compact", "compact,delete"}
SCAN_ROWS = 500
NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")  # what Kafka takes, so that moving there is always possible
RECORDS = """
CREATE TABLE records_{number} (
    position INTEGER PRIMARY KEY, appended_at INTEGER NOT NULL, taken_at INTEGER NOT NULL,
    key BLOB, value BLOB, headers BLOB) STRICT
"""


class EmbeddedLogs:
    """Logs in the SQLite file at `path` (absolute). See `ingest.logs.Logs`.

    `clock` gives the instant now; `lease_s` is how long a dead reader keeps its group from reading on; `busy_s` how
    long to wait for another process's write. Raises `LogUnfit` or `LogAway` if the file cannot be used.
    """

    def __init__(self, path: Path, clock: Callable[[], int], *, lease_s: float = 10.0, busy_s: float = 10.0) -> None:
        if not path.is_absolute():
            raise LogUnfit(f"the embedded log's file must be an absolute path, not {path}")
        self._path = path
        self._clock = clock
        self._lease_us = round(lease_s * SECOND)
        self._busy_s = busy_s
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LogUnfit(f"the folder of {path} cannot be made: {error.strerror}") from error
        self._open().close()

    def reader(self, group: str, logs: Sequence[str], *, limit: int = 500) -> EmbeddedReader:
        """A new member of `group`. Raises `LogMissing` if one of the logs is."""
        file = self._open(durable=False)
        try:
            return EmbeddedReader(file, self._clock, Membership(group, logs, limit, self._lease_us))
        except BaseException:
            file.close()
            raise

    def writer(self) -> EmbeddedWriter:
        """A new writer."""
        return EmbeddedWriter(self._open(), self._clock)

    def scan(self, log: str, *, partition: int = 0, start: int | None = None) -> Iterator[Record]:
        """Every record from `start` (None: the oldest) to the end as it is now."""
        file = self._open()
        try:
            number, end = self._number_and_end(file, log)
            if partition != 0:
                raise LogUnfit(f"{log} in {self._path} has no partition {partition}")
            query = f"""
                SELECT position, appended_at, key, value, headers FROM records_{number}
                WHERE position >= ? AND position < ? ORDER BY position LIMIT ?"""  # noqa: S608 - a number
            following = start or 0
            while portion := file.rows(query, (following, end, SCAN_ROWS)):
                yield from map(record, portion)
                following = portion[-1][0] + 1
        finally:
            file.close()

    def partitions(self, log: str) -> int:
        """One. Raises `LogMissing` if there is no such log."""
        file = self._open()
        try:
            self._number_and_end(file, log)
        finally:
            file.close()
        return 1

    def ensure(self, kept: Sequence[Kept]) -> list[str]:
        """Make each log that is missing, check the others; a retention that differs is changed, as no one else can."""
        file = self._open()
        try:
            with file.writing():
                rows = file.rows("SELECT name, cleanup, retention_s FROM logs")
                existing = {name: (cleanup, retention_s) for name, cleanup, retention_s in rows}
                misfits = [misfit for log in kept for misfit in self._misfits(log, existing)]
                if misfits:
                    raise LogUnfit("; ".join(misfits))
                return [done for log in kept for done in self._fit(file, log, existing)]
        finally:
            file.close()

    def close(self) -> None:
        """Nothing to let go of: readers and writers close what they opened."""

    def _open(self, *, durable: bool = True) -> LogFile:
        return LogFile(self._path, durable=durable, busy_s=self._busy_s)

    def _number_and_end(self, file: LogFile, log: str) -> tuple[int, int]:
        rows = file.rows("SELECT number, next FROM logs WHERE name = ?", (log,))
        if not rows:
            raise LogMissing(f"there is no log {log} in {self._path}: `bellwether init` makes it")
        number, end = rows[0]
        return number, end

    def _misfits(self, kept: Kept, existing: dict[str, tuple[str, int]]) -> Iterator[str]:
        if not NAME.fullmatch(kept.log) or kept.log in {".", ".."}:
            yield f"{kept.log!r} is no name for a log: letters, digits, '.', '_' and '-', at most 249"
        if kept.partitions not in {None, 1}:
            yield f"{kept.log} should have {kept.partitions} partitions, an embedded log has one"
        if kept.cleanup not in CLEANUPS:
            yield f"{kept.log} cannot be kept by {kept.cleanup!r}: say one of {', '.join(sorted(CLEANUPS))}"
        elif kept.log in existing and existing[kept.log][0] != kept.cleanup:
            yield f"{kept.log} is kept by {existing[kept.log][0]!r} and should be by {kept.cleanup!r}"

    def _fit(self, file: LogFile, kept: Kept, existing: dict[str, tuple[str, int]]) -> Iterator[str]:
        if kept.log in existing:
            before = existing[kept.log][1]
            if kept.retention_s not in {None, before}:
                file.execute("UPDATE logs SET retention_s = ? WHERE name = ?", (kept.retention_s, kept.log))
                yield f"{kept.log} is now kept {span(kept.retention_s or 0)}, before {span(before)}"
            return
        retention_s = DEFAULT_RETENTION_S if kept.retention_s is None else kept.retention_s
        number = file.execute(
            "INSERT INTO logs (name, id, cleanup, retention_s) VALUES (?, ?, ?, ?)",
            (kept.log, str(uuid.uuid4()), kept.cleanup, retention_s),
        ).lastrowid
        file.execute(RECORDS.format(number=number))
        if "compact" in kept.cleanup:
            file.execute(f"CREATE INDEX keys_{number} ON records_{number} (key, position)")
            file.execute(f"CREATE INDEX tombstones_{number} ON records_{number} (taken_at) WHERE value IS NULL")
        existing[kept.log] = (kept.cleanup, retention_s)
        yield f"made {kept.log} in {self._path}, {kept.cleanup}, kept {span(retention_s)}"
