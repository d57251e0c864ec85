"""A log whose end was rewritten by another leader: what was read of it is gone, and others stand in its place."""

import time
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest
from kafka import OffsetAndMetadata, TopicPartition
from msgspec import structs

from ingest.kafka.logs import KafkaLogs
from ingest.kafka.reader import KafkaReader
from ingest.logs import Batch, Event, Kept, Message, Place, Position, Skipped
from tests.broker.keepers import of, until
from tests.publishing import publish
from tests.servers import Kafka

PLACE = Place("rewritten", 0)
OVERDUE_MS = 2000  # a reader at work looks at Kafka five times in so long


@pytest.fixture(scope="module")
def rewritten(mortal: Kafka) -> Iterator[KafkaLogs]:
    """Records 0 to 9 are of the broker's first term as the log's leader, 10 to 19 of its second."""
    logs = KafkaLogs(structs.replace(mortal.connection, options={"max_poll_interval_ms": OVERDUE_MS}))
    logs.ensure([Kept(PLACE.log, partitions=1)])
    publish(logs, *(Message(PLACE.log, b"%d" % number) for number in range(10)))
    mortal.kill()
    mortal.restart()
    publish(logs, *(Message(PLACE.log, b"%d" % number) for number in range(10, 20)))
    yield logs
    logs.close()


@pytest.fixture
def reader(rewritten: KafkaLogs) -> Iterator[KafkaReader]:
    with closing(rewritten.reader(uuid.uuid4().hex, [PLACE.log])) as opened:
        to_the_end(opened)
        yield opened


def to_the_end(reader: KafkaReader) -> list[Event]:
    return until(reader, lambda events: any(batch.next == 20 for batch in of(Batch, events)))


def has_read(reader: KafkaReader, position: int) -> None:
    """As if the first term had reached as far, and the second begun without what it had past 10."""
    reader.seek(PLACE, position)
    reader._consumer._subscription.seek(TopicPartition(*PLACE), OffsetAndMetadata(position, "", 0))


def work(reader: KafkaReader) -> None:
    """On one poll for long, committing meanwhile."""
    for offset in range(11, 15):
        time.sleep(1.5 * OVERDUE_MS / 1000 / 5)
        reader.commit({PLACE: Position(offset)})


def skipped(events: list[Event]) -> list[tuple[int, int, bool]]:
    return [(event.start, event.next, event.remade) for event in of(Skipped, events)]


def read(events: list[Event]) -> list[int]:
    return [int(record.value) for batch in of(Batch, events) for record in batch.records]


@pytest.mark.parametrize("position", [15, 25])
def test_what_was_rewritten_is_read_and_said(reader: KafkaReader, position: int) -> None:
    has_read(reader, position)
    events = to_the_end(reader)
    assert skipped(events) == [(position, 10, False)]
    assert read(events) == list(range(10, 20))


def test_what_is_found_rewritten_in_a_commit_is_read_and_said_with_the_next_poll(reader: KafkaReader) -> None:
    has_read(reader, 15)
    work(reader)
    events = to_the_end(reader)
    assert skipped(events) == [(15, 10, False)]
    assert read(events) == list(range(10, 20))


def test_who_goes_back_further_meanwhile_reads_all_from_there(reader: KafkaReader) -> None:
    has_read(reader, 15)
    work(reader)
    reader.seek(PLACE, 5)
    events = to_the_end(reader)
    assert skipped(events) == []
    assert read(events) == list(range(5, 20))
