"""A detector's test is a seeded stream, the places where it fires, and where it must not."""

from math import pi

import numpy as np
import pytest

from alerting.detection.budget import Budget
from alerting.detection.daytime import raised
from alerting.detection.rules import SpikeSettings, TopicRules
from alerting.detection.scales import Counted
from alerting.detection.spikes import Detector, Footing, Residue
from ingest.instants import DAY, HOUR, MINUTE

SETTINGS = SpikeSettings()
FOOTING = Footing(SETTINGS, pooled_share=0.25, alarm_days=Budget().alarm_days(5, 17))
RARE = FOOTING._replace(
    alarm_days=200.0
)  # four months of noise lie behind the tests below: it must take more than noise
STEP = 5 * MINUTE


def stream(
    days: int, per_hour: float, seed: int, *, share: float = 0.2, burst: tuple[int, int, float, float] | None = None
):
    """(end of bin, documents, negatives) a 5-minute bin: overdispersed, with a daily cycle.

    `burst` is (first bin, bins, volume ratio, odds ratio of the share).
    """
    random = np.random.default_rng(seed)
    bins = np.arange(days * 288)
    rate = per_hour / 12 * (1 + 0.7 * np.sin(2 * np.pi * bins / 288)) * random.gamma(3, 1 / 3, len(bins))
    shares = random.beta(30 * share, 30 * (1 - share), len(bins))
    if burst:
        first, length, volume, odds = burst
        inside = slice(first, first + length)
        rate[inside] *= volume
        shares[inside] = odds * shares[inside] / (1 - shares[inside] + odds * shares[inside])
    documents = random.poisson(rate)
    negatives = random.binomial(documents, shares)
    return [(int(b + 1) * STEP, int(n), int(k)) for b, n, k in zip(bins, documents, negatives, strict=True) if n]


def onsets(detector: Detector, observations, footing: Footing = FOOTING) -> list[int]:
    """Event times at which it fires after a quiet day."""
    fired: list[int] = []
    for at, documents, negatives in observations:
        spike = detector.update(Counted(at, documents, negatives), footing)
        if spike and spike.fires and (not fired or at - fired[-1] > DAY):
            fired.append(at)
    return fired


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_burst_of_share_and_volume_fires_within_the_hour_and_nothing_else_does(seed):
    first = 20 * 288 + 100
    detector = Detector.fresh(SETTINGS, 0)
    fired = onsets(detector, stream(28, 30, seed, burst=(first, 24, 3, 8)), RARE)
    assert len(fired) == 1
    assert first * STEP < fired[0] <= first * STEP + HOUR


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_burst_of_volume_alone_does_not_fire(seed):
    first = 20 * 288 + 100
    fired = onsets(Detector.fresh(SETTINGS, 0), stream(28, 30, seed, burst=(first, 24, 4, 1)))
    assert not any(first * STEP < at <= (first + 36) * STEP for at in fired)


@pytest.mark.parametrize("per_hour", [0.5, 5, 50])
def test_noise_keeps_to_the_budget_at_every_volume(per_hour):
    days, alarms = 90, 0
    for seed in range(4):
        alarms += len(onsets(Detector.fresh(SETTINGS, 0), stream(days, per_hour, seed)))
    allowed = 4 * days / FOOTING.alarm_days
    assert alarms <= 1.5 * allowed


def test_looking_learns_nothing():
    detector = Detector.fresh(SETTINGS, 0)
    for at, documents, negatives in stream(5, 20, 7):
        detector.update(Counted(at, documents, negatives), FOOTING)
    first = detector.look([Counted(6 * DAY, 30, 30)], FOOTING)
    assert detector.look([Counted(6 * DAY, 30, 30)], FOOTING) == first
    assert first.fires
    assert not detector.look([Counted(6 * DAY, 0, 0)], FOOTING).fires


def test_a_young_baseline_says_that_it_is_not_ready():
    detector = Detector.fresh(SETTINGS, 0)
    ready = []
    for at, documents, negatives in stream(5, 20, 7):
        detector.update(Counted(at, documents, negatives), FOOTING)
        ready.append(detector.look([Counted(at, 0, 0)], FOOTING).ready)
    assert not any(ready[:100])
    assert ready[-1]


