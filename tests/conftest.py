"""Servers that all tests share, and how tests are shared out. What a test makes on a server has names of its own."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from tests.servers import Kafka

CRISIS = ("tests/e2e/test_crisis.py", "tests/e2e/test_dashboards.py")  # share one deployment, so one worker runs them
# These take longest: begun first, they leave the small ones to fill what is left of the other worker's time.
LONG = (
    *("tests/promises/", *CRISIS, "tests/bellwether/commands/"),
    *("tests/broker/", "tests/deploy/", "tests/e2e/", "tests/bellwether/"),
)


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """One Apache Kafka broker for the whole run. A test that kills brokers starts its own."""
    server = Kafka().start()
    yield server
    server.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first; a file's tests stay together and in order."""
    items.sort(key=lambda item: next((n for n, begin in enumerate(LONG) if item.nodeid.startswith(begin)), len(LONG)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Among workers (`-n 2`), whole files are shared out, for the sake of what a file's tests have in common."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - only where workers were asked for

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.split("::", 1)[0]
            return CRISIS[0] if file in CRISIS else file

    config.option.loadscopereorder = False
    return ByFile(config, log)


def pytest_unconfigure() -> None:
    # Threads of kafka-python may still speak when the streams are closed: the last line is to be pytest's.
    logging.raiseExceptions = False
