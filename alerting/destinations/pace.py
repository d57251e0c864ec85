"""How fast a destination may be told: so many messages a minute, and not of the same subject again too soon."""

from collections import deque

from cachetools import LRUCache

from alerting.alerts import Alert
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


class CoolDown:
    """After a subject was told of, its next alerts wait for the digest for so long. Escalations do not."""

    def __init__(self, span: int) -> None:
        self._span = span
        self._told_at: LRUCache[str, int] = LRUCache(SUBJECTS)

    def holds(self, alert: Alert, at: int) -> bool:
        """Whether `alert`, appended at instant `at`, comes too soon after another one on its subject."""
        told_at = self._told_at.get(str(alert.subject))
        begins = alert.change in {"opened", "caught_up"}
        return begins and told_at is not None and told_at <= at < told_at + self._span

    def told(self, alert: Alert, at: int) -> None:
        """The alert goes out."""
        if alert.change != "closed":
            self._told_at[str(alert.subject)] = at