def test_daily_data_fires_on_the_day_of_a_share_that_jumps():
    detector = Detector.fresh(SETTINGS, 0)
    random = np.random.default_rng(5)
    days = [(int(day + 1) * DAY, 20, int(random.binomial(20, 0.2))) for day in range(120)]
    days[100] = (101 * DAY, 60, 50)
    assert onsets(detector, days, RARE) == [101 * DAY]


def test_an_event_in_news_that_come_once_a_day_is_not_over_by_the_evening():
    daily, hourly = Detector.fresh(SETTINGS, 0), Detector.fresh(SETTINGS, 0)
    for day in range(1, 40):
        daily.update(Counted(day * DAY, 20, 4), FOOTING)
        for hour in range(24):
            hourly.update(Counted(day * DAY + hour * HOUR, 2, 0), FOOTING)
    slow, fast = (detector.look([Counted(40 * DAY, 0, 0)], FOOTING) for detector in (daily, hourly))
    assert 30 * HOUR <= slow.quiet <= 40 * HOUR
    assert fast.quiet == 6 * HOUR


@pytest.mark.parametrize("share", [0.2, 0.8])
@pytest.mark.parametrize("outage", [10 * HOUR, 3 * DAY])
@pytest.mark.parametrize("seed", [1, 2])
def test_after_an_outage_the_usual_flow_does_not_fire_and_a_burst_still_does(share, outage, seed):
    detector, back_at = Detector.fresh(SETTINGS, 0), 20 * DAY + outage
    onsets(detector, stream(20, 30, seed, share=share))
    usual = [(back_at + at, n, k) for at, n, k in stream(1, 30, seed + 10, share=share)]
    assert onsets(detector, usual, RARE) == []
    assert detector.usual(0.25).per_day == pytest.approx(30 * 24, rel=0.4)
    assert detector.look([Counted(back_at + DAY + HOUR, 400, 390)], RARE).fires


@pytest.mark.parametrize("per_hour", [1, 4])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_topic_that_is_always_negative_is_as_usual_after_a_month_away(per_hour, seed):
    detector, back_at = Detector.fresh(SETTINGS, 0), 50 * DAY
    onsets(detector, [(at, n, n) for at, n, _ in stream(20, per_hour, seed)])
    usual = [(back_at + at, n, n) for at, n, _ in stream(4, per_hour, seed + 10)]
    assert onsets(detector, usual, RARE) == []
    assert detector.usual(0.25).per_day == pytest.approx(per_hour * 24, rel=0.4)


def test_a_topic_that_is_always_negative_fires_on_a_burst_of_volume():
    first = 20 * 288 + 100
    made = [(at, n, n) for at, n, _ in stream(28, 4, 3, burst=(first, 24, 8, 1))]
    fired = onsets(Detector.fresh(SETTINGS, 0), made)
    assert any(first * STEP < at <= first * STEP + HOUR for at in fired)


def test_updates_that_find_nothing_say_nothing_and_the_others_say_what_a_look_had_said():
    detector, said = Detector.fresh(SETTINGS, 0), []
    for at, documents, negatives in stream(30, 20, 7):
        counted = Counted(at, documents, negatives)
        before = detector.look([counted], FOOTING)
        spike = detector.update(counted, FOOTING)
        said.append(spike is not None)
        assert spike == before if before.above else spike is None
    assert 10 < sum(said) < len(said) / 4


NAMES = FOOTING._replace(alarm_days=Budget().alarm_days(2.5, 200), watched=True)  # one of 200 names


def test_the_first_bad_day_of_a_name_that_nobody_spoke_of_fires_and_a_name_that_is_always_spoken_of_does_not():
    silent, spoken_of = (Detector.fresh(SETTINGS, 0, of_name=True) for _ in range(2))
    for day in range(1, 400):
        spoken_of.update(Counted(day * DAY, 10, 2 + day % 2), NAMES)
    silent.update(Counted(390 * DAY, 1, 0), NAMES)
    bad = [Counted(400 * DAY, 4, 4)]
    assert silent.look(bad, NAMES).fires
    assert not spoken_of.look(bad, NAMES).fires


def test_a_name_that_is_spoken_of_without_anything_bad_does_not_fire():
    name = Detector.fresh(SETTINGS, 0, of_name=True)
    name.update(Counted(390 * DAY, 1, 0), NAMES)
    assert not name.look([Counted(400 * DAY, 20, 3)], NAMES).fires


