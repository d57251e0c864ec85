from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import json

from alerting.audit import AUDIT, MOST_ENDS, Audit, entries, verify
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import SECOND
from ingest.logs import Message, Record
from tests.publishing import publish

AT = 1_772_000_000 * SECOND


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[EmbeddedLogs]:
    logs = EmbeddedLogs(tmp_path / "logs.db", lambda: AT)
    logs.ensure([AUDIT])
    yield logs
    logs.close()


def delivery(audit: Audit, number: int) -> Message:
    return audit.entry(AT + number * SECOND, "delivery", "deliver-log", f"alert/{number}", {"outcome": "delivered"})


def records(logs: EmbeddedLogs) -> list[Record]:
    return list(logs.scan(AUDIT.log))


def changed(record: Record, **fields: object) -> Record:
    value = json.decode(record.value) | fields
    return record.__class__(**{f: getattr(record, f) for f in record.__struct_fields__} | {"value": json.encode(value)})


@pytest.fixture
def five(logs: EmbeddedLogs) -> list[Record]:
    first = Audit.begin("first", logs)
    publish(logs, *(delivery(first, n) for n in range(3)))
    second = Audit.begin("second", logs)
    publish(logs, delivery(second, 3), delivery(first, 4))
    return records(logs)


def test_two_writers_with_a_chain_each_hold(five: list[Record]) -> None:
    verdict = verify(five)
    assert (verdict.entries, verdict.writers, verdict.faults) == (5, 2, ())
    assert verdict.newest == ",".join(entry.hash for entry in list(entries(five))[-2:])


def test_an_entry_that_a_crash_wrote_twice_counts_once(logs: EmbeddedLogs) -> None:
    audit = Audit.begin("one", logs)
    first, second = delivery(audit, 0), delivery(audit, 1)
    publish(logs, first, second, second, delivery(audit, 2))
    assert verify(records(logs)).faults == ()
    assert [entry.about for entry in entries(records(logs))] == ["alert/0", "alert/1", "alert/2"]


@pytest.mark.parametrize("place", range(5))
def test_whichever_entry_is_changed_it_is_noticed(five: list[Record], place: int) -> None:
    five[place] = changed(five[place], details={"outcome": "refused"})
    assert any("was changed" in fault for fault in verify(five).faults)


@pytest.mark.parametrize("place", range(4))
def test_whichever_entry_is_taken_out_it_is_noticed(five: list[Record], place: int) -> None:
    renumbered = [changed_offset(record, n) for n, record in enumerate(five[:place] + five[place + 1 :])]
    if place == 3:  # the only one of its writer, and nothing follows it: what was written down tells
        assert verify(renumbered, verify(five).newest).faults
    else:
        assert verify(renumbered).faults


def changed_offset(record: Record, offset: int) -> Record:
    return record.__class__(**{f: getattr(record, f) for f in record.__struct_fields__} | {"offset": offset})


@pytest.mark.parametrize("place", range(6))
def test_a_chain_that_begins_protects_the_ends_of_all_others(
    logs: EmbeddedLogs, five: list[Record], place: int
) -> None:
    publish(logs, delivery(Audit.begin("third", logs), 5))
    six = records(logs)
    assert verify(six).newest == list(entries(six))[-1].hash
    del six[place]
    renumbered = [changed_offset(record, n) for n, record in enumerate(six)]
    assert verify(renumbered, None if place < 5 else list(entries(records(logs)))[-1].hash).faults


def test_a_log_in_which_first_entries_name_the_newest_alone_goes_on(logs: EmbeddedLogs) -> None:
    first = Audit("first", "")
    publish(logs, delivery(first, 0))
    second = Audit("second", next(entries(records(logs))).hash)
    publish(logs, delivery(second, 1), delivery(first, 2), delivery(second, 3))
    third = Audit("third", list(entries(records(logs)))[-1].hash)
    publish(logs, delivery(third, 4))
    before = verify(records(logs))
    assert before.faults == ()
    publish(logs, delivery(Audit.begin("fourth", logs), 5))
    assert verify(records(logs), before.newest).faults == ()
    without = [record for record in records(logs) if record.key != b"first/1"]
    assert verify(without).faults == ("fourth/0 (record 5) follows an entry that is gone",)


def test_of_very_many_ends_the_newest_are_named_and_then_the_others(logs: EmbeddedLogs) -> None:
    publish(logs, *(delivery(Audit(f"writer-{n}", ""), n) for n in range(MOST_ENDS + 2)))
    assert verify(records(logs)).newest.count(",") == MOST_ENDS - 1
    for name, ends in (("one", 3), ("two", 1)):
        publish(logs, delivery(Audit.begin(name, logs), 0))
        assert len(verify(records(logs)).newest.split(",")) == ends
    assert verify(records(logs)).faults == ()


def test_entries_of_one_writer_in_another_order_are_noticed(five: list[Record]) -> None:
    five[1], five[2] = five[2], five[1]
    assert verify(five).faults


def test_the_end_that_was_cut_off_is_noticed_by_a_hash_written_down_before(five: list[Record]) -> None:
    newest = verify(five).newest
    assert verify(five, newest).faults == ()
    assert verify(five[:-1]).faults == ()
    assert verify(five[:-1], newest).faults == (f"the entry {list(entries(five))[-1].hash} is gone",)


def test_what_retention_took_from_the_beginning_is_no_fault(five: list[Record]) -> None:
    assert verify(five[2:]).faults == ()


@pytest.mark.parametrize("value", [b"{}", b'{"writer":"\xff"}', b'{"x":' + b"[" * 100_000])
def test_what_is_no_entry_is_a_fault_and_hides_nothing_else(logs: EmbeddedLogs, value: bytes) -> None:
    audit = Audit.begin("one", logs)
    publish(logs, delivery(audit, 0), Message(AUDIT.log, value), delivery(audit, 1))
    verdict = verify(records(logs))
    assert verdict.entries == 2
    assert verdict.faults == ("record 1 is not an entry",)
    assert [entry.number for entry in entries(records(logs))] == [0, 1]


def test_a_first_record_that_was_made_unreadable_hides_nothing_else(five: list[Record]) -> None:
    five[0] = changed(five[0], writer=5)
    del five[2]
    assert len(verify(five).faults) == 4
