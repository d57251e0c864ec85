"""What only the embedded log does: leases, and retention by its own hand."""

from pathlib import Path

from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import DAY, SECOND
from ingest.logs import Batch, Closed, Kept, Message, Opened, Place, Position, Skipped
from tests.ingest.embedded.conftest import Clock, write

ROOT = Path(__file__).parents[3]
HERE = Place("log", 0)


def test_a_lease_that_ran_out_is_taken_and_its_old_holder_is_told(logs: EmbeddedLogs, clock: Clock) -> None:
    write(logs, b"a")
    first, second = logs.reader("g", ["log"]), logs.reader("g", ["log"])
    assert isinstance(first.poll(0)[0], Opened)
    clock.now += 9 * SECOND
    assert second.poll(0) == []
    clock.now += 2 * SECOND
    assert isinstance(second.poll(0)[0], Opened)
    first.commit({HERE: Position(1)})
    assert first.poll(0) == [Closed(HERE)]
    assert first.poll(0) == []
    assert isinstance(second.poll(0)[0], Batch)
    first.close()
    second.close()
    third = logs.reader("g", ["log"])
    assert third.poll(0)[0].committed is None
    third.close()


def test_polling_and_committing_keep_the_lease(logs: EmbeddedLogs, clock: Clock) -> None:
    active, standby = logs.reader("g", ["log"]), logs.reader("g", ["log"])
    active.poll(0)
    for _ in range(5):
        clock.now += 6 * SECOND
        active.poll(0)
        assert standby.poll(0) == []
        clock.now += 6 * SECOND
        active.commit({HERE: Position(0)})
        assert standby.poll(0) == []
    active.close()
    standby.close()


def test_a_late_holder_keeps_its_lease_if_nobody_took_it(logs: EmbeddedLogs, clock: Clock) -> None:
    write(logs, b"a")
    reader = logs.reader("g", ["log"])
    reader.poll(0)
    clock.now += 1000 * SECOND
    assert [type(event) for event in reader.poll(0)] == [Batch]
    reader.commit({HERE: Position(1)})
    reader.close()
    assert logs.reader("g", ["log"]).poll(0)[0].committed == Position(1)


def test_a_lease_from_before_the_clock_was_set_back_does_not_last(logs: EmbeddedLogs, clock: Clock) -> None:
    dead = logs.reader("g", ["log"])
    dead.poll(0)
    clock.now -= DAY
    heir = logs.reader("g", ["log"])
    assert isinstance(heir.poll(0)[0], Opened)
    heir.close()
    dead.close()


def test_old_records_go_as_new_ones_come_in_small_portions_and_are_told_as_skipped(
    logs: EmbeddedLogs, path: Path, clock: Clock
) -> None:
    reader = logs.reader("g", ["log"])
    reader.poll(0)
    write(logs, *(b"%d" % number for number in range(1000)))
    clock.now += 2 * 3600 * SECOND
    counts = []
    for _ in range(6):
        write(logs, b"new")
        counts.append(len(list(logs.scan("log"))))
    assert counts == [801, 602, 403, 204, 5, 6]  # 200 a flush
    skipped, batch = reader.poll(0), reader.poll(0)
    assert skipped == [Skipped(HERE, 0, 1000, skipped[0].log_id, 1)]
    assert [record.value for record in batch[0].records] == [b"new"] * 6
    reader.close()


def test_records_of_a_clock_that_ran_ahead_go_with_what_came_after_them(logs: EmbeddedLogs, clock: Clock) -> None:
    write(logs, b"before")
    clock.now += 400 * DAY
    for number in range(3):
        write(logs, *(b"ahead %d" % number for _ in range(200)))  # which also ends what is before
    clock.now -= 400 * DAY
    write(logs, b"after")
    assert len(list(logs.scan("log"))) == 601  # nobody knows how old they are
    clock.now += 3601 * SECOND
    write(logs, b"later")
    clock.now += 3601 * SECOND
    for _ in range(4):
        write(logs, b"last")
    assert [record.value for record in logs.scan("log")] == [b"last"] * 4


def test_a_log_nobody_writes_to_ages_too(logs: EmbeddedLogs, clock: Clock) -> None:
    logs.ensure([Kept("quiet", retention_s=60), Kept("zealous", retention_s=-1)])
    write(logs, b"a", log="quiet")
    write(logs, b"a", log="zealous")
    clock.now += 61 * SECOND
    writer = logs.writer()
    for _ in range(3):  # one other log a flush, in turn
        writer.publish(Message("log", b"x"))
        writer.flush()
    writer.close()
    assert list(logs.scan("quiet")) == []
    assert len(list(logs.scan("zealous"))) == 1


def test_age_counts_from_when_the_log_took_a_record(logs: EmbeddedLogs, clock: Clock) -> None:
    """Replayed documents carry old instants; they must not vanish as they come."""
    writer = logs.writer()
    writer.publish(Message("log", b"from 2018", created_at=1_514_764_800 * SECOND))
    writer.flush()
    writer.flush()
    writer.publish(Message("log", b"now"))
    writer.flush()
    writer.close()
    assert [record.value for record in logs.scan("log")] == [b"from 2018", b"now"]


def test_offsets_are_never_used_twice(logs: EmbeddedLogs, clock: Clock) -> None:
    write(logs, b"a", b"b")
    clock.now += DAY
    write(logs, b"c")
    clock.now += DAY
    write(logs, b"d")
    assert [record.offset for record in logs.scan("log")] == [3]


def test_tombstones_go_after_a_day(logs: EmbeddedLogs, clock: Clock) -> None:
    logs.ensure([Kept("compacted", cleanup="compact")])
    writer = logs.writer()
    for value in (b"1", None):
        writer.publish(Message("compacted", value, key=b"k"))
        writer.flush()
    assert [record.value for record in logs.scan("compacted")] == [None]
    clock.now += DAY + 1
    writer.publish(Message("compacted", b"2", key=b"other"))
    writer.flush()
    writer.close()
    assert [record.key for record in logs.scan("compacted")] == [b"other"]
    reader = logs.reader("g", ["compacted"])
    reader.poll(0)
    (batch,) = reader.poll(0)
    assert (batch.start, batch.next, len(batch.records)) == (0, 3, 1)
    reader.close()


def test_a_changed_retention_is_put_in_force(logs: EmbeddedLogs, clock: Clock) -> None:
    assert logs.ensure([Kept("log", retention_s=60)]) == ["log is now kept 60 s, before 3600 s"]
    assert logs.ensure([Kept("log", retention_s=60), Kept("log")]) == []
    write(logs, b"old")
    clock.now += 61 * SECOND
    write(logs, b"new")
    assert [record.value for record in logs.scan("log")] == [b"new"]
