"""A process that reads feeds, for tests."""

import json
from pathlib import Path
from typing import Any

from ingest.embedded.logs import EmbeddedLogs
from ingest.feeds import FEEDS, Feed, FeedSettings, Told, feed_states
from ingest.fetch import WebClient
from ingest.instants import SECOND
from ingest.logs import Kept, Writer

NOW = 1_772_357_400 * SECOND  # 2026-03-01T09:30:00Z
SETTINGS = FeedSettings(to="documents", every_s=300)


class Clock:
    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Reading:
    """A process that reads feeds into an embedded log, and can be started again."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.ticks = Clock(), Clock(1_000 * SECOND)
        self.logs = EmbeddedLogs(folder / "bellwether.db", self.clock)
        self.logs.ensure([Kept("documents"), FEEDS])
        self.writer: Writer = self.logs.writer()
        self.client = WebClient()

    def feed(self, url: str, settings: FeedSettings = SETTINGS) -> Feed:
        feed = Feed(url, settings, self.clock, self.ticks, lambda: 0.0)
        if (state := feed_states(self.logs).get(feed.key)) is not None:
            feed.remember(state, self.logs, self.writer)
        return feed

    def visit(self, feed: Feed) -> Told:
        return feed.visit(self.client, self.writer)

    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(record.value or b"") for record in self.logs.scan("documents")]

    def ids(self) -> list[str]:
        return [document["id"] for document in self.documents()]

    def states(self) -> int:
        return sum(1 for _ in self.logs.scan(FEEDS.log))