def test_rules_of_one_topic_leave_the_others_alone():
    settings = SpikeSettings(topics={"other": TopicRules(min_negatives=200), "fx": TopicRules(alert=False)})
    assert settings.of("other") == SpikeSettings(min_negatives=200)
    assert settings.of("crypto") == SpikeSettings()
    assert settings.of("fx").rarity == float("inf")


def test_what_a_slow_scale_still_sees_of_a_closed_alert_fires_only_when_it_is_much_rarer() -> None:
    detector, minute = Detector.fresh(SETTINGS, 0), SETTINGS.scales[0].total_seconds()
    onsets(detector, stream(20, 3, 4))
    for number in range(1, 61):
        detector.update(Counted(20 * DAY + number * MINUTE, 1, 1), FOOTING)
    later = [Counted(21 * DAY, 0, 0)]
    alone = detector.look(later, FOOTING)
    assert alone.fires
    assert alone.detection.scale_s > minute, "the residue of the slow scale"
    assert not detector.look(later, FOOTING._replace(residue=Residue(minute, alone.days))).fires
    assert not detector.look(later, FOOTING._replace(residue=Residue(minute, alone.days / 2.4))).fires
    assert detector.look(later, FOOTING._replace(residue=Residue(minute, alone.days / 2.6))).fires
    again = detector.look([Counted(21 * DAY, 30, 30)], FOOTING._replace(residue=Residue(minute, alone.days)))
    assert again.fires
    assert again.detection.scale_s == minute


def test_the_usual_share_that_is_told_is_that_of_the_times_of_day_that_are_told_of() -> None:
    detector, noon = Detector.fresh(SETTINGS, 0), DAY // 2
    detector.documents, detector.negatives, detector.days, detector.cosine = 1000.0, 200.0, 7.0, -0.08
    spike = detector.look([Counted(noon, 60, 30)], FOOTING._replace(pooled_share=0.2))
    assert raised(detector.cosine, detector.sine, noon) == pytest.approx(0.08)
    assert spike.usual_share(noon, noon) == pytest.approx(0.28)
    assert spike.usual_share(noon - DAY // 4, noon + DAY // 4) == pytest.approx(0.2 + 0.08 * 2 / pi)
    assert spike.usual_share(noon - DAY, noon) == pytest.approx(0.2)
    assert spike.detection.usual_share == pytest.approx(0.2), "by which the return period can be computed again"


@pytest.mark.parametrize("of_name", [False, True])
def test_an_event_of_days_leaves_the_usual_volume_as_it_is_and_ends_where_the_share_is_as_usual_again(
    of_name: bool,
) -> None:
    dice, detector = np.random.default_rng(1), Detector.fresh(SETTINGS, 0, of_name=of_name)
    footing = FOOTING._replace(pooled_share=0.2)

    def day(share: float) -> float:
        """How much of a day it fires."""
        fired = 0
        for at in range(detector.at + STEP, detector.at + DAY + 1, STEP):
            many = int(dice.poisson(20 / 12))
            spike = detector.update(Counted(at, many, int(dice.binomial(many, share))), footing)
            fired += spike is not None and spike.fires
        return fired / 288

    assert sum(day(0.2) for _ in range(30)) < 1
    before = detector.usual(0.2).per_day
    assert all(day(0.6) > 0.8 for _ in range(4))
    assert detector.usual(0.2).per_day == pytest.approx(before, rel=0.03)
    assert [day(0.2) for _ in range(5)][-1] == 0
    assert detector.usual(0.2).per_day == pytest.approx(before, rel=0.03)


@pytest.mark.parametrize("before", [[], [(day, 1, 0) for day in range(1, 31)]], ids=["never heard of", "once a day"])
def test_the_silence_before_an_event_is_none_of_it(before: list[tuple[int, int, int]]) -> None:
    detector = Detector.fresh(SETTINGS, 0, of_name=True)
    for day, documents, negatives in before:
        detector.update(Counted(day * DAY, documents, negatives), NAMES)
    begins = (len(before) + 30) * DAY
    known = detector.documents
    for number in range(6):
        spike = detector.update(Counted(begins + number * HOUR, 12, 12), NAMES)
        assert spike is not None
        assert spike.fires
    days = len(before) + 30
    assert detector.usual(0.25).per_day == pytest.approx((known + 0.1 * 6 * 12) / days, rel=0.6)
