"""The latency benchmark in small, and which document it takes to have been enough for an alert."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from alerting.alerts import Detection
from alerting.detection.rules import SpikeSettings
from benchmarks.arrivals import enough
from tests.alerting.made import scored
from tests.alerting.told import OPENED, told

ROOT = Path(__file__).parents[2]
FIVE_AT_ONCE = Detection(
    scale_s=1200.0,
    statistic=4.1,
    usual_share=0.25,
    threshold=2.2,
    mean_excess=0.8,
    clusters_per_day=0.01,
    scales=3,
    alarm_days=10.0,
    documents=5.0,
    negatives=5.0,
    squares=5.0,
    usual_documents=0.01,
    beyond_share=0.0625,
)


@pytest.mark.timeout(240)
def test_alerts_of_both_lanes_are_timed_to_their_log_and_to_the_webhook(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    size = ("--alerts", "4", "--past", "200", "--out", str(figures))
    command = [sys.executable, "-m", "benchmarks.latency", "--log", "embedded", *size]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lanes = json.loads(figures.read_text())["alert_latency"]["embedded"]
    for lane in ("flash", "topic"):
        logged, delivered = lanes[lane]["alerts_log"], lanes[lane]["webhook"]
        assert logged["alerts"] == delivered["alerts"] == 4
        assert 0 < logged["p50_s"] <= delivered["p50_s"] <= delivered["most_s"]


@pytest.mark.parametrize(
    ("negative", "nth"),
    [
        ([True] * 5, 3),  # the least that may fire
        ([True, True, False, True, True], 4),
    ],
)
def test_of_documents_that_came_together_the_first_that_would_have_done_counts(negative: list[bool], nth: int) -> None:
    behind = [scored(number, OPENED, negative=each) for number, each in enumerate(negative)]
    seen = FIVE_AT_ONCE if all(negative) else replace(FIVE_AT_ONCE, negatives=4.0)
    assert enough(told(detection=seen), behind, SpikeSettings()) is behind[nth - 1]


def test_a_baseline_that_is_not_known_yet_needs_more() -> None:
    behind = [scored(number, OPENED, negative=True) for number in range(5)]
    young = told(detection=FIVE_AT_ONCE, ready=False)
    assert enough(young, behind, SpikeSettings()) is behind[3]
