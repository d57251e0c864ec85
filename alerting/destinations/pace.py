"""How fast a destination may be told: so many messages a minute, and not of the same subject again too soon."""

from collections import deque
from typing import NamedTuple

from cachetools import LRUCache

from alerting.alerts import Action, Alert, Severity
from alerting.policy import is_louder
from ingest.instants import MINUTE

SUBJECTS = 10_000  # remembered


class Rate:
    """At most `per_minute` messages in any minute; 0: as many as there are."""

    def __init__(self, per_minute: int) -> None:
        self._sent: deque[int] = deque(maxlen=per_minute) if per_minute else deque(maxlen=0)

    def is_due(self, now: int) -> bool:
        """Whether one more may be sent at `now`. A clock that was set back does not prolong the wait."""
        if len(self._sent) < (self._sent.maxlen or 1):
            return True
        return not self._sent[0] <= now < self._sent[0] + MINUTE

    def sent(self, now: int) -> None:
        """A message went out."""
        self._sent.append(now)


class Told(NamedTuple):
    """How a subject was told of."""

    at: int  # instant
    id: str  # of the alert
    key: str
    severity: Severity
    action: Action


class CoolDown:
    """After a subject was told of, its next alerts wait for the digest for so long, unless they say more than was told."""

    def __init__(self, span: int) -> None:
        self._span = span
        self._told: LRUCache[str, list[Told]] = LRUCache(SUBJECTS)  # by subject, oldest first

    def held_by(self, alert: Alert, at: int) -> str:
        """The key of another alert on its subject after which `alert`, appended at instant `at`, comes too soon, if any.

        Escalations never do, nor does what is more severe, or to be told more loudly, than that one was.
        """
        if alert.change not in {"opened", "caught_up"}:
            return ""
        return next((told.key for told in self._told.get(str(alert.subject), ()) if self._holds(told, alert, at)), "")

    def told(self, alert: Alert, at: int) -> None:
        """The alert goes out."""
        if alert.change != "closed":
            told = Told(at, alert.id, alert.key, alert.severity, alert.action)
            before = self._told.get(str(alert.subject), ())
            self._told[str(alert.subject)] = [*(each for each in before if at < each.at + self._span), told]

    def untold(self, alert: Alert) -> None:
        """It was to go out, but nobody was told of it."""
        subject = str(alert.subject)
        self._told[subject] = [told for told in self._told.get(subject, ()) if told.key != alert.key]

    def _holds(self, told: Told, alert: Alert, at: int) -> bool:
        is_worse = alert.severity == "critical" != told.severity or is_louder(alert.action, told.action)
        return told.id != alert.id and told.at <= at < told.at + self._span and not is_worse
