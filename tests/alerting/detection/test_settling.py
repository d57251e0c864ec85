"""What goes on for weeks becomes the usual: its alert ends, and no other follows."""

import random

import pytest
from msgspec.structs import replace

from classifier.scores import ScoredDocument
from ingest.instants import moment
from tests.alerting.made import DAY, HOUR, MINUTE, START, ordinary, scored
from tests.alerting.runs import Run, in_ranges

LOUD, NEWS = 1, 0
SUBJECT = "topic/market_moves"


def stream(days: int, loud_from: int, per_hour: int) -> list[ScoredDocument]:
    """Ordinary news; from day `loud_from` on also another topic, which is nearly always negative."""
    dice, every = random.Random(per_hour), HOUR // per_hour
    first = START + loud_from * DAY
    loud = [(at, LOUD, dice.random() < 0.95) for at in range(first, START + days * DAY, every)]
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
    ((opened, closed),) = spans(Run().take(*in_ranges(stream(14, 0, 60), 100), poll=50))
    assert opened < 1
    assert closed < 4


def in_the_middle() -> Run:
    """A topic has been loud for nine days, by a checkpoint taken on the way."""
    ranges = in_ranges(stream(19, 10, 12), 100)
    run = Run().take(*ranges[: len(ranges) // 2], poll=50).crash().take(*ranges[len(ranges) // 2 :], poll=50)
    assert run.keeper.state.book.excesses[SUBJECT].lasted > 8 * DAY
    return run


def test_while_sources_are_silent_nothing_settles():
    run = in_the_middle()
    first = run.keeper.state.inputs.known["L1/0"].position
    few = [
        replace(scored(first + i, START + 19 * DAY + i * HOUR, topic=LOUD, negative=True), source="minor")
        for i in range(48)
    ]
    run.take(*in_ranges(few[:24], 4))
    assert run.keeper.state.rhythms.is_unknown(SUBJECT)
    before = run.keeper.state.detectors[SUBJECT].documents
    run.take(*in_ranges(few[24:], 4))
    assert run.keeper.state.book.excesses[SUBJECT].lasted > 7 * DAY  # or nothing would settle anyway
    assert run.keeper.state.detectors[SUBJECT].documents == before


def test_what_was_running_when_a_new_model_came_becomes_the_usual_as_in_the_first_days():
    run = in_the_middle()
    first = run.keeper.state.inputs.known["L1/0"].position
    after = [
        scored(first + each.offset, each.event_at + 19 * DAY, topic=each.labels[0], negative=each.sentiment[0] > 5000)
        for each in stream(4, 0, 60)
    ]
    ((_, still_open),) = spans(run)
    run.take(*in_ranges(after, 40, artifact="a2", classified_at=START + 23 * DAY), poll=50)
    ((_, closed),) = spans(run)
    assert closed < 22 < still_open


def test_a_new_model_has_to_see_for_itself_what_lasts():
    run = in_the_middle()
    first = run.keeper.state.inputs.known["L1/0"].position
    day = [scored(first + i, START + 19 * DAY + i * 5 * MINUTE, topic=LOUD, negative=True) for i in range(288)]
    run.take(*in_ranges(day, 20, artifact="a2", classified_at=START + 20 * DAY))
    assert run.keeper.state.book.excesses[SUBJECT].lasted < 2 * DAY
