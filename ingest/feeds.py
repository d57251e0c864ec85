"""Feeds (RSS, Atom): what is new in them, each entry once, also over restarts and crashes.

What a feed reader has to remember (the entries it has seen, the server's ETag, when to ask again) is one record a feed in the
compacted log `bellwether.feeds`: as everything else, it survives as long as the logs do, and moves with them. Deriving it from
the documents would mean to read all of them at every start, and an ETag is in none. An entry is published once; what its
publisher changes in it later is not.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, tzinfo
from typing import Any
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, structs

from ingest.decode import Decoder
from ingest.entries import NotAFeed, asked_s, entry_name, entry_time, identities, parsed_feed
from ingest.fetch import Failed, Fetched, WebClient, shown_url
from ingest.instants import DAY, SECOND, instant
from ingest.language import language_of
from ingest.logs import Kept, Logs, Message, RecordTooLarge, Writer
from ingest.native import NativeDocument
from ingest.once import named, published

FEEDS = Kept("bellwether.feeds", partitions=1, retention_s=-1, cleanup="compact")
_ENTRIES = 5_000  # of a feed, the newest; the others are not looked at
_REMEMBERED = _ENTRIES  # that are no longer among these: a feed may once come short, or empty
_LONGEST_WAIT_S = 3_600  # between two tries of a feed that fails
_NOTHING = nullcontext()


class FeedSettings(Struct, frozen=True):
    """How feeds are read and where to their entries go."""

    to: str  # the log of documents
    every_s: int = 300  # at least so long between two requests; a feed can ask for more
    source: str = ""  # empty: the feed's host
    zone: tzinfo | None = None  # of times without one; None: they are read as UTC


class FeedState(Struct, frozen=True):
    """What is remembered of a feed. Entries are named as by `entry_name`."""

    shown: str  # its address without secrets
    etag: str = ""
    modified: str = ""
    seen: tuple[str, ...] = ()  # oldest first; of a guid that entries share, each by its whole name
    begun: tuple[str, ...] = ()  # announced, and perhaps published: after a crash the documents are searched for them
    not_before: int = 0  # the server asked not to be asked again before this instant


class Told(Struct, frozen=True):
    """What a visit to a feed brought."""

    feed: str  # its address without secrets
    new: int = 0
    unfit: int = 0  # entries that are no documents, or that the log does not take
    left_out: tuple[str, ...] = ()  # what of the feed a person might miss, in sentences
    why: str = ""  # why there was nothing to read, if so
    gone: bool = False
    next_at: int = 0  # instant


class Feed:
    """One feed. Not thread-safe. `ticks` are microseconds that nobody sets; `jitter` gives numbers in [0, 1)."""

    def __init__(
        self,
        url: str,
        settings: FeedSettings,
        clock: Callable[[], int],
        ticks: Callable[[], int],
        jitter: Callable[[], float],
    ) -> None:
        self.key = hashlib.sha256(f"{settings.to} {url}".encode()).hexdigest()[:16]
        self.state = FeedState(shown_url(url))
        self.gone = False
        self.next_at = ticks()  # a clock that is set back must not make it later
        self._url = url
        self._settings = settings
        self._clock = clock
        self._ticks = ticks
        self._jitter = jitter
        self._failures = 0
        self._ttl_s = 0
        self._long = False  # and that was told
        self._decoder = Decoder(bound_us=0)

    def remember(self, state: FeedState, logs: Logs, writer: Writer) -> None:
        """Take up where an earlier reader stopped or died. Raises `LogAway` or `LogUnfit`."""
        self.state = structs.replace(state, shown=self.state.shown)
        wait = min(state.not_before - self._clock(), DAY)  # no server can ask for more: the clock was set back since
        self.next_at = max(self.next_at, self._ticks() + wait)
        if state.begun:
            there = published(logs, self._settings.to, [self._name(entry) for entry in state.begun])
            seen = (*state.seen, *(entry for entry in state.begun if self._name(entry) in there))
            self._keep(writer, structs.replace(self.state, seen=seen, begun=()))

    def visit(self, client: WebClient, writer: Writer, asking: AbstractContextManager[None] = _NOTHING) -> Told:
        """Ask for the feed, within `asking`, and publish what is new.

        Raises `LogAway` or `LogUnfit`, never for the feed's sake.
        """
        with asking:
            answer = client.fetch(self._url, self._clock, self.state.etag, self.state.modified)
        self._later(self._settings.every_s)  # also if a log is away and nothing can be published
        if isinstance(answer, Failed):
            return self._failed(writer, answer)
        if not isinstance(answer, Fetched):
            return self._rest(writer, self.state, Told(self.state.shown))
        try:
            parsed = parsed_feed(answer)
        except NotAFeed as error:
            return self._failed(writer, Failed(str(error)))
        self._ttl_s = asked_s(parsed)
        entries = {entry_name(entry): entry for entry in self._newest(parsed.entries)}
        by = identities(entries, self.state.seen)
        known, there = {by[name] for name in self.state.seen}, {by[name] for name in entries}
        language = str(parsed.feed.get("language") or "")
        new = [(name, self._message(name, entry, language)) for name, entry in entries.items() if by[name] not in known]
        messages = [(name, message) for name, message in new if message is not None]
        refused: list[str] = []
        if messages:
            self._keep(writer, structs.replace(self.state, begun=tuple(name for name, _ in messages)))
            refused = _refused(writer, [message for _, message in messages])
        gone = [name for name in self.state.seen if by[name] not in there][-_REMEMBERED:]
        state = structs.replace(
            self.state, etag=answer.etag, modified=answer.modified, seen=(*gone, *entries), begun=(), not_before=0
        )
        taken = len(messages) - len(refused)
        left_out = (*self._too_long(len(parsed.entries)), *dict.fromkeys(refused))
        return self._rest(writer, state, Told(state.shown, new=taken, unfit=len(new) - taken, left_out=left_out))

    def asked_again_at(self) -> int:
        """`next_at` as the instant that it will be unless the clock is set."""
        return self._clock() + self.next_at - self._ticks()

    def _newest(self, entries: Sequence[Any]) -> Sequence[Any]:
        """What is looked at of a feed, oldest first; most list their newest first."""
        zone, now = self._settings.zone or UTC, self._clock()
        newest_first = sorted(entries, key=lambda entry: instant(entry_time(entry, zone, now).at), reverse=True)
        return newest_first[:_ENTRIES][::-1]

    def _too_long(self, entries: int) -> tuple[str, ...]:
        was, self._long = self._long, entries > _ENTRIES
        return (f"of its {entries:,} entries only the {_ENTRIES:,} newest are read",) if self._long and not was else ()

    def _rest(self, writer: Writer, state: FeedState, told: Told) -> Told:
        """Remember, and come back later. An unchanged feed leaves no trace: there may be thousands of visits a day."""
        self._failures = 0
        if state != self.state:
            self._keep(writer, state)
        self._later(max(self._settings.every_s, self._ttl_s))
        return structs.replace(told, next_at=self.asked_again_at())

    def _failed(self, writer: Writer, answer: Failed) -> Told:
        self._failures += 1
        self.gone = answer.gone
        every_s = self._settings.every_s
        backoff_s = min(every_s * 2 ** min(self._failures - 1, 10), max(every_s, _LONGEST_WAIT_S))
        self._later(max(backoff_s, answer.wait_s))
        if answer.wait_s:
            until = self._clock() + answer.wait_s * SECOND
            self._keep(writer, structs.replace(self.state, not_before=until))
        return Told(self.state.shown, why=answer.why, gone=answer.gone, next_at=self.asked_again_at())

    def _later(self, wait_s: int) -> None:
        self.next_at = self._ticks() + int(wait_s * SECOND * (1 + 0.1 * self._jitter()))

    def _keep(self, writer: Writer, state: FeedState) -> None:
        writer.publish(Message(FEEDS.log, msgspec.json.encode(state), key=self.key.encode()))
        writer.flush()
        self.state = state

    def _name(self, entry: str) -> str:
        return f"{self.key}/{entry}"

    def _message(self, name: str, entry: Any, language: str) -> Message | None:
        """What to publish of an entry; None if it is no document."""
        try:
            native = self._document(entry, language)
            self._decoder.document(native, self._clock())
            value = self._decoder.encode(native)
        except Exception:  # noqa: BLE001 - `BadDocument`, or what nobody thought of: one odd entry must not end the others
            return None
        return named(Message(self._settings.to, value, key=str(native.id).encode()), self._name(name))

    def _document(self, entry: Any, language: str) -> NativeDocument:
        at, precise = entry_time(entry, self._settings.zone or UTC, self._clock())
        link, author = str(entry.get("link") or ""), str(entry.get("author") or "")
        identity = str(entry.get("id") or link)
        contents = [str(content.get("value") or "") for content in entry.get("content") or ()]
        return NativeDocument(
            id=identity if 0 < len(identity) <= 512 and identity.strip() else entry_name(entry),
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


def _refused(writer: Writer, messages: Sequence[Message]) -> list[str]:
    """Publish, one after another: of several at once nobody could say which is too large; a sentence for each that is."""
    refused = []
    for message in messages:
        try:
            writer.publish(message)
            writer.flush()
        except RecordTooLarge as error:
            refused.append(str(error))
    return refused


def feed_states(logs: Logs) -> dict[str, FeedState]:
    """What is remembered, by `Feed.key`. Raises `LogAway` or `LogUnfit`."""
    found = {}
    for record in logs.scan(FEEDS.log):
        if record.key is not None and record.value is not None:
            found[record.key.decode()] = msgspec.json.decode(record.value, type=FeedState)
    return found


def due(feeds: Sequence[Feed], ticks: int) -> Iterator[Feed]:
    """Those whose time has come, the longest waiting first."""
    waiting = sorted(feeds, key=lambda feed: feed.next_at)
    return (feed for feed in waiting if not feed.gone and feed.next_at <= ticks)
