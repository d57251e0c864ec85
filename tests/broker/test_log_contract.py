"""What `ingest.logs` promises, asked of both who keep logs: a real Kafka and the embedded file."""

import signal
import subprocess
import uuid
from collections.abc import Callable

import pytest

from ingest.logs import Batch, Closed, Kept, LogMissing, Logs, LogUnfit, Message, Opened, Place, Position, Skipped
from tests.broker.keepers import Background, Keeper, now, of, until

Write = Callable[..., None]
Start = Callable[[str], subprocess.Popen[str]]


def values(events: list) -> list[bytes]:
    return [record.value for batch in of(Batch, events) for record in batch.records]


def test_records_come_in_order_with_all_they_carry(logs: Logs, log: str, write: Write) -> None:
    before = now()
    write(
        Message(log, b"one", key=b"k", headers=(("reason", b"x"), ("where", "北京".encode()))),
        Message(log, None, key=b"gone"),
        Message(log, b"three", created_at=before - 3_000_000),
        *(b"%d" % number for number in range(50)),
    )
    reader = logs.reader("g", [log])
    records = [r for b in of(Batch, until(reader, lambda e: len(values(e)) == 53)) for r in b.records]
    reader.close()
    assert [record.offset for record in records] == list(range(53))
    assert records[0].key == b"k"
    assert records[0].headers == (("reason", b"x"), ("where", "北京".encode()))
    assert (records[1].key, records[1].value) == (b"gone", None)
    assert records[2].appended_at == (before - 3_000_000) // 1000 * 1000 or records[2].appended_at == before - 3_000_000
    assert before // 1000 * 1000 <= records[0].appended_at <= now()
    assert [record.value for record in records[3:]] == [b"%d" % number for number in range(50)]


def test_a_place_is_opened_before_its_first_batch_and_not_by_the_same_poll(logs: Logs, log: str, write: Write) -> None:
    write(b"a", b"b")
    reader = logs.reader("g", [log])
    polls = []
    while not any(of(Batch, events) for events in polls):
        polls.append(reader.poll(0.2))
    reader.close()
    opening = next(events for events in polls if events)
    (opened,) = opening
    assert opened == Opened(Place(log, 0), opened.log_id, 1, None, 0, 2)
    assert opened.log_id


def test_without_a_commit_reading_begins_at_the_oldest(keeper: Keeper, logs: Logs, log: str, write: Write) -> None:
    write(b"a", b"b", b"c")
    keeper.cut(log, 1)
    reader = logs.reader("new", [log])
    events = until(reader, values)
    reader.close()
    assert of(Opened, events)[0].committed is None
    assert of(Opened, events)[0].start == 1
    assert values(events) == [b"b", b"c"]
    assert not of(Skipped, events)


def test_positions_and_notes_outlive_the_reader_and_closing_commits_nothing(
    keeper: Keeper, logs: Logs, log: str, write: Write
) -> None:
    write(*(b"%d" % number for number in range(5)))
    first = logs.reader("g", [log])
    until(first, lambda events: len(values(events)) == 5)
    first.commit({Place(log, 0): Position(3, 'tried 2 × "twice"')})
    first.close()
    other = keeper.open()
    second = other.reader("g", [log])
    events = until(second, values)
    second.close()
    other.close()
    assert of(Opened, events)[0].committed == Position(3, 'tried 2 × "twice"')
    assert values(events) == [b"3", b"4"]


def test_groups_do_not_see_each_other(logs: Logs, log: str, write: Write) -> None:
    write(b"a", b"b")
    one = logs.reader("one", [log])
    until(one, values)
    one.commit({Place(log, 0): Position(2)})
    other = logs.reader("other", [log])
    assert values(until(other, values)) == [b"a", b"b"]
    one.close()
    other.close()


def test_a_poll_brings_no_more_than_the_limit_and_batches_join_without_gaps(logs: Logs, log: str, write: Write) -> None:
    write(*(b"%d" % number for number in range(25)))
    reader = logs.reader("g", [log], limit=10)
    batches = of(Batch, until(reader, lambda events: len(values(events)) == 25))
    reader.close()
    assert max(len(batch.records) for batch in batches) <= 10
    assert [batch.start for batch in batches] == [0, *(batch.next for batch in batches[:-1])]
    assert batches[-1].next == batches[-1].end == 25


