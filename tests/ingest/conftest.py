from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingest.feedserver import FeedServer, feed_server
from tests.ingest.reading import Reading


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[Reading]:
    made = Reading(tmp_path)
    yield made
    made.client.close()
    made.writer.close()
