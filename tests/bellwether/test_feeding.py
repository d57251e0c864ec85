"""What an outage of the log means for the servers of feeds."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bellwether import feeding
from bellwether.clock import now
from bellwether.feeding import publish_feeds
from bellwether.stopping import Asked
from ingest.embedded.logs import EmbeddedLogs
from ingest.feeds import FEEDS, FeedSettings
from ingest.logs import Kept
from tests.ingest.feedserver import Answer, FeedServer, feed_server, item, rss
from tests.waiting import until


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with feed_server() as running:
        yield running


def test_a_feed_is_not_asked_again_because_the_log_is_away(
    server: FeedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "LOG_AWAY_S", 0.05)
    logs = EmbeddedLogs(tmp_path / "logs.db", now, busy_s=0.1)
    logs.ensure([Kept("documents"), FEEDS])
    other = sqlite3.connect(tmp_path / "logs.db", isolation_level=None, check_same_thread=False)
    asked: list[float] = []

    def answer() -> Answer:
        asked.append(time.monotonic())
        if len(asked) == 1:
            other.execute("BEGIN IMMEDIATE")  # another process keeps everybody else from writing
        return Answer(rss(item(1)))

    server.answers["/rss"] = answer
    settings = FeedSettings(to="documents", every_s=2)
    with closing(other), capture_logs() as told, Asked() as stop:
        reading = threading.Thread(
            target=publish_feeds,
            args=(lambda: nullcontext(logs), [server.url("/rss")], settings, stop),
            kwargs={"once": False},
            daemon=True,
        )
        reading.start()
        until(lambda: any(each["event"] == "log away, trying again" for each in told))
        other.execute("ROLLBACK")
        until(lambda: any(each["event"] == "feed read" for each in told))
        stop.set()
        reading.join()
    assert asked[1] - asked[0] >= settings.every_s
    assert len(list(logs.scan("documents"))) == 1
