"""Why an alert fired: would it have, without one of its sources, or without one of its stories?

The texts are read again from the scores log, which keeps them for a week. What one source or story put into the detector's
fading sums is taken out of them, and the return period computed anew from what the detector knew when it spoke.
"""

import math
from collections import Counter
from collections.abc import Iterable
from typing import Literal

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

    reason: Literal["answered", "gone", "too_many", "one_text", "older_version"]
    sources: tuple[Without, ...] = ()
    stories: tuple[Without, ...] = ()


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
    since, until = instant(alert.first_seen_at), instant(alert.updated_at)
    documents: list[ScoredDocument] = []
    read = 0
    try:
        for columns in behind(alert, records):
            if columns is None:
                break
            read += len(columns)
            if read > MOST_DOCUMENTS:
                return Why("too_many")
            at = columns.rows["event_at"]
            is_in = is_about(alert, columns) & (since <= at) & (at <= until)
            documents += map(columns.document, np.flatnonzero(is_in).tolist())
    except MsgspecError:
        documents = []
    if not documents:
        return Why("gone")
    return _Weighed(alert, sorted(documents, key=_in_time), width, settings).answers()


def _in_time(document: ScoredDocument) -> tuple[int, int]:
    return document.event_at, document.offset


class _Weighed:
    """The texts of one alert, each weighed as the detector weighed it when it spoke."""

    def __init__(self, alert: Alert, documents: list[ScoredDocument], width: int, settings: SpikeSettings) -> None:
        self._alert, self._documents, self._width, self._settings = alert, documents, width, settings
        self._all = self._sums(documents)

    def answers(self) -> Why:
        negatives = [document for document in self._documents if is_negative(document)]
        sources = Counter(document.source for document in negatives).most_common(SHOWN)
        stories = Counter(document.story for document in negatives).most_common(SHOWN)
        said = {document.story: document.text for document in reversed(self._documents)}
        return Why(
            "answered",
            tuple(self._without(source, [d for d in self._documents if d.source == source]) for source, _ in sources),
            tuple(
                self._without(said[story][:FIRST_WORDS], [d for d in self._documents if d.story == story])
                for story, _ in stories
            ),
        )

    def _without(self, name: str, out: list[ScoredDocument]) -> Without:
        gone = {id(document) for document in out}
        rest = self._sums([document for document in self._documents if id(document) not in gone])
        less = Sums(*(whole - left for whole, left in zip(self._all, rest, strict=True)))
        days = days_without(self._alert.detection, less, self._settings)
        need = self._alert.detection.alarm_days * (1 if self._alert.ready else 10)
        return Without(name, len(out), sum(map(is_negative, out)), round(min(days, LONGEST), 3), days >= need)

    def _sums(self, documents: list[ScoredDocument]) -> Sums:
        """The fading sums over the first text of each story: copies do not count."""
        at, scale = instant(self._alert.updated_at), self._alert.detection.scale_s * SECOND
        seen: set[int] = set()
        count = negatives = squares = 0.0
        for document in documents:
            if document.story in seen:
                continue
            seen.add(document.story)
            end = min(document.event_at - document.event_at % self._width + self._width, at)
            weight = math.exp(-(at - end) / scale)
            count += weight
            negatives += weight * is_negative(document)
            squares += weight * weight
        return Sums(count, negatives, squares)
