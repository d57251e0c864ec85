"""Writing to the embedded log. Retention and compaction happen in small portions, as part of writing."""

from bisect import bisect_left
from collections.abc import Callable
from typing import NamedTuple

from msgspec import msgpack

from ingest.embedded.file import LogFile
from ingest.instants import DAY, SECOND
from ingest.logs import LogMissing, LogUnfit, Message

SPILL_BYTES = 16 << 20  # what is handed over without a flush is written at the latest at this size
SWEEP_ROWS = 200  # a sweep deletes at most this, and twice what was just written
SWEEP_BYTES = 8 << 20
TOMBSTONES_KEPT = DAY  # as long as Kafka keeps them (delete.retention.ms)


class _Log(NamedTuple):
    number: int
    cleanup: str
    retention_s: int
    next: int


class EmbeddedWriter:
    """Puts messages into the file, one transaction a flush. See `ingest.logs.Writer`."""

    def __init__(self, file: LogFile, clock: Callable[[], int]) -> None:
        self._file = file
        self._clock = clock
        self._pending: list[Message] = []
        self._pending_bytes = 0
        self._swept = ""

    def publish(self, message: Message) -> None:
        """Hand over; durable only after `flush`."""
        if message.partition not in {None, 0}:
            raise LogUnfit(f"{message.log} has one partition, as all embedded logs: {message.partition} is not there")
        self._pending.append(message)
        self._pending_bytes += len(message.value or b"")
        if self._pending_bytes > SPILL_BYTES:
            self.flush()

    def flush(self) -> None:
        """Return when everything handed over is on disk. After an error none of it is: hand it over again."""
        if not self._pending:
            return
        by_log: dict[str, list[Message]] = {}
        for message in self._pending:
            by_log.setdefault(message.log, []).append(message)
        self._pending, self._pending_bytes = [], 0
        now = self._clock()
        with self._file.writing():
            for name, messages in by_log.items():
                log = self._log(name)
                self._append(name, log, messages, now)
                self._sweep(name, log, now, max(SWEEP_ROWS, 2 * len(messages)))
            self._sweep_another(by_log, now)

    def close(self) -> None:
        """Drop what was not flushed and let go of the file."""
        self._pending = []
        self._file.close()

    def _log(self, name: str) -> _Log:
        rows = self._file.rows("SELECT number, cleanup, retention_s, next FROM logs WHERE name = ?", (name,))
        if not rows:
            raise LogMissing(f"there is no log {name} in {self._file.path}: `bellwether init` makes it")
        return _Log(*rows[0])

    def _append(self, name: str, log: _Log, messages: list[Message], now: int) -> None:
        rows, newest = [], {}
        for offset, message in enumerate(messages, log.next):
            appended_at = now if message.created_at is None else message.created_at
            headers = msgpack.encode(message.headers) if message.headers else None
            rows.append((offset, appended_at, now, message.key, message.value, headers))
            if message.key is not None:
                newest[message.key] = offset
            elif "compact" in log.cleanup:
                raise LogUnfit(f"a record without a key cannot go into {name}, which is compacted by key")
        self._file.insert(f"INSERT INTO records_{log.number} VALUES (?, ?, ?, ?, ?, ?)", rows)  # noqa: S608 - a number
        self._file.execute("UPDATE logs SET next = ? WHERE number = ?", (log.next + len(rows), log.number))
        if "compact" in log.cleanup:
            # At once, while the key is at hand: there is never a backlog that somebody would have to wait for.
            older = f"DELETE FROM records_{log.number} WHERE key = ? AND position < ?"  # noqa: S608
            self._file.insert(older, list(newest.items()))

    def _sweep(self, name: str, log: _Log, now: int, most: int) -> None:
        """Delete a portion of what is older than its log's retention, oldest first."""
        table = f"records_{log.number}"
        if "compact" in log.cleanup:
            forgotten = f"SELECT position FROM {table} WHERE value IS NULL AND taken_at < ? LIMIT ?"  # noqa: S608
            self._file.execute(
                f"DELETE FROM {table} WHERE position IN ({forgotten})",  # noqa: S608
                (now - TOMBSTONES_KEPT, most),
            )
        if "delete" not in log.cleanup or log.retention_s < 0:
            return
        limit, size, start = now - log.retention_s * SECOND, 0, None
        oldest = f"SELECT position, taken_at, length(value) FROM {table} ORDER BY position LIMIT ?"  # noqa: S608
        rows = self._file.rows(oldest, (most,))
        outlived = self._outlived(table, range(rows[0][0], log.next), now, limit) if rows and rows[0][1] > now else 0
        for position, taken_at, length in rows:
            if (taken_at >= limit and position >= outlived) or size > SWEEP_BYTES:
                break
            start, size = position + 1, size + (length or 0)
        if start is not None:
            self._file.execute(f"DELETE FROM {table} WHERE position < ?", (start,))  # noqa: S608
            self._file.execute("UPDATE logs SET start = ? WHERE name = ?", (start, name))

    def _outlived(self, table: str, positions: range, now: int, limit: int) -> int:
        """Below which position all may go though a wrong clock has dated it ahead: what came after it is old enough."""

        def taken_at(position: int) -> int:
            query = f"SELECT taken_at FROM {table} WHERE position >= ? ORDER BY position LIMIT 1"  # noqa: S608
            rows = self._file.rows(query, (position,))
            return int(rows[0][0]) if rows else now

        first = positions.start + bisect_left(positions, True, key=lambda position: taken_at(position) <= now)
        return first if taken_at(first) < limit else 0

    def _sweep_another(self, written: dict[str, list[Message]], now: int) -> None:
        """Sweep one log that was not written to, in turn: a quiet log ages too."""
        following = "SELECT name FROM logs WHERE name > ? ORDER BY name LIMIT 1"
        rows = self._file.rows(following, (self._swept,)) or self._file.rows(following, ("",))
        self._swept = rows[0][0]
        if self._swept not in written:
            self._sweep(self._swept, self._log(self._swept), now, SWEEP_ROWS)
