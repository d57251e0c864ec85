"""From ranges to windows and alerts, through the same code that the daemon runs."""

import random
from datetime import timedelta

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from alerting.counting.windows import WindowSettings
from alerting.detection.correction import Errors
from alerting.detection.rules import SpikeSettings, TopicRules
from alerting.state import AggregateSettings, Closing
from ingest.instants import DAY, HOUR, MINUTE, moment
from tests.alerting.made import NEGATIVE, START, TOPICS, crisis, ordinary, score_range, scored
from tests.alerting.runs import EARLY_LOOK, LATE_LOOK, Run, in_ranges


@pytest.fixture(scope="module")
def story():
    """Twelve ordinary days, an hour of crisis, a day of calm."""
    before = ordinary(12)
    events = crisis(len(before), START + 12 * DAY)
    after = ordinary(1, first=len(before) + len(events), start=START + 12 * DAY + HOUR)
    return before + events + after


def test_a_crisis_is_one_alert_that_opens_escalates_and_closes(story):
    run = Run().take(*in_ranges(story, 50), score_range([], start=len(story), next=len(story), final=True))
    first, *_, last = run.alerts
    assert {alert.id for alert in run.alerts} == {first.id}
    assert [alert.revision for alert in run.alerts] == list(range(1, len(run.alerts) + 1))
    assert first.change == "opened"
    assert moment(START + 12 * DAY) < first.opened_at <= moment(START + 12 * DAY + 30 * MINUTE)
    assert last.change == "closed"
    assert last.closed_at is not None
    assert last.closed_at >= moment(START + 12 * DAY + 6 * HOUR)
    assert len(run.alerts) <= 7
    assert first.share > 2 * first.usual_share
    assert first.top_documents[0].negative == 0.9
    assert run.keeper.finished


def test_how_the_log_is_cut_into_ranges_changes_nothing(story):
    coarse = Run().take(*in_ranges(story, 400))
    fine = Run().take(*in_ranges(story, 7))
    assert fine.counts == coarse.counts
    assert [(a.id, a.change, a.opened_at, a.documents) for a in fine.alerts] == [
        (a.id, a.change, a.opened_at, a.documents) for a in coarse.alerts
    ]
    assert coarse.alerts


def test_crashes_between_ranges_change_nothing_byte_for_byte(story):
    straight = Run(EARLY_LOOK).take(*in_ranges(story, 20))
    broken = Run(EARLY_LOOK)
    dice = random.Random(4)
    for scores in in_ranges(story, 20):
        broken.take(scores)
        if dice.random() < 0.3:
            broken.crash()
    assert msgpack.encode(broken.found) == msgpack.encode(straight.found)


def test_an_early_look_opens_the_alert_before_its_bin_closes(story):
    late, early = Run().take(*in_ranges(story, 1)), Run(EARLY_LOOK).take(*in_ranges(story, 1))
    assert early.alerts[0].opened_at <= late.alerts[0].opened_at
    assert early.counts == late.counts


def test_copies_of_one_story_do_not_fire_but_are_counted():
    before = ordinary(12)
    copies = [replace(document, story=99) for document in crisis(len(before), START + 12 * DAY)]
    run = Run().take(*in_ranges(before + copies, 50), score_range([], start=9999, next=9999, final=True, first=True))
    assert run.alerts == []
    crisis_windows = [counts for (_, start), counts in run.counts.items() if start >= START + 12 * DAY]
    assert sum(documents for documents, _, _ in crisis_windows) == len(copies)


def test_a_late_document_amends_its_closed_window():
    run = Run().take(*in_ranges(ordinary(1), 50))
    late = scored(144, START + HOUR, negative=True)
    run.take(score_range([late]))
    amended = [f for f in run.found if isinstance(f, Closing) and f.start == START + HOUR]
    assert [(f.tally.revision, f.tally.documents, f.tally.late) for f in amended] == [(1, 1, 0), (2, 2, 1)]


def test_a_document_too_late_for_the_state_is_published_as_an_addition():
    run = Run().take(*in_ranges(ordinary(4), 50))
    late = scored(576, START + HOUR, negative=True)
    run.take(score_range([late]))
    last = run.found[-1]
    assert isinstance(last, Closing)
    assert last.additive
    assert run.counts["topic/liquidity_run", START + HOUR] == (2, 1, 9000 + 500)


