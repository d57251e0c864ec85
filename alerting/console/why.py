"""Why an alert fired: would it have, without one of its sources, or without one of its stories?

The texts are read again from the scores log, which keeps them for a week. What one source or story put into the detector's
fading sums is taken out of them, and the return period computed anew from what the detector knew when it spoke.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
from msgspec import MsgspecError, Struct

from alerting.alerts import Alert
from alerting.detection.rarity import days_without
from alerting.detection.rules import SpikeSettings
from alerting.detection.spikes import LONGEST
from alerting.detection.statistic import Sums
from alerting.rebuild import behind, is_about
from classifier.packing import is_negative
from classifier.scores import ScoredDocument
from ingest.instants import SECOND, instant
from ingest.logs import Record

SHOWN = 8  # sources, and stories
MOST_DOCUMENTS = 100_000  # of all topics, read for one answer
KNOWN = 0.8  # of the detector's negatives to be found at their own times, and of those found, to be the detector's
FIRST_WORDS = 90  # characters of a story
COMPOSED = ("opened", "escalated")  # the changes whose revision was computed from texts


class Without(Struct, frozen=True):
    """What the detector would have seen without one source or one story."""

    name: str  # the source; of a story its first words
    documents: int  # of it
    negatives: int
    return_period_days: float  # 0: nothing out of the ordinary would be left
    fires: bool


class Why(Struct, frozen=True):
    """The answers, the most telling first, or the reason why there are none."""

    reason: Literal["answered", "gone", "late", "copies", "too_many", "one_text", "older_version"]
    sources: tuple[Without, ...] = ()
    stories: tuple[Without, ...] = ()


class _Text(NamedTuple):
    """One text, and its place among the stories."""

    document: ScoredDocument
    story: int  # the signature of the text that told it first
    is_copy: bool  # of one that was told before


def why(alert: Alert, records: Iterable[Record], width: int, settings: SpikeSettings) -> Why:
    """Compute the answers for an alert as it opened or escalated.

    Args:
        alert: a revision that was composed from scores; for any other, texts of that time are not what it tells of.
        records: the scores log from `alert.scores_from` on; where that is no longer kept, from the oldest.
        width: of a window, microseconds.
        settings: the floors, and what young topics need.
    """
    if alert.kind == "flash":
        return Why("one_text")
    if alert.change not in COMPOSED:
        return Why("gone")
    if alert.detection.documents == 0:
        return Why("older_version")
    texts = _texts(alert, records)
    if isinstance(texts, str):
        return Why(texts)
    return _Weighed(alert, texts, width, settings).answers()


def _texts(alert: Alert, records: Iterable[Record]) -> list[_Text] | Literal["gone", "too_many"]:
    """The texts of the alert's time on its subject, in the order of the log, which is that of counting.

    All texts are placed among the stories, as the aggregator places them: what tells a story may be on another subject.
    """
    # Compiled, which takes seconds where no aggregator runs in this process; a report is written without it.
    from alerting.counting.stories import Stories, Told  # noqa: PLC0415

    since, until = instant(alert.first_seen_at), instant(alert.updated_at)
    stories, texts, read = Stories(Told(), MOST_DOCUMENTS), list[_Text](), 0
    try:
        for columns in behind(alert, records):
            if columns is None:
                return "gone"
            read += len(columns)
            if read > MOST_DOCUMENTS:
                return "too_many"
            at = columns.rows["event_at"].copy()
            placed = stories.place(columns.rows["story"].copy(), at)
            is_in = is_about(alert, columns) & (since <= at) & (at <= until)
            texts += [
                _Text(columns.document(row), placed.stories.item(row), placed.copies.item(row))
                for row in np.flatnonzero(is_in).tolist()
            ]
    except MsgspecError:
        return "gone"
    if len(texts) > alert.documents:  # found when a window closed: what begins at that very instant was not counted yet
        texts = [text for text in texts if text.document.event_at < until]
    return texts if read else "gone"


class _Weighed:
    """The texts of one alert, each weighed as the detector weighed it when it spoke."""

    def __init__(self, alert: Alert, texts: list[_Text], width: int, settings: SpikeSettings) -> None:
        self._alert, self._texts, self._width, self._settings = alert, texts, width, settings
        self._told = {text.story for text in texts if not text.is_copy}  # not before, nor on other subjects
        self._all = self._sums(texts)

    def answers(self) -> Why:
        seen = self._alert.detection.negatives
        if self._alert.late and self._all.negatives < KNOWN * seen:
            return Why("late")  # what came late counted when it came
        if KNOWN * self._all.negatives > seen:
            return Why("copies")  # of stories told before these texts, which the aggregator remembers
        if not self._texts:
            return Why("gone")
        negatives = [text for text in self._texts if is_negative(text.document)]
        sources = Counter(text.document.source for text in negatives).most_common(SHOWN)
        stories = Counter(text.story for text in negatives).most_common(SHOWN)
        said = {text.story: text.document.text for text in reversed(self._texts)}
        return Why(
            "answered",
            tuple(
                self._without(source, [t for t in self._texts if t.document.source == source]) for source, _ in sources
            ),
            tuple(
                self._without(said[story][:FIRST_WORDS], [t for t in self._texts if t.story == story])
                for story, _ in stories
            ),
        )

    def _without(self, name: str, out: list[_Text]) -> Without:
        gone = {id(text) for text in out}
        rest = self._sums([text for text in self._texts if id(text) not in gone])
        less = Sums(*(whole - left for whole, left in zip(self._all, rest, strict=True)))
        days = days_without(self._alert.detection, less, self._settings)
        need = self._alert.detection.alarm_days * (1 if self._alert.ready else 10)
        negatives = sum(is_negative(text.document) for text in out)
        return Without(name, len(out), negatives, round(min(days, LONGEST), 3), days >= need)

    def _sums(self, texts: list[_Text]) -> Sums:
        """The fading sums over the first text of each story: copies do not count, nor what the time of day explains."""
        at, scale = instant(self._alert.updated_at), self._alert.detection.scale_s * SECOND
        wave = self._alert.usual_share - self._alert.detection.usual_share
        untold = set(self._told)
        count = negatives = squares = 0.0
        for document, story, _ in texts:
            if story not in untold:
                continue
            untold.remove(story)
            end = min(document.event_at - document.event_at % self._width + self._width, at)
            weight = math.exp(-(at - end) / scale)
            count += weight
            negatives += weight * (is_negative(document) - wave)
            squares += weight * weight
        return Sums(count, negatives, squares)
