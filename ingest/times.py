"""Reads the times that publishers write: RFC 3339 and its looser cousins, bare dates, RFC 2822 of feeds, epoch numbers.

A time without a zone is read only when the zone is given: hours decide in which order things happened.
"""

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from ingest.complaints import LONGEST_TIME, shown

EPOCH_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}  # per second

_OLDEST, _NEWEST = 1980, 9000  # years; before and after them a number was read in the wrong unit, or a clock was unset
_DATE = (
    r"(\d{4})(?:-(\d{1,2})-(\d{1,2})|/(\d{1,2})/(\d{1,2})|\.(\d{1,2})\.(\d{1,2})|年(\d{1,2})月(\d{1,2})日|(\d\d)(\d\d))"
)
_CLOCK = r"(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?"
_ZONE = r"(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
_TIME = re.compile(rf"{_DATE}(?:(?:T|\s+|(?<=日)){_CLOCK}\s*{_ZONE}?)?", re.ASCII | re.IGNORECASE)
DATE = re.compile(rf"{_DATE}(?:(?<=日)|(?!\d))", re.ASCII)
CLOCK = re.compile(_CLOCK, re.ASCII)
_BASIC_CLOCK = re.compile(r"\A(\d{8}T\d\d)(\d\d)(\d\d)", re.ASCII | re.IGNORECASE)
_MAILED_DATE = re.compile(r"(?:[a-z]+,\s*)?\d{1,2}\s+[a-z]+\s+\d{4}", re.ASCII | re.IGNORECASE)
_ENDS_IN_CLOCK = re.compile(r"\s\d{1,2}:\d\d(?::\d\d)?(?:\s+\d{4})?$", re.ASCII)  # ctime has the year behind it
# Behind a clock. Behind the name of a zone stands at most a comment or a year: "CST +0800" is Chicago's time to Python.
_MAILED_ZONE = re.compile(
    r"[:.]\d\d\s*([+-]\d\d[0-5]\d(?![^\s(])|[A-Z]+(?=(?:\s*\(.*\)|\s+\d{4})?$))", re.ASCII | re.IGNORECASE
)
_UNSET_YEAR = re.compile(r"[a-z][\s-]+0\d{3}(?!\d)", re.ASCII | re.IGNORECASE)  # "30 Nov -0001": Python makes it 2000
_NUMBER = re.compile(r"-?\d{1,20}(?:\.\d{1,9})?", re.ASCII)


class UnreadableTime(ValueError):  # noqa: N818 - the reader's word
    """A time that cannot be told for certain; the message goes on from "`published_at` is …"."""

    def __init__(self, sentence: str, *, wrong_type: bool = False) -> None:
        super().__init__(sentence)
        self.wrong_type = wrong_type


class Published(NamedTuple):
    """When something was published: an aware time, and whether more than the date is known."""

    at: datetime
    precise: bool


