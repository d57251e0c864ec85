"""Which documents an alert shows: those that weigh most with the detector on the scale that spoke."""

import pytest
from msgspec.structs import replace

from alerting.composing.evidence import SHOWN, Candidate, Candidates, weight
from ingest.instants import DAY, HOUR, MINUTE
from tests.alerting.made import START, ordinary, score_range, scored
from tests.alerting.runs import EARLY_LOOK, Run, in_ranges

SCALE = 20 * MINUTE


def candidate(event_at: int, positivity: int = 1_000) -> Candidate:
    """A document of a story of its own."""
    return Candidate(positivity, event_at, offset=event_at, story=event_at, details=b"")


def holding(*candidates: Candidate, start: int | None = None) -> Candidates:
    """Each in the bin of its minute, or all in that from `start`."""
    held = Candidates()
    for each in candidates:
        place = each.event_at if start is None else start
        held.offer("topic/x", place, [(each.positivity, 0)], lambda _, each=each: each)
    return held


def best(held: Candidates, scale: float = SCALE) -> list[int]:
    """The minutes after START of what is shown."""
    return [(each.event_at - START) // MINUTE for each in held.best("topic/x", START, START + DAY, scale)]


def test_a_minute_with_very_many_negative_stories_still_relates():
    held = Candidates()
    for story in range(1026):
        held.relate("topic/x", START, [story])
    assert len(held.stories("topic/x", START, START + 1)) >= 200


def test_what_the_event_brought_is_shown_before_what_was_as_negative_before_it():
    held = holding(*(candidate(START + minute * MINUTE) for minute in range(20)))
    assert best(held) == [19, 18, 17, 16, 15]


def test_what_is_more_negative_is_shown_until_it_has_faded_on_the_scale_that_spoke():
    held = holding(candidate(START, 100), candidate(START + 5 * MINUTE, 3_000))
    assert best(held) == [0, 5]
    assert best(held, 10 * MINUTE) == [5, 0]


def test_what_came_late_weighs_from_where_it_was_counted():
    late = holding(candidate(START, 900), start=START + 30 * MINUTE)
    late.offer("topic/x", START + 31 * MINUTE, [(1_200, 0)], lambda _: candidate(START + 31 * MINUTE, 1_200))
    assert best(late, DAY) == [0, 31]


def test_each_story_is_shown_once_by_its_weightiest_text():
    held = holding(*(Candidate(1_000, START + n * MINUTE, n, story=n % 2, details=b"") for n in range(2 * SHOWN)))
    assert best(held) == [2 * SHOWN - 1, 2 * SHOWN - 2]


def test_a_weight_falls_to_a_third_in_one_scale_and_never_rises_above_one():
    assert weight(START, START + SCALE, SCALE) == pytest.approx(0.3679, abs=1e-4)
    assert weight(START + DAY, START, SCALE) == 1
    assert weight(START, START + 10_000 * DAY, SCALE) == 0


def test_a_checkpoint_holds_no_text_for_longer_than_windows_are_kept() -> None:
    run = Run(replace(EARLY_LOOK, tiers={"Northbank": 1}))
    text = scored(0, START, negative=True, topic=1, names=("Northbank",), text="of the first of January")
    run.take(score_range([text]), *in_ranges(ordinary(2, first=1, start=START + MINUTE), 50))
    assert b"of the first of January" in run.keeper.packed()
    run.take(*in_ranges(ordinary(1, HOUR, first=289, start=START + 2 * DAY + HOUR), 5))
    assert b"of the first of January" not in run.keeper.packed()
    held = run.keeper.state.candidates
    assert held.held.keys() == held.related.keys() == {"topic/liquidity_run"}
    assert held.held["topic/liquidity_run"].many == sum(map(len, held.held["topic/liquidity_run"].bins.values()))
