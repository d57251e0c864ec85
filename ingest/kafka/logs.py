"""Logs kept by Kafka: the contract of `ingest.logs` on kafka-python."""

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka import errors as kafka_errors

from ingest.kafka.connection import KafkaConnection, connect, explain
from ingest.kafka.positions import record
from ingest.kafka.reader import PARTITION_FETCH_BYTES, KafkaReader
from ingest.kafka.topics import Topics
from ingest.kafka.writer import KafkaWriter
from ingest.logs import Kept, LogAway, LogUnfit, Record


class KafkaLogs:
    """Logs in the Kafka that `connection` describes. See `ingest.logs.Logs`. Connects when first asked for something."""

    def __init__(self, connection: KafkaConnection) -> None:
        self._connection = connection
        self._topics = Topics(connection)
        self._lock = threading.Lock()  # readers and writers have their own connections, this one is shared

    def reader(self, group: str, logs: Sequence[str], *, limit: int = 500) -> KafkaReader:
        """A new member of consumer group `group`. Raises `LogUnfit` if one of the logs is missing, `LogAway`."""
        return KafkaReader(self._connection, group, logs, limit)

    def writer(self) -> KafkaWriter:
        """A new writer. Raises `LogAway` or `LogUnfit`."""
        return KafkaWriter(self._connection)

    def scan(self, log: str, *, partition: int = 0, start: int | None = None) -> Iterator[Record]:
        """Every record from `start` (None: the oldest) to the end as it is now."""
        if not 0 <= partition < self.partitions(log):
            raise LogUnfit(f"{log} in Kafka at {self._connection.servers} has no partition {partition}")
        consumer = connect(
            KafkaConsumer,
            self._connection,
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=PARTITION_FETCH_BYTES,
            enable_incremental_fetch_sessions=False,  # within one, "nothing new" is an answer without the partition
        )
        try:
            yield from _scan(consumer, TopicPartition(log, partition), start, self._connection)
        except kafka_errors.KafkaError as error:
            raise explain(error, self._connection, log) from error
        finally:
            consumer.close(autocommit=False, timeout_ms=3000)

    def partitions(self, log: str) -> int:
        """How many partitions `log` has. Raises `LogAway`; `LogUnfit` if there is no such log."""
        with self._lock:
            return self._topics.existing([log])[log].partitions

    def ensure(self, kept: Sequence[Kept]) -> list[str]:
        """Make each log that is missing and check those that exist."""
        with self._lock:
            return self._topics.ensure(kept)

    def close(self) -> None:
        """Let go of connections."""
        with self._lock:
            self._topics.close()


def _scan(consumer: Any, at: Any, start: int | None, connection: KafkaConnection) -> Iterator[Record]:
    patience_s = connection.request_timeout_s
    oldest = consumer.beginning_offsets([at], timeout_ms=patience_s * 1000)[at]
    end = consumer.end_offsets([at], timeout_ms=patience_s * 1000)[at]
    position = oldest if start is None else max(start, oldest)
    _begin(consumer, at, position)
    moved_at, asked_anew = time.monotonic(), False
    while position < end:
        for found in consumer.poll(timeout_ms=500).get(at, ()):
            if found.offset >= end:
                return
            yield record(found)
        following = consumer.position(at, timeout_ms=0) or position
        if following > position:
            position, moved_at, asked_anew = following, time.monotonic(), False
        elif not asked_anew:
            _begin(consumer, at, position)
            asked_anew = True
        elif time.monotonic() - moved_at > 2 * patience_s:  # as long as a request takes to fail, and its repetition
            _check_tail(consumer.highwater(at), at, end, connection)
            return


def _begin(consumer: Any, at: Any, position: int) -> None:
    """Fetch from `position` on; until a fetch is answered, the consumer's `highwater` of `at` is None."""
    consumer.assign([])  # what is assigned already would keep it
    consumer.assign([at])
    consumer.seek(at, position)


def _check_tail(highwater: int | None, at: Any, end: int, connection: KafkaConnection) -> None:
    """Raises `LogAway` unless a fetch was answered, and brought nothing though the log is as long as it was.

    Compaction can leave a tail of offsets that hold nothing, over which no fetch ever moves. A broker that is away brings
    nothing, either, and kafka-python tells them apart by this alone.
    """
    if highwater is None:
        raise LogAway(f"{at.topic} in Kafka at {connection.servers} was away while it was read")
    if highwater < end:
        raise LogAway(f"{at.topic} in Kafka at {connection.servers} lost its end while it was read")
