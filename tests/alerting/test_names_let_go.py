"""Names that are no longer on the watch list: nothing is learned of them, and none of the budget is theirs."""

import pytest
from msgspec.structs import replace

from classifier.scores import ScoredDocument
from ingest.instants import moment
from tests.alerting.made import DAY, HOUR, MINUTE, START, crisis, ordinary, scored
from tests.alerting.runs import EARLY_LOOK, LATE_LOOK, Run, in_ranges

MANY = {f"Bank {number}": 2 for number in range(30)}


def live(documents: list[ScoredDocument], **changes: object):
    """Ranges as the service writes them: they say when they were read."""
    return in_ranges(documents, 20, read_at=START, **changes)


def named(days: int, *, first: int = 0, start: int = START) -> list[ScoredDocument]:
    """Ordinary news on all of many names, in turn."""
    return [replace(d, names=(f"Bank {d.offset % 30}",)) for d in ordinary(days, first=first, start=start)]


def watched(run: Run) -> set[str]:
    return {subject for subject in run.keeper.state.detectors if subject.startswith("entity/")}


def test_a_shorter_list_gives_the_others_back_what_the_budget_was_for() -> None:
    settings, alone = replace(LATE_LOOK, tiers=MANY), Run(LATE_LOOK).take(*live(ordinary(4)))
    run = Run(settings).take(*live(named(4)))
    assert len(watched(run)) == 30
    run.settings = replace(settings, tiers={"Bank 2": 1})
    run.crash()
    assert watched(run) == {"entity/Bank 2"}
    candidates = run.keeper.state.candidates
    assert {s for s in (*candidates.held, *candidates.related) if s.startswith("entity/")} == {"entity/Bank 2"}
    run.settings = replace(settings, tiers={})
    run.crash().take(*live(ordinary(1, first=4 * 144, start=START + 4 * DAY)))
    assert watched(run) == set()
    assert run.keeper.alarm_days == pytest.approx(alone.keeper.alarm_days, 0.05)


@pytest.mark.parametrize("settings", [LATE_LOOK, EARLY_LOOK])
def test_scores_that_know_names_off_the_list_do_not_bring_them_back(settings) -> None:
    run = Run(replace(settings, tiers={"Bank 2": 1})).take(*live(named(4)))
    assert watched(run) == {"entity/Bank 2"}
    replayed = Run(settings).take(*in_ranges(named(4), 20))
    assert len(watched(replayed)) == 30  # scores that were kept say themselves who was watched


def test_an_open_alert_on_a_name_that_was_let_go_closes_once_it_was_quiet() -> None:
    settings, before = replace(LATE_LOOK, tiers={"Northbank": 1}), ordinary(12)
    storm = [replace(d, names=("Northbank",), labels=()) for d in crisis(len(before), START + 12 * DAY)]
    run = Run(settings).take(*live([*before, *storm]))
    opened = [alert for alert in run.alerts if alert.subject.name == "Northbank"]
    assert opened
    assert opened[-1].state == "open"
    run.settings, last = LATE_LOOK, storm[-1].event_at
    run.crash().take(*live(ordinary(3, first=len(before) + 60, start=last + MINUTE)))
    (closed,) = [alert for alert in run.alerts if alert.subject.name == "Northbank"][len(opened) :]
    assert (closed.id, closed.revision, closed.change) == (opened[-1].id, opened[-1].revision + 1, "closed")
    assert closed.closed_at is not None
    assert moment(last + 35 * HOUR) < closed.closed_at < moment(last + 37 * HOUR)
    assert "entity/Northbank" not in run.keeper.state.book.told


def test_a_topic_of_the_model_before_is_no_name() -> None:
    before = ordinary(4)
    run = Run().take(*live(before))
    run.take(*live([scored(len(before), START + 4 * DAY)], artifact="a2", topics=("fx", "crypto", "operations")))
    more = [scored(len(before) + 1 + n, START + 4 * DAY + n * HOUR, topic=2) for n in range(20)]
    run.take(*live(more))
    assert "topic/other" in run.keeper.state.detectors
    assert not run.keeper.state.budget.has_names


def test_another_model_has_heard_of_no_name_yet() -> None:
    run = Run(replace(LATE_LOOK, tiers=MANY)).take(*live(named(2)))
    assert run.keeper.state.budget.has_names
    run.take(*live([scored(288, START + 2 * DAY)]), *live(ordinary(1, first=289, start=START + 2 * DAY), artifact="a2"))
    assert not run.keeper.state.budget.has_names