def test_several_logs_are_read_by_one_reader(logs: Logs, log: str, write: Write) -> None:
    second = f"{log}-b"
    logs.ensure([Kept(second, partitions=1)])
    write(b"a", Message(second, b"b"))
    reader = logs.reader("g", [log, second])
    events = until(reader, lambda events: len(values(events)) == 2)
    reader.close()
    assert {(batch.place.log, batch.records[0].value) for batch in of(Batch, events)} == {(log, b"a"), (second, b"b")}


def test_a_standby_gets_nothing_until_the_active_reader_leaves(logs: Logs, log: str, write: Write) -> None:
    write(b"a", b"b")
    active = logs.reader("g", [log])
    until(active, values)
    with Background(logs.reader("g", [log])) as standby:
        for _ in range(15):
            assert not of(Closed, active.poll(0.1))
        active.commit({Place(log, 0): Position(1)})
        assert standby.events == []
        active.close()
        events = standby.wait(values)
    assert of(Opened, events)[0].committed == Position(1)
    assert values(events) == [b"b"]


def test_a_standby_takes_over_from_a_reader_that_was_killed(logs: Logs, log: str, write: Write, member: Start) -> None:
    write(b"a", b"b")
    process = member("g")
    standby = logs.reader("g", [log])
    assert standby.poll(0) == []
    process.send_signal(signal.SIGKILL)
    assert values(until(standby, values)) == [b"a", b"b"]
    standby.close()


def test_the_commit_of_a_reader_that_was_given_up_is_passed_over(
    logs: Logs, log: str, write: Write, member: Start
) -> None:
    write(*(b"%d" % number for number in range(8)))
    zombie = member("g")
    zombie.send_signal(signal.SIGSTOP)
    successor = logs.reader("g", [log])
    until(successor, lambda events: len(values(events)) == 8)
    successor.commit({Place(log, 0): Position(8)})
    zombie.send_signal(signal.SIGCONT)
    answer, _ = zombie.communicate("commit 1\n", timeout=30)
    assert answer == "committed\n"  # no error: what it held is somebody else's
    successor.close()
    heir = logs.reader("g", [log])
    assert of(Opened, until(heir, lambda e: of(Opened, e)))[0].committed == Position(8)
    heir.close()


def test_positions_that_are_no_longer_kept_are_told_as_skipped(
    keeper: Keeper, logs: Logs, log: str, write: Write
) -> None:
    write(*(b"%d" % number for number in range(10)))
    reader = logs.reader("g", [log], limit=3)
    until(reader, values)
    reader.commit({Place(log, 0): Position(3)})
    reader.close()
    keeper.cut(log, 7)
    reader = logs.reader("g", [log])
    events = until(reader, values)
    reader.close()
    opened, skipped, batch = events
    assert opened.committed == Position(3)
    assert skipped == Skipped(Place(log, 0), 3, 7, opened.log_id, 1)
    assert (batch.start, batch.next) == (7, 10)


def test_an_expired_position_is_no_position(keeper: Keeper, logs: Logs, log: str, write: Write) -> None:
    write(b"a", b"b")
    reader = logs.reader("g", [log])
    until(reader, values)
    reader.commit({Place(log, 0): Position(2)})
    reader.close()
    keeper.forget("g", log)
    reader = logs.reader("g", [log])
    events = until(reader, values)
    reader.close()
    assert of(Opened, events)[0].committed is None
    assert values(events) == [b"a", b"b"]


