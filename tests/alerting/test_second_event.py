"""What comes after a big event on the same topic, in noise: it is news again, and the noise between them is not."""

import random
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.rules import SpikeSettings
from classifier.scores import ScoredDocument
from ingest.instants import DAY, HOUR, MINUTE, instant
from tests.alerting.made import START, crisis, scored
from tests.alerting.runs import LATE_LOOK, Run, in_ranges

SETTINGS = replace(LATE_LOOK, spikes=SpikeSettings(budget_per_week=0.9))
FIRST = START + 20 * DAY


def noise(dice: random.Random, start: int, hours: float, per_hour: float) -> Iterator[ScoredDocument]:
    """Texts at random instants, one in five negative."""
    at = start + int(dice.expovariate(per_hour) * HOUR)
    while at < start + hours * HOUR:
        yield scored(0, at, negative=dice.random() < 0.2)
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


def test_the_noise_after_an_event_is_no_news() -> None:
    alerts = []
    for seed in range(6):
        dice = random.Random(seed)
        documents = [*noise(dice, START, 480, 6), *noise(dice, FIRST + HOUR, 10 * 24, 6), *crisis(0, FIRST)]
        run = Run(SETTINGS).take(*in_ranges(numbered(documents), 20))
        alerts += [alert for alert in run.alerts if alert.change == "opened" and instant(alert.opened_at) >= FIRST]
    assert len(alerts) <= 8, "six of the events, by a budget of one in 54 days and topic"
