"""What the time stamp of a record is taken for, whatever unit its producer counts in."""

import pytest
from kafka.consumer.fetcher import ConsumerRecord

from ingest.instants import SECOND
from ingest.kafka.positions import record

AT = 1_772_357_400  # 2026-03-01T09:30:00Z, in seconds


def stamped(timestamp: int) -> int:
    fields = dict.fromkeys(ConsumerRecord._fields) | {"offset": 7, "timestamp": timestamp, "headers": ()}
    return record(ConsumerRecord(**fields)).appended_at


def test_a_time_stamp_is_milliseconds() -> None:
    assert stamped(AT * 1000 + 5) == AT * SECOND + 5_000


@pytest.mark.parametrize("stamp", [-1, 0, AT, AT * 10**6, AT * 10**9, 2**63 - 1], ids=str)
def test_a_time_stamp_that_is_none_or_counts_in_another_unit_tells_nothing(stamp: int) -> None:
    assert stamped(stamp) == 0
