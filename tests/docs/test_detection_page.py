"""The numbers on the page about detection are those of the code."""

import math
import re
from datetime import timedelta
from pathlib import Path

import pytest

from alerting.composing.incidents import MOSTLY, SHARED, TOGETHER
from alerting.detection.budget import BOUND, LONGEST_GAPS, NAMES_BOUND, OUTAGE, Budget
from alerting.detection.rules import SpikeSettings
from alerting.detection.scales import NAME_CLUSTERS, NAME_DAYS, NAME_EXCESS, NAME_THRESHOLD
from alerting.detection.spikes import BEYOND_OF_NAME, KNOWN_DOCUMENTS, LONGEST, READY_DOCUMENTS, SETTLING
from alerting.watching import SETTLED, SETTLED_YOUNG
from bellwether.sections.alerts import AlertsSection
from ingest.instants import DAY

PAGE = (Path(__file__).parents[2] / "docs" / "detection.md").read_text()
SETTINGS = SpikeSettings()
HOUR = timedelta(hours=1)


def _numbers(pattern: str) -> list[float]:
    """What stands for each `#` in a piece of the page."""
    found = re.search(re.escape(pattern).replace(r"\#", r"([\d.,]+)").replace(r"\ ", r"\s+"), PAGE)
    assert found, pattern
    return [float(number.replace(",", "").rstrip(".")) for number in found.groups()]


def test_the_scales_are_those_of_the_detector() -> None:
    first, second, hours = _numbers("three time scales: # minutes, # minutes, # hours")
    assert SETTINGS.scales == (timedelta(minutes=first), timedelta(minutes=second), hours * HOUR)


def test_the_threshold_follows_from_the_budget_as_told() -> None:
    topics, budget, days = _numbers(
        "with # topics and # alerts a week, a topic speaks up when something comes once in # days"
    )
    assert budget == AlertsSection().budget_per_week
    assert round(Budget().alarm_days(budget, int(topics))) == days
    assert _numbers("for topics at most by a factor of #") == [pytest.approx(math.exp(BOUND))]
    assert _numbers("by itself, at most by a factor of #") == [pytest.approx(math.exp(NAMES_BOUND))]
    assert "than three times the usual gap between texts is an outage" in PAGE
    assert "One of all texts that is longer than a week, too" in PAGE
    assert (LONGEST_GAPS, OUTAGE) == (3, 7)


def test_names_are_watched_as_told() -> None:
    assert "only a quarter of p is" in PAGE
    assert BEYOND_OF_NAME == 0.25
    assert _numbers("T stays at #, the mean excess starts at #") == [NAME_THRESHOLD, NAME_EXCESS]
    assert NAME_CLUSTERS == 0.5
    assert _numbers("counted from half a cluster in # days") == [NAME_DAYS]


def test_floors_and_factors_are_those_of_the_settings() -> None:
    assert _numbers("At least # negatives, # more than usual, and # times the usual share") == [
        SETTINGS.min_negatives, SETTINGS.min_excess, SETTINGS.min_ratio,
    ]  # fmt: skip
    again = "told again when it is # times rarer (past # days only to become `critical`), `critical` is what is # times rarer"
    assert _numbers(again) == [SETTINGS.escalation, LONGEST, SETTINGS.critical]
    assert _numbers("closes after # hours below T") == [SETTINGS.quiet / HOUR]
    assert _numbers("More than # days is never said") == [LONGEST]


def test_incidents_are_as_told() -> None:
    assert _numbers("Alerts that open within # hours of each other") == [TOGETHER / (DAY / 24)]
    assert "share a fifth of the negative stories" in PAGE
    assert SHARED == 0.2
    assert "stories at least half are the incident's" in PAGE
    assert MOSTLY == 0.5


def test_a_topic_is_young_as_long_as_told() -> None:
    assert "three days and 20 texts" in PAGE
    assert SETTINGS.ready_after == timedelta(days=3)
    assert READY_DOCUMENTS == 20


def test_what_becomes_the_usual_is_as_told() -> None:
    assert "in the tail for a week" in PAGE
    assert SETTLED == 7 * DAY
    assert "after half a day, what began in a topic's first three days" in PAGE
    assert SETTLED_YOUNG == DAY // 2
    assert SETTINGS.ready_after == timedelta(days=3)
    assert _numbers("where # texts are known") == [KNOWN_DOCUMENTS]
    assert "eight times as fast" in PAGE
    assert SETTLING == 8
