"""Who did what, and what was sent to whom: a log whose entries are chained, so that none can be changed or taken out unseen.

Each writer keeps a chain of its own, because several write at once: an entry names the hash of the one before it. A chain's
first entry names the ends that its writer found in the log: the entries that no other named so far. That ties the chains
together. What is cut off an end that nobody named can only be noticed by who wrote down its hash elsewhere:
`bellwether audit verify` prints those of all ends.
"""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from typing import Literal
from uuid import uuid4

from msgspec import MsgspecError, Struct, json
from msgspec.structs import replace

from alerting.alerts import Alert
from ingest.instants import rfc3339
from ingest.logs import Kept, Logs, Message, Record
from ingest.records import decoded

AUDIT = Kept("bellwether.audit", partitions=1, retention_s=7 * 365 * 86_400)
MOST_ENDS = 1_000  # that are named at once, the newest: more would fit into no argument of a command

Act = Literal["started", "settings", "alert", "delivery", "feedback", "case", "notice"]


class Entry(Struct, frozen=True):
    """One act. `hash` is the SHA-256 of the entry as JSON with an empty hash."""

    writer: str
    number: int  # in its writer's chain, from 0
    previous: str  # hash of the entry before; of a first one: of all `Ends` when the writer began, or empty
    at: str  # RFC 3339, by the writer's clock
    act: Act
    who: str  # a person's name, or the part of the system that did it
    about: str  # an alert's key, an incident, a setting
    details: dict[str, str]
    hash: str = ""


class Ends:
    """The entries that no later one names: the last of each chain, until another chain begins. As text, their hashes."""

    def __init__(self, found: Iterable[Entry] = ()) -> None:
        """Of what was `found` in a log, in its order."""
        self._hashes: dict[str, None] = {}
        for entry in found:
            self.add(entry)

    def __str__(self) -> str:
        return ",".join([*self._hashes][-MOST_ENDS:])

    def add(self, entry: Entry) -> None:
        """Take in what comes next in the log."""
        for named in _each(entry.previous):
            self._hashes.pop(named, None)
        self._hashes[entry.hash] = None


class Audit:
    """Writes the chain of one writer. Whoever acts publishes the entry with what it is about, in one step."""

    def __init__(self, writer: str, ends: str) -> None:
        """`writer` must be a name that no other ever has; `ends` are the hashes of the log's `Ends`."""
        self.writer = writer
        self._number, self._previous = 0, ends

    @classmethod
    def begin(cls, writer: str, logs: Logs) -> "Audit":
        """A new chain, tied to all that are in the log. Raises `LogAway` or `LogUnfit`."""
        return cls(writer, str(Ends(entries(logs.scan(AUDIT.log)))))

    def entry(self, at: int, act: Act, who: str, about: str, details: Mapping[str, str]) -> Message:
        """The message of the chain's next entry; once made it must be published, or no later one will hold."""
        entry = Entry(self.writer, self._number, self._previous, rfc3339(at), act, who, about, dict(details))
        entry = replace(entry, hash=_hash(entry))
        self._number, self._previous = self._number + 1, entry.hash
        return Message(AUDIT.log, _encoder.encode(entry), key=f"{entry.writer}/{entry.number}".encode())


class Findings:
    """Writes down each revision of an alert once, though after a crash it is found again: what is in the log stays out.

    Only two aggregators that are active at the same time, which a group keeps from happening, could both write it.
    """

    def __init__(self, logs: Logs) -> None:
        """For who becomes the active aggregator now. Raises `LogAway` or `LogUnfit`."""
        ends, self._known = Ends(), set[str]()
        for entry in entries(logs.scan(AUDIT.log)):
            ends.add(entry)
            if entry.act == "alert":
                self._known.add(entry.about)
        self._audit = Audit(f"aggregate-{uuid4().hex}", str(ends))

    def entries(self, alert: Alert, at: int) -> list[Message]:
        """The entry to publish with the alert, if it is not in the log yet."""
        if alert.key in self._known:
            return []
        self._known.add(alert.key)
        details = {
            "change": alert.change,
            "subject": str(alert.subject),
            "severity": alert.severity,
            "action": alert.action,
            "incident": alert.incident,
            "return_period_days": f"{alert.return_period_days:g}",
            "told": "yes" if alert.is_told else "no",
            "settings": alert.settings,
            "artifact": alert.artifact,
        }
        return [self._audit.entry(at, "alert", "aggregate", alert.key, details)]


class Verification(Struct, frozen=True):
    """What a walk through the log found."""

    entries: int
    writers: int
    newest: str  # hashes of all `Ends`: written down elsewhere, they show later that nothing was cut off
    faults: tuple[str, ...]  # a sentence each


def verify(records: Iterable[Record], known: str | None = None) -> Verification:
    """Walk through the audit log. An entry that was written twice counts once; retention may have taken the oldest.

    `known` are the hashes of entries that were there before, and must still be: what `newest` was.
    """
    hashes: set[str] = set()
    last: dict[str, Entry] = {}
    faults: list[str] = []
    ends, is_whole = Ends(), True
    for number, record in enumerate(records):
        if number == 0 and record.offset > 0:
            is_whole = False  # what the oldest entries follow is no longer kept
        try:
            entry = decode_entry(record.value or b"")
        except MsgspecError:
            faults.append(f"record {record.offset} is not an entry")
            continue
        name = f"{entry.writer}/{entry.number} (record {record.offset})"
        if _hash(entry) != entry.hash:
            faults.append(f"{name} was changed: its hash does not fit")
        if entry.hash in hashes:
            continue
        faults.extend(f"{name} {fault}" for fault in _breaks(entry, last.get(entry.writer), hashes, is_whole=is_whole))
        hashes.add(entry.hash)
        ends.add(entry)
        last[entry.writer] = entry
    if known is not None:
        faults.extend(f"the entry {each} is gone" for each in known.split(",") if each not in hashes)
    return Verification(len(hashes), len(last), str(ends), tuple(faults))


def _breaks(entry: Entry, before: Entry | None, hashes: set[str], *, is_whole: bool) -> Iterator[str]:
    if before is not None:
        if entry.number != before.number + 1:
            yield f"follows number {before.number}: what stood between is gone or comes twice"
        elif entry.previous != before.hash:
            yield f"does not follow number {before.number} as that one stands"
    elif is_whole and entry.number > 0:
        yield "is the first of its writer: what stood before is gone"
    elif is_whole and not hashes.issuperset(_each(entry.previous)):
        yield "follows an entry that is gone"


def entries(records: Iterable[Record]) -> Iterator[Entry]:
    """The entries of the log, oldest first, those that were written twice once; what cannot be read is left to `verify`."""
    seen: set[str] = set()
    for record in records:
        try:
            entry = decode_entry(record.value or b"")
        except MsgspecError:
            continue
        if entry.hash not in seen:
            seen.add(entry.hash)
            yield entry


_encoder = json.Encoder(order="deterministic")
_decoder = json.Decoder(Entry)


def decode_entry(value: bytes) -> Entry:
    """An entry from the audit log. Raises `msgspec.MsgspecError` on anything else."""
    return decoded(_decoder, value)


def _each(hashes: str) -> list[str]:
    return hashes.split(",") if hashes else []


def _hash(entry: Entry) -> str:
    return sha256(_encoder.encode(replace(entry, hash=""))).hexdigest()
