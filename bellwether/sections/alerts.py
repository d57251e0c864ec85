"""When to alert."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, PrivateAttr

from alerting.composing.flash import SEVERE
from alerting.policy import SHIPPED, Policy, read_policy
from bellwether.kinds import Duration, ReadableFile
from bellwether.sections.section import Section
from ingest.tables import WrongTables


def _divides_a_day(width: timedelta) -> timedelta:
    if timedelta(days=1) % width:
        raise ValueError("must divide a day without rest, for example 1m, 5m or 1h")
    return width


def _some_words(combinations: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    if not all(words and all(word.strip() for word in words) for words in combinations):
        raise ValueError("must be lists of words, none of them empty")
    return combinations


class WindowsSection(Section):
    """How event time is cut up."""

    bin: Annotated[Duration, AfterValidator(_divides_a_day)] = timedelta(minutes=1)
    out_of_orderness: Duration = timedelta(minutes=2)
    early: bool = True
    keep: Duration = timedelta(hours=48)


class TopicSection(Section):
    """What is otherwise for one topic."""

    alert: bool = True
    rarity: Annotated[float, Field(gt=0, le=1_000)] = 1.0
    critical: Annotated[float, Field(ge=1, le=1_000)] | None = None
    min_negatives: Annotated[float, Field(ge=0)] | None = None
    min_excess: Annotated[float, Field(ge=0)] | None = None
    min_ratio: Annotated[float, Field(ge=0)] | None = None


class AlertsSection(Section):
    """How often to alert, and about what no longer."""

    budget_per_week: Annotated[float, Field(gt=0, le=10_000)] = 5.0
    historical_after: Duration = timedelta(hours=1)
    policy: ReadableFile | None = None
    topic: dict[str, TopicSection] = Field(default_factory=dict)

    _table: Policy = PrivateAttr(Policy())

    @property
    def table(self) -> Policy:
        """The severity policy, as it was when the settings were read."""
        return self._table

    def look_up(self) -> Iterator[str]:
        """Read the severity policy."""
        try:
            self._table = read_policy(self.policy or SHIPPED)
        except WrongTables as wrong:
            yield from wrong.mistakes


class SourcesSection(Section):
    """How far sources are trusted: names, or patterns with * and ?."""

    tier_1: tuple[str, ...] = ()
    tier_2: tuple[str, ...] = ()
    tier_3: tuple[str, ...] = ()


class FlashSection(Section):
    """When one text about a watched name is enough."""

    topics: tuple[str, ...] = SEVERE
    words: Annotated[tuple[tuple[str, ...], ...], AfterValidator(_some_words)] = ()
    negative: Annotated[float, Field(ge=0.5, le=1)] = 0.8
    severe: Annotated[float, Field(ge=0, le=1)] = 0.8
    source_tier: Annotated[int, Field(ge=1, le=3)] = 1
    budget_per_day: Annotated[int, Field(ge=0, le=1_000)] = 3
