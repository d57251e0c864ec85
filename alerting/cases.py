"""What people say about alerts and incidents: entries of the feedback log, and the cases that they add up to.

A case is an incident in the hands of people. It has no state of its own anywhere: whoever wants to know folds the entries, in
the order of the log. An entry is never changed; what was said is taken back by a later one.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import chain
from operator import attrgetter
from typing import Literal

import structlog
from msgspec import MsgspecError, Struct, json
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.cursor import Cursor
from ingest.instants import SECOND, instant
from ingest.logs import Kept, Logs, Message
from ingest.records import decoded

FEEDBACK = Kept("bellwether.feedback", partitions=1, retention_s=2 * 365 * 86_400)
LOOK_EVERY = 2 * SECOND
FRESH = timedelta(days=1)  # what has been due for longer was told, or was due before anyone wanted to be told
MOST_MUTES = 1000  # remembered of one incident or subject, the last ones

Verdict = Literal["confirm", "dismiss", "wrong_topic", "wrong_sentiment"]
Handling = Literal["acknowledge", "assign", "comment", "mute", "unmute", "close", "reopen"]

_log = structlog.get_logger(__name__)


class Entry(Struct, frozen=True):
    """One thing that one person said. A verdict is about an alert, everything else about its incident."""

    at: datetime
    who: str
    alert: str  # id
    incident: str  # id
    act: Verdict | Handling
    text: str = ""  # the comment or the reason; of an assignment, to whom
    until: datetime | None = None  # of a mute; None: until it is taken back
    topic: str = ""  # of `wrong_topic`: the right one
    sentiment: str = ""  # of `wrong_sentiment`: the right one
    subject: str = ""  # of a mute or its end: all alerts on `kind/name` instead of this incident


_encoder = json.Encoder()
_decoder = json.Decoder(Entry)


def entry_message(entry: Entry) -> Message:
    """The entry as a record of the feedback log."""
    return Message(FEEDBACK.log, _encoder.encode(entry), key=entry.incident.encode())


def decode_entry(value: bytes) -> Entry:
    """An entry from the feedback log. Raises `msgspec.MsgspecError` on anything else."""
    return decoded(_decoder, value)


class Case(Struct):
    """How far people are with one incident."""

    entries: list[Entry] = []  # oldest first
    acknowledged: Entry | None = None  # who first took it up; whoever judges, assigns or closes has done so too
    closed: Entry | None = None
    reopened: Entry | None = None
    assignee: str = ""

    @property
    def stands(self) -> Literal["new", "acknowledged", "closed"]:
        """What is still to be done."""
        return "closed" if self.closed else "acknowledged" if self.acknowledged else "new"

    def add(self, entry: Entry) -> None:
        """Take in what was said next."""
        self.entries.append(entry)
        match entry.act:
            case "close":
                self.closed = entry
            case "reopen":
                self.closed = self.acknowledged = None
                self.reopened = entry
            case "assign":
                self.assignee = entry.text
        if entry.act in {"acknowledge", "assign", "close", "confirm", "dismiss", "wrong_topic", "wrong_sentiment"}:
            self.acknowledged = self.acknowledged or entry


class Cases:
    """All cases, verdicts and mutes, folded from entries in the order of the log."""

    def __init__(self) -> None:
        self._cases: dict[str, Case] = {}
        self._verdicts: dict[str, Entry] = {}
        # By incident id, or by `kind/name` of a subject; each until it was over, taken back, or followed by the next.
        self._mutes: defaultdict[str, deque[Entry]] = defaultdict(lambda: deque(maxlen=MOST_MUTES))

    def add(self, entry: Entry) -> None:
        """Take in what was said next."""
        self._cases.setdefault(entry.incident, Case()).add(entry)
        match entry.act:
            case "confirm" | "dismiss" | "wrong_topic" | "wrong_sentiment":
                self._verdicts[entry.alert] = entry
            case "mute" | "unmute":
                mutes = self._mutes[entry.subject or entry.incident]
                if mutes and (mutes[-1].until is None or entry.at < mutes[-1].until):
                    mutes[-1] = replace(mutes[-1], until=entry.at)
                if entry.act == "mute":
                    mutes.append(entry)

    def of(self, incident: str) -> Case:
        """The case of an incident; an empty one if nobody said anything yet."""
        return self._cases.get(incident) or Case()

    def verdict(self, alert: str) -> Entry | None:
        """What was last said about the alert with this id: right, wrong, or wrongly put."""
        return self._verdicts.get(alert)

    def verdicts(self) -> Iterator[Entry]:
        """The last verdict on each alert."""
        yield from self._verdicts.values()

    def muted(self, alert: Alert, now: int) -> Entry | None:
        """Why nobody is to be told of `alert` at instant `now`: a mute of its incident, or of its subject."""
        return next(self.mutes((alert.incident, str(alert.subject)), now), None)

    def mutes(self, names: Iterable[str], now: int) -> Iterator[Entry]:
        """The mutes in force at instant `now`, each of an incident's id or of a subject's `kind/name`."""
        for mute in self._mutes_of(names):
            if instant(mute.at) <= now and (mute.until is None or now < instant(mute.until)):
                yield mute

    def muted_until(self, alert: Alert, due_at: datetime, now: int) -> datetime:
        """`due_at`, put off to the end of each mute that is over at instant `now` and had begun within a day of what was due."""
        for mute in sorted(self._mutes_of((alert.incident, str(alert.subject))), key=attrgetter("at")):
            if mute.until and instant(mute.until) <= now and mute.at - due_at < FRESH:
                due_at = max(due_at, mute.until)
        return due_at

    def _mutes_of(self, names: Iterable[str]) -> Iterator[Entry]:
        """Over or not."""
        return chain.from_iterable(self._mutes.get(name, ()) for name in names)


class Followed:
    """Cases that keep up with the feedback log: `look` reads what has come since the last time. For one thread."""

    def __init__(self, logs: Logs) -> None:
        self.cases = Cases()
        self._logs = logs
        self._cursor = Cursor(FEEDBACK.log)
        self._due = 0

    def look(self, now: int) -> Cases:
        """The cases as they stand at instant `now`, give or take `LOOK_EVERY`. Raises `LogAway` or `LogUnfit`."""
        if self._due - LOOK_EVERY <= now < self._due:  # a clock that was set back is no reason to wait for it
            return self.cases
        for record in self._cursor.read(self._logs, self._forget):
            try:
                self.cases.add(decode_entry(record.value or b""))
            except MsgspecError as error:
                _log.warning("feedback not readable", offset=record.offset, why=str(error))
        self._due = now + LOOK_EVERY
        return self.cases

    def _forget(self) -> None:
        self.cases = Cases()
