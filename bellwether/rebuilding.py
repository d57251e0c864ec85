"""An alert of the log beside the same alert computed again."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from alerting.alerts import ALERTS, Alert, decode_alert
from alerting.counting.windows import width_of
from alerting.rebuild import Rebuilt, rebuild
from bellwether.clock import now
from bellwether.opening import logs_there
from bellwether.roles import aggregate_settings
from bellwether.settings import Settings
from classifier.scores import SCORES
from ingest.embedded.logs import EmbeddedLogs
from ingest.logs import Logs, LogUnfit

UNCOUNTED = {
    "gone": "its scores are no longer kept, so its documents cannot be counted again",
    "late": "late documents took part, which count where the watermark stood: they cannot be counted again",
    "flash": "one text was enough for it: there is nothing to compute",
}


def compare(settings: Settings, id: str, kept: Path | None) -> tuple[list[str], bool]:  # noqa: A002 - the field's name
    """Lines that tell of each revision, and whether all that could be computed again is the same.

    Args:
        settings: name the logs, and say how long a window is.
        id: of the alert.
        kept: the log of a replay, instead of the service's own.

    Raises:
        LogUnfit: there is no such alert, or no such log.
        LogAway: the log cannot be reached.
    """
    width = width_of(aggregate_settings(settings).windows)
    lines: list[str] = []
    same = True
    with _logs(settings, kept) as logs:
        revisions = {alert.revision: alert for alert in _alerts(logs) if alert.id == id}
        if not revisions:
            raise LogUnfit(f"There is no alert {id} in {ALERTS.log}.")
        for alert in revisions.values():
            if alert.change in {"opened", "escalated"}:
                again = rebuild(alert, logs.scan(SCORES.log), width)
                lines += _told(alert, again)
                same = same and not again.differences
    lines.append("the same" if same else "not the same")
    return lines, same


def _told(alert: Alert, again: Rebuilt) -> Iterator[str]:
    yield f"{alert.key}  {alert.subject}  {alert.change} {alert.updated_at:%Y-%m-%d %H:%M:%S} UTC"
    yield f"  once in {again.return_period_days:.3f} days from what the detector knew"
    if again.counts is not None:
        counts = again.counts
        yield f"  {counts.negatives} of {counts.documents} documents negative, {counts.sources} sources, from the scores"
    else:
        yield f"  {UNCOUNTED[again.uncounted]}"
    for difference in again.differences:
        yield f"  differs: {difference}"


def _alerts(logs: Logs) -> Iterator[Alert]:
    for record in logs.scan(ALERTS.log):
        yield decode_alert(record.value or b"")


@contextmanager
def _logs(settings: Settings, kept: Path | None) -> Iterator[Logs]:
    if kept is None:
        with logs_there(settings, ALERTS.log) as logs:
            yield logs
    else:
        with closing(EmbeddedLogs(kept.absolute(), now)) as logs:
            yield logs
