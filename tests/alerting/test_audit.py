from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import json

from alerting.audit import AUDIT, Audit, entries, verify
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
    assert verdict.newest == list(entries(five))[-1].hash


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
    if place == 3:  # the only one of its writer, and nothing follows it: the hash that was written down tells
        assert verify(renumbered, list(entries(five))[3].hash).faults
    else:
        assert verify(renumbered).faults


def changed_offset(record: Record, offset: int) -> Record:
    return record.__class__(**{f: getattr(record, f) for f in record.__struct_fields__} | {"offset": offset})


def test_entries_of_one_writer_in_another_order_are_noticed(five: list[Record]) -> None:
    five[1], five[2] = five[2], five[1]
    assert verify(five).faults


def test_the_end_that_was_cut_off_is_noticed_by_a_hash_written_down_before(five: list[Record]) -> None:
    newest = verify(five).newest
    assert verify(five, newest).faults == ()
    assert verify(five[:-1]).faults == ()
    assert verify(five[:-1], newest).faults == (f"the entry {newest} is gone",)


def test_what_retention_took_from_the_beginning_is_no_fault(five: list[Record]) -> None:
    assert verify(five[2:]).faults == ()


def test_what_is_no_entry_is_a_fault_and_hides_nothing_else(logs: EmbeddedLogs) -> None:
    audit = Audit.begin("one", logs)
    publish(logs, delivery(audit, 0), Message(AUDIT.log, b"{}"), delivery(audit, 1))
    verdict = verify(records(logs))
    assert verdict.entries == 2
    assert verdict.faults == ("record 1 is not an entry",)
