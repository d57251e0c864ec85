"""How far logs reach: when a box is told, and what the metrics say while nobody can know."""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from bellwether.loop import Role
from ingest.logs import Batch, Ended, Event, Opened
from ingest.steps import Step
from tests.bellwether.boxes import SOURCE, Clock, Copier, Running, Watcher, append, copies, made_logs
from tests.waiting import until


def test_a_place_comes_with_its_end_however_short_ago_that_was_asked(
    tmp_path: Path,
) -> None:
    clock, box = Clock(), Watcher()
    logs = made_logs(tmp_path / "logs.db", clock, 3)
    active = logs.reader("copiers", [SOURCE.log])
    active.poll(0)
    with Running(Role("copy", "copiers", (SOURCE.log,), lambda: box), logs, clock) as running:
        until(lambda: (running.metric("turns_total") or 0) >= 2)  # its clock stands still: it has asked
        active.close()
        until(lambda: len(copies(logs)) == 3)
    opened, ended, *_ = box.seen
    assert isinstance(opened, Opened)
    assert isinstance(ended, Ended)
    assert (ended.position, ended.end) == (0, 3)


class Waiting(Copier):
    """Holds what it has read until it may go on."""

    def __init__(self, has_read: threading.Event, may_go_on: threading.Event) -> None:
        super().__init__()
        self._has_read, self._may_go_on = has_read, may_go_on

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        if any(isinstance(event, Batch) for event in events):
            self._has_read.set()
            assert self._may_go_on.wait(20)
        yield from super().step(events, now)


def test_how_far_it_is_behind_is_kept_while_its_log_is_away(tmp_path: Path) -> None:
    clock, has_read, may_go_on = Clock(), threading.Event(), threading.Event()
    logs = made_logs(tmp_path / "logs.db", clock, 0)
    role = Role("copy", "copiers", (SOURCE.log,), lambda: Waiting(has_read, may_go_on), limit=2)
    other = sqlite3.connect(tmp_path / "logs.db", isolation_level=None)
    with closing(other), Running(role, logs, clock, standby_s=0.1) as running:
        until(lambda: running.loop.polled)
        append(logs, range(6))
        assert has_read.wait(20)
        other.execute("BEGIN IMMEDIATE")
        may_go_on.set()
        until(lambda: running.loop.away and running.metric("partitions") == 0)
        turns = running.metric("turns_total") or 0
        until(lambda: (running.metric("turns_total") or 0) > turns)
        assert running.metric("behind_records") == 4
        other.execute("ROLLBACK")
        until(lambda: clock.tick() or (not running.loop.away and running.metric("behind_records") == 0))
    assert set(copies(logs)) == set(range(6))


def test_who_stands_by_is_not_behind(tmp_path: Path) -> None:
    clock, has_read, may_go_on = Clock(), threading.Event(), threading.Event()
    logs = made_logs(tmp_path / "logs.db", clock, 6)
    role = Role("copy", "copiers", (SOURCE.log,), lambda: Waiting(has_read, may_go_on), limit=2)
    with Running(role, logs, clock, standby_s=0.1) as running:
        assert has_read.wait(20)
        clock.now += 60_000_000  # its lease is over
        other = logs.reader("copiers", [SOURCE.log])
        until(lambda: other.poll(0))
        may_go_on.set()
        until(lambda: running.metric("partitions") == 0 and running.metric("behind_records") == 0)
        other.close()
