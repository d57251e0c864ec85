"""How long alerts took from the arrival of the document that was enough for them, by the logs and by who heard the webhook."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from alerting.alerts import ALERTS, Alert, decode_alert
from alerting.detection.rarity import days_without
from alerting.detection.rules import SpikeSettings
from alerting.detection.statistic import Sums
from classifier.packing import is_negative
from classifier.scores import SCORES, ScoredDocument, decode_range
from ingest.instants import SECOND, instant
from ingest.logs import Logs

YOUNG = 10  # times rarer must be what a detector whose baseline is not known yet speaks of


class Arrival(NamedTuple):
    """An alert, and the instants that count for it."""

    lane: str  # "flash": one text was enough; "topic": a burst took the subject over its threshold
    key: str  # of the alert's first revision
    came_at: int  # the document that was enough was appended to its log
    logged_at: int  # the alert was appended to its own


def arrivals(logs: Logs, floors: SpikeSettings) -> Iterator[Arrival]:
    """Of every alert on a watched name as it opened."""
    about: dict[str, list[tuple[int, ScoredDocument]]] = defaultdict(list)  # by name: offset of the record, document
    for record in logs.scan(SCORES.log):
        for document in decode_range(record.value or b"").documents:
            for name in document.names:
                about[name].append((record.offset, document))
    for record in logs.scan(ALERTS.log):
        alert = decode_alert(record.value or b"")
        if alert.change != "opened" or alert.subject.kind != "entity" or record.headers:
            continue
        since, read = instant(alert.first_seen_at), about[alert.subject.name]
        behind = [each for offset, each in read if offset < alert.scores_to and each.event_at >= since]
        if alert.flash:
            yield Arrival("flash", alert.key, behind[-1].appended_at, record.appended_at)
        else:
            yield Arrival("topic", alert.key, enough(alert, behind, floors).appended_at, record.appended_at)


def enough(alert: Alert, behind: Sequence[ScoredDocument], floors: SpikeSettings) -> ScoredDocument:
    """The first of the documents behind an alert without all later of which it would have opened too.

    Several may have come in one record of scores; the detector spoke of the last, but could have of an earlier one. The later
    ones came within seconds, so that what fades of them on any scale makes no difference.
    """
    need = alert.detection.alarm_days * (1 if alert.ready else YOUNG)
    for many in range(1, len(behind)):
        later = behind[many:]
        less = Sums(len(later), sum(map(is_negative, later)), len(later))
        if days_without(alert.detection, less, floors) >= need:
            return behind[many - 1]
    return behind[-1]


def told(found: Sequence[Arrival], webhook: Mapping[str, int]) -> dict[str, Any]:
    """Percentiles by lane, in seconds: until the alert was in its log, and until the webhook had it, which says when by key."""
    lanes: dict[str, Any] = {}
    for lane in sorted({each.lane for each in found}):
        mine = [each for each in found if each.lane == lane]
        logged = [(each.logged_at - each.came_at) / SECOND for each in mine]
        delivered = [(webhook[each.key] - each.came_at) / SECOND for each in mine if each.key in webhook]
        lanes[lane] = {"alerts_log": _percentiles(logged), "webhook": _percentiles(delivered)}
    return lanes


def _percentiles(waits: Sequence[float]) -> dict[str, float]:
    figures: dict[str, float] = {"alerts": len(waits)}
    if waits:
        figures |= {f"p{q}_s": round(float(np.percentile(waits, q)), 3) for q in (50, 95, 99)}
        figures["most_s"] = round(max(waits), 3)
    return figures
