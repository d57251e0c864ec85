"""What is a flash: one text that is enough for an alert, and whether it may still be told today.

A watched name; a severe topic beyond doubt, or a combination of words that was listed; negative beyond doubt; a trusted source.
"""

from collections.abc import Iterator

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from alerting.alerts import Alert, Flash
from alerting.sources import Trust
from classifier.folding import folded, holds
from classifier.scores import WHOLE, Columns, ScoredDocument
from ingest.instants import DAY, HOUR

SEVERE = ("credit_default", "liquidity_run", "fraud_misconduct")
KEY = "flash/"  # before the name: the flash in the alert book, beside the name's other alert
QUIET = 12 * HOUR  # so long after its last severe text a flash is over; a text older than that is none
ALIKE = 16  # bits in which signatures of one story differ at most: see `classifier.stories`
MOST_NAMES, MOST_STORIES = 1_000, 100  # remembered, and of each name


class FlashSettings(Struct, frozen=True):
    """What is severe, and how often it may be told."""

    topics: tuple[str, ...] = SEVERE
    words: tuple[tuple[str, ...], ...] = ()  # combinations: all words of one stand in the text
    negative: float = 0.8  # probability from which on there is no doubt
    severe: float = 0.8  # the same of a severe topic; those that only count for it are often about something near
    source_tier: int = 1  # or better
    budget_per_day: int = 3


class Flashes(Struct):
    """What was told of lately. Part of the aggregator's state."""

    told: dict[str, dict[int, int]] = {}  # name -> signature -> event time; the name that was taken last stands last
    spent: list[int] = []  # event times, of the last day

    def is_told(self, name: str, story: int, at: int) -> bool:
        """Whether a text with this signature, or a near copy, was taken on `name` within 24 hours; from now on it was.

        Of another name the same words are other news: agencies tell of every default in one form.
        """
        stories = self.told[name] = self.told.pop(name, {})
        known = any(abs(at - then) <= DAY and (story ^ other).bit_count() <= ALIKE for other, then in stories.items())
        stories[story] = max(at, stories.get(story, at))
        if len(stories) > MOST_STORIES:
            del stories[min(stories, key=lambda other: (stories[other], other))]
        if len(self.told) > MOST_NAMES:
            del self.told[next(iter(self.told))]
        return known

    def afforded(self, alert: Alert, at: int, per_day: int) -> Alert:
        """The alert as loudly as `per_day` flashes allow at event time `at`; one that nobody is told of costs nothing."""
        flash = alert.flash
        if flash is None or not alert.is_told or alert.action == "digest" or self.spend(at, per_day):
            return alert
        return replace(alert, action="digest", flash=replace(flash, over_budget=True))

    def spend(self, at: int, per_day: int) -> bool:
        """Take one of `per_day` flashes; False: they are spent."""
        newest = max([at, *self.spent])
        self.spent = [then for then in self.spent if newest - then < DAY]
        if len(self.spent) >= per_day:
            return False
        self.spent.append(at)
        return True


class Severe:
    """Picks the texts that are flashes out of a range."""

    def __init__(self, settings: FlashSettings, trust: Trust) -> None:
        self._settings, self._trust = settings, trust
        self._topics = frozenset(settings.topics)
        self._surely, self._negative = round(settings.severe * WHOLE), round(settings.negative * WHOLE)
        self._words = [tuple(folded(word).small for word in words) for words in settings.words]

    def among(self, columns: Columns) -> Iterator[tuple[ScoredDocument, Flash]]:
        """Each with the reasons, in the order of the range."""
        if not len(named := columns.named):
            return
        tiers = np.array([self._trust.tier(source) for source in columns.sources])
        rows = np.unique(named[:, 0])  # [R]
        beyond_doubt = columns.rows["sentiment"][rows, 0] >= self._negative
        trusted = tiers[columns.rows["source"][rows]] <= self._settings.source_tier
        for row in rows[beyond_doubt & trusted].tolist():
            document = columns.document(row)
            topics = tuple(
                name
                for label in document.labels
                if (name := columns.range.topics[label]) in self._topics and document.topics[label] >= self._surely
            )
            words = self._found(document.text)
            if topics or words:
                yield (
                    document,
                    Flash(
                        topics=topics,
                        words=words,
                        source=document.source,
                        source_tier=int(tiers[columns.rows["source"][row]]),
                        negative=document.sentiment[0] / WHOLE,
                        over_budget=False,
                    ),
                )

    def _found(self, text: str) -> tuple[str, ...]:
        """The first combination of which all words stand in the text."""
        small = folded(text).small if self._words else ""
        return next((words for words in self._words if all(holds(small, word) for word in words)), ())
