"""Incidents that nobody takes up: counted, and if that is wanted told to the destinations as a notice."""

from collections import Counter
from collections.abc import Iterator
from typing import get_args

from msgspec.structs import replace

from alerting.alerts import Severity
from alerting.cases import FRESH
from alerting.console.incidents import Deadlines, Incident, incident_of
from alerting.console.metrics import ConsoleMetrics
from alerting.console.view import View
from alerting.notices import Notice, notice_message
from ingest.instants import SECOND, moment
from ingest.logs import Message

EVERY = 5 * SECOND
NAME = "BellwetherCaseOverdue"


class Reminders:
    """Looks over the cases now and then. The notices log says what was told already, by whichever console."""

    def __init__(self, view: View, deadlines: Deadlines, metrics: ConsoleMetrics, *, escalate: bool) -> None:
        self._view, self._deadlines, self._metrics, self._escalate = view, deadlines, metrics, escalate
        self._due = 0

    def look(self, now: int) -> list[Message]:
        """The notices to publish at instant `now`."""
        if self._due - EVERY <= now < self._due or not self._view.is_read:  # the clock may have been set back
            return []
        self._due = now + EVERY
        with self._view.lock:
            found = [incident_of(self._view, name, self._deadlines, now) for name in self._view.incidents()]
        incidents = [incident for incident in found if incident is not None]
        late = Counter(incident.severity for incident in incidents if incident.is_overdue)
        for severity in get_args(Severity):
            self._metrics.overdue.labels(severity).set(late[severity])
        if not self._escalate:
            return []
        return [notice_message(notice) for incident in incidents for notice in self._notices(incident, now)]

    def _notices(self, incident: Incident, now: int) -> Iterator[Notice]:
        # The clocks and the deadlines of consoles differ: what another told stands, and nothing ends before it began.
        raised = self._view.raised.get(incident.id)
        firing = raised if raised is not None and raised.status == "firing" else None
        if incident.due_at is None:
            if firing is not None and firing.starts_at <= moment(now):
                yield replace(firing, status="resolved", ends_at=moment(now))
            return
        is_told = firing is not None and firing.starts_at >= incident.due_at
        if incident.is_overdue and not is_told and moment(now) - incident.due_at < FRESH:
            yield _firing(incident)


def _firing(incident: Incident) -> Notice:
    assert incident.due_at is not None
    lead = incident.lead
    return Notice(
        fingerprint=f"case-{incident.id}",
        status="firing",
        name=NAME,
        severity=incident.severity,
        summary=f"Nobody has taken up the incident on {lead.subject.name}.",
        description=f"It was told at {incident.told_at:%Y-%m-%d %H:%M} UTC and should have been taken up by "
        f"{incident.due_at:%Y-%m-%d %H:%M} UTC.",
        labels={"incident": incident.id, "subject": str(lead.subject)},
        starts_at=incident.due_at,
        ends_at=None,
    )
