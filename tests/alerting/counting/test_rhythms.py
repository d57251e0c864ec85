"""Sources that have fallen silent, by their own rhythm; and what follows for the topics that hang on them."""

import os
import subprocess
import sys

import numpy as np
import pytest
from msgspec import msgpack

from alerting.counting.rhythms import GONE, KNOWN_AFTER, MISSING, MOST_SOURCES, Rhythms
from alerting.counting.windows import Tally
from ingest.instants import DAY, HOUR, MINUTE
from tests.alerting.made import START

FX, RUN = "topic/fx", "topic/liquidity_run"
MONDAY = START + 4 * DAY  # 2026-01-05
WEEK = 7 * DAY


def hear(rhythms: Rhythms, start: int, **topics: str) -> None:
    """One bin of a minute: of each topic the sources that were heard, in a string."""
    rhythms.look(start)
    tallies = {f"topic/{topic}": Tally(sources=set(names.split())) for topic, names in topics.items()}
    rhythms.hear(tallies, start, start + MINUTE)


def test_nights_and_weekends_are_no_silence_but_a_morning_without_it_is() -> None:
    rhythms = Rhythms()
    tuesday = MONDAY + 5 * WEEK + DAY
    for at in range(MONDAY, tuesday, HOUR):
        for minute in (0, 20, 40):
            hour, weekday = at % DAY // HOUR, (at - MONDAY) // DAY % 7
            if weekday < 5 and 8 <= hour < 18:
                hear(rhythms, at + minute * MINUTE, liquidity_run="wire")
            hear(rhythms, at + (minute + 1) * MINUTE, fx="ticker")
        assert rhythms.silent == []
    steady(rhythms, tuesday, tuesday + 9 * HOUR, fx="ticker")
    rhythms.look(tuesday + 9 * HOUR)
    assert rhythms.silent == []
    steady(rhythms, tuesday + 9 * HOUR, tuesday + 11 * HOUR, fx="ticker")
    rhythms.look(tuesday + 11 * HOUR)
    assert rhythms.silent == ["wire"]
    assert rhythms.is_unknown(RUN)
    assert not rhythms.is_unknown(FX)
    assert not rhythms.is_unknown("entity/Northbank")
    told = rhythms.of(RUN)
    assert told is not None
    assert (told.sources, told.missing) == (("wire",), 1.0)
    assert rhythms.of(FX) is None
    hear(rhythms, tuesday + 12 * HOUR, liquidity_run="wire")
    rhythms.look(tuesday + 12 * HOUR + MINUTE)
    assert rhythms.silent == []
    assert not rhythms.is_unknown(RUN)


def steady(rhythms: Rhythms, since: int, until: int, every: int = 30 * MINUTE, **topics: str) -> None:
    for at in range(since, until, every):
        hear(rhythms, at, **topics)


def test_a_topic_is_unknown_once_half_of_its_usual_volume_is_missing() -> None:
    rhythms = Rhythms()
    steady(rhythms, MONDAY, MONDAY + 3 * WEEK, liquidity_run="a b c", fx="a d")
    end = MONDAY + 3 * WEEK
    steady(rhythms, end, end + 6 * HOUR, liquidity_run="b c", fx="d")
    rhythms.look(end + 6 * HOUR)
    assert rhythms.silent == ["a"]
    assert rhythms.missing[RUN] == pytest.approx(1 / 3, abs=0.01)
    assert not rhythms.is_unknown(RUN)
    assert rhythms.is_unknown(FX) == (rhythms.missing[FX] >= MISSING)
    steady(rhythms, end + 6 * HOUR, end + 12 * HOUR, liquidity_run="c", fx="d")
    rhythms.look(end + 12 * HOUR)
    assert rhythms.is_unknown(RUN)


def test_without_any_source_names_are_unknown_too_and_a_source_that_stays_away_is_gone() -> None:
    rhythms = Rhythms()
    end = MONDAY + 3 * WEEK
    steady(rhythms, MONDAY, end, liquidity_run="a", fx="b")
    rhythms.look(end + DAY)
    assert rhythms.silent == ["a", "b"]
    assert rhythms.is_unknown("entity/Northbank")
    steady(rhythms, end + DAY, end + GONE + HOUR, fx="b")
    assert rhythms.silent == []
    assert set(rhythms.sources) == {"b"}
    assert not rhythms.is_unknown(RUN)


def test_outages_do_not_become_the_rule_however_many_there_are() -> None:
    rhythms = Rhythms()
    end = MONDAY + 3 * WEEK
    steady(rhythms, MONDAY, end, fx="a")
    for hours in (6, 8, 20, 60):
        rhythms.look(end + 4 * HOUR)
        assert rhythms.silent == ["a"]
        back = end + hours * HOUR
        end = back + 3 * DAY
        steady(rhythms, back, end, fx="a")
        assert rhythms.silent == []