def test_late_news_still_alerts_and_says_that_it_was_late():
    before = ordinary(12)
    feed = [replace(document, event_at=START + 11 * DAY) for document in crisis(len(before), START + 12 * DAY)]
    after = ordinary(1, first=len(before) + len(feed), start=START + 12 * DAY)
    run = Run().take(*in_ranges(before + feed + after, 30))
    assert run.alerts
    assert run.alerts[0].opened_at >= moment(START + 12 * DAY - 6 * HOUR)  # where the watermark stood, not a day before
    assert run.alerts[0].late
    assert run.alerts[0].top_documents


def test_catching_up_pages_nobody_about_yesterday_but_tells_what_is_still_open(story):
    settings = AggregateSettings(
        inputs=("news",), windows=WindowSettings(early=False), historical_after=timedelta(hours=1)
    )
    crisis_end = START + 12 * DAY + HOUR
    now = START + 13 * DAY
    run = Run(settings).take(*in_ranges([d for d in story if d.event_at < crisis_end], 50, read_at=now, end=10**9))
    assert run.alerts
    assert all(alert.historical for alert in run.alerts)
    at_end = crisis_end + 30 * MINUTE
    length = sum(d.event_at < crisis_end for d in story)
    run = Run(settings).take(
        *in_ranges(story[:length], 50, read_at=at_end + 90 * MINUTE, end=10**9),
        score_range([], start=length, next=length, end=length, read_at=at_end + 91 * MINUTE),
    )
    assert run.alerts[-1].change == "caught_up"
    assert not run.alerts[-1].historical


def test_the_first_crisis_that_a_topic_ever_sees_is_an_alert_on_that_topic():
    before = [replace(document, labels=(1,)) for document in ordinary(6)]
    events = crisis(len(before), START + 6 * DAY, count=25)
    run = Run().take(*in_ranges(before + events, 50))
    run.take(score_range([], start=len(before) + 25, next=len(before) + 25, final=True))
    first = next(alert for alert in run.alerts if alert.subject.name == "liquidity_run")
    assert first.opened_at <= moment(START + 6 * DAY + 10 * MINUTE)
    assert first.ready


def test_another_model_starts_its_baselines_anew(story):
    half = len(story) // 2
    run = Run().take(*in_ranges(story[:half], 50))
    assert run.keeper.spikes["topic/liquidity_run"].ready
    run.take(*in_ranges(story[half : half + 50], 50, artifact="a2"))
    assert not run.keeper.spikes["topic/liquidity_run"].ready


def test_while_models_are_exchanged_the_old_one_still_counts_and_undoes_nothing(story):
    half = len(story) // 2
    run = Run().take(*in_ranges(story[:half], 50))
    turned = tuple(reversed(TOPICS))  # another model may name its topics in another order
    label = turned.index("liquidity_run")
    for number, start in enumerate(range(half, half + 200, 20)):
        documents = story[start : start + 20]
        if number % 2:
            run.take(score_range(documents))
        else:
            run.take(score_range([replace(d, labels=(label,)) for d in documents], artifact="a2", topics=turned))
    detector = run.keeper.state.detectors["topic/liquidity_run"]
    assert detector.since >= story[half].event_at - HOUR
    assert detector.documents > 150
    assert set(run.keeper.state.detectors) == {"topic/liquidity_run"}


def test_a_model_that_is_put_back_starts_anew_once_the_newer_one_has_fallen_silent(story):
    half = len(story) // 2
    parts = [story[start : start + 20] for start in range(half, half + 80, 20)]
    run = Run().take(*in_ranges(story[:half], 50, classified_at=START))
    run.take(score_range(parts[0], artifact="a2", classified_at=START + HOUR))
    run.take(score_range(parts[1], classified_at=START + 2 * HOUR))
    assert run.keeper.state.artifact == "a2"
    run.take(score_range(parts[2], classified_at=START + 2 * HOUR + 1))
    assert run.keeper.state.artifact == "a1"
    run.take(score_range(parts[3], artifact="a2", classified_at=START + 2 * HOUR + 2))
    assert run.keeper.state.artifact == "a1"


def test_the_order_of_partitions_changes_no_count():
    documents = ordinary(3)
    parts = [[replace(d, offset=i) for i, d in enumerate(documents[p::3])] for p in range(3)]
    ranges = [
        [score_range(part[i : i + 9], partition=p, partitions=3) for i in range(0, len(part), 9)]
        for p, part in enumerate(parts)
    ]
    whole = Run().take(
        *in_ranges(documents, 27), score_range([], start=len(documents), next=len(documents), final=True)
    )
    for seed in range(3):
        dice, queues = random.Random(seed), [list(queue) for queue in ranges]
        run = Run()
        while any(queues):
            queue = dice.choice([q for q in queues if q])
            run.take(queue.pop(0))
        for p, part in enumerate(parts):
            run.take(score_range([], partition=p, partitions=3, start=len(part), next=len(part), final=True))
        assert run.counts == whole.counts


