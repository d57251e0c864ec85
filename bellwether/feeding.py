"""Keeps feeds published: visits each when its time has come, and tells what it brought."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, suppress

import structlog

from bellwether.clock import now, ticks
from bellwether.stopping import Asked
from ingest.feeds import FEEDS, Feed, FeedSettings, Told, due, feed_states
from ingest.fetch import WebClient
from ingest.instants import SECOND, rfc3339
from ingest.logs import LogAway, Logs, Writer

log = structlog.get_logger()

LOG_AWAY_S = 5.0
LONGEST_SLEEP_S = 60.0


def publish_feeds(
    opened: Callable[[], AbstractContextManager[Logs]],
    urls: list[str],
    settings: FeedSettings,
    stop: Asked,
    *,
    once: bool,
) -> bool:
    """Visit the feeds until asked to stop, or each once; whether every last visit went well.

    Raises `LogUnfit`; with `once` also `LogAway`, otherwise that is waited out.
    """
    feeds = [Feed(url, settings, now, ticks, random.random) for url in dict.fromkeys(urls)]
    while True:
        try:
            with opened() as logs:
                logs.ensure([FEEDS])
                with closing(logs.writer()) as writer:
                    _remember(logs, writer, feeds)
                    return _visit(writer, feeds, stop, once=once)
        except LogAway as away:
            if once:
                raise
            log.warning("log away, trying again", why=str(away), wait_s=LOG_AWAY_S)
            if stop.wait(LOG_AWAY_S):
                return False


def _remember(logs: Logs, writer: Writer, feeds: list[Feed]) -> None:
    """Each feed as it was left, by an earlier process or when the log went away."""
    states = feed_states(logs)
    for feed in feeds:
        if feed.key in states:
            feed.remember(states[feed.key], logs, writer)


def _visit(writer: Writer, feeds: list[Feed], stop: Asked, *, once: bool) -> bool:
    went_well: dict[str, bool] = {}
    with WebClient() as client, suppress(KeyboardInterrupt):  # asked to stop while a server was waited for
        while not stop.is_set():
            for feed in due(feeds, ticks()):
                told = feed.visit(client, writer, stop.raised())
                went_well[feed.key] = not told.why
                _tell(told)
                if stop.is_set():
                    break
            if once or all(feed.gone for feed in feeds):
                break
            next_at = min(feed.next_at for feed in feeds if not feed.gone)
            stop.wait(min(max((next_at - ticks()) / SECOND, 0.1), LONGEST_SLEEP_S))
    for feed in feeds:
        if once and not stop.is_set() and feed.key not in went_well:
            log.warning(
                "feed not asked: its server wants to be left alone",
                feed=feed.state.shown,
                until=rfc3339(feed.asked_again_at()),
            )
    return all(went_well.get(feed.key, False) for feed in feeds)


def _tell(told: Told) -> None:
    if told.why:
        phrase = "feed gone for good" if told.gone else "feed not read"
        log.warning(phrase, feed=told.feed, why=told.why, next_at=rfc3339(told.next_at))
        return
    for why in told.left_out:
        log.warning("feed not read in full", feed=told.feed, why=why)
    if told.new or told.unfit:
        log.info("feed read", feed=told.feed, new=told.new, unfit=told.unfit)
    else:
        log.debug("feed unchanged", feed=told.feed)
