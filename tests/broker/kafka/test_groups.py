"""What only Kafka does: partitions shared by several readers, brokers that die, passwords, logs that make themselves."""

import threading
import time
import uuid
from contextlib import closing

import pytest
from kafka import KafkaAdminClient, KafkaProducer
from msgspec import structs

from ingest.kafka.connection import KafkaConnection
from ingest.kafka.logs import KafkaLogs
from ingest.logs import (
    Batch,
    Closed,
    Kept,
    LogAway,
    LogError,
    Logs,
    Message,
    Opened,
    Place,
    Position,
    Skipped,
)
from tests.broker.keepers import Background, OnKafka, of, until
from tests.publishing import publish
from tests.servers import Kafka


def numbers(events: list) -> list[int]:
    return [int(record.value) for batch in of(Batch, events) for record in batch.records]


def places(events: list) -> set[Place]:
    held: set[Place] = set()
    for event in events:
        if isinstance(event, Opened):
            held.add(event.place)
        elif isinstance(event, Closed):
            held.discard(event.place)
    return held


def test_readers_of_a_group_share_the_partitions_and_keep_what_they_can(logs: Logs, log: str) -> None:
    with Background(logs.reader("g", [log])) as first:
        first.wait(lambda events: len(places(events)) == 4)
        with Background(logs.reader("g", [log])) as second:
            second.wait(lambda events: len(places(events)) == 2)
            first.wait(lambda events: len(places(events)) == 2)
            assert places(first.events) | places(second.events) == {Place(log, number) for number in range(4)}
            assert len(of(Closed, first.events)) == 2  # the others went on meanwhile
        first.wait(lambda events: len(places(events)) == 4)


