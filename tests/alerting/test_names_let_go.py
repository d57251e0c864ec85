"""Names that are no longer on the watch list, and those that are newly on it.

Of the former nothing is learned, and none of the budget is theirs; of the latter nothing is known, silence neither.
"""

import random

import pytest
from msgspec import msgpack
from msgspec.structs import replace

from alerting.keeper import Keeper
from alerting.state import State
from classifier.scores import ScoredDocument
from ingest.instants import instant, moment
from tests.alerting.made import DAY, HOUR, MINUTE, START, crisis, ordinary, scored
from tests.alerting.runs import EARLY_LOOK, LATE_LOOK, Run, in_ranges

MANY = {f"Bank {number}": 2 for number in range(30)}
NORTHBANK = replace(LATE_LOOK, tiers={"Northbank": 1})
UNLISTED = LATE_LOOK  # nobody is on the list
LONG, SHORT = 20, 4  # days


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
    assert opened[-1].documents < 10
    assert closed.documents == len(storm) - 3, "as far as it was watched"
    rates = [
        each.usual_documents * DAY / (until - instant(each.first_seen_at))
        for each, until in ((opened[-1], instant(opened[-1].updated_at)), (closed, last))
    ]
    assert rates[1] == pytest.approx(rates[0], 0.05)


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


def steady(days: int, *, first: int = 0, start: int = START) -> list[ScoredDocument]:
    """Every day some 48 texts about Northbank, three in ten negative, among 144 others."""
    dice, documents = random.Random(start), ordinary(days, 450 * 1_000_000, first=first, start=start)
    about = [dice.random() < 0.25 for _ in documents]
    return [
        replace(scored(d.offset, d.event_at, negative=dice.random() < 0.3), names=("Northbank",) if mine else ())
        for d, mine in zip(documents, about, strict=True)
    ]


def unlisted(documents: list[ScoredDocument]) -> list[ScoredDocument]:
    """The same, as they are scored while Northbank is not on the list."""
    return [replace(document, names=()) for document in documents]


def after(documents: list[ScoredDocument], days: int) -> list[ScoredDocument]:
    return steady(days, first=len(documents), start=START + len(documents) // 192 * DAY)


def days_told(run: Run) -> list[float]:
    """The return periods that alerts on Northbank have said."""
    return [alert.return_period_days for alert in run.alerts if alert.subject.name == "Northbank"]


def test_a_name_that_was_let_go_by_mistake_and_is_listed_again_was_not_silent_before() -> None:
    before = steady(LONG)
    typo = after(before, 1)
    run = Run(NORTHBANK).take(*live(before))
    since = run.keeper.state.detectors["entity/Northbank"].since
    run.settings = UNLISTED
    run.crash().take(*live(unlisted(typo)))
    run.settings = NORTHBANK
    run.crash().found.clear()
    run.take(*live(after(before + typo, SHORT)))
    assert max(days_told(run), default=0) < 100
    detector = run.keeper.state.detectors["entity/Northbank"]
    assert since == START
    assert START + LONG * DAY < detector.since <= START + (LONG + 1) * DAY
    assert detector.usual(0.3).per_day == pytest.approx(48, rel=0.2)


@pytest.mark.parametrize("tiers", [{}, {"Southbank": 1}])
def test_a_name_that_is_newly_listed_was_not_silent_before(tiers: dict[str, int]) -> None:
    before = steady(LONG)
    run = Run(replace(LATE_LOOK, tiers=tiers)).take(*live(unlisted(before)))
    run.settings = replace(LATE_LOOK, tiers={**tiers, "Northbank": 1})
    run.crash().take(*live(after(before, SHORT))).crash()
    assert max(days_told(run), default=0) < 100
    assert run.keeper.state.detectors["entity/Northbank"].since > START + (LONG - 1) * DAY


def test_a_name_that_is_newly_listed_is_watched_from_then_on_and_a_real_burst_is_critical() -> None:
    before = steady(LONG)
    run = Run(UNLISTED).take(*live(unlisted(before)))
    run.settings = NORTHBANK
    quiet = unlisted(after(before, SHORT))  # it is on the list now, and nothing is heard of it
    run.crash().take(*live(quiet))
    assert "entity/Northbank" not in run.keeper.state.detectors
    many, at = len(before) + len(quiet), START + (LONG + SHORT) * DAY
    storm = [replace(d, names=("Northbank",), labels=()) for d in crisis(many, at, count=30)]
    run.take(*live(storm), *live(unlisted(steady(1, first=many + 30, start=at + HOUR))))
    first = next(alert for alert in run.alerts if alert.subject.name == "Northbank")
    assert (first.change, first.severity, first.ready) == ("opened", "critical", True)
    assert first.opened_at <= moment(at + 20 * MINUTE)


def test_a_burst_on_a_name_that_is_not_ready_yet_is_told_as_a_warning() -> None:
    before = steady(LONG)
    run = Run(UNLISTED).take(*live(unlisted(before)))
    run.settings = NORTHBANK
    calm = after(before, 1)
    many, at = len(before) + len(calm), START + (LONG + 1) * DAY
    storm = [replace(d, names=("Northbank",), labels=()) for d in crisis(many, at)]
    run.crash().take(*live(calm), *live(storm), *live(unlisted(steady(1, first=many + 60, start=at + HOUR))))
    first = next(alert for alert in run.alerts if alert.subject.name == "Northbank")
    assert (first.change, first.severity, first.ready) == ("opened", "warning", False)


def test_an_outage_is_no_silence_of_a_name_that_was_listed_before_it() -> None:
    before, outage = steady(LONG), 30 * DAY
    run = Run(UNLISTED).take(*live(unlisted(before)))
    run.settings = NORTHBANK
    later = [replace(d, event_at=d.event_at + outage) for d in after(before, SHORT)]
    run.crash().take(*live(unlisted(after(before, SHORT)[:1])), *live(later[1:]))
    assert run.keeper.state.detectors["entity/Northbank"].since > START + (LONG - 1) * DAY + outage
    assert max(days_told(run), default=0) < 100


def test_a_checkpoint_of_before_says_of_no_name_that_it_is_newly_listed() -> None:
    before = steady(LONG)
    run = Run(NORTHBANK).take(*live(unlisted(before)))
    kept = msgpack.decode(run.keeper.packed())
    assert kept.pop("listed").keys() == {"Northbank"}
    run.keeper = Keeper(NORTHBANK, "s1", msgpack.decode(msgpack.encode(kept), type=State))
    run.take(*live(after(before, 1)))
    assert run.keeper.state.detectors["entity/Northbank"].since == START
