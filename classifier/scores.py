"""What goes into the scores log: ranges of an input partition, each with its scored documents in input order.

One range is one record. Everything later boxes need is in it, so nobody looks anything up. Probabilities are integers of
1/10,000, so that sums are exact and the same in any order. In a record the numbers of all documents lie together, row by
row at fixed width, so that whoever counts reads them as arrays; texts are decoded only where one is shown.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from functools import cache
from typing import NamedTuple

import numpy as np
from msgspec import Struct, ValidationError, msgpack, structs
from numpy.typing import NDArray

from ingest.logs import Kept
from ingest.records import decoded

SCORES = Kept("bellwether.scores", partitions=1, retention_s=7 * 86_400, own_clock=True)
WHOLE = 10_000  # the integer that stands for probability 1
FAINT = WHOLE // 10  # probability from which on a document has something to do with a topic


class Span(Struct, frozen=True, array_like=True):
    """Code points [start, end) of the text that drew attention, with their share of it (1/10,000)."""

    start: int
    end: int
    weight: int


class ScoredDocument(Struct, frozen=True, array_like=True):
    """One document with its scores. Instants are microseconds since the epoch, UTC."""

    offset: int  # in its input partition
    id: str
    source: str
    published_at: int
    event_at: int  # the instant it counts at: published_at, bounded by its append time (`docs/architecture.md`)
    appended_at: int
    language: str  # "en", "zh" or "und"
    kind: str  # "news", "comment" or ""
    sentiment: tuple[int, int, int]  # negative, neutral, positive; sums to WHOLE
    topics: tuple[int, ...]  # one probability a topic, in the artifact's order
    labels: tuple[int, ...]  # indexes of the topics over their thresholds, ascending; `other` alone when there are none
    story: int  # 64-bit signature of the text: copies share it
    entities: tuple[str, ...]
    spans: tuple[Span, ...]
    text: str  # cleaned, cut to 1,000 characters
    url: str = ""
    names: tuple[str, ...] = ()  # watched names found in it, as the watch list calls them


class ScoreRange(Struct, frozen=True, array_like=True):
    """Positions [start, next) of one input partition, and what was found there.

    `start == next` is progress without documents: the partition was at its end at `read_at`.
    """

    log_id: str
    log: str
    partition: int
    partitions: int  # of the input log
    start: int
    next: int
    end: int  # one past the newest record of the partition when this was read
    read_at: int | None  # instant of reading; None in a replay, where only documents move time
    artifact: str
    provider: str
    topics: tuple[str, ...]  # the artifact's topics, in the order of `ScoredDocument.topics`
    documents: tuple[ScoredDocument, ...] = ()
    dead: int = 0  # records in [start, next) that went to dead letters
    first: bool = False  # no position was committed before this one
    skipped: str = ""  # why [start, next) was not read at all, if so
    final: bool = False  # a replay's input ends here
    classified_at: int = 0  # instant at which the scores were ready
    canary_at: int = 0  # when the newest canary in [start, next) was appended; canaries are not among the documents


class Details(Struct, frozen=True, array_like=True):
    """What of a document is shown, never counted."""

    id: str
    source: str
    published_at: int
    language: str
    kind: str
    text: str
    url: str
    spans: tuple[Span, ...]
    entities: tuple[str, ...]
    topics: tuple[str, ...]  # that it is labelled with
    names: tuple[str, ...]


class Group(NamedTuple):
    """How many documents of a range have to do with one subject."""

    subject: int  # a topic's index, or after those a name's
    labelled: int  # with the topic, or mentioning the name
    faint: int  # negative ones that have only faintly to do with it


class Packed(Struct, frozen=True, array_like=True):
    """A range as it stands in the log: columns refer to the tables of sources, languages and names by index."""

    range: ScoreRange  # without documents
    rows: memoryview  # of `layout`, one a document
    groups: tuple[Group, ...]  # in the order of subjects
    members: memoryview  # little-endian uint32: of each group the rows, those labelled first
    details: memoryview  # `Details` of each document, one after another
    sources: tuple[str, ...]
    languages: tuple[str, ...]
    names: tuple[str, ...]


_decoder = msgpack.Decoder(Packed)
_details_decoder = msgpack.Decoder(Details)


class Columns:
    """A range as it is counted: the numbers of its documents as arrays, the rest decoded where it is needed.

    `rows` is a structured array, one element a document in the order of offsets, with the fields of `layout`; `members` are
    indexes of rows, group by group.
    """

    def __init__(self, record: Packed) -> None:
        """Raises `msgspec.ValidationError` if the record does not hold whole rows."""
        self.range = record.range
        self.sources, self.languages, self.names = record.sources, record.languages, record.names
        self.groups: Sequence[Group] = record.groups
        self._details = record.details
        try:
            self.rows: NDArray[np.void] = np.frombuffer(record.rows, layout(len(self.range.topics)))
            self.members: NDArray[np.uint32] = np.frombuffer(record.members, "<u4")
        except ValueError as error:
            raise ValidationError(f"columns that are no whole number of rows: {error}") from error
        if sum(group.labelled + group.faint for group in self.groups) != len(self.members):
            raise ValidationError("groups that do not hold their members")

    def __len__(self) -> int:
        return len(self.rows)

    def since(self, offset: int) -> "Columns":
        """The part of it from `offset` on."""
        first = int(np.searchsorted(self.rows["offset"], offset))
        if not first:
            return self
        part = copy(self)
        part.rows, members, groups = self.rows[first:], [], []
        for group, labelled, faint in self.by_group():
            kept = [labelled[labelled >= first] - first, faint[faint >= first] - first]
            if len(kept[0]) or len(kept[1]):
                groups.append(Group(group.subject, len(kept[0]), len(kept[1])))
                members += kept
        part.groups = groups
        part.members = np.concatenate([*members, np.empty(0, np.uint32)])
        return part

    def by_group(self) -> Iterator[tuple[Group, NDArray[np.uint32], NDArray[np.uint32]]]:
        """Each group with its rows: those labelled, and those with only faintly to do with the subject."""
        begin = 0
        for group in self.groups:
            middle, end = begin + group.labelled, begin + group.labelled + group.faint
            yield group, self.members[begin:middle], self.members[middle:end]
            begin = end

    def labelled(self, subject: int) -> NDArray[np.uint32]:
        """The rows with the subject of that index: a topic's, or after those a name's."""
        found = (rows for group, rows, _ in self.by_group() if group.subject == subject)
        return next(found, self.members[:0])

    @property
    def named(self) -> NDArray[np.int64]:
        """[M, 2], wherever a watched name was found: the row, and the name's index in `names`."""
        names = range(len(self.names)) if self.groups and self.groups[-1].subject >= len(self.range.topics) else ()
        pairs = [(row, name) for name in names for row in self.labelled(len(self.range.topics) + name).tolist()]
        return np.array(pairs, np.int64).reshape(-1, 2)

    def details(self, row: int) -> bytes:
        """What is shown of a document, as `decode_details` reads it."""
        start = self.rows["details"].item(row)
        return bytes(self._details[start : start + self.rows["size"].item(row)])

    def document(self, row: int) -> ScoredDocument:
        """The whole document of a row."""
        rows, shown = self.rows, decode_details(self.details(row))
        offset, event_at, appended_at, story = (
            int(rows[key][row]) for key in ("offset", "event_at", "appended_at", "story")
        )
        return ScoredDocument(
            offset=offset,
            id=shown.id,
            source=shown.source,
            published_at=shown.published_at,
            event_at=event_at,
            appended_at=appended_at,
            language=shown.language,
            kind=shown.kind,
            sentiment=tuple(rows["sentiment"][row].tolist()),
            topics=tuple(rows["topics"][row].tolist()),
            labels=tuple(self.range.topics.index(topic) for topic in shown.topics),
            story=story,
            entities=shown.entities,
            spans=shown.spans,
            text=shown.text,
            url=shown.url,
            names=shown.names,
        )


def decode_columns(value: bytes) -> Columns:
    """A record of the scores log, to be counted. Raises `msgspec.MsgspecError` on anything else."""
    return Columns(decoded(_decoder, value))


def decode_range(value: bytes) -> ScoreRange:
    """The same with every document whole."""
    columns = decode_columns(value)
    return structs.replace(columns.range, documents=tuple(columns.document(row) for row in range(len(columns))))


def decode_details(value: bytes) -> Details:
    """Back from `Columns.details`."""
    return _details_decoder.decode(value)


@cache
def layout(topics: int) -> np.dtype[np.void]:
    """The layout of a row for an artifact with so many topics."""
    return np.dtype(
        [
            ("offset", "<i8"),
            ("published_at", "<i8"),
            ("event_at", "<i8"),
            ("appended_at", "<i8"),
            ("story", "<u8"),
            ("details", "<u4"),
            ("size", "<u4"),
            ("source", "<u4"),
            ("language", "<u4"),
            ("negative", "?"),
            ("sentiment", "<i2", (3,)),
            ("topics", "<i2", (topics,)),
        ]
    )
