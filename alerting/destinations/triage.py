"""Now, later or never: what becomes of a record before anything is sent.

Everything is decided by the instant at which a record was appended, in the order of the log, and by which of the records
before it were untold: muted, refused or expired when their turn came. A box that starts again finds these in its bookmark, and
so comes to the same decisions by reading again.
"""

from typing import NamedTuple

from cachetools import LRUCache
from msgspec import Struct

from alerting.alerts import Alert
from alerting.destinations.hours import DigestTimes, Quiet
from alerting.destinations.metrics import HELD
from alerting.destinations.pace import CoolDown
from alerting.destinations.route import CHANGING, Route
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
    """`reason` is empty for what goes out now. `due`: the digest that it belongs to; None: it is told never.

    What has joined an incident that waits for its digest is in one too, and told if what stands for the incident is muted.
    """

    reason: str = ""
    due: int | None = None
    by: str = ""  # the key of the alert that is told instead, or was just before; empty: of none that is known


class Taken(NamedTuple):
    """An alert that the destination took."""

    by: str  # the key of the first revision that was
    due: int  # when the digest is due in which the newest stands; 0: it is told by itself
    since: int  # when the first digest is due in which any stood; 0: one was told by itself


NOW = Decision()
JOINED = "joined"  # the reason of what is about an incident that the destination hears of by another alert


class Triage:
    """Decides for one destination. Remembers what it took, of which incidents it was told, and which subjects lately.

    What a box that starts again does not find in the records it reads once more is unknown: then what has joined an
    incident is told once more, rather than never, unless the destination is told of everything.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._cool_down = CoolDown(rules.cool_down)
        self._taken: LRUCache[str, Taken] = LRUCache(ALERTS)  # by id
        # By incident, the key by which it first heard of it at once.
        self._heard: LRUCache[str, str] = LRUCache(INCIDENTS)
        # Incidents of which it did not hear at once, with the alert that stands for them in a digest; empty: none does.
        self._unheard: LRUCache[str, str] = LRUCache(INCIDENTS)

    def decide(self, matter: Alert | Notice, at: int, via: str) -> Decision:
        """What becomes of `matter`, appended at instant `at`, which came `via` Alertmanager or not."""
        if reason := self._turns_away(matter, via):
            return Decision(reason)
        decision = self._by_itself(matter, at)
        if isinstance(matter, Alert) and matter.joined and self._has_heard(matter, at, decision):
            return Decision(JOINED, self._due_behind(matter.incident, decision), self._heard.get(matter.incident, ""))
        return decision

    def stands_for(self, incident: str) -> str:
        """The key by which it heard of `incident` at once, or the id of what stands for it in a digest; empty: there is none."""
        return self._heard.get(incident) or self._unheard.get(incident, "")

    def keep(self, alert: Alert, at: int, decision: Decision) -> None:
        """The decision stands: later ones go by it."""
        if decision != NOW and decision.reason not in HELD:
            return
        if decision == NOW:
            self._cool_down.told(alert, at)
            self._heard.setdefault(alert.incident, alert.key)
        if decision == NOW or decision.due is not None:
            due = decision.due or 0
            before = self._taken.get(alert.id) or Taken(alert.key, due, due)
            self._taken[alert.id] = Taken(before.by, due, min(before.since, due))
        if alert.incident not in self._heard:
            stands_for_it = "" if decision.due is None else self._unheard.get(alert.incident) or alert.id
            self._unheard[alert.incident] = stands_for_it

    def told(self, alert: Alert, due: int = 0) -> None:
        """`alert` went out, by itself or in the digest that was `due`: it takes the place of what was told to nobody."""
        if not due:
            self._heard.setdefault(alert.incident, alert.key)
        elif not self.stands_for(alert.incident):
            self._unheard[alert.incident] = alert.id
        self._taken.setdefault(alert.id, Taken(alert.key, due, due))

    def untold(self, alert: Alert) -> None:
        """`alert` had its turn, but nobody was told of it: nothing is held back or followed because of it."""
        self._cool_down.untold(alert)
        if alert.id in self._taken and self._taken[alert.id].by == alert.key:
            del self._taken[alert.id]
            if self._unheard.get(alert.incident) == alert.id:
                self._unheard[alert.incident] = ""
        if self._heard.get(alert.incident) == alert.key:
            del self._heard[alert.incident]
            self._unheard[alert.incident] = ""

    def _turns_away(self, matter: Alert | Notice, via: str) -> str:
        """Why it is not for this destination; empty if it is. An alert that was taken is followed to its end."""
        reason = self._rules.route.turns_away(matter, via)
        is_followed = isinstance(matter, Alert) and matter.id in self._taken
        return "" if is_followed and reason in CHANGING else reason

    def _by_itself(self, matter: Alert | Notice, at: int) -> Decision:
        """What becomes of it if it has joined no incident that was heard of."""
        rules = self._rules
        if isinstance(matter, Alert) and (decision := self._kept_back(matter, at)) != NOW:
            return decision
        until = rules.quiet.until(at) if rules.quiet and matter.severity != "critical" else None
        if until is not None:
            return self._later("quiet", until)
        if isinstance(matter, Alert) and (by := self._cool_down.held_by(matter, at)):
            return self._in_next_digest("cool_down", at)._replace(by=by)
        return NOW

    def _kept_back(self, alert: Alert, at: int) -> Decision:
        """What the alert itself says."""
        stands_in = self._taken[alert.id].due if alert.id in self._taken else 0
        is_end = alert.change == "closed"
        if is_end and at < stands_in:
            return self._later("digest", stands_in)
        if alert.historical:
            return self._later("historical", (at // CAUGHT_UP + 2) * CAUGHT_UP)
        if alert.action == "digest" or (is_end and stands_in):
            return self._in_next_digest("digest", at)
        return NOW

    def _has_heard(self, alert: Alert, at: int, decision: Decision) -> bool:
        """Whether this destination knows of the alert's incident by another one, told as soon as this one would be.

        What it was told of is followed by itself. What only waits to be told changes nothing but how it stands in its digest.
        """
        if self._rules.route.takes_every_alert and alert.incident not in self._unheard:
            return True
        taken = self._taken.get(alert.id)
        if taken and (taken.since <= at or decision.due == taken.due):
            return False
        waits = decision != NOW and self._unheard.get(alert.incident, "") not in {"", alert.id}
        return waits or alert.incident in self._heard

    def _due_behind(self, incident: str, decision: Decision) -> int | None:
        """When is told what would be by `decision`, if what stands for its incident in a digest is muted then."""
        lead = "" if incident in self._heard else self._unheard.get(incident, "")
        if not lead or decision.due is None:
            return None
        return max(decision.due, self._taken[lead].due) if lead in self._taken else decision.due

    def _in_next_digest(self, reason: str, at: int) -> Decision:
        return self._later(reason, self._rules.digests.after(at) if self._rules.digests else None)

    def _later(self, reason: str, due: int | None) -> Decision:
        return Decision(reason, due if self._rules.digests else None)
