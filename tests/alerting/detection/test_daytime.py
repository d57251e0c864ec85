"""A share that swings with the time of day is usual, and one that does not keeps no rhythm."""

from math import hypot

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import msgpack, structs

from alerting.detection.daytime import least_raised, mean_raised, raised
from alerting.detection.scales import Counted
from alerting.detection.spikes import Detector
from ingest.instants import DAY, HOUR, MINUTE
from tests.alerting.detection.waves import FOOTING, SETTINGS, watch
from tests.alerting.made import START


def test_a_swing_is_learned_in_weeks_and_none_where_there_is_none() -> None:
    swinging = watch(0.12, 28)
    assert swinging.sine == pytest.approx(0.12, abs=0.04)
    assert swinging.cosine == pytest.approx(0.0, abs=0.04)
    still = watch(0.0, 28)
    assert hypot(still.cosine, still.sine) < 0.03


def test_the_same_burst_is_rarer_at_the_hour_of_few_negatives() -> None:
    detector = watch(0.12, 28)
    z = {}
    for hour in (6, 18):
        at = detector.at - detector.at % DAY + DAY + hour * HOUR
        z[hour] = detector.look([Counted(at, 12, 8)], FOOTING).detection.statistic
    assert z[18] > z[6] + 0.5


def test_a_name_learns_none() -> None:
    detector = Detector.fresh(SETTINGS, START, of_name=True)
    for hour in range(24 * 14):
        detector.update(Counted(START + hour * HOUR, 6, 5 if hour % 24 < 12 else 0), FOOTING)
    assert (detector.cosine, detector.sine) == (0.0, 0.0)


PART = st.floats(-0.2, 0.2)


@given(PART, PART, st.integers(0, 2 * DAY), st.integers(0, DAY), st.floats(0, 1))
def test_the_bound_is_never_above_what_it_bounds(c: float, s: float, first: int, length: int, where: float) -> None:
    at = first + int(where * length)
    assert least_raised(c, s, first, first + length) <= raised(c, s, at) + 1e-12
    assert least_raised(c, s, first, first) == pytest.approx(raised(c, s, first))


@given(PART, PART, st.integers(0, 2 * DAY), st.integers(0, 3 * DAY))
def test_the_mean_is_that_of_the_instants_between(c: float, s: float, first: int, length: int) -> None:
    instants = [first + length * (2 * part + 1) // 400 for part in range(200)]
    mean = sum(raised(c, s, at) for at in instants) / len(instants)
    assert mean_raised(c, s, first, first + length) == pytest.approx(mean, abs=1e-3)
    assert mean_raised(c, s, first, first + 2 * DAY) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("hour", "negatives"), [(6, 2), (18, 98)])
def test_a_feed_that_comes_once_a_day_from_now_on_loses_the_wave_of_the_stream_before(
    hour: int, negatives: int
) -> None:
    detector = watch(0.2, 28)
    day = detector.at - detector.at % DAY + hour * HOUR
    for number in range(1, 90):
        detector.update(Counted(day + number * DAY, 100, negatives), FOOTING._replace(is_settled=number > 7))
        assert 0 <= detector.negatives <= detector.documents
    spike = detector.look([Counted(detector.at, 0, 0)], FOOTING)
    assert spike.usual_share(detector.at, detector.at) == pytest.approx(negatives / 100, abs=0.03)
    assert (detector.cosine, detector.sine) == (0.0, 0.0)


@pytest.mark.parametrize("negatives", [-300.0, 1500.0])
def test_a_checkpoint_with_fewer_negatives_than_none_or_more_than_all_goes_on(negatives: float) -> None:
    broken = structs.replace(watch(0.2, 28), documents=1000.0)
    broken.negatives = negatives
    detector = msgpack.decode(msgpack.encode(broken), type=Detector)
    assert 0 < detector.usual(0.3).share < 1
    for number in range(60):
        detector.update(Counted(broken.at + number * 5 * MINUTE, 10, 9), FOOTING)
