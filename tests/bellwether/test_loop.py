import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bellwether.loop import Role
from ingest.instants import SECOND
from ingest.logs import Batch, LogAway, LogUnfit, Message
from ingest.steps import Step
from tests.bellwether.boxes import (
    COPY,
    HERE,
    SOURCE,
    Clock,
    Copier,
    Finite,
    Rewinder,
    Running,
    Watcher,
    append,
    committed,
    copies,
    made_logs,
)
from tests.waiting import until


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "logs.db"


@pytest.fixture
def boxes() -> list[Copier]:
    return []


def role(boxes: list[Copier], kind: type[Copier] = Copier, **more: object) -> Role:
    def make() -> Copier:
        boxes.append(kind())
        return boxes[-1]

    return Role("copy", "copiers", (SOURCE.log,), make, **more)  # type: ignore[arg-type]


@pytest.fixture
def writer_lock(file: Path) -> Iterator[sqlite3.Connection]:
    """Another process that can keep everybody else from writing."""
    other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    yield other
    other.close()


def test_every_record_is_copied_once_and_in_order(file: Path, clock: Clock, boxes: list[Copier]) -> None:
    logs = made_logs(file, clock, 25)
    with Running(role(boxes, limit=7), logs, clock) as running:
        until(lambda: len(copies(logs)) == 25)
        append(logs, range(25, 40))
        until(lambda: running.metric("behind_records") == 0 and len(copies(logs)) == 40)
    assert copies(logs) == list(range(40))
    assert committed(logs) == 40
    assert running.metric("turns_total") >= 40


def test_a_loop_goes_on_where_the_one_before_it_has_committed(file: Path, clock: Clock, boxes: list[Copier]) -> None:
    logs = made_logs(file, clock, 10)
    for records in (10, 20):
        with Running(role(boxes), logs, clock):
            until(lambda records=records: len(copies(logs)) == records)  # type: ignore[misc]
        append(logs, range(10, 20))
    assert copies(logs)[:20] == list(range(20))


def test_a_stop_between_two_steps_leaves_the_rest_to_the_next(file: Path, clock: Clock, boxes: list[Copier]) -> None:
    logs = made_logs(file, clock, 10)

    class Stopping(Copier):
        def step(self, events, now):  # type: ignore[no-untyped-def]
            for number, step in enumerate(super().step(events, now)):
                if number == 3:
                    running.stop.set()
                yield step

    running = Running(role(boxes, Stopping), logs, clock)
    with running:
        until(lambda: not running.thread.is_alive())
    assert running.error is None
    assert copies(logs) == [0, 1, 2, 3]
    assert committed(logs) == 4


def test_a_seek_is_made_after_the_commit_and_before_the_next_poll(
    file: Path, clock: Clock, boxes: list[Copier]
) -> None:
    logs = made_logs(file, clock, 5)
    for rounds in (1, 2):
        with Running(role(boxes, Rewinder), logs, clock):
            until(lambda rounds=rounds: len(copies(logs)) == 5 * rounds)  # type: ignore[misc]
    assert copies(logs) == [0, 1, 2, 3, 4] * 2


def test_what_could_not_be_published_is_done_again_by_a_new_box_from_the_commit(
    file: Path, clock: Clock, boxes: list[Copier], writer_lock: sqlite3.Connection
) -> None:
    logs = made_logs(file, clock, 3)
    with Running(role(boxes), logs, clock) as running:
        until(lambda: len(copies(logs)) == 3)
        append(logs, range(3, 6))
        writer_lock.execute("BEGIN IMMEDIATE")
        until(lambda: clock.tick() or running.loop.away)
        assert "another process" in running.loop.away
        assert running.loop.partitions == 0
        writer_lock.execute("ROLLBACK")
        # The lease, which could not be given back, has to run out.
        until(lambda: clock.tick() or (not running.loop.away and copies(logs)[-1:] == [5]))
    assert len(boxes) >= 2
    assert set(copies(logs)) == set(range(6))
    assert committed(logs) == 6


