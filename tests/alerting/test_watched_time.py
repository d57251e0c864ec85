"""What nobody watched is no silence: years before the first texts of today, and an outage of everything."""

import random

import pytest

from classifier.scores import ScoredDocument
from ingest.instants import DAY, HOUR, MINUTE
from tests.alerting.made import START, TOPICS, scored
from tests.alerting.runs import EARLY_LOOK, LATE_LOOK, Run, in_ranges

IN_1980 = 315_532_800_000_000


def noise(days: int, *, seed: int = 1, first: int = 0, start: int = START) -> list[ScoredDocument]:
    """Of three topics about two texts an hour each, of which three in ten are negative, by chance."""
    dice, made, at = random.Random(seed), [], float(start)
    while (at := at + dice.expovariate(1) * 10 * MINUTE) < start + days * DAY:
        topic, negative = dice.randrange(len(TOPICS)), dice.random() < 0.3
        made.append(scored(first + len(made), int(at), topic=topic, negative=negative))
    return made


@pytest.mark.parametrize("old", [IN_1980, START - 365 * DAY])
@pytest.mark.parametrize("settings", [LATE_LOOK, EARLY_LOOK])
def test_one_old_text_at_the_start_makes_no_topic_ready_and_no_wobble_rare(old, settings):
    run, readiness = Run(settings).take(*in_ranges([scored(0, old, topic=1)], 1)), []
    for ranges in in_ranges(noise(9, first=1), 48):
        run.take(ranges)
        readiness.append({spike.ready for spike in run.keeper.spikes.values()})
    without = Run(settings).take(*in_ranges(noise(9), 48))
    assert readiness[7] == {False}  # of the third day
    assert readiness[-1] == {True}
    assert [alert.severity for alert in run.alerts] == [alert.severity for alert in without.alerts]
    for topic in ("topic/liquidity_run", "topic/market_moves"):
        after, usual = run.keeper.state.detectors[topic], without.keeper.state.detectors[topic]
        assert [scale.tail.days for scale in after.scales] == pytest.approx(
            [scale.tail.days for scale in usual.scales], 0.01
        )
        assert [scale.tail.clusters for scale in after.scales] == [scale.tail.clusters for scale in usual.scales]


def test_an_outage_of_everything_teaches_no_topic_and_no_name_that_nothing_comes():
    def story(away: int) -> list[ScoredDocument]:
        before = [*noise(20), scored(9_999, START + 20 * DAY, names=("Northbank",))]
        made = [*before, *noise(1, seed=2, start=START + 20 * DAY + away + HOUR)]
        return [
            scored(n, d.event_at, topic=d.labels[0], negative=d.sentiment[0] > 5000, names=d.names)
            for n, d in enumerate(made)
        ]

    through, straight = (Run().take(*in_ranges(story(away), 50)).crash().keeper.state for away in (60 * DAY, 0))
    assert set(through.detectors) == {*(f"topic/{topic}" for topic in TOPICS), "entity/Northbank"}
    for subject, detector in through.detectors.items():
        tails = [(scale.tail.days, scale.tail.clusters, scale.tail.threshold) for scale in detector.scales]
        usual = [
            (scale.tail.days, scale.tail.clusters, scale.tail.threshold) for scale in straight.detectors[subject].scales
        ]
        assert tails == [pytest.approx(each, 0.03) for each in usual]
        assert detector.usual(0.3).per_day == pytest.approx(straight.detectors[subject].usual(0.3).per_day, 0.01)


def test_who_is_first_heard_of_after_an_outage_was_not_silent_during_it():
    before, back = noise(2), START + 62 * DAY
    after = [d for d in noise(1, seed=2, first=len(before), start=back) if d.labels != (0,)]
    before = [d for d in before if d.labels != (0,)]
    story = [
        *before,
        *after,
        scored(9_999, back + DAY, names=("Northbank",)),
        scored(10_000, back + DAY + HOUR, topic=1),
    ]
    story = [scored(n, d.event_at, topic=d.labels[0], names=d.names) for n, d in enumerate(story)]
    state = Run().take(*in_ranges(story, 50)).keeper.state
    for subject in ("topic/liquidity_run", "entity/Northbank"):
        assert back - 2 * DAY - HOUR < state.detectors[subject].since < back
    assert state.detectors["entity/Northbank"].scales[0].tail.days < 54  # the prior's 50, and what was watched


def test_what_another_model_has_watched_began_with_its_first_window():
    away = noise(2, first=0), noise(1, seed=2, first=10_000, start=START + 40 * DAY)
    run = Run().take(*in_ranges(away[0], 50))
    run.take(
        *in_ranges(
            [scored(len(away[0]) + n, d.event_at, topic=d.labels[0]) for n, d in enumerate(away[1])], 50, artifact="a2"
        )
    )
    assert {START + 40 * DAY <= each.since < START + 41 * DAY for each in run.keeper.state.detectors.values()} == {True}
