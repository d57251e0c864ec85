"""What decides about alarms: the bounds that are set, for all topics and for single ones, and the floors."""

import math
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from alerting.alerts import Subject


class TopicRules(Struct, frozen=True):
    """What is otherwise for one topic; None: as for all."""

    alert: bool = True  # off: it is counted and shown, and never alerts
    rarity: float = 1.0  # so many times rarer than the budget asks it must be
    critical: float | None = None
    min_negatives: float | None = None
    min_excess: float | None = None
    min_ratio: float | None = None


class SpikeSettings(Struct, frozen=True):
    """What decides about alarms."""

    budget_per_week: float = 5.0  # alerts a week, all topics together
    scales: tuple[timedelta, ...] = (timedelta(minutes=20), timedelta(minutes=90), timedelta(hours=36))
    slow_half_life: timedelta = timedelta(days=7)  # of the usual share
    ready_after: timedelta = timedelta(days=3)
    min_negatives: float = 3.0
    min_excess: float = 2.5  # documents more than usual
    min_ratio: float = 1.3  # share over usual share
    escalation: float = 2.5  # times rarer than when it was last told
    critical: float = 4.0  # times rarer than the alarm threshold
    quiet: timedelta = timedelta(hours=6)  # below T for so long before an alert closes
    rarity: float = 1.0  # times what the budget asks
    topics: dict[str, TopicRules] = {}

    def about(self, subject: Subject) -> "SpikeSettings":
        """Those of a subject: names share these."""
        return self.of(subject.name) if subject.kind == "topic" else self

    def of(self, topic: str) -> "SpikeSettings":
        """Those of one topic."""
        rules = self.topics.get(topic, TopicRules())
        bounds = {name: getattr(rules, name) for name in ("critical", "min_negatives", "min_excess", "min_ratio")}
        given = {name: bound for name, bound in bounds.items() if bound is not None}
        return replace(self, rarity=rules.rarity if rules.alert else math.inf, topics={}, **given)


def is_enough(negatives: float, expected: float, settings: SpikeSettings) -> bool:
    """The floors: nothing fires on a handful of documents or on a ratio alone."""
    return (
        negatives >= settings.min_negatives
        and negatives - expected >= settings.min_excess
        and negatives >= settings.min_ratio * expected
    )
