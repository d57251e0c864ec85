"""What goes on for weeks becomes the usual: its alert ends, and no other follows."""

import pytest

from classifier.scores import ScoredDocument
from ingest.instants import moment
from tests.alerting.made import DAY, HOUR, START, ordinary, scored
from tests.alerting.runs import Run, in_ranges

LOUD, NEWS = 1, 0


def stream(days: int, loud_from: int, per_hour: int) -> list[ScoredDocument]:
    """Ordinary news; from day `loud_from` on also another topic, which is nearly always negative."""
    every = HOUR // per_hour
    first = START + loud_from * DAY
    loud = [(at, LOUD, i % 20 != 7) for i, at in enumerate(range(first, START + days * DAY, every))]
    news = [(each.event_at, NEWS, each.offset % 5 == 2) for each in ordinary(days)]
    both = sorted(loud + news)
    return [scored(i, at, topic=topic, negative=negative) for i, (at, topic, negative) in enumerate(both)]


def spans(run: Run) -> list[tuple[float, float]]:
    """From which day to which day there was an alert on the loud topic; to the end of time if it is still open."""
    found: dict[str, tuple[float, float]] = {}
    for alert in run.alerts:
        if alert.subject.name == "market_moves":
            ended = (alert.closed_at - moment(START)).total_seconds() / 86_400 if alert.closed_at else float("inf")
            found[alert.id] = ((alert.opened_at - moment(START)).total_seconds() / 86_400, ended)
    return list(found.values())


@pytest.mark.parametrize("per_hour", [12, 60])
def test_the_alert_on_a_topic_that_has_become_loud_for_good_ends_within_weeks(per_hour: int):
    ((opened, closed),) = spans(Run().take(*in_ranges(stream(35, 10, per_hour), 100), poll=50))
    assert opened < 10.5
    assert 17 < closed < 31  # for a week it is an event


def test_the_alert_on_a_topic_that_is_loud_from_the_first_day_on_ends_within_days():
    for opened, closed in spans(Run().take(*in_ranges(stream(14, 0, 60), 100), poll=50)):
        assert opened < 1
        assert closed < 4
