"""A scan ends where its log did, also over a broker that hangs, and over offsets that hold no record."""

import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
from msgspec import structs

from ingest.kafka.logs import KafkaLogs
from ingest.logs import Kept, LogAway, Message, Opened, Place, Record
from tests.broker.keepers import of, until
from tests.publishing import publish
from tests.servers import Kafka

Begin = Callable[[float], Iterator[Record]]


@pytest.fixture
def begun(mortal: Kafka) -> Begin:
    """Begin a scan of twenty records, of which it has the first."""
    one_batch_a_fetch = {"max_partition_fetch_bytes": 1}
    connection = structs.replace(mortal.connection, options=one_batch_a_fetch)
    log = f"log-{uuid.uuid4().hex[:8]}"
    with closing(KafkaLogs(connection)) as logs:
        logs.ensure([Kept(log, partitions=1)])
        for number in range(20):
            publish(logs, Message(log, b"%d" % number))

    def begin(request_timeout_s: float) -> Iterator[Record]:
        with closing(KafkaLogs(structs.replace(connection, request_timeout_s=request_timeout_s))) as logs:
            scan = logs.scan(log)
            assert next(scan).offset == 0
            return scan

    return begin


def send(kafka: Kafka, sign: signal.Signals) -> None:
    """To the only broker: it hangs, or goes on."""
    process = kafka.nodes[0].process
    assert process is not None
    process.send_signal(sign)


def test_a_scan_over_a_broker_that_hangs_brings_all_the_same(mortal: Kafka, begun: Begin) -> None:
    """It hangs for longer than one request waits, and not as long as two."""
    scan = begun(5.0)
    send(mortal, signal.SIGSTOP)
    wakes = threading.Timer(7.0, send, [mortal, signal.SIGCONT])
    wakes.start()
    assert [record.offset for record in scan] == list(range(1, 20))
    wakes.join()


def test_a_scan_over_a_broker_that_does_not_come_back_says_so(mortal: Kafka, begun: Begin) -> None:
    scan = begun(1.0)
    send(mortal, signal.SIGSTOP)
    try:
        with pytest.raises(LogAway, match="was away while it was read"):
            list(scan)
    finally:
        send(mortal, signal.SIGCONT)


def test_a_scan_ends_before_offsets_that_hold_nothing_any_more(mortal: Kafka) -> None:
    """Over what compaction has left empty at the end of a log no fetch ever moves."""
    with closing(KafkaLogs(mortal.connection)) as logs:
        logs.ensure([Kept("hollow", partitions=1)])
        publish(logs, *(Message("hollow", b"%d" % number) for number in range(3)))
    mortal.nodes[0].stop()
    (folder,) = mortal.nodes[0].data.rglob("hollow-0")
    (folder / f"{9:020}.log").touch()  # as the segment to come, it says how far the log reaches
    mortal.restart()
    with closing(KafkaLogs(structs.replace(mortal.connection, request_timeout_s=1.0))) as logs:
        assert [record.offset for record in logs.scan("hollow")] == [0, 1, 2]
        with closing(logs.reader("g", ["hollow"])) as reader:
            until(reader, lambda events: of(Opened, events))
            assert reader.ends() == {Place("hollow", 0): 9}
