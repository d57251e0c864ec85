"""What pages and the JSON interface show, put together from the view."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from alerting.alerts import Alert, Subject
from alerting.cases import Entry
from alerting.console.incidents import Deadlines, Incident, Line, incident_of, line_of
from alerting.console.series import Amended, Point
from alerting.console.view import Revision, View
from alerting.console.why import COMPOSED
from ingest.instants import DAY, HOUR, MINUTE, instant

LATELY = 90 * MINUTE  # what "now" means on the board
DAY_PARTS, WEEK_PARTS = 48, 168


class Now(Struct, frozen=True):
    """One subject at present: the last 90 minutes against the days before."""

    subject: Subject
    documents: int
    negatives: int
    share: float | None
    usual_share: float | None
    usual_documents: float | None  # None: no hour is known before the last 90 minutes
    return_period_days: float | None  # by the detector; None: it runs in another process and has no alert open
    is_ready: bool | None
    is_unknown: bool  # sources of half of its usual volume are silent
    open_alerts: tuple[Alert, ...]
    muted: Entry | None
    points: tuple[Point, ...]


class Standing(Struct, frozen=True):
    """How often alerts on a subject were right, by the last verdict on each."""

    subject: Subject
    alerts: int
    confirmed: int
    dismissed: int
    wrong_topic: int
    wrong_sentiment: int
    precision: float | None  # confirmed, of all that somebody judged; None while nobody did


class Handed(Struct, frozen=True):
    """When one stage had it (wall clock, but of publishing)."""

    stage: str  # published, appended, scored, alert, or a destination's name
    at: datetime
    outcome: str = ""


class Story(Struct, frozen=True):
    """All there is to say about one alert."""

    line: Line
    incident: Incident
    revisions: tuple[Revision, ...]
    ledger: tuple[Handed, ...]
    amended: Amended | None

    @property
    def composed(self) -> Alert:
        """The last revision that was computed from texts, not the one that tells of the end; if none is held, the last."""
        composed = (each.alert for each in reversed(self.revisions) if each.alert.change in COMPOSED)
        return next(composed, self.revisions[-1].alert)


class Present(NamedTuple):
    """What the detector of a topic says now."""

    days: float
    is_ready: bool
    is_unknown: bool  # sources of half of its usual volume are silent


Rarity = Callable[[], Mapping[str, Present]]  # by topic, of the detectors of this process


class Answers:
    """Looks at the view; every method holds its lock for as long as it takes."""

    def __init__(self, view: View, deadlines: Deadlines, rarity: Rarity) -> None:
        self._view, self._deadlines, self._rarity = view, deadlines, rarity

    @property
    def present(self) -> int | None:
        """Up to where windows are closed; None: there are none."""
        return self._view.windows.present

    def topics(self) -> set[str]:
        """Every topic that was counted lately or that a detector watches."""
        with self._view.lock:
            counted = {subject.name for subject in self._view.windows.subjects() if subject.kind == "topic"}
        return counted | set(self._rarity())

    def board(self, now: int, names: int | None = None) -> list[Now]:
        """Every subject that had texts in the last days or has an alert open, those that speak first.

        Of watched names only the first `names`, if that is given: there may be thousands, and each has a chart to draw.
        """
        with self._view.lock:
            running: dict[Subject, list[Alert]] = {}
            for told in self._view.latest():
                if told.alert.state == "open":
                    running.setdefault(told.alert.subject, []).append(told.alert)
            rarity = self._rarity()
            subjects = {*self._view.windows.subjects(), *running, *(Subject("topic", name) for name in rarity)}
            since = self._view.windows.since
            found = [self._now(each, running.get(each, []), rarity, since, now) for each in subjects]
            return [self._charted(each, now) for each in _first(sorted(found, key=_urgency), names)]

    def subject(self, subject: Subject, now: int) -> tuple[Now, tuple[Point, ...]] | None:
        """One subject, with the last week by the hour; None if nothing is known of it."""
        with self._view.lock:
            running = [t.alert for t in self._view.latest() if t.alert.state == "open" and t.alert.subject == subject]
            rarity = self._rarity()
            is_known = subject in self._view.windows.subjects() or subject.name in rarity
            if not (is_known or any(told.alert.subject == subject for told in self._view.latest())):
                return None
            until = self.present or now
            week = tuple(self._view.windows.points(subject, until, 7 * DAY, WEEK_PARTS))
            found = self._now(subject, running, rarity, self._view.windows.since, now)
            return self._charted(found, now), week

    def alerts(self) -> list[Line]:
        """Every alert as it stands, the one opened last first."""
        with self._view.lock:
            lines = [line_of(self._view, self._view.revisions(told.alert.id)) for told in self._view.latest()]
        return sorted(lines, key=lambda line: (line.alert.opened_at, line.alert.id), reverse=True)

    def incidents(self, now: int) -> list[Incident]:
        """Every incident, the one told last first."""
        with self._view.lock:
            found = [incident_of(self._view, name, self._deadlines, now) for name in self._view.incidents()]
        incidents = [incident for incident in found if incident is not None]
        return sorted(incidents, key=lambda each: (each.lead.opened_at, each.id), reverse=True)

    def incident(self, name: str, now: int) -> Incident | None:
        """One incident; None if it is not known."""
        with self._view.lock:
            return incident_of(self._view, name, self._deadlines, now)

    def story(self, alert: str, now: int) -> Story | None:
        """One alert; None if it is not known."""
        with self._view.lock:
            revisions = self._view.revisions(alert)
            if not revisions:
                return None
            incident = incident_of(self._view, revisions[-1].alert.incident, self._deadlines, now)
            assert incident is not None
            first, last = revisions[0].alert, revisions[-1].alert
            amended = self._view.windows.amended(last.subject, instant(first.first_seen_at), instant(last.updated_at))
            return Story(
                line=line_of(self._view, revisions),
                incident=incident,
                revisions=tuple(revisions),
                ledger=tuple(self._ledger(revisions[0])),
                amended=amended,
            )

    def standings(self) -> list[Standing]:
        """Precision by subject, over the alerts that are known."""
        with self._view.lock:
            counts: dict[Subject, dict[str, int]] = {}
            for told in self._view.latest():
                mine = counts.setdefault(told.alert.subject, {})
                mine["alerts"] = mine.get("alerts", 0) + 1
                verdict = self._view.cases.verdict(told.alert.id)
                if verdict is not None:
                    mine[verdict.act] = mine.get(verdict.act, 0) + 1
        return [_standing(subject, mine) for subject, mine in sorted(counts.items())]

    def _now(self, subject: Subject, alerts: list[Alert], rarity: Mapping[str, Present], since: int, now: int) -> Now:
        """Without its chart. `since`: from when all windows are held; to find that out takes a look at each of them."""
        windows = self._view.windows
        until = self.present or now
        lately = windows.sum(subject, until - LATELY, until)
        since = max(since, until - 7 * DAY)
        usually, before = windows.sum(subject, since, until - LATELY), until - LATELY - since
        present = rarity.get(subject.name) if subject.kind == "topic" else None
        days = present.days if present else None
        if days is None and alerts:
            days = max(alert.return_period_days for alert in alerts)
        return Now(
            subject=subject,
            documents=lately.documents,
            negatives=lately.negatives,
            share=lately.negatives / lately.documents if lately.documents else None,
            usual_share=usually.negatives / usually.documents if usually.documents else None,
            usual_documents=usually.documents * LATELY / before if before >= HOUR else None,
            return_period_days=days,
            is_ready=present.is_ready if present else None,
            is_unknown=present is not None and present.is_unknown,
            open_alerts=tuple(alerts),
            muted=next((mute for alert in alerts if (mute := self._view.cases.muted(alert, now))), None),
            points=(),
        )

    def _charted(self, found: Now, now: int) -> Now:
        until = self.present or now
        return replace(found, points=tuple(self._view.windows.points(found.subject, until, DAY, DAY_PARTS)))

    def _ledger(self, first: Revision) -> list[Handed]:
        """The way of the last document that was counted before the alert, and of the alert's first revision."""
        handled, steps = first.alert.handled, []
        if handled is not None:
            steps = [Handed("published", handled.published_at), Handed("appended", handled.appended_at)]
            if handled.classified_at is not None:
                steps.append(Handed("scored", handled.classified_at))
        steps.append(Handed("alert", first.appended_at))
        return steps + [Handed(d.destination, d.at, d.outcome) for d in self._view.deliveries(first.alert.key)]


def _standing(subject: Subject, counts: Mapping[str, int]) -> Standing:
    confirmed, dismissed = counts.get("confirm", 0), counts.get("dismiss", 0)
    topic, sentiment = counts.get("wrong_topic", 0), counts.get("wrong_sentiment", 0)
    judged = confirmed + dismissed + topic + sentiment
    precision = confirmed / judged if judged else None
    return Standing(subject, counts["alerts"], confirmed, dismissed, topic, sentiment, precision)


def _first(found: list[Now], names: int | None) -> list[Now]:
    """Every topic, and of watched names so many, in the same order."""
    spoken = {each.subject for each in [each for each in found if each.subject.kind == "entity"][:names]}
    return [each for each in found if each.subject.kind == "topic" or each.subject in spoken]


def _urgency(now: Now) -> tuple[bool, float, float, Subject]:
    """Open alerts first, the rarest of them first; then whose share stands out most; quiet ones last."""
    excess = (now.negatives - (now.usual_share or 0) * now.documents) if now.documents else -1.0
    return not now.open_alerts, -(now.return_period_days or 0), -excess, now.subject
