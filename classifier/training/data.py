"""From files of labelled rows to checked examples, each with its targets and the weight of each target."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from classifier.training.labels import RARE_TOPIC_HINTS, SENTIMENTS, TOPICS
from classifier.training.rows import DataError, given_text, json_rows, rows_of, text_of
from ingest.complaints import kind_of
from ingest.language import language_of

UNLABELLED = -1  # sentiment of a row that has none
VALIDATION_FOLD = 0
FEWEST_HELD_OUT = 2  # one to calibrate on, one to judge
_CORPUS_ROWS = 500
_TEXTS = ("text", "title", "body", "lang")
_FOLD = re.compile(r"[0-9](?:\.0*)?")


@dataclass(frozen=True, slots=True)
class LabelWeights:
    """How much a target counts, by where it comes from; 1 is a label that a person gave.

    Attributes:
        weak: topics said by a keyword rule (about four in five right).
        assumed_absent: a rare topic that the corpus cannot answer and that nothing in the text hints at.
        other: the topic `other`, which no corpus labels: absent where any topic holds, present where a corpus that answers at
            least `broad` topics found none, masked otherwise.
        broad: see `other`.
        two_way: sentiment of a corpus without "neutral".
    """

    weak: float = 0.5
    assumed_absent: float = 0.2
    other: float = 0.3
    broad: int = 9
    two_way: float = 0.7


@dataclass(frozen=True, slots=True)
class Told:
    """What a teacher says of a text.

    Attributes:
        sentiment: three probabilities.
        topics: a probability each.
        share: of the text's loss that is the teacher's, 0 to 1.
    """

    sentiment: tuple[float, ...]
    topics: tuple[float, ...]
    share: float


@dataclass(frozen=True, slots=True)
class Example:
    """One text with its targets.

    Attributes:
        id: the row's id, or a hash of its text as it was given.
        text: what the model reads, cleaned.
        lang: `en`, `zh` or `und`, as of a document.
        source: the corpus.
        licence: as the corpus states it.
        fold: 0 to 9, a hash of the text as it was given; see `split`.
        sentiment: index into `SENTIMENTS`, or `UNLABELLED`.
        is_two_way: the corpus knows no "neutral".
        sentiment_weight: 0 without a label.
        topics: 1.0 or 0.0 for each topic.
        topic_weights: weight of each topic's target, 0 where it is masked.
        is_weak: labels by rule: never evaluated on.
        told: what a teacher says of it, None where there is none.
    """

    id: str
    text: str
    lang: str
    source: str
    licence: str
    fold: int
    sentiment: int
    is_two_way: bool
    sentiment_weight: float
    topics: tuple[float, ...]
    topic_weights: tuple[float, ...]
    is_weak: bool
    told: Told | None = None

    @property
    def is_labelled(self) -> bool:
        """Whether anyone, or a rule, has said anything of it."""
        return self.sentiment != UNLABELLED or any(self.topic_weights)


def read_examples(
    files: Iterable[Path], topics: Sequence[str], weights: LabelWeights, *, weak: bool = False
) -> list[Example]:
    """Reads JSONL or CSV files (gzipped too).

    A row has `text` (or `title` and `body`), and `sentiment` (negative, neutral, positive or null), `topics` (a list; in CSV
    separated by spaces), or both. `topics_known` lists the topics that the row's corpus can answer: absent means all, null
    none. A blank cell of CSV is absent. `sentiment_classes` is 3, or 2 for a corpus without "neutral". Other fields are optional.

    Raises:
        DataError: any row is wrong; nothing is returned until all rows are right.
    """
    examples: list[Example] = []
    mistakes: list[str] = []
    make = _WeakRow(topics, weights) if weak else _LabelledRow(topics, weights)
    for path in files:
        for place, row in rows_of(path):
            found = [row] if isinstance(row, str) else make.mistakes(row)
            if isinstance(row, str) or found:
                mistakes.extend(f"{place}: {mistake}" for mistake in found)
            else:
                examples.append(make.example(row))
    if mistakes:
        raise DataError(mistakes)
    return examples


def split(examples: Sequence[Example]) -> tuple[list[Example], list[Example]]:
    """Examples to learn from, and those held out: `VALIDATION_FOLD`, or a corpus's lowest fold where it has none of that.

    A corpus of fewer than 500 rows without the fold is all learnt. Weak rows of the fold are in neither part.
    """
    folds: dict[str, Counter[int]] = {}
    for example in examples:
        if not example.is_weak:
            folds.setdefault(example.source, Counter())[example.fold] += 1
    kept = {
        source: min(counts) if VALIDATION_FOLD not in counts and counts.total() >= _CORPUS_ROWS else VALIDATION_FOLD
        for source, counts in folds.items()
    }
    learnt: list[Example] = []
    held_out: list[Example] = []
    for example in examples:
        if example.fold != kept.get(example.source, VALIDATION_FOLD):
            learnt.append(example)
        elif not example.is_weak:
            held_out.append(example)
    return learnt, held_out


def unlabelled(rows: Iterable[Mapping[str, Any]], held_out: Sequence[Example]) -> list[Example]:
    """Rows as examples without labels, each text once; without those that are held out."""
    kept = {example.text for example in held_out}
    make = _LabelledRow(TOPICS, LabelWeights())
    sources = {text_of(row): f"{row.get('source', 'texts')}, unlabelled" for row in rows}
    return [
        replace(make.example({"text": text, "source": source, "fold": 1}), is_weak=True)
        for text, source in sources.items()
        if text and text not in kept
    ]


def every_example(labelled: Iterable[Path], weak: Iterable[Path], texts: Iterable[Path]) -> list[Example]:
    """What a training is given, in the default label set: labelled rows, those labelled by rule, and unlabelled ones.

    Raises:
        DataError: as `read_examples` and `json_rows` do, with the mistakes of all files together.
    """
    examples: list[Example] = []
    rows: list[dict[str, Any]] = []
    mistakes: list[str] = []
    with _noting(mistakes):
        examples += read_examples(labelled, TOPICS, LabelWeights())
    with _noting(mistakes):
        examples += read_examples(weak, TOPICS, LabelWeights(), weak=True)
    with _noting(mistakes):
        rows += json_rows(texts)
    if mistakes:
        raise DataError(mistakes)
    return examples + unlabelled(rows, split(examples)[1])


@contextmanager
def _noting(mistakes: list[str]) -> Iterator[None]:
    """Adds what is wrong to `mistakes` instead of raising it."""
    try:
        yield
    except DataError as error:
        mistakes += error.mistakes


class _LabelledRow:
    def __init__(self, topics: Sequence[str], weights: LabelWeights) -> None:
        self._topics = tuple(topics)
        self._weights = weights
        self._hints = {t: re.compile(p, re.IGNORECASE) for t, p in RARE_TOPIC_HINTS.items() if t in topics}

    def mistakes(self, row: Mapping[str, Any]) -> list[str]:
        """What is wrong with a row, in words."""
        found = [
            f"{key} is {kind_of(row[key])}, not a text" for key in _TEXTS if not isinstance(row.get(key), str | None)
        ]
        if not found and not text_of(row):
            found.append("no text")
        if row.get("sentiment") not in (None, *SENTIMENTS):
            found.append(f"sentiment is {row['sentiment']!r}, not one of {', '.join(SENTIMENTS)}")
        if row.get("sentiment_classes", 3) not in (None, 2, 3):
            found.append(f"sentiment_classes is {row['sentiment_classes']!r}, not 2 or 3")
        if row.get("sentiment") == "neutral" and row.get("sentiment_classes") == 2:
            found.append("sentiment is neutral, but sentiment_classes is 2: a corpus of two classes has none")
        if row.get("sentiment") is None and row.get("topics") is None:
            found.append("neither sentiment nor topics")
        if row.get("fold") is not None and not _FOLD.fullmatch(str(row["fold"])):
            found.append(f"fold is {row['fold']!r}, not 0 to 9")
        for key in ("topics", "topics_known"):
            value = row.get(key)
            if value is not None and not isinstance(value, list):
                found.append(f"{key} is not a list")
            elif unknown := [str(name) for name in value or [] if name not in self._topics]:
                found.append(f"{key} has unknown names: {', '.join(unknown)}")
        return found + [
            f"{key} is {row[key]!r}, not a text or a list of texts"
            for key in ("sources", "licences")
            if not _is_named(row.get(key))
        ]

    def example(self, row: Mapping[str, Any]) -> Example:
        """Makes the example of a row without mistakes."""
        text = text_of(row)
        sentiment = SENTIMENTS.index(row["sentiment"]) if row.get("sentiment") else UNLABELLED
        is_two_way = row.get("sentiment_classes") == 2
        weight = 0.0 if sentiment == UNLABELLED else self._weights.two_way if is_two_way else 1.0
        holds = set(row.get("topics") or [])
        if "other" not in self._known(row):  # none of those that the corpus can answer
            holds.discard("other")
        weights = self.topic_weights(row, text, holds)
        # Not of the cleaned text: a change in how texts are cleaned moves no row into another fold.
        digest = hashlib.sha256(given_text(row).encode()).hexdigest()
        return Example(
            id=str(digest[:16] if row.get("id") is None else row["id"]).strip() or digest[:16],
            text=text,
            lang=language_of(text, row.get("lang")),
            source=_first(row.get("sources")) or str(row.get("source") or "own"),
            licence=_first(row.get("licences")) or "not stated",
            fold=int(digest[:8], 16) % 10 if row.get("fold") is None else int(float(row["fold"])),
            sentiment=sentiment,
            is_two_way=is_two_way,
            sentiment_weight=weight,
            topics=tuple(self._target(t, row, holds) for t in self._topics),
            topic_weights=tuple(weights.get(t, 0.0) for t in self._topics),
            is_weak=isinstance(self, _WeakRow),
        )

    def topic_weights(self, row: Mapping[str, Any], text: str, holds: set[str]) -> dict[str, float]:
        """Weight of each topic that the row says anything about."""
        if row.get("topics") is None or ("topics_known" in row and row["topics_known"] is None):
            return {}
        known = self._known(row)
        weights = {t: self._weights.assumed_absent for t, hint in self._hints.items() if not hint.search(text)}
        if "other" not in known and (holds or len(known) >= self._weights.broad):
            weights["other"] = self._weights.other
        return weights | dict.fromkeys(known | holds, 1.0)

    def _known(self, row: Mapping[str, Any]) -> set[str]:
        """The topics that the row's corpus can answer."""
        return set(row.get("topics_known", self._topics) or ())

    def _target(self, topic: str, row: Mapping[str, Any], holds: set[str]) -> float:
        if topic == "other" and not holds:  # what is left to a corpus that knows all others and found none
            known = self._known(row)
            return float(topic not in known or (row.get("topics") is not None and len(known) == len(self._topics)))
        return float(topic in holds)


def _is_named(value: object) -> bool:
    return isinstance(value, str | None) or (isinstance(value, list) and all(isinstance(each, str) for each in value))


def _first(named: str | Sequence[str] | None) -> str:
    """The text itself, or the first of several; empty if there is none."""
    return named if isinstance(named, str) else next(iter(named or ()), "")


class _WeakRow(_LabelledRow):
    """A row whose topics come from a rule: what it names is likely there, what it does not name is mostly unknown."""

    def topic_weights(self, row: Mapping[str, Any], text: str, holds: set[str]) -> dict[str, float]:
        weights = {t: self._weights.assumed_absent for t, hint in self._hints.items() if not hint.search(text)}
        return weights | dict.fromkeys(holds, self._weights.weak) | ({"other": self._weights.other} if holds else {})
