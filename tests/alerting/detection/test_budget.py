import random

import pytest

from alerting.detection.budget import Budget
from ingest.instants import DAY, HOUR


@pytest.mark.parametrize("truth", [0.5, 2.0])
def test_the_threshold_moves_until_the_budget_is_what_is_spent(truth):
    """The tails are `truth` times as heavy as designed: alerts come so many times as often at the designed threshold."""
    dice, budget, alerts = random.Random(3), Budget(), 0
    hours = 24 * 365
    for hour in range(hours):
        budget.pass_time(hour * HOUR, 5, 1.0)
        chance = truth * 17 / (24 * budget.alarm_days(5, 17))
        if dice.random() < chance:
            budget.spend()
            alerts += hour >= hours // 2
    assert 0.8 * 5 * 26 <= alerts <= 1.25 * 5 * 26


def test_while_no_baseline_is_known_the_threshold_stays():
    budget = Budget()
    for day in range(100):
        budget.pass_time(day * DAY, 5, 0.0)
    assert budget.alarm_days(5, 17) == pytest.approx(23.8)


def test_it_never_strays_far_from_the_design():
    budget = Budget()
    for day in range(1000):
        budget.pass_time(day * DAY, 5, 1.0)
    assert budget.alarm_days(5, 17) == pytest.approx(23.8 / 8)
    for _ in range(1000):
        budget.spend()
    assert budget.alarm_days(5, 17) == pytest.approx(23.8 * 8)


def test_an_outage_is_no_time_in_which_nothing_happened():
    through, without = Budget(), Budget()
    for hour in range(24 * 30):
        through.pass_time(hour * HOUR, 5, 1.0)
        without.pass_time(hour * HOUR, 5, 1.0)
    through.pass_time(24 * 60 * HOUR, 5, 1.0)
    assert through.alarm_days(5, 17) == pytest.approx(without.alarm_days(5, 17), rel=0.01)
    daily = Budget()
    for day in range(30):
        daily.pass_time(day * DAY, 5, 1.0)
    assert daily.alarm_days(5, 17) < 0.5 * 23.8  # a day between two documents is no outage where that is usual


def test_a_silence_of_weeks_is_no_time_to_anybody_unless_that_is_usual():
    hourly, weekly = Budget(), Budget()
    assert [hourly.pass_time(hour * HOUR, 5, 1.0) for hour in (0, 1, 2, 8 * 24)] == [0, 0, 0, 8 * DAY - 2 * HOUR]
    assert not any(weekly.pass_time(week * 7 * DAY, 5, 1.0) for week in range(20))
    assert weekly.pass_time(21 * 7 * DAY, 5, 1.0) == 0
    assert weekly.pass_time(40 * 7 * DAY, 5, 1.0) == 19 * 7 * DAY


def test_one_old_text_does_not_slow_the_budget_of_news_that_come_once_a_day_for_long():
    after, without = Budget(), Budget()
    after.pass_time(-46 * 365 * DAY, 5, 1.0)
    for day in range(120):
        after.pass_time(day * DAY, 5, 1.0)
        without.pass_time(day * DAY, 5, 1.0)
    assert after.squared_gaps / after.days == pytest.approx(without.squared_gaps / without.days, rel=0.05)


def test_names_have_half_of_the_budget_and_a_threshold_of_their_own():
    budget = Budget()
    budget.pass_time(0, 5, 1.0, has_names=True)
    assert budget.alarm_days(5, 17) == pytest.approx(2 * 23.8)
    for _ in range(10):
        budget.spend(of_name=True)
    assert budget.alarm_days(5, 17) == pytest.approx(2 * 23.8)
    assert budget.alarm_days(5, 17, of_names=True) > 1.5 * 2 * 23.8


@pytest.mark.parametrize("days", [7, 14, 28, 100])
def test_one_incident_a_day_is_seven_a_week_from_the_first_week_on(days: int) -> None:
    budget = Budget()
    for hour in range(days * 24 + 1):
        budget.pass_time(hour * HOUR, 5, 1.0)
        if hour % 24 == 12:
            budget.spend()
    assert budget.achieved_per_week == pytest.approx(7, rel=0.15)


def test_one_incident_on_the_first_day_is_one_a_week() -> None:
    budget = Budget()
    budget.pass_time(0, 5, 1.0)
    budget.pass_time(2 * HOUR, 5, 1.0)
    budget.spend()
    assert budget.achieved_per_week == 1.0
