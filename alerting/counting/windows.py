"""Windows: per subject and bin of event time, how many documents there were and how many were negative.

Counts are integers, so they do not depend on the order in which documents came. Open windows are held until the watermark
passes; closed ones are kept for `keep`, so that late documents amend them; later than that an additive amendment goes out.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct, json, msgpack

from alerting.alerts import Subject
from alerting.counting.eventtime import NEVER
from ingest.instants import microseconds, moment, rfc3339
from ingest.logs import Kept, Message
from ingest.records import decoded

WINDOWS = Kept("bellwether.windows", partitions=1, retention_s=400 * 86_400, cleanup="compact,delete")


class WindowSettings(Struct, frozen=True):
    """How event time is cut up."""

    bin: timedelta = timedelta(minutes=1)
    out_of_orderness: timedelta = timedelta(minutes=2)  # how far behind the newest a document may come and be in time
    early: bool = True  # look at open windows after each record of the scores log
    keep: timedelta = timedelta(hours=48)  # closed windows are kept in state for amendments


class Window(Struct, frozen=True):
    """A closed, non-empty window as it stands in the windows log. Start and end are half-open, event time."""

    subject: Subject
    start: datetime
    end: datetime
    revision: int  # grows with each amendment; the newest replaces the others
    documents: int
    negatives: int  # documents whose most probable sentiment is negative
    negative_mass: int  # sum of their probabilities of being negative, in 1/10,000, over all documents
    stories: int  # documents that are not copies of one seen in the last 24 hours
    story_negatives: int
    late: int  # documents that came after the watermark
    languages: dict[str, int]
    sources: int
    artifact: str
    additive: bool = False  # to be added to what was published before: the window itself was no longer in state


class Tally(Struct, array_like=True):
    """Counts of one subject in one bin, still growing."""

    documents: int = 0
    negatives: int = 0
    negative_mass: int = 0
    stories: int = 0
    story_negatives: int = 0
    late: int = 0
    revision: int = 0  # 0: not published yet
    languages: dict[str, int] = {}
    sources: set[str] = set()

    def count(self, numbers: Sequence[int], languages: Sequence[str], sources: Iterable[str]) -> None:
        """Count so many documents, negatives, ... (the fields up to `late`), then how many in each of `languages`."""
        documents, negatives, negative_mass, stories, story_negatives, late, *by_language = numbers
        self.documents += documents
        self.negatives += negatives
        self.negative_mass += negative_mass
        self.stories += stories
        self.story_negatives += story_negatives
        self.late += late
        self.sources.update(sources)
        for language, many in zip(languages, by_language, strict=True):
            if many:
                self.languages[language] = self.languages.get(language, 0) + many

    def add(self, more: "Tally") -> None:
        """Count what `more` has counted, too; the revision stays."""
        self.documents += more.documents
        self.negatives += more.negatives
        self.negative_mass += more.negative_mass
        self.stories += more.stories
        self.story_negatives += more.story_negatives
        self.late += more.late
        self.sources |= more.sources
        for language, count in more.languages.items():
            self.languages[language] = self.languages.get(language, 0) + count


def is_topic(subject: str) -> bool:
    """Whether `subject`, as text, is a topic of an artifact; else it is a watched name."""
    return subject.startswith("topic/")


_tallies_encoder = msgpack.Encoder()
_tallies_decoder = msgpack.Decoder(dict[str, Tally])


class Bins(Struct):
    """The tallies of every subject in every bin that is open or kept. Part of the aggregator's state."""

    width: int  # microseconds
    tallies: dict[int, dict[str, Tally]] = {}  # of open bins: start -> subject -> tally
    packed: dict[int, bytes] = {}  # the same of closed ones: few are looked at again, and there may be thousands
    closed_to: int | None = None  # every bin that ends at or before it is closed
    forgotten_to: int | None = None  # and, of those, no longer held
    left_to: int | None = None  # what ends at or before it a predecessor has published, and nothing of it is held
    positions: dict[int, int] = {}  # by bin: of the first scores record whose newest document lies there

    def start_of(self, instant: int) -> int:
        """The start of the bin that `instant` lies in."""
        return instant - instant % self.width

    def is_closed(self, start: int) -> bool:
        """Whether the bin from `start` was published already."""
        return self.closed_to is not None and start + self.width <= self.closed_to

    def is_forgotten(self, start: int) -> bool:
        """Whether the bin from `start` was published, if it held anything, and is no longer held."""
        return self.forgotten_to is not None and start + self.width <= self.forgotten_to

    def is_left(self, start: int) -> bool:
        """Whether a predecessor has published the bin from `start`, and what came late to it since as well: it held it then."""
        return self.left_to is not None and start + self.width <= self.left_to and not self.is_forgotten(start)

    def held_since(self, start: int) -> int:
        """The start of a bin, or that of the first one after it that is still held."""
        return max(start, self.forgotten_to or start, self.left_to or start)

    def open(self) -> list[int]:
        """The starts of the bins that are not closed, oldest first."""
        return sorted(self.tallies)

    def of(self, start: int) -> dict[str, Tally]:
        """The tallies of a bin, closed or not; what is changed in those of a closed one counts once it is packed."""
        if self.is_closed(start):
            return self._unpacked(start)
        return self.tallies.setdefault(start, {})

    def pack(self, start: int, tallies: dict[str, Tally]) -> None:
        """Keep the tallies of a closed bin."""
        self.packed[start] = _tallies_encoder.encode(tallies)

    def close(self, watermark: int) -> Iterator[tuple[int, dict[str, Tally]]]:
        """Close, oldest first, every non-empty bin that the watermark has passed: (start, tallies by subject)."""
        if not self.closes(watermark):
            return
        through = self.start_of(watermark)
        for start in self.open():
            if start >= through:
                break
            yield start, self.tallies[start]
            self.pack(start, self.tallies.pop(start))
            self.closed_to = start + self.width
        self.closed_to = through if self.closed_to is None else max(self.closed_to, through)

    def closes(self, watermark: int) -> bool:
        """Whether bins end at or before `watermark` that are not closed yet."""
        return watermark != NEVER and (self.closed_to is None or self.start_of(watermark) > self.closed_to)

    def forget(self, before: int) -> None:
        """Drop closed bins that end at or before the instant `before`."""
        through = before - before % self.width
        if self.forgotten_to is not None and through <= self.forgotten_to:
            return
        for start in [s for s in self.packed if s < through]:
            del self.packed[start]
        while self.positions and (first := next(iter(self.positions))) < through:
            del self.positions[first]
        self.forgotten_to = through

    def leave(self, instant: int) -> None:
        """Begin after the bin that `instant` lies in: it and those before it are left as a predecessor has published them."""
        self.closed_to = self.left_to = self.start_of(instant) + self.width

    def read(self, newest: int, position: int) -> None:
        """The scores record at `position` had documents, the newest of them of the instant `newest`."""
        self.positions.setdefault(self.start_of(newest), position)

    def read_from(self, since: int, position: int) -> int:
        """Where in the scores log to read, up to `position`, to meet every document of bins from `since` on."""
        return min([position, *(first for start, first in self.positions.items() if start >= since)])

    def between(self, subject: str, since: int, until: int) -> Iterator[Tally]:
        """The kept tallies of `subject` in bins that start in [since, until)."""
        for start in (*self.packed, *self.tallies):
            if since <= start < until:
                tallies = self.tallies[start] if start in self.tallies else self._unpacked(start)
                if subject in tallies:
                    yield tallies[subject]

    def _unpacked(self, start: int) -> dict[str, Tally]:
        return _tallies_decoder.decode(self.packed[start]) if start in self.packed else {}


