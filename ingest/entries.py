"""From a server's answer to the entries of its feed, however careless, broken or hostile it is."""

import hashlib
import io
import re
import sys
from calendar import timegm
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Any

import feedparser

from ingest.fetch import Fetched
from ingest.instants import instant, moment
from ingest.times import Published, UnreadableTime, plausible, read_time

_ENDS = (b"</rss>", b"</feed>", b"</rdf:rdf>")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_REFERENCE = re.compile(rb"&#(?:([0-9]+)|[xX]([0-9a-fA-F]+));?")
_HARMLESS = (feedparser.NonXMLContentType, feedparser.CharacterEncodingOverride)  # nothing is wrong with the XML itself


class NotAFeed(Exception):  # noqa: N818 - a state of the answer
    """The answer is no feed, or only a part of one; the message goes on from its address."""


def parsed_feed(answer: Fetched) -> Any:
    """What feedparser makes of the answer; it forgives much, but half a feed ends in half an entry. Raises `NotAFeed`."""
    content = answer.content
    if not content.strip():
        raise NotAFeed("is empty")
    headers = {"content-type": answer.content_type} if answer.content_type else {}
    try:
        # Bytes of its own would be tried as the name of a file.
        parsed = feedparser.parse(io.BytesIO(_REFERENCE.sub(_character, content)), response_headers=headers)
    except Exception as error:  # noqa: BLE001 - what it raises for what a server sends is written nowhere
        raise NotAFeed(f"cannot be read ({type(error).__name__})") from None
    if not parsed.get("version") and not parsed.entries:
        raise NotAFeed("is neither RSS nor Atom")
    if parsed.bozo and not isinstance(parsed.bozo_exception, _HARMLESS) and not _is_whole(content):
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
    """The time that an entry tells; feedparser knows more ways to write one, all read as UTC."""
    if name not in entry or not entry[name]:  # `get` would answer with the one for the other
        return None
    written = entry[name]
    try:
        return read_time(written, zone)
    except UnreadableTime:
        parsed = entry.get(f"{name}_parsed")
    if parsed is None or written.startswith("-"):  # of a year before the first it makes the year 2000
        return None
    try:
        at = datetime.fromtimestamp(timegm(parsed), UTC)
        plausible(at, written)
    except (ValueError, OverflowError, OSError):
        return None
    return Published(at, precise=True)


def _character(reference: re.Match[bytes]) -> bytes:
    """A reference to a character; of one that there is not feedparser dies, a browser shows this sign instead."""
    decimal, hexadecimal = reference.groups()
    digits = (decimal or hexadecimal).lstrip(b"0")
    code = int(digits or b"0", 10 if decimal else 16) if len(digits) <= 7 else sys.maxunicode + 1
    return reference[0] if code <= sys.maxunicode and not 0xD800 <= code <= 0xDFFF else b"&#65533;"


def _is_whole(content: bytes) -> bool:
    """Whether the last tag is that of a feed's end; servers like to say behind it how long they took."""
    return _COMMENT.sub(b"", content[-10_000:]).rstrip().lower().endswith(_ENDS)
