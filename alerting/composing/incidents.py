"""Alerts of several subjects about one event are one incident: they open close together and share stories.

A bank run shows under liquidity, fraud and markets at once. The first alert leads; one that shares its stories joins it and is
not delivered by itself, unless it is much rarer or more severe than what was told before. Two unrelated events at the same
hour share no stories and stay two.
"""

import math
from collections.abc import Collection

from msgspec import Struct

from alerting.alerts import Action, Alert, Severity
from alerting.composing.book import Told
from alerting.policy import is_louder
from ingest.instants import HOUR

TOGETHER = 12 * HOUR  # alerts further apart are never one incident
SHARED = 0.2  # of the smaller set of stories
MOSTLY = 0.5  # of the alert's own: one text was told first, and silences whatever joins it
MOST_STORIES = 512  # an incident remembers


class Incident(Struct):
    """One event and the stories that its alerts rest on."""

    last_at: int  # event time at which an alert was last told
    days: float  # the rarest return period told; infinite if a flash was the first that was
    stories: set[int]
    action: Action = "digest"  # the loudest that it was told
    severity: Severity = "critical"  # and the worst that was told so loudly
    untold: bool | None = None  # nobody was: all of it was found too late to be delivered; None: not recalled yet

    def rise(self, alert: Alert, days: float) -> None:
        """An alert was told with a return period of `days`."""
        self.days = max(self.days, days)
        if is_louder(alert.action, self.action):
            self.action, self.severity = alert.action, alert.severity
        elif alert.action == self.action and alert.severity == "critical":
            self.severity = alert.severity


class Incidents(Struct):
    """Incidents of the last hours, by the id of the alert that began them. Part of the aggregator's state."""

    known: dict[str, Incident] = {}

    def place(self, stories: set[int], at: int) -> str | None:
        """The incident that an alert of event time `at` resting on `stories` belongs to, or None: it is a new one."""
        best, best_share = None, 0.0
        for name, incident in sorted(self.known.items()):
            if abs(at - incident.last_at) > TOGETHER:
                continue
            of_flash = math.isinf(incident.days)
            base = len(stories) if of_flash else min(len(stories), len(incident.stories))
            share = len(stories & incident.stories) / base if base else 0.0
            if share >= (MOSTLY if of_flash else SHARED) and (best is None or share > best_share):
                best, best_share = name, share
        return best

    def is_new(self, alert: Alert, days: float) -> bool:
        """Whether an alert is louder than its incident was told, more severe, or as rare as that once in `days`, or rarer.

        Where all of the incident was found too late to be delivered, only what is found too late as well is not new.
        """
        if self.is_first(alert) or is_louder(alert.action, self.known[alert.incident].action):
            return True
        incident = self.known[alert.incident]
        return days >= incident.days or (alert.severity == "critical" and incident.severity == "warning")

    def is_first(self, alert: Alert) -> bool:
        """Whether nothing of the alert's incident was told, or nothing but what was found too late, as the alert was not."""
        incident = self.known.get(alert.incident)
        return incident is None or (bool(incident.untold) and not alert.historical)

    def told_days(self, name: str) -> float:
        """The rarest return period that was told of the incident; 0 of one that is not known."""
        return self.known[name].days if name in self.known else 0.0

    def tell(self, alert: Alert, stories: set[int], at: int, days: float) -> None:
        """An alert was found at event time `at`, and told on its incident with a return period of `days`; 0: of none.

        What was found too late counts until something of the incident is delivered, and from then on no more. Nothing is rarer
        than a flash that comes first.
        """
        days = math.inf if alert.kind == "flash" and self.is_first(alert) else days
        fresh = Incident(at, 0.0, set(), severity="warning", untold=alert.historical)
        incident = self.known.setdefault(alert.incident, fresh)
        incident.last_at = max(incident.last_at, at)
        self.relate(alert.incident, stories)
        if incident.untold and not alert.historical:
            incident.days, incident.action, incident.severity, incident.untold = 0.0, "digest", "warning", False
        if incident.untold == alert.historical:
            incident.rise(alert, days)
        for old in [n for n, other in self.known.items() if at - other.last_at > 2 * TOGETHER]:
            del self.known[old]

    def recall(self, told: Collection[Told]) -> None:
        """Checkpoints of older versions do not hold whether anybody was told of an incident: see what was `told` of alerts."""
        for name, incident in self.known.items():
            if incident.untold is None:
                mine = [each for each in told if each.alert.incident == name]
                missed = any(each.alert.historical for each in mine)
                incident.untold = missed and not any(each.delivered for each in mine)

    def relate(self, name: str, stories: set[int]) -> None:
        """The incident rests on these stories too."""
        incident = self.known.get(name)
        if incident and len(incident.stories) < MOST_STORIES:
            incident.stories |= stories
