"""What comes after a big event on the same topic, in noise: it is news again, and the noise between them is not."""

import random
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.detection.rules import SpikeSettings
from classifier.scores import ScoredDocument
from ingest.instants import DAY, HOUR, MINUTE, instant
from tests.alerting.made import START, crisis, scored
from tests.alerting.runs import LATE_LOOK, Run, in_ranges

SETTINGS = replace(LATE_LOOK, spikes=SpikeSettings(budget_per_week=0.9))
FIRST = START + 20 * DAY


def noise(
    dice: random.Random, start: int, hours: float, per_hour: float, negative: float = 0.2
) -> Iterator[ScoredDocument]:
    """Texts at random instants, of which one in five is negative unless told otherwise."""
    at = start + int(dice.expovariate(per_hour) * HOUR)
    while at < start + hours * HOUR:
        yield scored(0, at, negative=dice.random() < negative)
        at += int(dice.expovariate(per_hour) * HOUR)


def numbered(documents: list[ScoredDocument]) -> list[ScoredDocument]:
    """In the order of their times, each its own story."""
    documents = sorted(documents, key=lambda document: document.event_at)
    return [
        scored(number, document.event_at, negative=document.sentiment[0] == 9000)
        for number, document in enumerate(documents)
    ]


def told(per_hour: float, hours: int, seed: int) -> list[Alert]:
    """What is told of two crises so many hours apart."""
    dice, second = random.Random(seed), FIRST + hours * HOUR
    around = [
        *noise(dice, START, 480, per_hour),
        *noise(dice, FIRST + HOUR, hours - 1, per_hour),
        *noise(dice, second + HOUR, 6, per_hour),
    ]
    documents = numbered([*around, *crisis(0, FIRST), *crisis(0, second)])
    return Run(SETTINGS).take(*in_ranges(documents, 20)).alerts


@pytest.mark.parametrize(
    ("per_hour", "hours", "seed"), [(1, 24, 0), (1, 24, 3), (6, 12, 0), (6, 24, 1), (6, 48, 1), (30, 24, 1)]
)
def test_a_second_event_is_told_within_minutes_and_not_as_what_is_left_of_the_first(
    per_hour: float, hours: int, seed: int
) -> None:
    alerts, second = told(per_hour, hours, seed), FIRST + hours * HOUR
    before = [alert for alert in alerts if FIRST <= instant(alert.updated_at) < second]
    assert before[-1].change == "closed"
    assert before[-1].return_period_days > 400
    after = [alert for alert in alerts if instant(alert.updated_at) >= second and alert.change != "closed"]
    assert after[0].change == "opened"
    assert instant(after[0].opened_at) <= second + 20 * MINUTE
    assert not after[0].joined
    assert {alert.id for alert in after} == {after[0].id}
    assert max(alert.detection.scale_s for alert in after) <= before[-1].detection.scale_s
    assert after[0].return_period_days < before[-1].return_period_days / 2.5


@pytest.mark.parametrize(("hours", "days", "seed"), [(24, 2, 2), (72, 7, 1), (120, 7, 2)])
def test_a_long_event_does_not_deafen_for_the_next_one(hours: int, days: int, seed: int) -> None:
    dice, second = random.Random(seed), FIRST + hours * HOUR + days * DAY
    around = noise(dice, START, 24 * (20 + days) + hours + 24, 5)
    long = noise(dice, FIRST, hours, 30, negative=0.8)
    documents = numbered([*around, *long, *noise(dice, second, 3, 20, negative=0.8)])
    told = [alert for alert in Run(SETTINGS).take(*in_ranges(documents, 20)).alerts if alert.change == "opened"]
    assert any(second <= instant(alert.opened_at) <= second + 2 * HOUR for alert in told)


def test_the_noise_after_an_event_is_no_news() -> None:
    alerts = []
    for seed in range(6):
        dice = random.Random(seed)
        documents = [*noise(dice, START, 480, 6), *noise(dice, FIRST + HOUR, 10 * 24, 6), *crisis(0, FIRST)]
        run = Run(SETTINGS).take(*in_ranges(numbered(documents), 20))
        alerts += [alert for alert in run.alerts if alert.change == "opened" and instant(alert.opened_at) >= FIRST]
    assert len(alerts) <= 8, "six of the events, by a budget of one in 54 days and topic"
