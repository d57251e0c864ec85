"""From a server's answer to the entries of its feed, however careless, broken or hostile it is."""

import hashlib
import io
import re
import sys
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import tzinfo
from time import struct_time
from typing import Any

import feedparser

from ingest.charset import xml_text
from ingest.fetch import Fetched
from ingest.instants import instant, moment
from ingest.times import CLOCK, DATE, Published, UnreadableTime, read_time

_DECLARATION = re.compile(r"\A\s*<\?xml\s[^>]*>")
_ENDS = ("</rss>", "</feed>", "</rdf:rdf>")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_ELEMENT = re.compile(r"<\w", re.ASCII)
_MOST = 100  # namespaces of a feed, attributes of one element; real ones have a dozen
_LONGEST_HEAD = 10_000  # characters before the first element: comments, entities
_NUMBER = re.compile(r"\d+", re.ASCII)
_LOOSE_MONTH = re.compile(r"(?<=[a-z]),(?=\s+\d{4}\b)", re.ASCII | re.IGNORECASE)  # "20 Nov, 2026 11:45:00 GMT"
_LOOSE_ZONE = re.compile(r"(:\d\d(?:\.\d+)?)\s*(?:(?:GMT|UTC)\s*)?([+-]\d\d):?(\d\d)$", re.ASCII | re.IGNORECASE)
_REFERENCE = re.compile(r"&#(?:([0-9]+)|[xX]([0-9a-fA-F]+));?")
_FeedParser = feedparser.mixin._FeedParserMixin  # noqa: SLF001 - it has no setting for what follows
_join_author = _FeedParser._sync_author_detail  # noqa: SLF001


def _author_as_told(parser: Any, key: str = "author") -> None:
    """Who wrote an entry, of the name and the address that it tells apart: in a text feedparser looks for one for hours."""
    if parser._get_context().get(f"{key}s", [None])[-1]:  # noqa: SLF001
        _join_author(parser, key)


_FeedParser._sync_author_detail = _author_as_told  # noqa: SLF001


class NotAFeed(Exception):  # noqa: N818 - a state of the answer
    """The answer is no feed, or only a part of one; the message goes on from its address."""


class _StrictParser(feedparser.api.StrictFeedParser):  # type: ignore[misc]
    """Goes through the attributes once for each attribute, and through the namespaces once for each element."""

    def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:  # noqa: N802 - as SAX calls it
        """Raises `NotAFeed` where that would take hours."""
        if max(len(attrs), len(self.namespaces_in_use)) > _MOST:
            raise NotAFeed(f"has more than {_MOST} namespaces, or attributes of one element")
        super().startElementNS(name, qname, attrs)


feedparser.api.StrictFeedParser = _StrictParser


def parsed_feed(answer: Fetched) -> Any:
    """What feedparser makes of the answer; it forgives much, but half a feed ends in half an entry. Raises `NotAFeed`."""
    text = _DECLARATION.sub("", xml_text(answer.content, answer.content_type)).strip()
    if not text:
        raise NotAFeed("is empty")
    try:
        # Bytes of its own would be tried as the name of a file. To make HTML safe is for `ingest.cleaning`, which is fast.
        parsed = feedparser.parse(io.BytesIO(_readable(text)), sanitize_html=False, resolve_relative_uris=False)
    except NotAFeed:
        raise
    except Exception as error:  # noqa: BLE001 - what it raises for what a server sends is written nowhere
        raise NotAFeed(f"cannot be read ({type(error).__name__})") from None
    if not parsed.get("version") and not parsed.entries:
        raise NotAFeed("is neither RSS nor Atom")
    if parsed.bozo and not _is_whole(text):
        raise NotAFeed("breaks off in the middle")
    return parsed


def asked_s(parsed: Any) -> int:
    """How long the feed itself asks to be left alone, at most a day."""
    ttl = str(parsed.feed.get("ttl") or "").strip()
    return min(int(ttl[:6]) * 60, 86_400) if ttl.isascii() and ttl.isdigit() else 0


def entry_name(entry: Any) -> str:
    """What names an entry within its feed, in hashes: its guid, and behind a dot what tells it from others of that guid."""
    link, title = entry.get("link"), entry.get("title")
    guid = entry.get("id") or link or (title, entry.get("published"), entry.get("summary"))
    return f"{_hash((guid,))}.{_hash((link, title))}"


def identities(*listed: Iterable[str]) -> dict[str, str]:
    """By what each of these entries is known: its guid, or, where several of one list share that, its whole name."""
    guids = [{name: name.partition(".")[0] for name in names} for names in listed]
    shared = {guid for each in guids for guid, count in Counter(each.values()).items() if count > 1}
    return {name: name if guid in shared else guid for each in guids for name, guid in each.items()}


def entry_time(entry: Any, zone: tzinfo, now: int) -> Published:
    """When an entry was published; it is here, so not later than now. Without any time that can be true: now."""
    for name in ("published", "updated"):
        if (told := _told(entry, name, zone)) is not None:
            return told if instant(told.at) <= now else Published(moment(now), precise=True)
    return Published(moment(now), precise=True)


def _hash(parts: tuple[Any, ...]) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def _told(entry: Any, name: str, zone: tzinfo) -> Published | None:
    """The time that an entry tells, or only its day."""
    if name not in entry or not entry[name]:  # `get` would answer with the one for the other
        return None
    written = _LOOSE_MONTH.sub("", entry[name].strip())
    for text in (_LOOSE_ZONE.sub(r"\1 \2\3", written), _day(written, entry.get(f"{name}_parsed"))):
        with suppress(UnreadableTime):
            return read_time(text, zone)
    return None


def _day(written: str, parsed: struct_time | None) -> str:
    """The date of a time; empty if none can be told. `parsed` is feedparser's, which knows more ways to write one."""
    if found := DATE.match(written):
        return found[0]
    if parsed is None:
        return ""
    year, month, day = (f"{part:02}" for part in parsed[:3])
    numbers = [number.zfill(2) for number in _NUMBER.findall(CLOCK.sub("", written))]
    # Where it is at a loss it makes up a year or a day, or takes 20-11-2026 for a day of 2020.
    forms = ([day, year], [day, year[-2:]], [year, month, day])
    return f"{year}-{month}-{day}" if any(numbers[: len(form)] == form for form in forms) else ""


def _readable(text: str) -> bytes:
    """The text as feedparser reads it without guessing, and in no time: of a long head it would take hours."""
    first = _ELEMENT.search(text)
    body = text[first.start() :] if first and first.start() > _LONGEST_HEAD else text
    return f'<?xml version="1.0" encoding="utf-8"?>\n{_REFERENCE.sub(_character, body)}'.encode("utf-8", "replace")


def _character(reference: re.Match[str]) -> str:
    """A reference to a character; of one that there is not feedparser dies, a browser shows this sign instead."""
    decimal, hexadecimal = reference.groups()
    digits = (decimal or hexadecimal).lstrip("0")
    code = int(digits or "0", 10 if decimal else 16) if len(digits) <= 7 else sys.maxunicode + 1
    return reference[0] if code <= sys.maxunicode and not 0xD800 <= code <= 0xDFFF else "&#65533;"


def _is_whole(text: str) -> bool:
    """Whether the last tag is that of a feed's end; servers like to say behind it how long they took."""
    return _COMMENT.sub("", text[-10_000:]).rstrip().lower().endswith(_ENDS)