def test_every_record_is_read_once_while_readers_come_and_go(logs: Logs, log: str) -> None:
    """Each commits what it read; nobody may go on from an older or a newer position than that."""
    done: dict[Place, int] = {}
    read: list[int] = []
    lock, stop = threading.Lock(), threading.Event()

    def run(leaves_after_s: float) -> None:
        reader = logs.reader("g", [log], limit=20)
        leaves_at = time.monotonic() + leaves_after_s
        while not stop.is_set() and time.monotonic() < leaves_at:
            for batch in of(Batch, reader.poll(0.1)):
                with lock:  # what the aggregator does: a range counts from where the last one ended
                    known = done.get(batch.place, 0)
                    assert batch.start <= known
                    read.extend(int(record.value) for record in batch.records if record.offset >= known)
                    done[batch.place] = max(known, batch.next)
                reader.commit({batch.place: Position(batch.next)})
        reader.close()

    threads = [threading.Thread(target=run, args=(seconds,)) for seconds in (60, 2, 60)]
    writer = logs.writer()
    for number in range(3000):
        writer.publish(Message(log, b"%d" % number, key=b"%d" % number))
        if number % 1000 == 0:
            threads[number // 1000].start()
        if number % 50 == 0:
            writer.flush()
            time.sleep(0.05)
    writer.flush()
    writer.close()
    deadline = time.monotonic() + 30
    while len(read) < 3000 and time.monotonic() < deadline:
        time.sleep(0.1)
    stop.set()
    for thread in threads:
        thread.join()
    assert sorted(read) == list(range(3000))


def test_who_is_long_at_work_on_one_poll_stays_in_the_group(kafka: Kafka, log: str) -> None:
    logs = KafkaLogs(structs.replace(kafka.connection, options={"max_poll_interval_ms": 4000}))
    publish(logs, *(Message(log, b"%d" % number, partition=0) for number in range(40)))
    place = Place(log, 0)
    with closing(logs.reader("g", [log])) as reader:
        until(reader, lambda events: len(numbers(events)) == 40)
        for offset in range(1, 21):
            time.sleep(0.5)
            reader.commit({place: Position(offset)})
        publish(logs, Message(log, b"40", partition=0))
        events = until(reader, numbers)
    assert (numbers(events), of(Closed, events)) == ([40], [])
    with closing(logs.reader("g", [log])) as again:
        events = until(again, lambda events: len(places(events)) == 4)
    assert {each.place: each.committed for each in of(Opened, events)}[place] == Position(20)
    logs.close()


def test_a_broker_that_is_killed_and_comes_back_costs_no_record_and_no_order(mortal: Kafka) -> None:
    logs = KafkaLogs(mortal.connection)
    logs.ensure([Kept("load", partitions=2)])
    failures: list[LogError] = []

    def load() -> None:
        writer = logs.writer()
        try:
            for number in range(12_000):
                writer.publish(Message("load", b"%d" % number, partition=number % 2))
                if number % 500 == 499:
                    writer.flush()
                    time.sleep(0.1)
        except LogError as failure:
            failures.append(failure)
        writer.close()

    thread = threading.Thread(target=load)
    with Background(logs.reader("g", ["load"])) as reader:
        thread.start()
        reader.wait(lambda events: len(numbers(events)) > 1000)
        mortal.kill()
        mortal.restart()
        thread.join(60)
        assert failures == []
        events = reader.wait(lambda events: len(numbers(events)) >= 12_000)
    for partition in range(2):
        read = numbers([batch for batch in of(Batch, events) if batch.place.partition == partition])
        assert read == list(range(partition, 12_000, 2))
    logs.close()


def test_a_broker_that_is_away_is_said_and_all_goes_on_when_it_is_back(mortal: Kafka) -> None:
    logs = KafkaLogs(mortal.connection)
    logs.ensure([Kept("away", partitions=1)])
    writer, reader = logs.writer(), logs.reader("g", ["away"])
    until(reader, lambda events: of(Opened, events))
    mortal.kill()
    with pytest.raises(LogAway, match="cannot be reached"):
        until(reader, len)
    with pytest.raises(LogAway, match=mortal.bootstrap[0]):
        reader.ends()
    mortal.restart()
    writer.publish(Message("away", b"1"))
    writer.flush()
    writer.close()
    with Background(reader) as again:
        assert numbers(again.wait(numbers)) == [1]
    logs.close()


def test_three_brokers_serve_on_when_one_is_killed() -> None:
    server = Kafka(3).start()
    try:
        logs = KafkaLogs(server.connection)
        connection = server.connection
        three = KafkaLogs(
            KafkaConnection(bootstrap_servers=connection.bootstrap_servers, replication_factor=3, request_timeout_s=5)
        )
        three.ensure([Kept("load", partitions=3)])
        writer = logs.writer()
        with Background(logs.reader("g", ["load"])) as reader:
            for number in range(600):
                writer.publish(Message("load", b"%d" % number, partition=number % 3))
                if number % 100 == 99:
                    writer.flush()
                if number == 300:
                    server.kill(1)
            events = reader.wait(lambda events: len(numbers(events)) >= 600)
        assert sorted(numbers(events)) == list(range(600))
        writer.close()
        logs.close()
        three.close()
    finally:
        server.stop()


def test_ends_are_told_while_a_fetch_waits_for_records(kafka: Kafka, log: str) -> None:
    waiting_s = 40
    logs = KafkaLogs(
        structs.replace(kafka.connection, request_timeout_s=60, options={"fetch_max_wait_ms": 1000 * waiting_s})
    )
    reader = logs.reader("g", [log])
    until(reader, lambda events: len(places(events)) == 4)
    for _ in range(3):
        reader.poll(0.01)  # leaves a fetch with the broker, which waits for records
        began = time.monotonic()
        assert reader.ends() == {Place(log, number): 0 for number in range(4)}
        assert time.monotonic() - began < waiting_s / 4
    reader.close()
    logs.close()


def test_a_log_that_is_gone_is_said_until_it_is_made_again(kafka: Kafka, logs: Logs, log: str) -> None:
    with KafkaAdminClient(bootstrap_servers=list(kafka.bootstrap)) as admin:
        reader = logs.reader("g", [log])
        until(reader, lambda events: len(places(events)) == 4)
        admin.delete_topics([log])
        with pytest.raises(LogAway, match=f"{log} is gone"):
            until(reader, lambda _: False)
        assert log not in admin.list_topics()  # this broker makes logs when asked for them
    logs.ensure([Kept(log, partitions=4)])
    writer = logs.writer()
    writer.publish(Message(log, b"7", partition=2))
    writer.flush()
    writer.close()
    with Background(reader) as again:
        assert numbers(again.wait(numbers)) == [7]


def end_in_markers(kafka: Kafka, log: str) -> None:
    """Write `1` in a transaction, and `2` in one that is aborted: each leaves a marker, an offset that holds no record."""
    producer = KafkaProducer(bootstrap_servers=list(kafka.bootstrap), transactional_id=log)
    producer.init_transactions()
    for value, ends in ((b"1", producer.commit_transaction), (b"2", producer.abort_transaction)):
        producer.begin_transaction()
        producer.send(log, value).get(10)
        ends()
    producer.close()


def test_offsets_without_records_do_not_hold_a_reader_or_a_scan(kafka: Kafka, logs: Logs) -> None:
    name = f"log-{uuid.uuid4().hex[:8]}"
    logs.ensure([Kept(name, partitions=1)])
    end_in_markers(kafka, name)
    reader = logs.reader("g", [name])
    events = until(reader, lambda events: [b for b in of(Batch, events) if b.next == 4])
    assert reader.ends() == {Place(name, 0): 4}
    assert numbers(events) == [1]  # what was aborted was never said
    reader.close()
    assert next(logs.scan(name)).value == b"1"


def test_offsets_without_records_are_told_while_another_log_always_has_records(kafka: Kafka, logs: Logs) -> None:
    quiet, busy = (f"log-{uuid.uuid4().hex[:8]}" for _ in range(2))
    logs.ensure([Kept(quiet, partitions=1), Kept(busy, partitions=1)])
    end_in_markers(kafka, quiet)
    publish(logs, *(Message(busy, b"7") for _ in range(5_000)))
    with closing(logs.reader("g", [quiet, busy], limit=1)) as reader:
        until(reader, lambda events: len(places(events)) == 2)
        reader.pause([Place(busy, 0)])
        assert numbers(until(reader, numbers)) == [1]
        reader.resume([Place(busy, 0)])  # from now on every poll brings something
        events = until(reader, lambda events: [b for b in of(Batch, events) if b.place.log == quiet])
    assert 0 < len(numbers(events)) < 5_000


def test_a_scan_of_a_compacted_log_ends_with_what_is_left(kafka: Kafka, logs: Logs) -> None:
    name = f"log-{uuid.uuid4().hex[:8]}"
    fast = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.001", "delete.retention.ms": "0"}
    with KafkaAdminClient(bootstrap_servers=list(kafka.bootstrap)) as admin:
        topic = {"num_partitions": 1, "configs": {"cleanup.policy": "compact", **fast}}
        admin.create_topics({name: topic}, wait_for_metadata=True)
    writer = logs.writer()
    for number in range(20):
        writer.publish(Message(name, b"%d" % number, key=b"k%d" % (number % 2)))
        writer.flush()
    time.sleep(0.2)
    writer.publish(Message(name, None, key=b"k0"))
    writer.flush()
    writer.close()
    deadline = time.monotonic() + 30
    while len(left := list(logs.scan(name))) > 3:
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert [record.offset for record in left] == [18, 19, 20]
    reader = logs.reader("g", [name])
    events = until(reader, lambda events: [batch for batch in of(Batch, events) if batch.next == 21])
    reader.close()
    assert of(Batch, events)[0].start == 0  # what holds no record any more is part of the stretch


def test_a_log_remade_with_other_partitions_is_shared_out_anew(kafka: Kafka, logs: Logs, log: str) -> None:
    def known(events: list) -> dict[Place, int]:
        """How many partitions the log has, as last told with each place that is held."""
        told = {event.place: event.partitions for event in events if isinstance(event, Opened | Skipped)}
        return {place: told[place] for place in places(events)}

    with Background(logs.reader("g", [log])) as reader:
        reader.wait(lambda events: len(places(events)) == 4)
        OnKafka(kafka.connection).remake(log, partitions=2)
        reader.wait(lambda events: known(events) == {Place(log, 0): 2, Place(log, 1): 2})
