"""Feeds (RSS, Atom): what is new in them, each entry once, also over restarts and crashes.

What a feed reader has to remember (the entries it has seen, the server's ETag, when to ask again) is one record a feed in the
compacted log `bellwether.feeds`: as everything else, it survives as long as the logs do, and moves with them. Deriving it from
the documents would mean to read all of them at every start, and an ETag is in none. An entry is published once; what its
publisher changes in it later is not.
"""

import hashlib
from calendar import timegm
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import urlsplit

import feedparser
import httpx
import msgspec
from msgspec import Struct, structs

from ingest.decode import BadDocument, Decoder
from ingest.fetch import Failed, Fetched, fetch, shown_url
from ingest.instants import SECOND, instant, moment
from ingest.language import language_of
from ingest.logs import Kept, Logs, Message, Writer
from ingest.native import NativeDocument
from ingest.once import named, published
from ingest.times import UnreadableTime, read_time

FEEDS = Kept("bellwether.feeds", partitions=1, retention_s=-1, cleanup="compact")
_REMEMBERED = 1_000  # entries that have left the feed; those still in it are all remembered
_ENTRIES = 5_000  # of a feed; what lies behind them is not looked at
_LONGEST_WAIT_S = 3_600  # between two tries of a feed that fails
_ENDS = (b"</rss>", b"</feed>", b"</rdf:rdf>")


class FeedSettings(Struct, frozen=True):
    """How feeds are read and where to their entries go."""

    to: str  # the log of documents
    every_s: int = 300  # at least so long between two requests; a feed can ask for more
    source: str = ""  # empty: the feed's host
    zone: tzinfo | None = None  # of times without one; None: they are read as UTC


class FeedState(Struct, frozen=True):
    """What is remembered of a feed. Entries are named by a hash."""

    shown: str  # its address without secrets
    etag: str = ""
    modified: str = ""
    seen: tuple[str, ...] = ()  # oldest first
    begun: tuple[str, ...] = ()  # announced, and perhaps published: after a crash the documents are searched for them
    not_before: int = 0  # the server asked not to be asked again before this instant


class Told(Struct, frozen=True):
    """What a visit to a feed brought."""

    feed: str  # its address without secrets
    new: int = 0
    unfit: int = 0  # entries that are no documents
    why: str = ""  # why there was nothing to read, if so
    gone: bool = False
    next_at: int = 0


class NotAFeed(Exception):  # noqa: N818 - a state of the answer
    """The answer is no feed, or only a part of one; the message goes on from its address."""


