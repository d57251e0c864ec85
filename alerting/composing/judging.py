"""What the severity policy says of an alert, given what is behind it."""

from collections.abc import Iterable, Sequence

from alerting.alerts import Action, Alert
from alerting.composing.evidence import Candidate
from alerting.policy import NO_NAME, Facts
from alerting.sources import UNKNOWN, Trust
from alerting.state import AggregateSettings

UNLISTED = 3  # the tier of a name that the scores know and our watch list does not


class Judge:
    """The policy with the tiers of names and sources."""

    def __init__(self, settings: AggregateSettings) -> None:
        self.trust = Trust(settings.sources)
        self.label = settings.policy.label
        self._policy, self._tiers = settings.policy, settings.tiers

    def name_tier(self, name: str) -> int:
        """1, 2 or 3."""
        return self._tiers.get(name, UNLISTED)

    def action(self, alert: Alert, evidence: Sequence[Candidate]) -> Action:
        """How loudly to tell an alert that rests on these documents."""
        return self.action_on(
            alert, {topic for each in evidence for topic in each.topics}, [e.source for e in evidence]
        )

    def action_on(self, alert: Alert, topics: Iterable[str], sources: Iterable[str]) -> Action:
        """The same of documents with these topics, from these sources."""
        is_topic = alert.subject.kind == "topic"
        return self._policy.action(
            Facts(
                topics=frozenset([alert.subject.name] if is_topic else topics),
                name_tier=NO_NAME if is_topic else self.name_tier(alert.subject.name),
                source_tier=min(map(self.trust.tier, sources), default=UNKNOWN),
                severity=alert.severity,
                kind=alert.kind,
            )
        )
