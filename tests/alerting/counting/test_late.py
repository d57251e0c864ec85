"""What came too late for its window is told where the watermark stands, with its evidence, and counted once."""

from collections import Counter

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.composing.book import Excess
from alerting.counting.late import Balance, LateCount
from alerting.counting.windows import Tally
from alerting.destinations.route import Route
from alerting.state import AggregateSettings
from classifier.scores import ScoredDocument
from ingest.instants import DAY, HOUR, MINUTE, SECOND, instant, moment
from tests.alerting.made import START, ordinary, score_range, scored
from tests.alerting.runs import EARLY_LOOK, LATE_LOOK, Run, in_ranges

NEXT = START + 12 * DAY
BEFORE = [replace(each, labels=(0, 1)) for each in ordinary(12, 30 * MINUTE)]
CLOSED_TO = NEXT - 2 * MINUTE
POLL = 16


def polled(since: int, many: int = POLL, every: int = 20 * SECOND) -> list[ScoredDocument]:
    """What a feed brings when it is asked: all negative."""
    return [scored(len(BEFORE) + i, since + i * every, negative=True, labels=(0, 1)) for i in range(many)]


def quiet(settings: AggregateSettings) -> Run:
    """Twelve days under two topics that are counted up to two minutes before midnight."""
    many = len(BEFORE)
    run = Run(settings).take(*in_ranges(BEFORE, 50), score_range([], start=many, next=many, end=many, read_at=NEXT))
    assert run.keeper.state.bins.closed_to == CLOSED_TO
    return run


def told(settings: AggregateSettings, late: list[ScoredDocument]) -> list[Alert]:
    """The alerts once these have come in one range, and the next windows have closed."""
    many = len(BEFORE) + len(late)
    after = score_range([], start=many, next=many, end=many, read_at=NEXT + 5 * MINUTE)
    return quiet(settings).take(score_range(late), after).alerts


def usual(alert: Alert) -> list[ScoredDocument]:
    """What lies in the windows that an alert tells of without the poll."""
    return [each for each in BEFORE if each.event_at >= instant(alert.first_seen_at)]


def test_an_early_look_after_late_texts_tells_of_them_where_the_watermark_stands() -> None:
    alert = told(EARLY_LOOK, polled(NEXT - 9 * MINUTE))[0]
    assert alert.opened_at == moment(CLOSED_TO)
    assert alert.late
    assert {each.published_at >= moment(NEXT - 9 * MINUTE) for each in alert.top_documents} == {True}


def test_an_early_look_is_at_the_newest_text_whatever_the_order_in_which_they_came() -> None:
    forwards = polled(NEXT + MINUTE, every=5 * SECOND)  # none of their windows closes by them
    backwards = [replace(each, offset=other.offset) for each, other in zip(forwards, reversed(forwards), strict=True)]
    backwards.reverse()
    one, other = (quiet(EARLY_LOOK).take(score_range(each)).alerts[0] for each in (forwards, backwards))
    assert one.opened_at == other.opened_at == moment(forwards[-1].event_at)
    assert one.documents == other.documents == POLL + len(usual(one))


def test_what_comes_late_under_two_topics_is_one_incident() -> None:
    alerts = told(EARLY_LOOK, polled(NEXT - 9 * MINUTE))
    assert {alert.subject.name for alert in alerts} == {"liquidity_run", "market_moves"}
    assert len({alert.incident for alert in alerts}) == 1


@pytest.mark.parametrize("settings", [EARLY_LOOK, LATE_LOOK])
def test_a_late_text_of_the_windows_that_are_told_of_is_counted_once(settings: AggregateSettings) -> None:
    alerts = told(settings, polled(NEXT - 9 * MINUTE))
    assert alerts
    for alert in alerts:
        assert instant(alert.first_seen_at) < NEXT - 9 * MINUTE
        assert alert.documents == alert.stories == POLL + len(usual(alert))
        assert alert.negatives == POLL + sum(each.sentiment[0] > 5_000 for each in usual(alert))
        assert alert.late


