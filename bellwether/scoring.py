"""Scores files as the daemon scores its log: the same decoding, the same cleaning, the same model; one line for each line."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from bellwether.progress import progress_bar
from bellwether.scorefile import CannotWrite, ScoreFile
from bellwether.stopping import Stop
from classifier.artifact import SENTIMENTS
from classifier.reading import Bad, Reading
from classifier.scorer import Scored, Scorer, Stopped
from classifier.scores import WHOLE
from ingest.decode import FIELDS, BadDocument, Decoder, FieldMapping, value_at
from ingest.files import DocumentFile
from ingest.given import GivenText
from ingest.lines import BadLine, BrokenFile, Line

PORTION = 500  # lines that are scored together: enough to fill the shapes in which texts run
PORTION_CHARACTERS = 1_000_000  # of them: what is held in memory has a bound, however long the lines are
READ = ("id", "text", "title", "body")
# Nothing else is read; what a document must have besides is put in its place.
_IN_PLACE = {"source": "=file", "published_at": "=2000-01-01T00:00:00Z"}


class ScoredLine(Struct, frozen=True):
    """What the model says of one line's text. Probabilities and weights are in [0, 1]."""

    id: str | int | float | None
    sentiment: dict[str, float]
    topics: dict[str, float]
    labels: list[str]
    spans: list[tuple[int, int, float]]  # code points of the text as given, or of title, newline, body


class UnscoredLine(Struct, frozen=True):
    """Why a line has no scores."""

    id: str | int | float | None
    error: str


class Count(Struct):
    """How far a file was scored."""

    lines: int = 0
    unscored: int = 0
    last: int = 0  # the number of the last line that is written


class LineScorer:
    """Scores the lines of a file, some hundreds at a time."""

    def __init__(self, scorer: Scorer, mapping: FieldMapping, stop: Stop) -> None:
        keys = mapping.keys
        self._id = keys.get("id", "")
        fields = {name: keys.get(name, "") if name in READ else _IN_PLACE.get(name, "") for name in FIELDS}
        self._decoder = Decoder(FieldMapping(**fields), bound_us=0, replay=True)
        self._reading = Reading(scorer, stop.asked)
        self._topics = scorer.topics

    def score(self, lines: Sequence[Line | BadLine]) -> list[ScoredLine | UnscoredLine]:
        """One for each line, in order. Raises `Stopped` or `ModelFails`."""
        read = [self._read(line) for line in lines]
        scores = iter(self._reading.scores([each.cleaned for each in read if isinstance(each, _Text)]))
        return [self._scored(each, next(scores)) if isinstance(each, _Text) else each for each in read]

    def _read(self, line: Line | BadLine) -> "_Text | UnscoredLine":
        if isinstance(line, BadLine):
            return UnscoredLine(None, f"line {line.number}: {line.sentence}")
        is_made = self._id.startswith("=")
        given = None if is_made else value_at(line.fields, self._id)
        identity = given if isinstance(given, str | int | float) and not isinstance(given, bool) else None
        try:
            native, document = self._decoder.decode_fields(line.fields, 0)
        except BadDocument as bad:
            return UnscoredLine(
                identity, bad.sentence if identity is not None else f"line {line.number}: {bad.sentence}"
            )
        return _Text(native.id if is_made else identity, document.text, GivenText(native))

    def _scored(self, text: "_Text", scored: Scored | Bad) -> ScoredLine | UnscoredLine:
        if isinstance(scored, Bad):
            return UnscoredLine(text.id, scored.sentence)
        return ScoredLine(
            id=text.id,
            sentiment={name: share / WHOLE for name, share in zip(SENTIMENTS, scored.sentiment, strict=True)},
            topics={name: share / WHOLE for name, share in zip(self._topics, scored.topics, strict=True)},
            labels=[self._topics[label] for label in scored.labels],
            spans=text.spans(scored),
        )


class _Text(Struct, frozen=True):
    id: str | int | float | None
    cleaned: str
    given: GivenText

    def spans(self, scored: Scored) -> list[tuple[int, int, float]]:
        """The spans of the cleaned text as stretches of the given one."""
        if self.cleaned == self.given.text:
            return [(span.start, span.end, span.weight / WHOLE) for span in scored.spans]
        places = self.given.places()
        return [(places[span.start][0], places[span.end - 1][1], span.weight / WHOLE) for span in scored.spans]


def score_file(file: DocumentFile, scorer: Scorer, mapping: FieldMapping, out: ScoreFile, from_line: int = 1) -> Count:
    """Score every line from `from_line`.

    Raises `BrokenFile`, `KeyboardInterrupt` or `ScoreFile`'s errors; how far it came is told then.
    """
    count = Count(last=from_line - 1)
    encoder = msgspec.json.Encoder()
    try:
        with progress_bar(Path(file.name).name, file.size or None) as advance, Stop() as stop:
            lines = LineScorer(scorer, mapping, stop)
            for portion in _portions(line for line in _each(file) if line.number >= from_line):
                with stop.later():
                    scored = lines.score(portion)
                    out.write(encoder.encode_lines(scored))
                    count.lines += len(scored)
                    count.unscored += sum(isinstance(line, UnscoredLine) for line in scored)
                    count.last = portion[-1].number
                advance(file.done, f"{count.lines:,} texts")
            with stop.later():
                out.finish()
    except BrokenFile as error:
        raise BrokenFile(f"{error}; {_so_far(file, out, count)}") from None
    except CannotWrite as error:
        raise CannotWrite(f"{error.message}; {_so_far(file, out, count)}") from None
    except (KeyboardInterrupt, Stopped):
        if not out.is_whole:  # else it came too late
            click.echo(_so_far(file, out, count), err=True)
            raise KeyboardInterrupt from None
    return count


def _so_far(file: DocumentFile, out: ScoreFile, count: Count) -> str:
    if not count.lines:
        return f"nothing of {file.name} is scored"
    return (
        f"{file.name} is scored to line {count.last:,}, in {out.so_far}: "
        f"go on into another file with --from-line {count.last + 1}"
    )


def _each(file: DocumentFile) -> Iterator[Line | BadLine]:
    """Every line, blank ones between others too: what comes out has as many lines."""
    last = 0
    for line in file.lines():
        if file.form == "jsonl":
            for number in range(last + 1, line.number):
                yield BadLine(number, "not_json", "the line is blank", "")
        last = line.number
        yield line


def _portions(lines: Iterable[Line | BadLine]) -> Iterator[list[Line | BadLine]]:
    portion: list[Line | BadLine] = []
    size = 0
    try:
        for line in lines:
            portion.append(line)
            size += len(line.text)
            if len(portion) == PORTION or size > PORTION_CHARACTERS:
                yield portion
                portion, size = [], 0
    except BrokenFile:
        if portion:  # what was read before it breaks off
            yield portion
        raise
    if portion:
        yield portion


def summary(file: DocumentFile, count: Count, seconds: float) -> Iterator[str]:
    """What to tell at the end."""
    rate = count.lines / max(seconds, 1e-9)
    yield f"{file.name}: {count.lines - count.unscored:,} texts scored, {rate:,.0f} lines/s"
    if count.unscored:
        yield f"{file.name}: {count.unscored:,} lines could not be scored; each says why in its `error`"
