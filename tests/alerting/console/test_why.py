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
from classifier.packing import encode_range
from classifier.ranges import range_message
from classifier.scores import ScoredDocument
from ingest.instants import DAY, HOUR, MINUTE, SECOND, instant
from ingest.logs import Record
from tests.alerting.console.shown import alerts, scores
from tests.alerting.made import START, ordinary, score_range, scored
from tests.alerting.runs import EARLY_LOOK, Run, in_ranges
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
    stories = [scored(n // 2, OPENED).story for n in range(40)]
    texts = [
        scored(n, OPENED - 1, negative=True, source="first" if n % 2 else "copy", story=story)
        for n, story in enumerate(stories)
    ]
    detected = replace(ALERT.detection, documents=20.0, negatives=20.0, squares=20.0, mean_excess=3.0)
    record = Record(0, 0, None, range_message(score_range(texts)).value)
    answer = asked(replace(ALERT, detection=detected), [record])
    whole = days_without(detected, Sums(0, 0, 0), SETTINGS)
    assert [(each.documents, each.return_period_days) for each in answer.sources] == [
        (20, pytest.approx(whole, rel=1e-3))
    ] * 2
    assert answer.stories[0].documents == 2
    assert answer.stories[0].return_period_days < whole


def test_what_the_time_of_day_explains_was_no_part_of_what_the_detector_saw() -> None:
    texts = [scored(n, OPENED - 1, negative=True, source="ab"[n % 2]) for n in range(20)]
    detected = replace(ALERT.detection, documents=20.0, negatives=18.0, squares=20.0, mean_excess=3.0)
    alert = replace(ALERT, usual_share=detected.usual_share + 0.1, detection=detected)
    answer = asked(alert, [Record(0, 0, None, range_message(score_range(texts)).value)])
    left = days_without(detected, Sums(10, 9, 10), SETTINGS)
    assert [each.return_period_days for each in answer.sources] == [pytest.approx(left, rel=1e-3)] * 2


@pytest.mark.parametrize("counted", [40, 44])
def test_what_came_at_the_very_instant_of_the_finding_is_taken_out_where_it_was_counted(counted: int) -> None:
    at = instant(ALERT.updated_at)
    texts = [scored(n, at - (n < 40), negative=n % 4 > 0, source="a") for n in range(44)]
    answer = asked(replace(ALERT, documents=counted), [Record(0, 0, None, range_message(score_range(texts)).value)])
    assert [each.documents for each in answer.sources] == [counted]


def explained(documents: list[ScoredDocument], size: int = 25) -> tuple[Alert, Why]:
    """The first alert on these texts, ranges of so many, and why it fired."""
    ranges = in_ranges(documents, size)
    alert = Run(EARLY_LOOK).take(*ranges).alerts[0]
    log = [Record(offset, 0, None, encode_range(each)) for offset, each in enumerate(ranges)]
    return alert, why(alert, log[alert.scores_from :], MINUTE, SETTINGS)


@pytest.mark.parametrize("bits", [0, 1, 5])
def test_copies_that_differ_in_a_few_bits_are_of_the_story_that_they_copy(bits: int) -> None:
    usual = ordinary(12)
    n, at = len(usual), START + 12 * DAY
    first = scored(n, at, negative=True, source="agency", text="the story")
    copies = [
        scored(
            n + 1 + i, at + (i + 1) * SECOND, negative=True, source="portal", story=first.story ^ ((1 << bits) - 1) << i
        )
        for i in range(12)
    ]
    others = [scored(n + 13 + i, at + (i + 1) * 20 * SECOND, negative=True, source=f"paper{i}") for i in range(12)]
    alert, answer = explained([*usual, first, *copies, *others])
    assert alert.copies == 12
    without = {each.name: each for each in answer.sources}
    assert (without["portal"].documents, without["portal"].return_period_days) == (12, alert.return_period_days)
    assert without["portal"].fires  # none of what it says was its own
    assert without["agency"].return_period_days == alert.return_period_days  # the portal has told it as well
    assert {each.name: each.documents for each in answer.stories}["the story"] == 13


@pytest.mark.parametrize(("copied", "reason"), [(1, "answered"), (12, "copies")])
def test_copies_of_stories_told_long_before_are_not_taken_for_what_the_detector_saw(copied: int, reason: str) -> None:
    usual = ordinary(12)
    n, before, at = len(usual), START + 12 * DAY, START + 12 * DAY + 12 * HOUR
    firsts = [scored(n + i, before, source="agency", text=f"story {i}") for i in range(12)]
    copies = [
        scored(n + 12 + i, at + i * SECOND, negative=True, source="portal", story=firsts[i % copied].story)
        for i in range(12)
    ]
    others = [scored(n + 24 + i, at + (i + 1) * 20 * SECOND, negative=True, source=f"paper{i}") for i in range(12)]
    alert, answer = explained([*usual, *firsts, *copies, *others], 1)
    assert alert.copies == 12
    assert alert.scores_from >= n + 12
    assert (answer.reason, bool(answer.sources)) == (reason, reason == "answered")


def test_a_story_told_first_on_another_subject_counts_nowhere_else() -> None:
    ranges = score_range([
        scored(n, OPENED - 1, topic=int(n < 20), negative=True, story=scored(n % 20, OPENED).story) for n in range(40)
    ])  # fmt: skip
    alert = replace(ALERT, detection=replace(ALERT.detection, mean_excess=3.0))
    answer = asked(alert, [Record(0, 0, None, range_message(ranges).value)])
    assert {each.documents for each in answer.sources} == {6, 7}
    whole = days_without(alert.detection, Sums(0, 0, 0), SETTINGS)
    assert [each.return_period_days for each in answer.sources] == [pytest.approx(whole, rel=1e-3)] * 3


@pytest.mark.parametrize(("delay", "reason"), [(3 * MINUTE, "answered"), (2 * HOUR, "late")])
def test_what_came_too_late_to_be_weighed_by_its_own_time_is_not_answered(delay: int, reason: str) -> None:
    usual = ordinary(12)
    n, at = len(usual), START + 12 * DAY
    moving = [scored(n + 2 * i, at + i * MINUTE, topic=1) for i in range(30)]
    late = [scored(n + 2 * i + 1, at + i * MINUTE - delay, negative=True, source="blog") for i in range(30)]
    alert, answer = explained([*usual, *(each for pair in zip(moving, late, strict=True) for each in pair)], 1)
    assert alert.late
    assert (answer.reason, bool(answer.sources)) == (reason, reason == "answered")


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
