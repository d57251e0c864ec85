"""How Kafka is reached: passwords, TLS, settings, limits, and a sentence for each way it can fail."""

import socket
import struct
import threading
import uuid
from contextlib import closing

import pytest
import trustme
from kafka import KafkaAdminClient, KafkaProducer
from msgspec import structs

from ingest.kafka.connection import KafkaConnection
from ingest.kafka.logs import KafkaLogs
from ingest.logs import (
    Batch,
    Kept,
    LogAway,
    Logs,
    LogUnfit,
    Message,
    Place,
    Position,
    Skipped,
)
from tests.broker.keepers import OnKafka, of, until
from tests.servers import PASSWORD, Kafka, runner


def test_a_name_and_a_password_open_the_door_and_a_wrong_one_is_said_without_telling_it(kafka: Kafka, log: str) -> None:
    right = KafkaLogs(kafka.with_password())
    assert right.partitions(log) == 4
    right.close()
    wrong = KafkaLogs(kafka.with_password("hunter2"))  # the broker takes its time to say so
    for ask in (lambda: wrong.partitions(log), lambda: wrong.reader("g", [log]), wrong.writer):
        with pytest.raises(LogUnfit, match="refuses our user name or password") as refused:
            ask()
        assert "hunter2" not in str(refused.value)


def test_tls_works_with_the_right_authority_and_says_what_is_wrong_with_another(kafka: Kafka, log: str) -> None:
    right = KafkaLogs(kafka.with_tls(kafka.authority))
    assert right.partitions(log) == 4
    right.close()
    with pytest.raises(LogUnfit, match=r"do not agree on TLS \(.*certificate.*\)"):
        KafkaLogs(kafka.with_tls(trustme.CA())).partitions(log)


def test_a_balancer_that_closes_every_connection_is_a_broker_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as balancer:

        def close() -> None:
            taken, _ = balancer.accept()
            with taken:
                taken.recv(4096)  # what was not read would make it a reset

        thread = threading.Thread(target=close)
        thread.start()
        servers = (f"127.0.0.1:{balancer.getsockname()[1]}",)
        with pytest.raises(LogAway, match="closes the connection: is it up"):
            KafkaLogs(KafkaConnection(bootstrap_servers=servers, security_protocol="SSL")).writer()
        thread.join()


def test_speaking_plainly_to_a_port_that_wants_more_is_said(kafka: Kafka, log: str) -> None:
    for servers in (kafka.with_password().bootstrap_servers, kafka.with_tls(kafka.authority).bootstrap_servers):
        logs = KafkaLogs(KafkaConnection(bootstrap_servers=servers, connect_timeout_s=0.5))
        with pytest.raises(LogAway, match=r"cannot be reached.*check security_protocol"):
            logs.partitions(log)


def test_settings_never_show_a_secret() -> None:
    connection = KafkaConnection(
        bootstrap_servers=("b:1",), sasl_password=PASSWORD, ssl_password="other", options={"ssl_ciphers": "third"}
    )
    for shown in (repr(connection), str(connection), str(list(connection.__rich_repr__()))):
        assert PASSWORD not in shown
        assert "other" not in shown
        assert "third" not in shown


def test_an_unreachable_broker_is_said_soon() -> None:
    (port,) = runner.free_ports(1)
    logs = KafkaLogs(KafkaConnection(bootstrap_servers=(f"127.0.0.1:{port}",), connect_timeout_s=0.5))
    before = threading.active_count()
    for ask in (lambda: logs.partitions("x"), lambda: logs.reader("g", ["x"]), logs.writer):
        with pytest.raises(LogAway, match=f"127.0.0.1:{port} cannot be reached"):
            ask()
    logs.close()
    assert threading.active_count() == before


def test_options_that_the_contract_rests_on_are_refused() -> None:
    with pytest.raises(LogUnfit, match="enable_auto_commit"):
        KafkaConnection(bootstrap_servers=("b:1",), options={"enable_auto_commit": True})
    with pytest.raises(LogUnfit, match="no option colour"):
        KafkaConnection(bootstrap_servers=("b:1",), options={"colour": "red"})


def test_a_compression_that_takes_a_package_is_refused_without_it() -> None:
    with pytest.raises(
        LogUnfit, match="compression_type snappy takes the package python-snappy, which is not installed"
    ):
        KafkaConnection(bootstrap_servers=("b:1",), options={"compression_type": "snappy"})


