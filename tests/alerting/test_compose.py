"""What an alert tells is counted as what it is held against: copies apart, and over the same stretch of time."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.state import AggregateSettings
from alerting.windows import WindowSettings
from classifier.scores import ScoredDocument
from ingest.instants import DAY, HOUR, MINUTE, instant
from tests.alerting.made import NEGATIVE, START, ordinary, score_range
from tests.alerting.runs import EARLY_LOOK, LATE_LOOK, Run, in_ranges

TURN = START + 12 * DAY


def thrice(documents: list[ScoredDocument]) -> list[ScoredDocument]:
    """Each story comes three times, within its window."""
    return [replace(each, offset=3 * each.offset + copy) for each in documents for copy in range(3)]


def turned(documents: list[ScoredDocument]) -> list[ScoredDocument]:
    """The same, all negative after twelve days."""
    return [replace(each, sentiment=NEGATIVE) if each.event_at >= TURN else each for each in documents]


def told(documents: list[ScoredDocument], settings: AggregateSettings = LATE_LOOK) -> list[Alert]:
    end = score_range([], start=documents[-1].offset + 1, next=documents[-1].offset + 1, final=True)
    return [alert for alert in Run(settings).take(*in_ranges(documents, 30), end).alerts if alert.change != "closed"]


def test_copies_that_always_come_are_no_unusual_volume() -> None:
    alerts = told(thrice(turned(ordinary(13))))
    assert alerts
    for alert in alerts:
        assert alert.kind == "share"
        assert (alert.documents, alert.copies) == (3 * alert.stories, 2 * alert.stories)
        assert alert.stories == pytest.approx(alert.usual_documents, rel=0.2)


@pytest.mark.parametrize("settings", [EARLY_LOOK, LATE_LOOK])
def test_an_alert_tells_of_no_longer_stretch_than_windows_are_held_for(settings: AggregateSettings) -> None:
    held = WindowSettings(early=settings.windows.early, keep=timedelta(hours=1))
    documents = turned(ordinary(13))
    alerts = told(documents, replace(settings, windows=held))
    slow = [alert for alert in alerts if alert.detection.scale_s > HOUR / 1_000_000]
    assert slow
    for alert in slow:
        since, at = instant(alert.first_seen_at), instant(alert.updated_at)
        assert alert.documents == sum(since <= each.event_at <= at for each in documents)
        assert alert.documents == pytest.approx(alert.usual_documents, abs=2)
        assert alert.kind == "share"
        assert at - since >= HOUR - MINUTE