def read_time(value: object, zone: tzinfo | None = None, epoch: str = "") -> Published:
    """What `value` says; `zone` is for times without one, `epoch` the unit of numbers ("s", "ms", "us", "ns").

    Raises `UnreadableTime`.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UnreadableTime("not a text with a time (as in 2026-03-01T09:30:00Z)", wrong_type=True)
    if isinstance(value, str):
        value = value.strip()
    written = isinstance(value, str) and not (epoch and _NUMBER.fullmatch(value))
    published = _written(str(value), zone) if written else _counted(value, epoch)
    plausible(published.at, value)
    return published


def _written(text: str, zone: tzinfo | None) -> Published:
    """What a text says."""
    if len(text) > LONGEST_TIME:
        raise UnreadableTime(f"{shown(text)}, which is too long for a time")
    found = _TIME.fullmatch(_BASIC_CLOCK.sub(r"\1:\2:\3", text))
    if found is None:
        return _mailed(text, zone)
    year, *rest = found.groups()
    month, day = (int(part) for part in rest[:10] if part)
    hour, minute, second, decimals, named = rest[10:]
    zone = _zone(named) if named else zone
    if zone is None:
        raise _zoneless(text, bare=hour is None)
    try:
        start = date(int(year), month, day)
        if hour is None:
            return Published(datetime.combine(start, time(), zone), precise=False)
        seconds = 59 if second == "60" else int(second or 0)  # a leap second counts as the one before it
        clock = time(int(hour), int(minute), seconds, int((decimals or "0").ljust(6, "0")[:6]))
    except ValueError as error:
        raise UnreadableTime(f"{shown(text)}, which is no time: {error}") from None
    return Published(datetime.combine(start, clock, zone), precise=True)


def _mailed(text: str, zone: tzinfo | None) -> Published:
    """A time as mails and RSS write it: `Sun, 01 Mar 2026 09:30:00 GMT`, or only its date."""
    bare = _MAILED_DATE.fullmatch(text) is not None
    try:
        at = parsedate_to_datetime(f"{text} 00:00" if bare else text)
    except (ValueError, IndexError, TypeError, OverflowError):
        raise UnreadableTime(f"{shown(text)}, which is no time like 2026-03-01T09:30:00Z") from None
    if _UNSET_YEAR.search(text):
        raise UnreadableTime(f"{shown(text)}, which is an unset time")
    if bare:
        if zone is None:
            raise _zoneless(text, bare=True)
        return Published(at.replace(tzinfo=zone), precise=False)
    named = _MAILED_ZONE.search(text)
    local = at.replace(tzinfo=zone)
    if named and local.tzname() == named[1].upper():  # CST is one zone in mails, and another in China
        return Published(local, precise=True)
    if at.tzinfo is None:
        at = at.replace(tzinfo=_mailed_zone(text, zone))
    elif named is None:  # +8 is eight minutes to Python
        raise _unknown_zone(text)
    return Published(at, precise=True)


def _mailed_zone(text: str, zone: tzinfo | None) -> tzinfo:
    """The zone of a mailed time where Python tells none: it tells none for a name that it does not know, either."""
    if text.endswith("-0000"):  # a mail says so that it is UTC, and that it was written somewhere else
        return UTC
    if not _ENDS_IN_CLOCK.search(text):
        raise _unknown_zone(text)
    if zone is None:
        raise _zoneless(text, bare=False)
    return zone


def _counted(value: object, epoch: str) -> Published:
    """A time as a count since 1970."""
    if not epoch:
        raise UnreadableTime(f'the number {value}; set `epoch` ("s", "ms", "us" or "ns") for this input to read it')
    try:
        microseconds = int(Decimal(str(value)) * 1_000_000 / EPOCH_UNITS[epoch])
        return Published(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds), precise=True)
    except (OverflowError, ValueError, ArithmeticError):
        raise UnreadableTime(f'{shown(value)}, which is no time when counted in "{epoch}"') from None


def plausible(at: datetime, value: object) -> None:
    """Raises `UnreadableTime` if the year tells that a number was misread or a clock was unset."""
    if not _OLDEST <= at.year <= _NEWEST:
        raise UnreadableTime(f"{shown(value)}, which is in the year {at.year}: a misread or unset time")


def _zone(named: str) -> tzinfo:
    if not named.startswith(("+", "-")):
        return UTC
    digits = named[1:].replace(":", "").ljust(4, "0")
    hours, minutes = int(digits[:2]), int(digits[2:])
    if hours > 23 or minutes > 59:
        raise UnreadableTime(f"{shown(named)} off UTC, which no zone is")
    return timezone((-1 if named[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _unknown_zone(text: str) -> UnreadableTime:
    return UnreadableTime(f"{shown(text)}, whose time zone cannot be told; write it as in +0100")


def _zoneless(text: str, *, bare: bool) -> UnreadableTime:
    what = "is a date without a time zone" if bare else "has no time zone"
    return UnreadableTime(f"{shown(text)} and {what}; add one, or set `timezone` for this input")
