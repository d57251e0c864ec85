"""Reading the embedded log as a member of a group: leases, positions, and waiting cheaply for what comes next.

A log has one partition, so one reader of a group is active and the others stand by. Who is active holds the lease of
(group, log), renewed by polling and committing; it is given back on `close`, and runs out if its reader died.
"""

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct, msgpack

from ingest.embedded.file import LogFile
from ingest.logs import Batch, Closed, Event, LogAway, LogError, LogMissing, Opened, Place, Position, Record, Skipped

TICK_S = 0.02  # how often a waiting reader looks whether the file has changed: a few microseconds each
BATCH_BYTES = 32 << 20
CLAIM = """
INSERT INTO leases (reading_group, log, holder, until) VALUES (:reading_group, :log, :holder, :until)
ON CONFLICT DO UPDATE SET holder = :holder, until = :until
WHERE holder = :holder OR until <= :now OR until > :absurd
"""


class _Log(NamedTuple):
    """A log as it is now, with the lease on it."""

    name: str
    number: int
    id: str
    start: int
    next: int
    holder: str | None
    until: int | None


class _Held(Struct):
    log_id: str
    position: int
    paused: bool = False


def record(row: tuple[int, int, bytes | None, bytes | None, bytes | None]) -> Record:
    """A record of the columns position, appended_at, key, value, headers."""
    headers = msgpack.decode(row[4], type=tuple[tuple[str, bytes], ...]) if row[4] else ()
    return Record(row[0], row[1], row[2], row[3], headers)


class Membership(NamedTuple):
    """Who reads what, how."""

    group: str
    logs: Sequence[str]
    limit: int  # records a poll
    lease_us: int


