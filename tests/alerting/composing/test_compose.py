"""What an alert tells is counted as what it is held against: copies apart, and over the same stretch of time."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

import pytest
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.counting.windows import WindowSettings
from alerting.detection.correction import Errors, correct
from alerting.detection.rules import SpikeSettings
from alerting.state import AggregateSettings
from classifier.scores import ScoredDocument
from ingest.instants import DAY, HOUR, MINUTE, SECOND, instant, moment
from tests.alerting.made import NEGATIVE, START, crisis, ordinary, score_range, scored
from tests.alerting.runs import EARLY_LOOK, LATE_LOOK, Run, in_ranges

TURN = START + 12 * DAY


def thrice(documents: list[ScoredDocument]) -> list[ScoredDocument]:
    """Each story comes three times, within its window."""
    return [replace(each, offset=3 * each.offset + copy) for each in documents for copy in range(3)]


def turned(documents: list[ScoredDocument]) -> list[ScoredDocument]:
    """The same, all negative after twelve days."""
    return [replace(each, sentiment=NEGATIVE) if each.event_at >= TURN else each for each in documents]


def told(documents: list[ScoredDocument], settings: AggregateSettings = LATE_LOOK) -> list[Alert]:
    end = score_range([], start=documents[-1].offset + 1, next=documents[-1].offset + 1, final=True)
    return [alert for alert in Run(settings).take(*in_ranges(documents, 30), end).alerts if alert.change != "closed"]


def test_copies_that_always_come_are_no_unusual_volume() -> None:
    alerts = told(thrice(turned(ordinary(13))))
    assert alerts
    for alert in alerts:
        assert alert.kind == "share"
        assert (alert.documents, alert.copies) == (3 * alert.stories, 2 * alert.stories)
        assert alert.stories == pytest.approx(alert.usual_documents, rel=0.2)


@pytest.mark.parametrize("settings", [EARLY_LOOK, LATE_LOOK])
def test_an_alert_tells_of_no_longer_stretch_than_windows_are_held_for(settings: AggregateSettings) -> None:
    held = WindowSettings(early=settings.windows.early, keep=timedelta(hours=1))
    documents = turned(ordinary(13))
    alerts = told(documents, replace(settings, windows=held))
    slow = [alert for alert in alerts if alert.detection.scale_s > HOUR / 1_000_000]
    assert slow
    for alert in slow:
        since, at = instant(alert.first_seen_at), instant(alert.updated_at)
        assert alert.documents == sum(since <= each.event_at <= at for each in documents)
        assert alert.documents == pytest.approx(alert.usual_documents, abs=2)
        assert alert.kind == "share"
        assert at - since >= HOUR - MINUTE


def evening(before: list[ScoredDocument], **changes: object) -> list[ScoredDocument]:
    """What comes after an event: half a day as usual, for it to end."""
    first, start = before[-1].offset + 1, before[-1].event_at + MINUTE
    return [replace(each, **changes) for each in ordinary(1, first=first, start=start)]


def an_event(hours: int, every: int = 5 * MINUTE) -> tuple[list[ScoredDocument], list[ScoredDocument]]:
    """Twelve days with the event after them, and the event alone."""
    before = ordinary(12)
    event = crisis(len(before), TURN, count=hours * HOUR // every, every=every)
    return [*before, *event], event


def revisions(documents: list[ScoredDocument], settings: AggregateSettings) -> list[Alert]:
    return Run(settings).take(*in_ranges([*documents, *evening(documents)], 1)).alerts


@pytest.mark.parametrize("settings", [EARLY_LOOK, LATE_LOOK])
def test_what_is_shown_of_an_event_is_of_the_event(settings: AggregateSettings) -> None:
    documents, event = an_event(2)
    of_event = {each.id for each in event}
    alerts = [alert for alert in revisions(documents, settings) if alert.change in ("opened", "escalated")]
    assert len(alerts) > 2
    for alert in alerts:
        so_far = sum(each.event_at <= instant(alert.updated_at) for each in event)
        shown = [each.id for each in alert.top_documents]
        assert len(of_event.intersection(shown)) >= min(so_far - 1, 5)
        assert shown[0] in of_event


@pytest.mark.parametrize("settings", [EARLY_LOOK, LATE_LOOK])
def test_an_alert_that_escalates_counts_from_where_it_did(settings: AggregateSettings) -> None:
    documents, _ = an_event(26)
    told_of = [alert for alert in revisions(documents, settings) if alert.change != "closed"]
    assert len(told_of) > 2
    for before, after in pairwise(told_of):
        assert after.first_seen_at <= before.first_seen_at
        assert after.documents == sum(
            instant(after.first_seen_at) <= each.event_at <= instant(after.updated_at) for each in documents
        )


@pytest.mark.parametrize("settings", [EARLY_LOOK, LATE_LOOK])
def test_the_end_of_an_event_tells_the_numbers_of_the_whole_event(settings: AggregateSettings) -> None:
    documents, event = an_event(26)
    *_, last, closed = revisions(documents, settings)
    assert closed.change == "closed"
    assert closed.documents > last.documents + 100
    assert closed.first_seen_at == last.first_seen_at
    since = instant(closed.first_seen_at)
    bad = [each.offset for each in event]
    # Up to the last instant in the tail of the scale that spoke, which goes on a little after the event.
    counted = [each for each in [*documents, *evening(documents)] if each.event_at >= since][: closed.documents]
    assert set(bad) <= {each.offset for each in counted}
    assert closed.closed_at is not None
    assert counted[-1].event_at <= instant(closed.closed_at) - 6 * HOUR
    assert closed.negatives == closed.story_negatives == sum(each.sentiment == NEGATIVE for each in counted)
    assert closed.stories == len(counted)
    assert closed.share == pytest.approx(closed.story_negatives / closed.stories, abs=1e-4)
    assert closed.languages == Counter(each.language for each in counted)
    assert closed.sources == 3
    assert closed.usual_documents == pytest.approx((counted[-1].event_at - since) / (10 * MINUTE), rel=0.2)
    assert closed.top_documents == last.top_documents


@pytest.mark.parametrize(("keep_h", "is_counted"), [(4, False), (7, True)])  # the first falls short of the event itself
def test_an_event_is_counted_before_its_windows_are_gone(keep_h: int, *, is_counted: bool) -> None:
    documents, event = an_event(2)
    kept = replace(LATE_LOOK, windows=WindowSettings(early=False, keep=timedelta(hours=keep_h)))
    *_, last, closed = revisions(documents, kept)
    assert closed.change == "closed"
    assert closed.first_seen_at == last.first_seen_at
    assert closed.documents >= last.documents
    assert (closed.negatives >= len(event) > last.negatives) == is_counted


def test_what_was_found_behind_tells_the_whole_event_once_caught_up() -> None:
    documents, event = an_event(10)
    now = TURN + 12 * HOUR
    after = [scored(event[-1].offset + 1, now, topic=1)]
    run = Run(LATE_LOOK).take(*in_ranges(documents[: -len(event)], 50), *in_ranges(event, 1, read_at=now))
    run.take(*in_ranges(after, 1, read_at=now, end=after[-1].offset + 1))
    (caught_up,) = [alert for alert in run.alerts if alert.change == "caught_up"]
    assert caught_up.documents >= len(event)


@pytest.mark.parametrize(
    ("usual", "more", "every_s", "kind"),
    [({0, 3, 6}, (10, 12, 6), (120, 120, 120), "share"), (set(range(9)), (10, 10, 10), (120, 80, 50), "volume")],
)
def test_what_is_unusual_is_what_the_detector_spoke_of_where_neither_is_plain_in_what_is_counted(
    usual: set[int], more: tuple[int, ...], every_s: tuple[int, ...], kind: str
) -> None:
    """An excess that grows for hours is counted from where it began, and is less plain there than where it has come to."""
    at, documents = START, []
    while at < TURN + 8 * HOUR:
        number, part = len(documents), (at >= TURN) + (at >= TURN + 4 * HOUR)
        documents.append(scored(number, at, negative=number % 10 in usual or number % more[part] == 0))
        at += every_s[part] * SECOND
    settings = replace(LATE_LOOK, spikes=SpikeSettings(scales=(timedelta(minutes=90),)))
    alert = next(alert for alert in told(documents, settings) if alert.opened_at >= moment(TURN))
    assert alert.share < 1.3 * alert.usual_share
    assert alert.stories < 2 * alert.usual_documents
    assert alert.kind == kind


def test_the_usual_share_beside_that_of_a_whole_day_is_of_a_whole_day() -> None:
    calm, settings = ordinary(12), replace(LATE_LOOK, spikes=SpikeSettings(scales=(timedelta(days=1),)))
    run = Run(settings).take(*in_ranges(calm, 50))
    run.keeper.state.detectors["topic/liquidity_run"].sine = 0.08
    alert = run.take(*in_ranges(crisis(len(calm), TURN, every=10 * MINUTE), 1)).alerts[0]
    assert alert.updated_at - alert.first_seen_at == timedelta(days=1)
    assert alert.usual_share == pytest.approx(alert.detection.usual_share, abs=1e-4)


def test_the_end_of_an_event_tells_what_share_is_usual_in_all_of_it() -> None:
    documents, event = an_event(26)
    run = Run(LATE_LOOK).take(*in_ranges(documents[: -len(event)], 50))
    run.keeper.state.detectors["topic/liquidity_run"].sine = -0.08
    run.take(*in_ranges([*event, *evening(documents)], 1))
    *_, last, closed = run.alerts
    assert closed.change == "closed"
    off = [abs(alert.usual_share - alert.detection.usual_share) for alert in (last, closed)]
    assert off[1] < off[0] / 2


def test_a_share_is_of_stories_as_the_usual_one_is() -> None:
    """Negative stories come five times, others once: of five stories one is negative, of nine texts five."""
    documents, _ = an_event(2)
    often = [each for each in documents for _ in range(5 if each.sentiment == NEGATIVE else 1)]
    errors = Errors("a1", negatives=400, found=340, others=1200, mistaken=60)
    alerts = told([replace(each, offset=n) for n, each in enumerate(often)], replace(LATE_LOOK, errors=errors))
    assert alerts
    for alert in alerts:
        assert alert.negatives == 5 * alert.story_negatives
        assert alert.share == round(alert.story_negatives / alert.stories, 4)
        assert alert.corrected == correct(alert.story_negatives, alert.stories, alert.usual_share, errors)