@pytest.mark.parametrize("settings", [EARLY_LOOK, LATE_LOOK])
@pytest.mark.parametrize("ago", [5 * DAY, DAY])
def test_a_late_text_of_an_earlier_window_counts_where_it_came(settings: AggregateSettings, ago: int) -> None:
    alerts = told(settings, polled(NEXT - ago))
    assert alerts
    for alert in alerts:
        assert instant(alert.first_seen_at) > NEXT - DAY + HOUR
        assert alert.documents == alert.stories == POLL + len(usual(alert))
        assert alert.languages == Counter(each.language for each in [*polled(NEXT - ago), *usual(alert)])
        assert alert.sources == 3
        assert alert.late


@pytest.mark.parametrize("settings", [EARLY_LOOK, LATE_LOOK])
def test_of_late_texts_each_counts_where_it_belongs_or_where_it_came(settings: AggregateSettings) -> None:
    older, newer = polled(NEXT - DAY), polled(NEXT - 9 * MINUTE)
    alerts = told(settings, [*older[:8], *newer[8:]])
    assert alerts
    for alert in alerts:
        assert alert.documents == POLL + len(usual(alert))


@pytest.mark.parametrize("settings", [EARLY_LOOK, LATE_LOOK])
def test_who_reads_their_language_is_told_of_late_texts_and_of_their_sources(settings: AggregateSettings) -> None:
    late = [replace(each, language="zh", source="blog") for each in polled(NEXT - DAY)]
    before = [replace(each, language="en", source="wire") for each in BEFORE]
    copies = [replace(each, offset=each.offset + POLL, id=f"c{each.offset}", source="portal") for each in late]
    many = len(before) + 2 * POLL
    after = score_range([], start=many, next=many, end=many, read_at=NEXT + 5 * MINUTE)
    alerts = Run(settings).take(*in_ranges(before, 50), score_range([*late, *copies]), after).alerts
    assert alerts
    for alert in alerts:
        assert Route(languages=frozenset({"zh"})).turns_away(alert, "") == ""
        assert alert.languages["zh"] == 2 * POLL
        assert alert.documents == sum(alert.languages.values())
        assert (alert.stories, alert.copies) == (alert.documents - POLL, POLL)
        assert alert.sources == 2 + bool(usual(alert))


def test_what_is_remembered_of_late_texts_is_of_the_windows_that_are_held() -> None:
    kept = LateCount()
    for minute in range(1_000):
        late = LateCount()
        late.add(START + (minute - 30) * MINUTE, Balance(2, 1, sources={f"feed-{minute}": 1}))
        kept.take_up(late, START + minute * MINUTE)
        kept.fold(START + (minute - 60) * MINUTE)
    assert len(kept.bins) < 100
    newest = START + 1_000 * MINUTE
    for minutes, many in ((0, 0), (10, 10), (30, 30), (60, 30)):
        across = kept.across(newest - minutes * MINUTE)
        assert (across.stories, across.story_negatives, len(across.sources)) == (2 * many, many, many)
    assert sum(len(balance.sources) for balance in kept.bins.values()) < 200
    assert [kept.is_since(newest - MINUTE), kept.is_since(newest)] == [True, False]


def test_what_an_older_version_kept_of_late_texts_is_read() -> None:
    older = {"stories": 5, "negatives": 4, "bins": {START: [5, 4], START + MINUTE: [-2, -2]}}
    kept = msgpack.decode(msgpack.encode(older), type=LateCount)
    kept.add(START, Balance(1, 1, languages={"zh": 1}))
    assert kept.across(START + 1) == Tally(documents=6, negatives=5, stories=6, story_negatives=5, languages={"zh": 1})
    assert kept.across(START + DAY).stories == 4


def test_an_event_that_an_older_version_kept_is_read() -> None:
    older = {"since": 1, "scores_from": 2, "above_at": 3, "quiet": 4, "late": 5, "late_negatives": 5, "lasted": 6}
    assert msgpack.decode(msgpack.encode(older), type=Excess) == Excess(1, 3, 4, 6)