def test_an_outage_is_told_once_when_it_begins_and_once_when_it_is_over(
    file: Path, clock: Clock, boxes: list[Copier], writer_lock: sqlite3.Connection
) -> None:
    logs = made_logs(file, clock)
    with capture_logs() as told, Running(role(boxes), logs, clock) as running:
        until(lambda: running.loop.polled)
        append(logs, range(1))
        writer_lock.execute("BEGIN IMMEDIATE")
        # What was appended may be copied by now: then it is the lease that cannot be written.
        until(lambda: clock.tick() or any(running.metric("log_away", doing=doing) == 1 for doing in ("read", "write")))
        turns = running.metric("turns_total") or 0
        until(lambda: clock.tick() or (running.metric("turns_total") or 0) >= turns + 3)  # tried several times
        writer_lock.execute("ROLLBACK")
        until(lambda: clock.tick() or (copies(logs) == [0] and not running.loop.away))
    begun = [event for event in told if event["event"] == "log away, trying again"]
    over = [event for event in told if event["event"] == "log back"]
    assert {event["doing"] for event in begun} == {event["doing"] for event in over}
    assert len(begun) == len({event["doing"] for event in begun})
    assert all(event["log_level"] == "warning" and event["why"] for event in begun)
    outages = sum(running.metric("outages_total", doing=doing) or 0 for doing in ("read", "write"))
    assert outages == len(begun)