def test_a_log_made_again_while_we_read_is_told_and_read_from_its_start(
    keeper: Keeper, logs: Logs, log: str, write: Write
) -> None:
    write(*(b"old %d" % number for number in range(5)))
    reader = logs.reader("g", [log])
    events = until(reader, lambda events: len(values(events)) == 5)
    reader.pause([Place(log, 0)])  # no fetch is under way that an error could come back to
    reader.poll(0.5)
    keeper.remake(log)
    write(*(b"new %d" % number for number in range(20)))  # the old position lies in the middle of the new log
    reader.resume([Place(log, 0)])
    after = until(reader, lambda events: len(values(events)) == 20)
    reader.close()
    before = of(Opened, events)[0]
    told = [*of(Skipped, after), *of(Opened, after)][0]
    assert told.log_id != before.log_id
    if isinstance(told, Skipped):
        assert (told.start, told.next, told.remade) == (5, 0, True)
    else:  # the group noticed first and shared out anew
        assert told.committed is None
    assert values(after) == [b"new %d" % number for number in range(20)]
    assert all(isinstance(event, Batch) for event in after[after.index(told) + 1 :])


def test_a_log_made_again_while_nobody_read_is_read_from_its_start(
    keeper: Keeper, logs: Logs, log: str, write: Write
) -> None:
    write(b"old", b"old")
    reader = logs.reader("g", [log])
    until(reader, values)
    reader.commit({Place(log, 0): Position(2, "note")})
    reader.close()
    keeper.remake(log)
    write(b"new 0", b"new 1", b"new 2")
    reader = logs.reader("g", [log])
    events = until(reader, values)
    reader.close()
    assert of(Opened, events)[0].committed is None
    assert values(events) == [b"new 0", b"new 1", b"new 2"]


def test_paused_places_bring_no_records_until_resumed(logs: Logs, log: str, write: Write) -> None:
    reader = logs.reader("g", [log])
    until(reader, lambda events: of(Opened, events))
    reader.pause([Place(log, 0)])
    write(b"a")
    assert reader.poll(0.7) == []
    assert reader.poll(0) == []
    reader.resume([Place(log, 0)])
    assert values(until(reader, values)) == [b"a"]
    reader.close()


def test_a_seek_right_after_opening_comes_before_the_first_batch(logs: Logs, log: str, write: Write) -> None:
    write(*(b"%d" % number for number in range(6)))
    reader = logs.reader("g", [log])
    until(reader, lambda events: of(Opened, events))
    reader.seek(Place(log, 0), 4)
    assert values(until(reader, values)) == [b"4", b"5"]
    reader.seek(Place(log, 0), 1)
    assert values(until(reader, values)) == [b"1", b"2", b"3", b"4", b"5"]
    reader.close()


def test_a_seek_to_where_nothing_is_kept_is_told_as_skipped(keeper: Keeper, logs: Logs, log: str, write: Write) -> None:
    write(*(b"%d" % number for number in range(6)))
    keeper.cut(log, 2)
    reader = logs.reader("g", [log])
    until(reader, lambda events: of(Opened, events))
    reader.seek(Place(log, 0), 1)
    events = until(reader, values)
    assert [(s.start, s.next, s.remade) for s in of(Skipped, events)] == [(1, 2, False)]
    assert values(events) == [b"2", b"3", b"4", b"5"]
    reader.seek(Place(log, 0), 100)  # a log that lost its tail: what comes next is new
    events = until(reader, lambda events: of(Skipped, events))
    assert [(s.start, s.next, s.remade) for s in of(Skipped, events)] == [(100, 6, False)]
    write(b"6")
    assert values(until(reader, values)) == [b"6"]
    reader.close()


def test_places_that_are_not_held_are_passed_over(logs: Logs, log: str) -> None:
    reader = logs.reader("g", [log])
    elsewhere = Place("elsewhere", 0)
    reader.pause([elsewhere])
    reader.resume([elsewhere])
    reader.seek(elsewhere, 3)
    reader.commit({elsewhere: Position(3)})
    assert reader.ends() == {}
    until(reader, lambda events: of(Opened, events))
    reader.close()


def test_ends_are_asked_of_the_log_now(logs: Logs, log: str, write: Write) -> None:
    reader = logs.reader("g", [log])
    until(reader, lambda events: of(Opened, events))
    assert reader.ends() == {Place(log, 0): 0}
    write(b"a", b"b")
    assert reader.ends() == {Place(log, 0): 2}
    reader.close()


