import structlog

from alerting.alerts import Alert
from alerting.destinations.answers import Delivered, Matter
from alerting.destinations.digest import Digest
from alerting.notices import Notice

_log = structlog.get_logger(__name__)
EXCERPT = 200  # code points


class Log:
    """Writes each alert, notice or digest as one line of the daemon's own log."""

    def __init__(self, name: str = "log") -> None:
        self.name = name

    def deliver(self, matter: Matter, now: int) -> Delivered:  # noqa: ARG002 - a destination's signature
        """Always delivered."""
        match matter:
            case Alert():
                _alert(matter)
            case Notice():
                _log.warning(
                    "notice",
                    notice=matter.name,
                    status=matter.status,
                    severity=matter.severity,
                    summary=matter.summary,
                    runbook=matter.runbook,
                )
            case Digest():
                told = [f"{alert.id}/{alert.revision} {alert.subject}" for alert in matter.alerts]
                _log.warning("digest", alerts=told, notices=[notice.name for notice in matter.notices])
        return Delivered()


def _alert(alert: Alert) -> None:
    first = alert.top_documents[0] if alert.top_documents else None
    _log.warning(
        "alert",
        alert=alert.id,
        revision=alert.revision,
        change=alert.change,
        subject=str(alert.subject),
        severity=alert.severity,
        action=alert.action,
        opened_at=alert.opened_at.isoformat().replace("+00:00", "Z"),
        return_period_days=round(alert.return_period_days, 1),
        documents=alert.documents,
        story_negatives=alert.story_negatives,
        share=round(alert.share, 3),
        usual_share=round(alert.usual_share, 3),
        about=alert.kind,
        stories=alert.stories,
        sources=alert.sources,
        ready=alert.ready,
        document=first.id if first else None,
        text=first.text[:EXCERPT] if first else None,
    )
