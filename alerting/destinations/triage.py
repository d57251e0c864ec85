"""Now, later or never: what becomes of a record before anything is sent. A function of the log alone.

Everything is decided by the instant at which a record was appended, and in the order of the log; so a box that starts again
comes to the same decisions by reading again.
"""

from typing import NamedTuple

from cachetools import LRUCache
from msgspec import Struct

from alerting.alerts import Alert
from alerting.destinations.hours import DigestTimes, Quiet
from alerting.destinations.pace import CoolDown
from alerting.destinations.route import Route
from alerting.notices import Notice
from ingest.instants import MINUTE

CAUGHT_UP = 10 * MINUTE  # historical alerts are told together, so long after they were found
ALERTS = 10_000  # remembered
INCIDENTS = 10_000  # likewise


class Rules(Struct, frozen=True):
    """What one destination is sent, and when."""

    route: Route = Route()
    quiet: Quiet | None = None  # hours in which only what is critical is told
    digests: DigestTimes | None = None  # None: what would stand in a digest is not told
    cool_down: int = 0  # microseconds


class Decision(NamedTuple):
    """`reason` is empty for what goes out now. `due`: the digest that it belongs to; None: it is told never."""

    reason: str = ""
    due: int | None = None


NOW = Decision()


class Triage:
    """Decides for one destination. Remembers whom it held back, and which subjects were told of lately."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._cool_down = CoolDown(rules.cool_down)
        self._held: LRUCache[str, bool] = LRUCache(ALERTS)  # ids of alerts whose beginning was not told by itself
        # By incident, the alert by which this destination first heard of it. What a box that starts again does not find in
        # the records it reads once more is unknown: then what has joined is told once more, rather than never.
        self._heard: LRUCache[str, str] = LRUCache(INCIDENTS)
        # Incidents of which it did not hear because their first subject was muted: what has joined them may be told.
        self._muted: LRUCache[str, bool] = LRUCache(INCIDENTS)

    def decide(self, matter: Alert | Notice, at: int, via: str, *, is_muted: bool = False) -> Decision:
        """What becomes of `matter`, appended at instant `at`, which came `via` Alertmanager or not.

        `is_muted`: somebody muted its subject. In the line it will be passed over, but others of its incident are not.
        """
        decision = self._decide(matter, at, via)
        if isinstance(matter, Alert):
            if decision == NOW:
                self._held.pop(matter.id, None)
                self._cool_down.told(matter, at)
            elif decision.due is not None:
                self._held[matter.id] = True
            if decision.due is not None or (decision == NOW and not is_muted):
                self._heard.setdefault(matter.incident, matter.id)
            elif decision == NOW and matter.incident not in self._heard:
                self._muted[matter.incident] = True
        return decision

    def _decide(self, matter: Alert | Notice, at: int, via: str) -> Decision:
        rules = self._rules
        if reason := rules.route.turns_away(matter, via):
            return Decision(reason)
        if isinstance(matter, Alert) and (decision := self._kept_back(matter, at)) != NOW:
            return decision
        until = rules.quiet.until(at) if rules.quiet and matter.severity != "critical" else None
        if until is not None:
            return self._later("quiet", until)
        if isinstance(matter, Alert) and self._cool_down.holds(matter, at):
            return self._in_next_digest("cool_down", at)
        return NOW

    def _kept_back(self, alert: Alert, at: int) -> Decision:
        """What the alert itself says."""
        if alert.joined and self._has_heard(alert):
            return Decision("joined")
        if alert.historical:
            return self._later("historical", (at // CAUGHT_UP + 2) * CAUGHT_UP)
        if alert.action == "digest" or (alert.change == "closed" and alert.id in self._held):
            return self._in_next_digest("digest", at)
        return NOW

    def _has_heard(self, alert: Alert) -> bool:
        """Whether this destination knows of the alert's incident by another alert."""
        if self._rules.route.takes_every_alert and alert.incident not in self._muted:
            return True
        return self._heard.get(alert.incident, alert.id) != alert.id

    def _in_next_digest(self, reason: str, at: int) -> Decision:
        return self._later(reason, self._rules.digests.after(at) if self._rules.digests else None)

    def _later(self, reason: str, due: int | None) -> Decision:
        return Decision(reason, due if self._rules.digests else None)