def total(tallies: Iterable[Tally]) -> Tally:
    """The sum of tallies; sources are united."""
    whole = Tally()
    for tally in tallies:
        whole.add(tally)
    return whole


_encoder = json.Encoder()
_decoder = json.Decoder(Window)


def window_message(subject: str, start: int, width: int, tally: Tally, artifact: str) -> Message:
    """The record of a window that stays in state, keyed so that a newer revision replaces it."""
    window = _window(subject, start, width, tally, artifact, additive=False)
    return Message(WINDOWS.log, _encoder.encode(window), key=f"{subject}@{rfc3339(start)}".encode())


def amendment_message(subject: str, start: int, width: int, tally: Tally, artifact: str, offset: int) -> Message:
    """The record of what came after a window left the state; `offset` in the scores log makes its key its own."""
    window = _window(subject, start, width, tally, artifact, additive=True)
    return Message(WINDOWS.log, _encoder.encode(window), key=f"{subject}@{rfc3339(start)}+{offset}".encode())


def decode_window(value: bytes) -> Window:
    """A window from the windows log. Raises `msgspec.MsgspecError` on anything else."""
    return decoded(_decoder, value)


def _window(subject: str, start: int, width: int, tally: Tally, artifact: str, *, additive: bool) -> Window:
    return Window(
        subject=Subject.parse(subject),
        start=moment(start),
        end=moment(start + width),
        revision=tally.revision,
        documents=tally.documents,
        negatives=tally.negatives,
        negative_mass=tally.negative_mass,
        stories=tally.stories,
        story_negatives=tally.story_negatives,
        late=tally.late,
        languages=dict(sorted(tally.languages.items())),
        sources=len(tally.sources),
        artifact=artifact,
        additive=additive,
    )


def width_of(settings: WindowSettings) -> int:
    """The bin's width in microseconds."""
    return microseconds(settings.bin)