def test_records_that_take_a_package_to_read_say_which(kafka: Kafka, logs: Logs) -> None:
    log = f"log-{uuid.uuid4().hex[:8]}"
    with closing(KafkaAdminClient(bootstrap_servers=list(kafka.bootstrap))) as admin:
        admin.create_topics(
            {log: {"num_partitions": 1, "configs": {"compression.type": "snappy"}}}, wait_for_metadata=True
        )
    with closing(logs.writer()) as writer:
        writer.publish(Message(log, b"x" * 1000))
        writer.flush()
    with closing(logs.reader("g", [log])) as reader, pytest.raises(LogUnfit, match="install python-snappy"):
        until(reader, lambda events: of(Batch, events))


class Latin1(str):
    """The name of a header as programs write it that do not know that it has to be UTF-8."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return super().encode("latin-1")


def test_a_record_that_cannot_be_read_is_told_by_its_position_and_passed_over_once_it_is_deleted(
    kafka: Kafka, logs: Logs, log: str
) -> None:
    place = Place(log, 0)

    def read(events: list) -> list[tuple[int, int]]:
        """Where each record of the place's stands, and where reading went on behind it."""
        return [(b.records[-1].offset, b.next) for b in of(Batch, events) if b.place == place]

    with closing(KafkaProducer(bootstrap_servers=list(kafka.bootstrap))) as producer:
        for name in ("source", Latin1("sourcé"), "source"):
            for partition in (0, 1):
                headers = [("source" if partition else name, b"y")]
                producer.send(log, b"x", headers=headers, partition=partition).get(10)
    with closing(logs.reader("g", [log])) as reader:
        assert read(until(reader, read)) == [(0, 1)]
        reader.commit({place: Position(1)})
        for _ in range(2):
            with pytest.raises(LogAway, match=rf"holds what cannot be read: {log}/0 from position 1 on "):
                until(reader, lambda _: False)
    OnKafka(kafka.connection).cut(log, 2)  # as the runbook says
    with closing(logs.reader("g", [log])) as reader:
        events = until(reader, read)
    assert [(skipped.start, skipped.next) for skipped in of(Skipped, events)] == [(1, 2)]
    assert read(events) == [(2, 3)]


def test_after_records_that_are_damaged_only_another_reader_tries_again() -> None:
    server = Kafka().start()
    try:
        logs = KafkaLogs(structs.replace(server.connection, compression=None))
        logs.ensure([Kept("damaged", partitions=1)])
        with closing(logs.writer()) as writer:
            writer.publish(Message("damaged", b"as it was"))
            writer.flush()
        (segment,) = server.nodes[0].data.rglob("damaged-0/*.log")
        sound = segment.read_bytes()
        segment.write_bytes(sound.replace(b"as it was", b"otherwise"))
        with closing(logs.reader("g", ["damaged"])) as reader:
            for _ in range(3):
                with pytest.raises(
                    LogAway, match=r"holds what cannot be read: damaged/0 from position 0 on .*failed crc check"
                ):
                    until(reader, lambda events: of(Batch, events))
        segment.write_bytes(sound)
        with closing(logs.reader("g", ["damaged"])) as reader:
            (batch,) = of(Batch, until(reader, lambda events: of(Batch, events)))
        assert [each.value for each in batch.records] == [b"as it was"]
        logs.close()
    finally:
        server.stop()


def test_a_certificate_file_that_is_missing_is_named(kafka: Kafka) -> None:
    connection = KafkaConnection(bootstrap_servers=kafka.bootstrap, ssl_cafile=kafka.nodes[0].data / "nothing.pem")
    with pytest.raises(LogUnfit, match=r"ssl_cafile .*nothing\.pem is not there"):
        KafkaLogs(connection).writer()


def test_a_record_over_the_limit_is_refused_and_the_writer_goes_on(logs: Logs, log: str) -> None:
    writer = logs.writer()
    with pytest.raises(LogUnfit, match=f"too large for {log}: the most is 1048576"):
        writer.publish(Message(log, bytes(1_200_000)))
    writer.publish(Message(log, b"1", partition=0))
    writer.flush()
    writer.close()
    assert [each.value for each in logs.scan(log)] == [b"1"]


def test_a_longer_limit_reaches_the_logs_we_make(kafka: Kafka) -> None:
    large = struct.pack(">d", 0.1) * 300_000
    name = f"log-{uuid.uuid4().hex[:8]}"
    connection = KafkaConnection(bootstrap_servers=kafka.bootstrap, max_message_bytes=4_000_000, compression=None)
    logs = KafkaLogs(connection)
    logs.ensure([Kept(name, partitions=1)])
    writer = logs.writer()
    writer.publish(Message(name, large))
    writer.flush()
    writer.close()
    assert [each.value for each in logs.scan(name)] == [large]
    logs.close()