def test_what_is_flushed_is_there_for_everybody(keeper: Keeper, logs: Logs, log: str, write: Write) -> None:
    write(*(b"%d" % number for number in range(1000)))
    other = keeper.open()
    assert [record.value for record in other.scan(log)] == [b"%d" % number for number in range(1000)]
    other.close()


def test_a_writer_closes_without_sending_what_was_not_flushed_or_complaining(logs: Logs, log: str) -> None:
    for _ in range(3):
        writer = logs.writer()
        for number in range(2000):
            writer.publish(Message(log, b"%d" % number * 100))
        writer.close()


def test_a_scan_reads_from_a_start_to_the_end_and_needs_no_group(
    keeper: Keeper, logs: Logs, log: str, write: Write
) -> None:
    assert list(logs.scan(log)) == []
    write(*(b"%d" % number for number in range(1200)))
    assert [record.offset for record in logs.scan(log, start=1190)] == list(range(1190, 1200))
    assert list(logs.scan(log, start=1200)) == []
    keeper.cut(log, 1100)
    assert [record.offset for record in logs.scan(log, start=3)] == list(range(1100, 1200))
    assert len(list(logs.scan(log))) == 100


def test_a_scan_ends_where_it_ended_when_it_began(logs: Logs, log: str, write: Write) -> None:
    write(b"a", b"b")
    scan = logs.scan(log)
    assert next(scan).value == b"a"
    write(b"c")
    assert [record.value for record in scan] == [b"b"]


def test_a_large_record_goes_through(logs: Logs, log: str, write: Write) -> None:
    large = uuid.uuid4().bytes * 60_000  # 960 kB
    write(b"before", large, b"after")
    reader = logs.reader("g", [log])
    assert values(until(reader, lambda events: len(values(events)) == 3)) == [b"before", large, b"after"]
    reader.close()


def test_compacted_logs_need_keys_and_forget_what_was_replaced(logs: Logs, log: str, write: Write) -> None:
    compacted = f"{log}-compacted"
    logs.ensure([Kept(compacted, partitions=1, cleanup="compact")])
    write(*(Message(compacted, b"%d" % number, key=b"%d" % (number % 3)) for number in range(9)))
    newest = {record.key: record.value for record in logs.scan(compacted)}
    assert newest == {b"0": b"6", b"1": b"7", b"2": b"8"}
    writer = logs.writer()
    writer.publish(Message(compacted, b"no key"))
    with pytest.raises(LogUnfit, match="key"):
        writer.flush()
    writer.close()


def test_ensure_makes_what_is_missing_once_and_says_so(logs: Logs, log: str) -> None:
    kept = [
        Kept(f"{log}-a", partitions=1, retention_s=3600),
        Kept(f"{log}-b", cleanup="compact,delete", retention_s=-1),
    ]
    said = logs.ensure(kept)
    assert len(said) == 2
    assert f"{log}-a" in said[0]
    assert f"{log}-b" in said[1]
    assert logs.ensure(kept) == []
    assert logs.partitions(f"{log}-a") == 1


def test_ensure_names_every_misfit_at_once_and_makes_nothing(logs: Logs, log: str) -> None:
    with pytest.raises(LogUnfit) as refused:
        logs.ensure([Kept(log, partitions=2), Kept(log, cleanup="compact"), Kept(f"{log}-new", partitions=1)])
    sentence = str(refused.value)
    assert "partition" in sentence
    assert "'compact'" in sentence
    with pytest.raises(LogUnfit):
        logs.partitions(f"{log}-new")


def test_a_log_that_is_missing_is_named_and_not_made(logs: Logs, log: str) -> None:
    missing = f"{log}-missing"
    with pytest.raises(LogMissing, match=f"{missing}.*bellwether init"):
        logs.reader("g", [log, missing])
    with pytest.raises(LogMissing, match=missing):
        list(logs.scan(missing))
    writer = logs.writer()
    with pytest.raises(LogMissing, match=missing):  # noqa: PT012 - by one or the other
        writer.publish(Message(missing, b"x"))
        writer.flush()
    writer.close()
    with pytest.raises(LogMissing, match=missing):
        logs.partitions(missing)
