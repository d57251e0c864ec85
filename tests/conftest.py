"""Servers that all tests share. What a test makes on them has names of its own."""

import logging
from collections.abc import Iterator

import pytest

from tests.servers import Kafka


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """One Apache Kafka broker for the whole run. A test that kills brokers starts its own."""
    server = Kafka().start()
    yield server
    server.stop()


def pytest_unconfigure() -> None:
    # Threads of kafka-python may still speak when the streams are closed: the last line is to be pytest's.
    logging.raiseExceptions = False