@pytest.mark.parametrize(("every", "days"), [(4 * HOUR, 2), (12 * HOUR, 8), (DAY, 21)])
def test_a_source_that_has_become_slower_for_good_is_not_silent_any_more(every: int, days: int) -> None:
    rhythms = Rhythms()
    end = MONDAY + 3 * WEEK
    steady(rhythms, MONDAY, end, fx="a")
    rhythms.look(end + every)
    assert rhythms.silent == ["a"]
    steady(rhythms, end + every, end + days * DAY, every, fx="a")
    for at in range(end + days * DAY, end + (days + 7) * DAY, every):
        rhythms.look(at)
        assert rhythms.silent == []
        hear(rhythms, at, fx="a")


def test_a_source_has_no_rhythm_before_it_is_known_for_a_while() -> None:
    rhythms = Rhythms()
    steady(rhythms, MONDAY, MONDAY + KNOWN_AFTER - HOUR, fx="a")
    rhythms.look(MONDAY + KNOWN_AFTER + 5 * DAY)
    assert rhythms.silent == []


def test_sources_that_speak_at_random_are_hardly_ever_called_silent() -> None:
    dice, silences, weeks = np.random.default_rng(5), 0, 12
    for per_day in (2, 5, 20, 100) * 6:
        rhythms, was = Rhythms(), False
        times = np.cumsum(dice.exponential(DAY / per_day, int(per_day * 7 * weeks)))
        for at in times.astype(int).tolist():
            rhythms.look(MONDAY + at)
            silences += bool(rhythms.silent) and not was
            was = bool(rhythms.silent)
            rhythms.hear({FX: Tally(sources={"a"})}, MONDAY + at, MONDAY + at + MINUTE)
    assert silences <= 24 * weeks / 52 / 2  # every other year, of a source


def test_of_very_many_sources_those_are_kept_that_say_most_and_a_checkpoint_keeps_all_of_it() -> None:
    rhythms = Rhythms()
    steady(rhythms, MONDAY, MONDAY + 3 * WEEK, every=HOUR, fx="main")
    for number in range(3 * MOST_SOURCES):
        hear(rhythms, MONDAY + 3 * WEEK + number * MINUTE, fx=f"main s{number}")
    assert "main" in rhythms.sources
    assert len(rhythms.sources) <= MOST_SOURCES
    packed = msgpack.encode(rhythms)
    assert msgpack.encode(msgpack.decode(packed, type=Rhythms)) == packed
    assert len(packed) < 300 * MOST_SOURCES


def weekly(rhythms: Rhythms, weeks: int, **sources: str) -> int:
    """Heard once a week, after the first one; returns their end."""
    for week in range(1, weeks):
        hear(rhythms, MONDAY + week * WEEK, **sources)
    return MONDAY + weeks * WEEK


@pytest.mark.parametrize("years", [30, 45, 79, 5_000])
def test_weights_fit_into_a_float_however_much_later_a_text_is_dated(years: int) -> None:
    old, fresh, later = Rhythms(), Rhythms(), MONDAY + years * 365 * DAY // (7 * DAY) * (7 * DAY)
    steady(old, MONDAY, MONDAY + 3 * WEEK, liquidity_run="a", fx="b")
    for rhythms in (old, fresh):
        steady(rhythms, later, later + 3 * WEEK, liquidity_run="c", fx="c d")
        steady(rhythms, later + 3 * WEEK, later + 4 * WEEK, fx="d")
    assert old.silent == fresh.silent == ["c"]
    assert old.missing == pytest.approx(fresh.missing)


def test_what_was_last_told_of_a_lifetime_ago_is_not_missed() -> None:
    rhythms = Rhythms()
    steady(rhythms, MONDAY, MONDAY + WEEK, every=HOUR, fx="a b", liquidity_run="a")
    end = weekly(rhythms, 52 * 160, fx="a b")
    steady(rhythms, end, end + 3 * WEEK, every=HOUR, fx="a b")
    steady(rhythms, end + 3 * WEEK, end + 4 * WEEK, every=HOUR, fx="b")
    assert rhythms.silent == ["a"]
    assert 0.35 < rhythms.missing[FX] < 0.5
    assert RUN not in rhythms.missing


def test_a_topic_of_which_only_who_is_gone_has_spoken_of_late_is_still_all_of_those_who_stay() -> None:
    rhythms = Rhythms()
    steady(rhythms, MONDAY, MONDAY + DAY, every=HOUR, fx="a b", liquidity_run="a")
    end = weekly(rhythms, 52 * 6, fx="a b")
    steady(rhythms, end, end + 3 * WEEK, every=HOUR, fx="a b", liquidity_run="c")
    steady(rhythms, end + 3 * WEEK, end + 6 * WEEK, every=HOUR, fx="a b")
    steady(rhythms, end + 6 * WEEK, end + 7 * WEEK, every=HOUR, fx="b")
    assert rhythms.silent == ["a"]
    assert rhythms.missing[RUN] == 1


IN_WHAT_ORDER = """
from alerting.counting.rhythms import Rhythms
from alerting.counting.windows import Tally
rhythms = Rhythms()
rhythms.hear({"topic/fx": Tally(sources={"reuters", "bloomberg", "xinhua", "caixin", "wire"})}, 0, 1)
print(*rhythms.sources)
"""


def test_the_order_of_sums_does_not_hang_on_the_seed_of_hashes() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", IN_WHAT_ORDER],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in "1234"
    }
    assert said == {b"bloomberg caixin reuters wire xinhua\n"}
