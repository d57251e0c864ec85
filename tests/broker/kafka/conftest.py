"""Kafka alone, where the contract suite runs on both kinds of log."""

import uuid
from collections.abc import Iterator

import pytest

from ingest.kafka.logs import KafkaLogs
from ingest.logs import Kept, Logs
from tests.servers import Kafka


@pytest.fixture(scope="module")
def mortal() -> Iterator[Kafka]:
    """A broker of this module's own, which its tests stop and kill."""
    server = Kafka().start()
    yield server
    server.stop()


@pytest.fixture
def logs(kafka: Kafka) -> Iterator[Logs]:
    opened = KafkaLogs(kafka.connection)
    yield opened
    opened.close()


@pytest.fixture
def log(logs: Logs) -> str:
    """A new log of four partitions."""
    name = f"log-{uuid.uuid4().hex[:8]}"
    logs.ensure([Kept(name, partitions=4)])
    return name