def test_a_window_that_left_the_state_is_added_to_also_when_more_is_kept_now():
    run = Run().take(*in_ranges(ordinary(4), 50))
    run.settings = AggregateSettings(("news",), WindowSettings(early=False, keep=timedelta(days=7)))
    run.crash().take(score_range([scored(576, START + HOUR, negative=True)]))
    assert run.counts["topic/liquidity_run", START + HOUR] == (2, 1, 9000 + 500)


def test_the_end_of_an_alert_that_was_delivered_is_delivered_though_it_escalated_while_behind():
    before = ordinary(12)
    events = crisis(len(before), START + 12 * DAY)
    after = ordinary(1, first=len(before) + len(events), start=START + 12 * DAY + HOUR)
    run = Run().take(*in_ranges(before, 50))
    for document in events:
        behind = 5 * HOUR if run.alerts else 0
        run.take(score_range([document], read_at=document.event_at + behind))
    run.take(*in_ranges(after, 5, read_at=START + 20 * DAY))
    told = [(alert.change, alert.historical) for alert in run.alerts]
    assert told[:2] == [("opened", False), ("escalated", True)]
    assert told[-1] == ("closed", False)


def test_a_partition_far_ahead_of_another_alerts_nobody_by_how_much_is_open():
    documents = [replace(d, sentiment=NEGATIVE if i % 10 < 7 else d.sentiment) for i, d in enumerate(ordinary(14))]
    heard_of = score_range([], partition=1, partitions=2, first=True, end=0, read_at=START + 12 * DAY)
    run = Run(EARLY_LOOK).take(heard_of, *in_ranges(documents, 1, partitions=2))
    assert len(run.keeper.state.bins.open()) > 200
    assert run.alerts == []


def test_a_subject_that_fell_silent_in_a_crisis_is_not_shown_in_one_for_ever(story):
    crisis_end = 12 * 144 + 60
    run = Run().take(*in_ranges(story[:crisis_end], 50))
    assert run.keeper.spikes["topic/liquidity_run"].days > 0
    others = [replace(d, labels=(1,)) for d in ordinary(10, first=crisis_end, start=START + 12 * DAY + HOUR)]
    shown = run.take(*in_ranges(others, 50)).keeper.spikes
    assert shown["topic/liquidity_run"].days == 0
    assert run.crash().keeper.spikes == shown


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        (TopicRules(), ["critical"]),
        (TopicRules(critical=100), ["warning"]),
        (TopicRules(rarity=50), ["warning"]),
        (TopicRules(rarity=1000), []),
        (TopicRules(min_negatives=40), []),
        (TopicRules(alert=False), []),
    ],
)
def test_a_topic_has_its_own_severity_share_of_the_budget_and_floor_or_never_alerts(rules, told):
    before = ordinary(12)
    events = crisis(len(before), START + 12 * DAY, count=11)
    settings = replace(LATE_LOOK, spikes=SpikeSettings(topics={"liquidity_run": rules}))
    run = Run(settings).take(*in_ranges(before + events, 50))
    run.take(score_range([], start=len(before) + 11, next=len(before) + 11, final=True))
    assert [alert.severity for alert in run.alerts[:1]] == told


def test_the_budget_of_topics_that_never_alert_is_that_of_the_others():
    silenced = SpikeSettings(topics={topic: TopicRules(alert=False) for topic in TOPICS[1:]})
    documents = ordinary(1)
    alone, usual = (
        Run(replace(LATE_LOOK, spikes=spikes)).take(*in_ranges(documents, 50)).keeper
        for spikes in (silenced, SpikeSettings())
    )
    assert usual.alarm_days == pytest.approx(len(TOPICS) * alone.alarm_days)


def test_an_alert_says_what_its_share_is_without_the_errors_of_the_model_that_scored_it(story):
    errors = Errors("a1", negatives=400, found=340, others=1200, mistaken=60)
    known, foreign = (
        Run(replace(LATE_LOOK, errors=replace(errors, artifact=artifact))).take(*in_ranges(story, 50)).alerts[-1]
        for artifact in ("a1", "a2")
    )
    assert known.corrected is not None
    assert known.corrected.low < known.corrected.share <= known.corrected.high
    assert known.corrected.share > known.share
    assert not known.corrected.within_error
    assert foreign.corrected is None


def test_a_replay_of_nothing_ends_and_closes_nothing():
    run = Run().take(score_range([], first=True, final=True))
    assert run.keeper.finished
    assert run.keeper.state.bins.closed_to is None
