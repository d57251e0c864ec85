"""What could not be used, kept with the reason, so that nothing disappears uncounted; and how it is put back, once.

A letter is the original bytes, cut where a broker would refuse their size; the place it came from is its key, the rest are
headers. A letter that was put back leaves marks behind it in the same log: `begun` before it is published, `done` after.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from msgspec import Struct

from ingest.instants import LATEST, rfc3339
from ingest.logs import Kept, Logs, LogUnfit, Message, Place, Record, Writer
from ingest.once import name_of, named, published

DEAD_LETTERS = Kept("bellwether.dead-letters", partitions=1, retention_s=30 * 86_400)
LETTER_BYTES = 900_000  # of the original: with key and headers still under the 1 MiB that a broker takes
_KEY_BYTES = 100_000
REASONS = {
    "no_value": "the record has no value",
    "too_large": "the record or its text is larger than the limits",
    "not_utf8": "the bytes are not UTF-8",
    "not_json": "the record is not a JSON object",
    "missing_field": "a field that every document needs is missing or blank",
    "wrong_type": "a field holds something else than it should",
    "bad_time": "published_at cannot be told for certain",
    "future": "published_at lies more than a day ahead",
    "empty_text": "nothing is left of the text after cleaning",
    "unscorable": "the model cannot score the text, though it can score others",
    "killed": "the process died of this text, alone, more than once",
    "undecodable": "an alert in the log cannot be read",
    "refused": "a destination refused the alert for good",
    "expired": "a destination was away until the alert's deadline",
}
_SENTENCE = 500  # characters
_BATCH = 500  # letters put back between two flushes


class Letter(Struct, frozen=True):
    """One dead letter. Instants are microseconds since the epoch."""

    number: int  # its own offset in the dead letters
    place: Place
    offset: int
    reason: str
    sentence: str
    dead_at: str  # RFC 3339
    appended_at: str  # RFC 3339, of the original
    key: bytes | None
    value: bytes | None
    size: int  # of the original; more than is here when the letter was cut
    destination: str = ""  # which did not take it, of an alert; each destination has a letter of its own

    @property
    def name(self) -> str:
        """The same for every copy of the letter that a crash made, and no other's."""
        whose = f"/{self.destination}" if self.destination else ""
        return f"{self.place.log}/{self.place.partition}/{self.offset}@{self.appended_at}{whose}"

    @property
    def cut(self) -> bool:
        """Whether the end of the original is missing."""
        return self.size > len(self.value or b"")


class Put(NamedTuple):
    """What became of letters that were to be put back."""

    back: int
    before: int  # were put back earlier: not again


def dead_letter(place: Place, record: Record, reason: str, sentence: str, now: int) -> Message:
    """The message that keeps `record` of `place`, which cannot be used because of `reason`, one of `REASONS`."""
    value = record.value
    headers = [
        ("reason", reason.encode()),
        ("sentence", sentence[:_SENTENCE].encode("utf-8", "replace")),
        ("place", f"{place.log}/{place.partition}/{record.offset}".encode()),
        ("dead_at", rfc3339(now).encode()),
        ("appended_at", rfc3339(min(record.appended_at, LATEST)).encode()),
    ]
    if record.key is not None:
        headers.append(("key", record.key[:_KEY_BYTES]))
    if value is not None and len(value) > LETTER_BYTES:
        headers.append(("size", str(len(value)).encode()))
        value = value[:LETTER_BYTES]
    return Message(DEAD_LETTERS.log, value, key=headers[2][1], headers=tuple(headers))


def destination_of(record: Record) -> str:
    """The one destination for which a letter about an alert was put back as `record`; empty: it is for everybody."""
    _, _, rest = (name_of(record) or "").partition("@")
    return rest.partition("/")[2]  # as `Letter.name` has it


def letters(logs: Logs) -> Iterator[Letter]:
    """Every letter, oldest first; copies that a crash made only once. Raises `LogAway` or `LogUnfit`."""
    seen: set[str] = set()
    for record in _records(logs):
        letter = _letter(record)
        if letter is not None and letter.name not in seen:
            seen.add(letter.name)
            yield letter


def marks(logs: Logs) -> dict[str, str]:
    """Names of the letters that somebody began to put back: `begun` or `done`."""
    found: dict[str, str] = {}
    for record in _records(logs):
        headers = dict(record.headers)
        if "mark" in headers:
            found[headers["letter"].decode()] = headers["mark"].decode()
    return found


def put_back(logs: Logs, writer: Writer, repaired: Iterable[tuple[Letter, bytes]], now: int) -> Put:
    """Publish repaired letters to where they came from, each at most once however often this is called or dies.

    Raises `LogAway` or `LogUnfit`; what was put back by then stays so.
    """
    marked = marks(logs)
    unsure = [name for name, mark in marked.items() if mark == "begun"]
    begun = {log: names for log, names in _by_log(unsure).items() if _is_there(logs, log)}
    there = {name for log, names in begun.items() for name in published(logs, log, names)}
    _mark(writer, sorted(there), "done", now)
    finished = there | {name for name, mark in marked.items() if mark == "done"}
    back = before = 0
    batch: dict[str, tuple[Letter, bytes]] = {}
    for letter, value in repaired:
        if letter.name in finished or letter.name in batch:
            before += 1
            continue
        batch[letter.name] = (letter, value)
        back += 1
        if len(batch) == _BATCH:
            finished |= _publish(writer, batch, now)
            batch = {}
    _publish(writer, batch, now)
    return Put(back, before)


def _publish(writer: Writer, batch: dict[str, tuple[Letter, bytes]], now: int) -> set[str]:
    names = sorted(batch)
    _mark(writer, names, "begun", now)
    for letter, value in batch.values():
        writer.publish(
            named(Message(letter.place.log, value, letter.key, partition=letter.place.partition), letter.name)
        )
    writer.flush()
    _mark(writer, names, "done", now)
    return set(names)


def _mark(writer: Writer, names: Sequence[str], mark: str, now: int) -> None:
    for name in names:
        headers = (("letter", name.encode()), ("mark", mark.encode()), ("marked_at", rfc3339(now).encode()))
        writer.publish(Message(DEAD_LETTERS.log, None, key=name.rpartition("@")[0].encode(), headers=headers))
    if names:
        writer.flush()


def _by_log(names: Iterable[str]) -> dict[str, list[str]]:
    """Letters' names, by the log they came from (a log's name holds no slash)."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(name.partition("/")[0], []).append(name)
    return found


def _is_there(logs: Logs, log: str) -> bool:
    try:
        logs.partitions(log)
    except LogUnfit:
        return False
    return True


def _records(logs: Logs) -> Iterator[Record]:
    for partition in range(logs.partitions(DEAD_LETTERS.log)):
        yield from logs.scan(DEAD_LETTERS.log, partition=partition)


def _letter(record: Record) -> Letter | None:
    """The letter that a record is, or None for a mark."""
    headers = dict(record.headers)
    if "reason" not in headers:
        return None
    log, partition, offset = headers["place"].decode().rsplit("/", 2)
    told = {name: headers[name].decode("utf-8", "replace") for name in ("reason", "sentence", "dead_at", "appended_at")}
    return Letter(
        number=record.offset,
        place=Place(log, int(partition)),
        offset=int(offset),
        key=headers.get("key"),
        value=record.value,
        size=int(headers.get("size", len(record.value or b""))),
        destination=headers.get("destination", b"").decode(),
        **told,
    )
