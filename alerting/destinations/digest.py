"""A digest: what was not worth a message of its own at its time, told together later."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.notices import Notice
from ingest.instants import moment


class Digest(Struct, frozen=True):
    """Alerts as they stood at last, and notices, in the order in which they came."""

    due_at: datetime  # for when it was planned (wall clock)
    last: str  # key of the newest thing that waited for it, told in it or not
    alerts: tuple[Alert, ...]  # each with its first document only
    notices: tuple[Notice, ...]

    @property
    def matters(self) -> tuple[Alert | Notice, ...]:
        """All that it tells."""
        return *self.alerts, *self.notices

    @property
    def key(self) -> str:
        """The idempotency key: the same whenever the same digest is made again."""
        return f"digest/{self.due_at.isoformat().replace('+00:00', 'Z')}/{self.last}"


def digest(due: int, matters: Iterable[Alert | Notice]) -> Digest:
    """The digest planned for instant `due`; of an alert, the newest revision stands for all."""
    alerts: dict[str, Alert] = {}
    notices: dict[str, Notice] = {}
    last = ""
    for matter in matters:
        last = matter.key
        if isinstance(matter, Notice):
            notices[matter.key] = matter
        elif matter.id not in alerts or alerts[matter.id].revision < matter.revision:
            alerts[matter.id] = replace(matter, top_documents=matter.top_documents[:1])
    return Digest(moment(due), last, tuple(alerts.values()), tuple(notices.values()))