def test_a_reader_that_finds_its_log_away_for_long_is_made_anew(
    file: Path, clock: Clock, boxes: list[Copier], writer_lock: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bellwether.loop.RENEW_AFTER_S", 0.5)
    logs = made_logs(file, clock, 3)
    with Running(role(boxes), logs, clock) as running:
        until(lambda: len(copies(logs)) == 3 and running.loop.polled)
        writer_lock.execute("BEGIN IMMEDIATE")
        until(lambda: clock.tick() or (running.loop.away and running.loop.partitions == 0))
        assert running.metric("log_away", doing="read") == 1
        writer_lock.execute("ROLLBACK")
        append(logs, range(3, 6))
        until(lambda: clock.tick() or copies(logs)[-1:] == [5])
    assert len(boxes) == 2
    assert copies(logs) == list(range(6))


def test_a_log_that_is_gone_for_long_is_waited_for(
    file: Path, clock: Clock, boxes: list[Copier], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bellwether.loop.RENEW_AFTER_S", 0.5)
    logs = made_logs(file, clock, 3)
    with Running(role(boxes), logs, clock) as running:
        until(lambda: len(copies(logs)) == 3 and running.loop.polled)
        with closing(sqlite3.connect(file)) as other, other:
            other.execute("DELETE FROM logs WHERE name = ?", (SOURCE.log,))
        until(lambda: "there is no log" in running.loop.away)  # by then another reader was asked for
        assert running.loop.partitions == 0
        logs.ensure([SOURCE])
        append(logs, range(3, 6))
        until(lambda: clock.tick() or (copies(logs)[-1:] == [5] and not running.loop.away))
    assert running.error is None
    assert copies(logs) == list(range(6))


def test_a_log_to_write_to_that_is_gone_is_waited_for_by_the_next_box_too(file: Path, clock: Clock) -> None:
    asked: list[str] = []

    def make() -> Copier:
        asked.append(COPY.log)
        logs.partitions(COPY.log)
        return Copier()

    logs = made_logs(file, clock, 3)
    with Running(Role("copy", "copiers", (SOURCE.log,), make), logs, clock) as running:
        until(lambda: len(copies(logs)) == 3)
        with closing(sqlite3.connect(file)) as other, other:
            other.execute("DELETE FROM logs WHERE name = ?", (COPY.log,))
        append(logs, range(3, 6))
        until(lambda: len(asked) >= 3)
        assert "there is no log" in running.loop.away
        assert running.loop.partitions == 0
        logs.ensure([COPY])
        until(lambda: clock.tick() or (copies(logs)[-3:] == [3, 4, 5] and not running.loop.away))
    assert running.error is None


def test_an_outage_is_over_when_nothing_fails_any_more_though_there_is_nothing_to_write(
    file: Path, clock: Clock, boxes: list[Copier]
) -> None:
    def make() -> Copier:
        boxes.append(Copier())
        if len(boxes) == 1:
            raise LogAway("what it remembers cannot be read now")
        return boxes[-1]

    logs = made_logs(file, clock)
    with Running(Role("copy", "copiers", (SOURCE.log,), make), logs, clock, standby_s=1.0) as running:
        until(lambda: running.metric("log_away", doing="write") == 1)
        until(lambda: clock.tick() or (running.loop.partitions == 1 and not running.loop.away))
    assert running.metric("log_away", doing="write") == 0
    assert copies(logs) == []


def test_a_stop_does_not_wait_for_a_log_that_is_away(
    file: Path, clock: Clock, boxes: list[Copier], writer_lock: sqlite3.Connection
) -> None:
    logs = made_logs(file, clock, 3)
    writer_lock.execute("BEGIN IMMEDIATE")
    with Running(role(boxes), logs, clock) as running:
        until(lambda: running.loop.away)
        running.stop.set()
        until(lambda: not running.thread.is_alive(), within_s=5)
    assert running.error is None


def test_who_stands_by_says_so_once_and_takes_over_when_the_other_leaves(
    file: Path, clock: Clock, boxes: list[Copier]
) -> None:
    logs = made_logs(file, clock, 3)
    with capture_logs() as told, ExitStack() as stack:
        with Running(role(boxes), logs, clock, standby_s=0.1) as first:
            until(lambda: len(copies(logs)) == 3)
            second = stack.enter_context(Running(role(boxes), logs, clock, standby_s=0.1))
            until(lambda: (second.metric("turns_total") or 0) >= 4)
            assert (first.loop.partitions, second.loop.partitions) == (1, 0)
        append(logs, range(3, 6))
        until(lambda: len(copies(logs)) == 6)
    assert copies(logs) == list(range(6))
    standing = [event for event in told if event["event"].startswith("standing by")]
    assert [event["logs"] for event in standing] == [(SOURCE.log,)]


def test_an_unfit_log_ends_the_loop_with_its_sentence(file: Path, clock: Clock, boxes: list[Copier]) -> None:
    logs = made_logs(file, clock)
    with Running(role(boxes), logs, clock) as running:
        until(lambda: running.loop.polled)
        file.rename(file.with_suffix(".moved"))
        clock.now += 60 * SECOND
        until(lambda: not running.thread.is_alive())
    assert isinstance(running.error, LogUnfit)
    assert "removed or replaced" in str(running.error)


def test_a_step_whose_messages_are_refused_commits_nothing(file: Path, clock: Clock, boxes: list[Copier]) -> None:
    class Misled(Copier):
        def step(self, events, now):  # type: ignore[no-untyped-def]
            for step in super().step(events, now):
                yield Step([Message(COPY.log, b"x", partition=1)], step.commits)

    logs = made_logs(file, clock, 2)
    with Running(role(boxes, Misled), logs, clock) as running:
        until(lambda: not running.thread.is_alive())
    assert isinstance(running.error, LogUnfit)
    assert committed(logs) is None


def test_an_error_of_the_box_ends_the_loop_and_commits_nothing(file: Path, clock: Clock, boxes: list[Copier]) -> None:
    class Broken(Copier):
        def step(self, events, now):  # type: ignore[no-untyped-def]
            yield from super().step(events, now)
            if any(isinstance(event, Batch) for event in events):
                raise ZeroDivisionError("our mistake")

    logs = made_logs(file, clock, 2)
    with Running(role(boxes, Broken, limit=1), logs, clock) as running:
        until(lambda: not running.thread.is_alive())
    assert isinstance(running.error, ZeroDivisionError)
    assert committed(logs) == 1


def test_a_box_that_has_finished_ends_its_loop(file: Path, clock: Clock, boxes: list[Copier]) -> None:
    logs = made_logs(file, clock, 5)
    with Running(role(boxes, Finite), logs, clock) as running:
        until(lambda: not running.thread.is_alive())
    assert running.loop.done
    assert copies(logs) == [0, 1, 2, 3, 4]


def test_once_no_more_comes_a_loop_ends_when_all_there_is_has_been_committed(
    file: Path, clock: Clock, boxes: list[Copier]
) -> None:
    logs = made_logs(file, clock, 4)
    no_more = threading.Event()
    with Running(role(boxes, after=no_more), logs, clock) as running:
        until(lambda: len(copies(logs)) == 4)
        assert not running.loop.done
        append(logs, range(4, 30))
        no_more.set()
        until(lambda: not running.thread.is_alive())
    assert running.loop.done
    assert copies(logs) == list(range(30))


def test_once_no_more_comes_a_loop_without_any_record_ends_too(file: Path, clock: Clock, boxes: list[Copier]) -> None:
    no_more = threading.Event()
    no_more.set()
    with Running(role(boxes, after=no_more), made_logs(file, clock), clock) as running:
        until(lambda: not running.thread.is_alive())
    assert running.loop.done


def test_once_no_more_comes_a_loop_still_waits_for_its_box_to_finish(
    file: Path, clock: Clock, boxes: list[Copier]
) -> None:
    class Six(Finite):
        finish_at = 6

    logs = made_logs(file, clock, 5)
    no_more = threading.Event()
    no_more.set()
    with Running(role(boxes, Six, after=no_more), logs, clock) as running:
        until(lambda: len(copies(logs)) == 5)
        turns = running.metric("turns_total") or 0
        until(lambda: (running.metric("turns_total") or 0) >= turns + 2)
        assert not running.loop.done
        append(logs, range(5, 6))
        until(lambda: not running.thread.is_alive())
    assert running.loop.done


def test_a_box_that_wants_to_know_is_told_how_far_its_log_reaches_once_a_second(
    file: Path, clock: Clock, boxes: list[Copier]
) -> None:
    logs = made_logs(file, clock, 3)
    with Running(role(boxes, Watcher), logs, clock) as running:
        until(lambda: running.metric("turns_total") >= 6)
        (watcher,) = boxes
        assert isinstance(watcher, Watcher)
        first = len(watcher.ends)
        clock.now += SECOND
        until(lambda: len(watcher.ends) > first)
        turns = running.metric("turns_total") or 0
        until(lambda: (running.metric("turns_total") or 0) >= turns + 2)
    assert first == 1
    assert len(watcher.ends) == 2
    last = watcher.ends[-1]
    assert (last.place, last.position, last.end, last.asked_at) == (HERE, 3, 3, clock.now)


def test_a_box_that_does_not_want_to_know_is_not_told(file: Path, clock: Clock, boxes: list[Copier]) -> None:
    logs = made_logs(file, clock, 3)
    with Running(role(boxes), logs, clock) as running:
        until(lambda: running.metric("turns_total") >= 6)
    assert {type(event).__name__ for event in boxes[0].seen} == {"Opened", "Batch"}


def test_a_missing_log_is_named(file: Path, clock: Clock, boxes: list[Copier]) -> None:
    logs = made_logs(file, clock)
    strange = Role("copy", "copiers", ("nowhere",), Copier)
    with Running(strange, logs, clock) as running:
        until(lambda: not running.thread.is_alive())
    assert isinstance(running.error, LogUnfit)
    assert "nowhere" in str(running.error)
    assert COPY.log not in str(running.error)
