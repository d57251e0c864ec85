"""Alerts of several subjects about one event are one incident: they open close together and share stories.

A bank run shows under liquidity, fraud and markets at once. The first alert leads; one that shares its stories joins it and is
not delivered by itself, unless it is much rarer than what was told before. Two unrelated events at the same hour share
no stories and stay two.
"""

from msgspec import Struct

from alerting.alerts import Action
from alerting.policy import is_louder
from ingest.instants import HOUR

TOGETHER = 12 * HOUR  # alerts further apart are never one incident
SHARED = 0.2  # of the smaller set of stories
MOST_STORIES = 512  # an incident remembers


class Incident(Struct):
    """One event and the stories that its alerts rest on."""

    last_at: int  # event time at which an alert was last told
    days: float  # the rarest return period told
    stories: set[int]
    action: Action = "digest"  # the loudest that it was told


class Incidents(Struct):
    """Incidents of the last hours, by the id of the alert that began them. Part of the aggregator's state."""

    known: dict[str, Incident] = {}

    def place(self, stories: set[int], at: int) -> str | None:
        """The incident that an alert of event time `at` resting on `stories` belongs to, or None: it is a new one."""
        best, best_share = None, SHARED
        for name, incident in sorted(self.known.items()):
            if abs(at - incident.last_at) > TOGETHER:
                continue
            smaller = min(len(stories), len(incident.stories))
            share = len(stories & incident.stories) / smaller if smaller else 0.0
            if share >= best_share and (best is None or share > best_share):
                best, best_share = name, share
        return best

    def is_new(self, name: str, days: float, action: Action) -> bool:
        """Whether an alert that joins the incident is rarer than `days` say it was told, or to be told more loudly."""
        incident = self.known.get(name)
        return incident is None or days >= incident.days or is_louder(action, incident.action)

    def tell(self, name: str, stories: set[int], at: int, days: float, action: Action = "page") -> None:
        """An alert of the incident was told at event time `at`, with a return period of `days`."""
        incident = self.known.setdefault(name, Incident(at, 0.0, set()))
        incident.last_at = max(incident.last_at, at)
        incident.days = max(incident.days, days)
        incident.action = action if is_louder(action, incident.action) else incident.action
        if len(incident.stories) < MOST_STORIES:
            incident.stories |= stories
        for old in [n for n, other in self.known.items() if at - other.last_at > 2 * TOGETHER]:
            del self.known[old]
