from collections.abc import Iterable
from datetime import timedelta

import pytest
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.console.why import Why, days_without, why
from alerting.detection.rules import SpikeSettings
from alerting.detection.scales import Counted
from alerting.detection.spikes import Detector, Footing
from alerting.detection.statistic import Sums
from classifier.ranges import range_message
from ingest.instants import HOUR, MINUTE
from ingest.logs import Record
from tests.alerting.console.shown import alerts, scores
from tests.alerting.made import START, score_range, scored
from tests.alerting.told import OPENED

SETTINGS = SpikeSettings()
ALERT = alerts()[1]


def asked(alert: Alert, records: Iterable[Record] | None = None) -> Why:
    return why(alert, [Record(0, 0, None, scores().value)] if records is None else records, MINUTE, SETTINGS)


def test_it_fires_without_what_is_small_and_not_without_what_carries_it() -> None:
    answer = asked(ALERT)
    assert answer.reason == "answered"
    assert [(each.name, each.documents, each.fires) for each in answer.sources] == [
        ("loud", 25, False),
        ("quiet", 15, True),
    ]
    assert [each.fires for each in answer.stories] == [True] * 8  # one of 31 changes little


def test_a_threshold_beyond_what_is_said_is_held_against_what_is_not_cut() -> None:
    rare = replace(ALERT, detection=replace(ALERT.detection, alarm_days=2000.0, mean_excess=0.3))
    loud, quiet = asked(rare).sources
    assert (quiet.name, quiet.return_period_days, quiet.fires) == ("quiet", 1000, True)
    assert (loud.name, loud.fires) == ("loud", False)


def test_without_one_source_a_story_that_another_one_copied_is_still_there() -> None:
    texts = [scored(n, OPENED - 1, negative=True, source="first" if n % 2 else "copy", story=n // 2) for n in range(40)]
    detected = replace(ALERT.detection, documents=20.0, negatives=20.0, squares=20.0, mean_excess=3.0)
    record = Record(0, 0, None, range_message(score_range(texts)).value)
    answer = asked(replace(ALERT, detection=detected), [record])
    whole = days_without(detected, Sums(0, 0, 0), SETTINGS)
    assert [(each.documents, each.return_period_days) for each in answer.sources] == [
        (20, pytest.approx(whole, rel=1e-3))
    ] * 2
    assert answer.stories[0].documents == 2
    assert answer.stories[0].return_period_days < whole


def test_what_is_told_of_a_detection_gives_its_return_period_again() -> None:
    footing = Footing(SETTINGS, pooled_share=0.25, alarm_days=24.0)
    detector = Detector.fresh(SETTINGS, START)
    for n in range(600):
        detector.update(Counted(START + n * HOUR, 3, n % 3 == 0), footing)
    at = START + 600 * HOUR
    spike = detector.look([Counted(at, 40, 33)], footing)
    fewer = detector.look([Counted(at, 25, 18)], footing)
    assert fewer.detection.scale_s == spike.detection.scale_s
    assert days_without(spike.detection, Sums(0, 0, 0), SETTINGS) == pytest.approx(spike.days)
    assert days_without(spike.detection, Sums(15, 15, 15), SETTINGS) == pytest.approx(fewer.days)
    assert days_without(spike.detection, Sums(39, 32, 39), SETTINGS) == 0


def test_texts_that_are_no_longer_kept_are_told_to_be_gone() -> None:
    value = scores().value
    assert asked(replace(ALERT, scores_from=3, scores_to=9), [Record(5, 0, None, value)]).reason == "gone"
    assert asked(ALERT, []).reason == "gone"
    assert asked(replace(ALERT, updated_at=ALERT.first_seen_at - timedelta(days=1))).reason == "gone"


def test_what_cannot_be_computed_says_why() -> None:
    assert asked(replace(ALERT, kind="flash")).reason == "one_text"
    assert asked(replace(ALERT, detection=replace(ALERT.detection, documents=0.0))).reason == "older_version"