class EmbeddedReader:
    """One member of a group. See `ingest.logs.Reader`."""

    def __init__(self, file: LogFile, clock: Callable[[], int], membership: Membership) -> None:
        self._file = file
        self._clock = clock
        self._group = membership.group
        self._logs = list(dict.fromkeys(membership.logs))
        self._limit = membership.limit
        self._lease_us = membership.lease_us
        self._holder = uuid.uuid4().hex
        self._held: dict[str, _Held] = {}
        self._events: list[Event] = []
        self._attend_at = 0  # instant at which a lease has to be renewed, or may be free
        missing = set(self._logs) - set(self._look())
        if missing:
            raise LogMissing(f"there is no log {', '.join(sorted(missing))} in {file.path}: `bellwether init` makes it")

    def poll(self, timeout_s: float) -> list[Event]:
        """What has come since the last poll; [] if nothing, or at a standby."""
        deadline = time.monotonic() + timeout_s
        while not self._events:  # else a poll failed half-way: what it knew already comes first, and alone
            seen = self._file.version()
            self._attend()
            self._read({event.place.log for event in self._events if isinstance(event, Opened)})
            if self._events or time.monotonic() >= deadline:
                break
            while self._file.version() == seen and self._clock() < self._attend_at and time.monotonic() < deadline:
                time.sleep(min(TICK_S, max(0.0, deadline - time.monotonic())))
        events, self._events = self._events, []
        return events

    def commit(self, positions: Mapping[Place, Position]) -> None:
        """Keep exactly these positions for the group; a place whose lease another reader took is passed over."""
        now = self._clock()
        with self._file.writing():
            for place, position in positions.items():
                held = self._held.get(place.log)
                if held is None:
                    continue
                log = self._look().get(place.log)
                if log is not None and log.id == held.log_id and self._claim(place.log, now):
                    self._file.execute(
                        "INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?, ?, ?)",
                        (self._group, place.log, held.log_id, position.offset, position.note, now),
                    )

    def seek(self, place: Place, offset: int) -> None:
        """Go on at `offset` with the next poll."""
        if place.log in self._held:
            self._held[place.log].position = offset

    def pause(self, places: Sequence[Place]) -> None:
        """Deliver no records of these places until `resume`."""
        for place in places:
            if place.log in self._held:
                self._held[place.log].paused = True

    def resume(self, places: Sequence[Place]) -> None:
        """Undo `pause`."""
        for place in places:
            if place.log in self._held:
                self._held[place.log].paused = False

    def ends(self) -> dict[Place, int]:
        """One past the newest record of each place held."""
        return {Place(name, 0): log.next for name, log in self._look().items() if name in self._held}

    def close(self) -> None:
        """Give the leases back, so that a standby need not wait for them to run out."""
        try:
            with self._file.writing():
                self._file.execute("DELETE FROM leases WHERE holder = ?", (self._holder,))
        except LogError:
            pass  # then they run out
        finally:
            self._held.clear()
            self._file.close()

    def _look(self) -> dict[str, _Log]:
        marks = ", ".join("?" * len(self._logs))
        query = f"""
            SELECT name, number, id, start, next, holder, until FROM logs
            LEFT JOIN leases ON log = name AND reading_group = ? WHERE name IN ({marks})"""  # noqa: S608 - question marks
        return {row[0]: _Log(*row) for row in self._file.rows(query, (self._group, *self._logs))}

    def _attend(self) -> None:
        """Take free leases, renew those held, notice those lost. What it finds is in `_events`."""
        now = self._clock()
        logs = self._look()
        free = {name for name, log in logs.items() if name not in self._held and self._is_free(log, now)}
        lost = {name for name in self._held if name in logs and logs[name].holder not in {self._holder, None}}
        if now < self._attend_at and not free and not lost:
            return
        held, events = dict(self._held), list[Event]()
        with self._file.writing():
            logs = self._look()
            for name in sorted((free | set(held)) & set(logs)):
                claimed = self._claim(name, now)
                if claimed and name in free:
                    held[name], told = self._open(logs[name])
                    events += told
                elif not claimed and name in held:
                    del held[name]
                    events.append(Closed(Place(name, 0)))
        self._held = held  # only now: had the transaction failed, no lease would have been taken or given up
        self._events += events
        ends = [log.until for name, log in logs.items() if name not in self._held and log.until is not None]
        self._attend_at = min([now + self._lease_us // 3, *(end for end in ends if end > now)])

    def _is_free(self, log: _Log, now: int) -> bool:
        return log.until is None or log.until <= now or log.until > now + 2 * self._lease_us

    def _claim(self, name: str, now: int) -> bool:
        """Take or renew the lease; False if another reader holds it."""
        until = now + self._lease_us
        # A lease that ends absurdly late was taken before the machine's clock was set back.
        claim = {"reading_group": self._group, "log": name, "holder": self._holder, "until": until, "now": now}
        return self._file.execute(CLAIM, claim | {"absurd": until + self._lease_us}).rowcount == 1

    def _open(self, log: _Log) -> tuple[_Held, list[Event]]:
        place = Place(log.name, 0)
        query = "SELECT log_id, position, note FROM positions WHERE reading_group = ? AND log = ?"
        rows = self._file.rows(query, (self._group, log.name))
        committed = Position(rows[0][1], rows[0][2]) if rows and rows[0][0] == log.id else None
        position = log.start if committed is None else committed.offset
        events: list[Event] = [Opened(place, log.id, 1, committed, log.start, log.next)]
        if rows and committed is None:
            events.append(Skipped(place, rows[0][1], log.start, log.id, 1, remade=True))
        return _Held(log.id, position), events

    def _read(self, opened: set[str]) -> None:
        """Records of the places held, but for those just opened, in turn until the limit is reached.

        What it finds is in `_events`, also when it raises.
        """
        left = self._limit
        names = [name for name in self._held if name not in opened and not self._held[name].paused]
        with self._file.reading():
            logs = self._look()
            for name in names:
                held = self._held[name]
                if name not in logs:
                    raise LogAway(f"the log {name} is gone from {self._file.path}: waiting for it to be made again")
                log = logs[name]
                if log.id != held.log_id or not log.start <= held.position <= log.next:
                    self._events.append(self._skip(held, log))
                elif held.position < log.next and left > 0:
                    batch = self._batch(held, log, left)
                    left -= len(batch.records)
                    self._events.append(batch)
                else:
                    continue
                self._held[name] = self._held.pop(name)  # what was read goes to the end of the queue

    def _skip(self, held: _Held, log: _Log) -> Skipped:
        """Go on where there is something: at the oldest, or at the end if the log has lost its tail."""
        remade = log.id != held.log_id
        position = log.next if not remade and held.position > log.next else log.start
        skipped = Skipped(Place(log.name, 0), held.position, position, log.id, 1, remade)
        held.log_id, held.position = log.id, position
        return skipped

    def _batch(self, held: _Held, log: _Log, limit: int) -> Batch:
        query = f"""
            SELECT position, appended_at, key, value, headers FROM records_{log.number}
            WHERE position >= ? ORDER BY position LIMIT ?"""  # noqa: S608 - a number
        records: list[Record] = []
        start, size, following = held.position, 0, log.next
        for row in self._file.execute(query, (start, limit)):
            records.append(record(row))
            size += len(row[3] or b"")
            if len(records) == limit or size > BATCH_BYTES:
                following = row[0] + 1
                break
        held.position = following
        return Batch(Place(log.name, 0), start, following, log.next, tuple(records))
