"""Incidents as people work on them: the alerts of one event, how far its case is, and by when somebody has to look."""

from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

from alerting.alerts import Alert, Severity, Subject
from alerting.cases import Case, Entry
from alerting.console.view import Revision, View
from ingest.instants import instant

SILENT = ("digest",)  # what is told in a digest only waits for nobody


class Deadlines(Struct, frozen=True):
    """How long after an incident was told somebody must have taken it up."""

    critical: timedelta = timedelta(minutes=15)
    warning: timedelta = timedelta(hours=4)

    def of(self, severity: Severity) -> timedelta:
        """The one for incidents of this severity."""
        return self.critical if severity == "critical" else self.warning


class Line(Struct, frozen=True):
    """One alert as a list shows it."""

    alert: Alert  # as it stands
    told_at: datetime  # when its first revision came into the log; wall clock
    verdict: Entry | None


class Incident(Struct, frozen=True):
    """One event. Of its alerts that were told a flash leads, else the rarest."""

    id: str
    lead: Alert
    alerts: tuple[Line, ...]  # in the order in which they were told
    severity: Severity
    state: Literal["open", "closed"]  # of the event, not of the case
    told_at: datetime
    case: Case
    muted: Entry | None  # why nobody is told of any of it
    mutes: tuple[Entry, ...]  # all that are in force: of the incident, of one of its subjects
    due_at: datetime | None  # by when somebody must have taken it up; None: nothing to wait for
    is_overdue: bool
    was_late: bool  # it is overdue, or was when it was taken up

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """What it is about, the leading subject first."""
        return tuple(dict.fromkeys([self.lead.subject, *(line.alert.subject for line in self.alerts)]))


def line_of(view: View, revisions: list[Revision]) -> Line:
    """An alert as it stands, of all that was told of it."""
    alert = revisions[-1].alert
    return Line(alert, revisions[0].appended_at, view.cases.verdict(alert.id))


def incident_of(view: View, name: str, deadlines: Deadlines, now: int) -> Incident | None:
    """The incident with this id at instant `now`; None if nothing of it is known."""
    members = view.incident(name)
    if not members:
        return None
    lines = [line_of(view, revisions) for revisions in members]
    alerts = [line.alert for line in lines]
    lead = max(alerts, key=lambda each: (each.is_told, not each.joined, each.kind == "flash", each.return_period_days))
    severity: Severity = "critical" if any(alert.severity == "critical" for alert in alerts) else "warning"
    case = view.cases.of(name)
    waited = instant(case.acknowledged.at) if case.acknowledged else now  # up to then for somebody who takes it up
    due_at = _due_at(view, members, case, deadlines, severity, waited)
    was_late = due_at is not None and waited >= instant(due_at)
    names = dict.fromkeys([name, *(str(alert.subject) for alert in alerts)])
    return Incident(
        id=name,
        lead=lead,
        alerts=tuple(lines),
        severity=severity,
        state="open" if any(alert.state == "open" for alert in alerts) else "closed",
        told_at=min(line.told_at for line in lines),
        case=case,
        muted=view.cases.muted(lead, now) if all(view.cases.muted(alert, now) for alert in alerts) else None,
        mutes=tuple(view.cases.mutes(names, now)),
        due_at=None if case.acknowledged else due_at,
        is_overdue=was_late and not case.acknowledged,
        was_late=was_late,
    )


def _due_at(
    view: View, members: list[list[Revision]], case: Case, deadlines: Deadlines, severity: Severity, waited: int
) -> datetime | None:
    """By when somebody had to take it up who was waited for up to instant `waited`; None: nobody was.

    Counted from when somebody was first told of it as it was then, or from when the case was opened again.
    """
    due = [
        revision.appended_at + deadlines.of(revision.alert.severity)
        for revisions in members
        for revision in revisions
        if revision.alert.is_told and revision.alert.action not in SILENT
    ]
    audible = [alert for revisions in members if not view.cases.muted(alert := revisions[-1].alert, waited)]
    if not (due and audible):
        return None
    due_at = case.reopened.at + deadlines.of(severity) if case.reopened else min(due)
    # Who muted it wanted to hear of it then; of several subjects, the first that is to be heard again counts.
    return min(view.cases.muted_until(alert, due_at, waited) for alert in audible)