class Feed:
    """One feed. Not thread-safe. `jitter` gives numbers in [0, 1)."""

    def __init__(self, url: str, settings: FeedSettings, clock: Callable[[], int], jitter: Callable[[], float]) -> None:
        self.key = hashlib.sha256(f"{settings.to} {url}".encode()).hexdigest()[:16]
        self.state = FeedState(shown_url(url))
        self.gone = False
        self.next_at = 0  # instant
        self._url = url
        self._settings = settings
        self._clock = clock
        self._jitter = jitter
        self._failures = 0
        self._decoder = Decoder(bound_us=0)

    def remember(self, state: FeedState, logs: Logs, writer: Writer) -> None:
        """Take up where an earlier reader stopped or died. Raises `LogAway` or `LogUnfit`."""
        self.state = structs.replace(state, shown=self.state.shown)
        self.next_at = max(self.next_at, state.not_before)
        if state.begun:
            there = published(logs, self._settings.to, [self._name(entry) for entry in state.begun])
            seen = (*state.seen, *(entry for entry in state.begun if self._name(entry) in there))
            self._keep(writer, structs.replace(self.state, seen=seen, begun=()))

    def visit(self, client: httpx.Client, writer: Writer) -> Told:
        """Ask for the feed and publish what is new. Raises `LogAway` or `LogUnfit`, never for the feed's sake."""
        answer = fetch(client, self._url, self._clock, self.state.etag, self.state.modified)
        self._later(self._settings.every_s)  # also if a log is away and nothing can be published
        if isinstance(answer, Failed):
            return self._failed(writer, answer)
        if not isinstance(answer, Fetched):
            return self._rest(writer, self.state, Told(self.state.shown))
        try:
            parsed = _parsed(answer)
        except NotAFeed as error:
            return self._failed(writer, Failed(str(error)))
        newest = parsed.entries[:_ENTRIES]
        entries = {_entry_name(entry): entry for entry in reversed(newest)}  # oldest first
        known = set(self.state.seen)
        language = str(parsed.feed.get("language") or "")
        new = [(name, self._message(name, entry, language)) for name, entry in entries.items() if name not in known]
        messages = [(name, message) for name, message in new if message is not None]
        if messages:
            self._keep(writer, structs.replace(self.state, begun=tuple(name for name, _ in messages)))
            for _, message in messages:
                writer.publish(message)
            writer.flush()
        gone = [name for name in self.state.seen if name not in entries][-_REMEMBERED:]
        state = structs.replace(
            self.state, etag=answer.etag, modified=answer.modified, seen=(*gone, *entries), begun=(), not_before=0
        )
        told = Told(state.shown, new=len(messages), unfit=len(new) - len(messages))
        return self._rest(writer, state, told, _asked_s(parsed))

    def _rest(self, writer: Writer, state: FeedState, told: Told, asked_s: int = 0) -> Told:
        """Remember, and come back later. An unchanged feed leaves no trace: there may be thousands of visits a day."""
        self._failures = 0
        if state != self.state:
            self._keep(writer, state)
        self._later(max(self._settings.every_s, asked_s))
        return structs.replace(told, next_at=self.next_at)

    def _failed(self, writer: Writer, answer: Failed) -> Told:
        self._failures += 1
        self.gone = answer.gone
        every_s = self._settings.every_s
        backoff_s = min(every_s * 2 ** min(self._failures - 1, 10), max(every_s, _LONGEST_WAIT_S))
        self._later(max(backoff_s, answer.wait_s))
        if answer.wait_s:
            until = self._clock() + answer.wait_s * SECOND
            self._keep(writer, structs.replace(self.state, not_before=until))
        return Told(self.state.shown, why=answer.why, gone=answer.gone, next_at=self.next_at)

    def _later(self, wait_s: int) -> None:
        self.next_at = self._clock() + int(wait_s * SECOND * (1 + 0.1 * self._jitter()))

    def _keep(self, writer: Writer, state: FeedState) -> None:
        writer.publish(Message(FEEDS.log, msgspec.json.encode(state), key=self.key.encode()))
        writer.flush()
        self.state = state

    def _name(self, entry: str) -> str:
        return f"{self.key}/{entry}"

    def _message(self, name: str, entry: Any, language: str) -> Message | None:
        """What to publish of an entry; None if it is no document."""
        native = self._document(entry, language)
        try:
            self._decoder.document(native, self._clock())
            value = self._decoder.encode(native)
        except BadDocument:
            return None
        return named(Message(self._settings.to, value, key=str(native.id).encode()), self._name(name))

    def _document(self, entry: Any, language: str) -> NativeDocument:
        now = self._clock()
        at, precise = _published(entry, self._settings.zone, now)
        link, author = str(entry.get("link") or ""), str(entry.get("author") or "")
        identity = str(entry.get("id") or link)
        contents = [str(content.get("value") or "") for content in entry.get("content") or ()]
        return NativeDocument(
            id=identity if 0 < len(identity) <= 512 and identity.strip() else _entry_name(entry),
            source=self._settings.source or (urlsplit(self._url).hostname or "feed").removeprefix("www."),
            published_at=at,
            title=str(entry.get("title") or "") or None,
            body=max([str(entry.get("summary") or ""), *contents], key=len) or None,
            # That a feed is in English is often what its software says and not its editors: the script knows better.
            lang=language[:64] if language and language_of("", language) == "und" else None,
            url=link if 0 < len(link) <= 4096 else None,
            kind="news",
            author=author[:512] or None,
            published_precision=None if precise else "day",
        )


def feed_states(logs: Logs) -> dict[str, FeedState]:
    """What is remembered, by `Feed.key`. Raises `LogAway` or `LogUnfit`."""
    found = {}
    for record in logs.scan(FEEDS.log):
        if record.key is not None and record.value is not None:
            found[record.key.decode()] = msgspec.json.decode(record.value, type=FeedState)
    return found


def due(feeds: Sequence[Feed], now: int) -> Iterator[Feed]:
    """Those whose time has come, the longest waiting first."""
    waiting = sorted(feeds, key=lambda feed: feed.next_at)
    return (feed for feed in waiting if not feed.gone and feed.next_at <= now)


def _parsed(answer: Fetched) -> Any:
    """What feedparser makes of the answer; it forgives much, but half a feed ends in half an entry."""
    content = answer.content
    if not content.strip():
        raise NotAFeed("is empty")
    headers = {"content-type": answer.content_type} if answer.content_type else {}
    parsed = feedparser.parse(content, response_headers=headers)
    if not parsed.get("version") and not parsed.entries:
        raise NotAFeed("is neither RSS nor Atom")
    if parsed.bozo and not content.rstrip().lower().endswith(_ENDS):
        raise NotAFeed("breaks off in the middle")
    return parsed


def _asked_s(parsed: Any) -> int:
    """How long the feed itself asks to be left alone, at most a day."""
    ttl = str(parsed.feed.get("ttl") or "").strip()
    return min(int(ttl[:6]) * 60, 86_400) if ttl.isascii() and ttl.isdigit() else 0


def _entry_name(entry: Any) -> str:
    parts = (
        entry.get("id") or entry.get("link") or (entry.get("title"), entry.get("published"), entry.get("summary")),
    )
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _published(entry: Any, zone: tzinfo | None, now: int) -> tuple[datetime, bool]:
    """When an entry was published; it is here, so not later than now. Without any time: now."""
    for name in ("published", "updated"):
        if name not in entry or not entry[name]:
            continue
        try:
            at, precise = read_time(entry[name], zone or UTC)
        except UnreadableTime:
            parsed = entry.get(f"{name}_parsed")
            if parsed is None:
                continue
            at, precise = datetime.fromtimestamp(timegm(parsed), UTC), True
        return (at, precise) if instant(at) <= now else (moment(now), True)
    return moment(now), True
