"""What the console knows: alerts, windows, cases and deliveries of the last while, folded from their logs, in memory.

One thread folds, others look; whoever does either holds `lock`. Nothing here is storage: it is read anew at each start.
"""

from collections.abc import Iterator
from datetime import datetime
from threading import RLock
from typing import Annotated, NamedTuple

import structlog
from msgspec import Meta, MsgspecError, Struct, convert

from alerting import audit
from alerting.alerts import ALERTS, Alert, decode_alert
from alerting.cases import FEEDBACK, Cases, Entry, decode_entry
from alerting.console.series import Windows
from alerting.counting.windows import WINDOWS, decode_window
from alerting.notices import NOTICES, Notice, decode_notice
from ingest.instants import DAY, SECOND, moment
from ingest.logs import Record

# What is folded, and how far back from now it is read.
SPANS = {
    FEEDBACK.log: SECOND * (FEEDBACK.retention_s or 0),
    ALERTS.log: 90 * DAY,
    WINDOWS.log: 7 * DAY,
    NOTICES.log: 30 * DAY,
    audit.AUDIT.log: 7 * DAY,
}
MOST_ALERTS = 10_000
MOST_DELIVERIES = 50_000

_log = structlog.get_logger(__name__)
_Zoned = Annotated[datetime, Meta(tz=True)]


class Revision(Struct, frozen=True):
    """An alert at one revision, and when it came into its log (wall clock)."""

    appended_at: datetime
    alert: Alert


class Delivery(Struct, frozen=True):
    """What became of one revision at one destination."""

    at: datetime
    destination: str
    outcome: str


class Read(NamedTuple):
    """How far a log was read."""

    log_id: str
    next: int
    goal: int  # its end when it was opened


class View:
    """Alerts by id with their revisions, the newest windows, cases, and deliveries by the key of an alert."""

    def __init__(self, most_alerts: float = MOST_ALERTS) -> None:
        self._most_alerts = most_alerts
        self.lock = RLock()
        self.read: dict[str, Read] = {}
        self.cases = Cases()
        self.windows = Windows()
        self._alerts: dict[str, list[Revision]] = {}  # oldest first
        self._incidents: dict[str, dict[str, None]] = {}  # ids of alerts, in the order in which they were told
        self.raised: dict[str, Notice] = {}  # the last notice about each incident's case, by incident
        self._deliveries: dict[str, list[Delivery]] = {}

    @property
    def is_read(self) -> bool:
        """Whether all logs were read to where they ended when they were opened."""
        return len(self.read) == len(SPANS) and all(read.next >= read.goal for read in self.read.values())

    def take(self, log: str, record: Record) -> Entry | None:
        """Fold one record; gives back the entry if it is feedback. What cannot be read is told and passed over."""
        try:
            return self._take(log, record)
        except MsgspecError as error:
            _log.warning("record not readable", log=log, offset=record.offset, why=str(error))
            return None

    def forget(self, log: str) -> None:
        """Drop what came from a log that is to be read anew."""
        self.read.pop(log, None)
        match log:
            case ALERTS.log:
                self._alerts, self._incidents = {}, {}
            case WINDOWS.log:
                self.windows = Windows()
            case FEEDBACK.log:
                self.cases = Cases()
            case NOTICES.log:
                self.raised = {}
            case _:
                self._deliveries = {}

    def revisions(self, alert: str) -> list[Revision]:
        """All that was told of one alert, oldest first; empty if it is not known."""
        return self._alerts.get(alert, [])

    def latest(self) -> Iterator[Revision]:
        """Each alert as it stands, the one told last first."""
        for revisions in reversed(self._alerts.values()):
            yield revisions[-1]

    def incident(self, name: str) -> list[list[Revision]]:
        """The alerts of one incident, each with its revisions, in the order in which they were told."""
        return [self._alerts[alert] for alert in self._incidents.get(name, ()) if alert in self._alerts]

    def incidents(self) -> list[str]:
        """The ids of all incidents, the newest first."""
        return list(reversed(self._incidents))

    def deliveries(self, key: str) -> list[Delivery]:
        """What became of the revision with this key, at each destination."""
        return self._deliveries.get(key, [])

    def _take(self, log: str, record: Record) -> Entry | None:
        if record.value is None:
            return None
        match log:
            case ALERTS.log:
                self._take_alert(Revision(moment(record.appended_at), decode_alert(record.value)))
            case WINDOWS.log:
                self.windows.take(record.key or b"", decode_window(record.value))
            case FEEDBACK.log:
                entry = decode_entry(record.value)
                self.cases.add(entry)
                return entry
            case NOTICES.log:
                notice = decode_notice(record.value)
                if incident := notice.labels.get("incident"):
                    self.raised[incident] = notice
            case audit.AUDIT.log:
                self._take_audit(audit.decode_entry(record.value))
        return None

    def _take_alert(self, told: Revision) -> None:
        alert = told.alert
        revisions = self._alerts.setdefault(alert.id, [])
        if any(each.alert.revision == alert.revision for each in revisions):
            return  # it came by a second way
        revisions.append(told)
        self._incidents.setdefault(alert.incident, {})[alert.id] = None
        while len(self._alerts) > self._most_alerts:
            oldest = self._alerts.pop(next(iter(self._alerts)))[-1].alert
            members = self._incidents[oldest.incident]
            members.pop(oldest.id, None)
            if not members:
                del self._incidents[oldest.incident]

    def _take_audit(self, entry: audit.Entry) -> None:
        if entry.act != "delivery":
            return
        details = entry.details
        at = convert(entry.at, _Zoned)  # the log takes any text
        found = Delivery(at, details.get("destination", entry.who), details.get("outcome", ""))
        self._deliveries.setdefault(entry.about, []).append(found)
        if len(self._deliveries) > MOST_DELIVERIES:
            del self._deliveries[next(iter(self._deliveries))]
