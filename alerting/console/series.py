"""Windows of the last days by subject, and what a chart or a row of the board needs of them."""

from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from alerting.alerts import Subject
from alerting.counting.windows import Window
from ingest.instants import DAY, HOUR, instant, moment

KEPT = 7 * DAY  # of event time, behind the newest window
MOST = 400_000  # windows, and keys of additive ones; when there are more, less of the past is kept


class Counts(NamedTuple):
    """A window in small."""

    documents: int
    negatives: int
    late: int
    revision: int


class Point(Struct, frozen=True):
    """What came to a subject in [start, end)."""

    start: datetime
    end: datetime
    documents: int
    negatives: int


class Amended(Struct, frozen=True):
    """Windows of an alert that changed after they had closed, and what now stands in all windows of its time."""

    windows: int
    late: int  # documents
    documents: int
    negatives: int


class Windows:
    """The newest windows, the newest revision of each."""

    def __init__(self) -> None:
        self.present: int | None = None  # the end of the newest window: up to here event time is known
        self._held: dict[Subject, dict[int, Counts]] = {}
        self._added: dict[bytes, int] = {}  # keys of additive ones, and where their windows start
        self._count = 0
        self._horizon = 0  # windows that start before it are gone

    def take(self, key: bytes, window: Window) -> None:
        """Hold a window in place of its earlier revision; an additive one is added to what is held, once by its key."""
        start, end = instant(window.start), instant(window.end)
        if start < self._horizon or key in self._added:
            return
        if window.additive:
            self._added[key] = start
            self._count += 1
        held = self._held.setdefault(window.subject, {})
        before = held.get(start)
        new = Counts(window.documents, window.negatives, window.late, window.revision)
        if before is not None and window.additive:
            new = Counts(*(a + b for a, b in zip(before, new, strict=True)))
        elif before is not None and before.revision > new.revision:
            return
        held[start] = new
        self._count += before is None
        self.present = max(self.present or end, end)
        if self.present - KEPT > self._horizon + HOUR or self._count > MOST:
            self._thin()

    def subjects(self) -> list[Subject]:
        """Whatever had a window lately, in order."""
        return sorted(self._held)

    def points(self, subject: Subject, until: int, span: int, count: int) -> list[Point]:
        """The `span` before `until` in `count` equal parts, oldest first."""
        step = span // count
        since = until - step * count
        documents, negatives = [0] * count, [0] * count
        for start, counts in self._held.get(subject, {}).items():
            if since <= start < until:
                part = (start - since) // step
                documents[part] += counts.documents
                negatives[part] += counts.negatives
        return [
            Point(moment(since + n * step), moment(since + (n + 1) * step), documents[n], negatives[n])
            for n in range(count)
        ]

    def sum(self, subject: Subject, since: int, until: int) -> Point:
        """What came in windows that start in [since, until)."""
        found = [counts for start, counts in self._held.get(subject, {}).items() if since <= start < until]
        return Point(moment(since), moment(until), sum(c.documents for c in found), sum(c.negatives for c in found))

    def amended(self, subject: Subject, since: int, until: int) -> Amended | None:
        """What late documents did to windows that start in [since, until); None if those are no longer kept."""
        if since < self._horizon or self.present is None:
            return None
        found = [counts for start, counts in self._held.get(subject, {}).items() if since <= start < until]
        return Amended(
            sum(c.revision > 1 for c in found),
            sum(c.late for c in found),
            sum(c.documents for c in found),
            sum(c.negatives for c in found),
        )

    @property
    def since(self) -> int:
        """The oldest instant from which all is held."""
        oldest = min((start for held in self._held.values() for start in held), default=0)
        return max(self._horizon, oldest)

    def _thin(self) -> None:
        """Let go of what is too old; if there is still too much, of ever younger ones."""
        assert self.present is not None
        self._horizon = max(self._horizon, self.present - KEPT)
        while True:
            for subject, held in list(self._held.items()):
                for start in [start for start in held if start < self._horizon]:
                    del held[start]
                if not held:
                    del self._held[subject]
            self._added = {key: start for key, start in self._added.items() if start >= self._horizon}
            self._count = len(self._added) + sum(map(len, self._held.values()))
            if self._count <= MOST * 9 // 10:
                return
            self._horizon += 6 * HOUR
