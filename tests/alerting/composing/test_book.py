"""When an event is told, told again and over."""

from msgspec import msgpack
from msgspec.structs import replace

from alerting.composing.book import AlertBook, Excess
from alerting.counting.late import Balance, LateCount
from alerting.counting.windows import Tally
from alerting.detection.spikes import Residue, Spike
from ingest.instants import HOUR, MINUTE, moment
from tests.alerting.told import OPENED, told

QUIET = 6 * HOUR
FAST, SLOW = 600.0, 7200.0  # scales; `told` is about the fast one


def spike(days: float, *above: float, fires: bool = True) -> Spike:
    return Spike(days, fires, above, False, 2.5, True, QUIET, (0.0, 0.0), 10.0, told().detection)


def opened(days: float = 20) -> AlertBook:
    """An alert on `fraud` that was told when it came once in so many days."""
    book = AlertBook()
    change = book.consider("fraud", spike(days, FAST), OPENED - MINUTE, OPENED)
    assert change is not None
    assert (change.kind, change.before, change.excess.since) == ("opened", None, OPENED - MINUTE)
    book.tell("fraud", told("fraud"), days, OPENED)
    return book


def consider(book: AlertBook, told_of: Spike, at: int) -> tuple[str, str] | None:
    change = book.consider("fraud", told_of, at - MINUTE, at)
    return change and (change.kind, change.before.id if change.before else "")


def test_an_event_is_told_again_only_when_it_is_so_many_times_rarer() -> None:
    book = opened(20)
    assert consider(book, spike(49.9, FAST), OPENED + MINUTE) is None
    assert consider(book, spike(50, FAST, fires=False), OPENED + MINUTE) is None
    assert consider(book, spike(50, FAST), OPENED + MINUTE) == ("escalated", "fraud")


def test_what_was_told_to_be_as_rare_as_can_be_said_is_told_again_only_as_critical() -> None:
    book = opened(1000)
    assert consider(book, spike(40_000, FAST), OPENED + MINUTE) is None
    critical = replace(spike(40_000, FAST), critical=True)
    assert consider(book, critical, OPENED + MINUTE) is None, "it was told as critical"
    book.tell("fraud", told("fraud", severity="warning"), 1000, OPENED)
    assert consider(book, spike(40_000, FAST), OPENED + MINUTE) is None
    assert consider(book, critical, OPENED + MINUTE) == ("escalated", "fraud")


def test_an_alert_is_over_when_the_scale_that_spoke_is_quiet_though_a_slower_one_is_not() -> None:
    book = opened()
    consider(book, spike(20, FAST, SLOW), OPENED + HOUR)
    consider(book, spike(20, SLOW), OPENED + 2 * HOUR)
    assert book.quieten(OPENED + HOUR + QUIET - 1) == []
    assert [(a.id, a.closed_at) for a in book.quieten(OPENED + HOUR + QUIET)] == [
        ("fraud", moment(OPENED + HOUR + QUIET))
    ]
    assert consider(book, spike(10, FAST), OPENED + 7 * HOUR) == ("opened", ""), "the fast scale has seen the end of it"


def test_slower_scales_keep_in_mind_what_was_told_until_all_are_quiet() -> None:
    book = opened()
    assert book.excesses["fraud"].residue == Residue()
    consider(book, spike(20, SLOW), OPENED + 5 * HOUR)
    book.quieten(OPENED + QUIET)
    assert book.excesses["fraud"].residue == Residue(FAST, 20)
    slow = replace(told("again").detection, scale_s=SLOW)
    book.tell("fraud", told("again", detection=slow), 10, OPENED + 7 * HOUR)
    assert consider(book, spike(24.9, FAST), OPENED + 8 * HOUR) is None
    assert consider(book, spike(25, FAST), OPENED + 8 * HOUR) == ("escalated", "again")
    assert book.excesses["fraud"].residue == Residue(FAST, 20), "also while the new alert is open"
    book.close("fraud")
    assert book.excesses["fraud"].residue == Residue(FAST, 20)
    book.quieten(OPENED + 9 * HOUR + QUIET)
    consider(book, spike(10, FAST), OPENED + 20 * HOUR)
    assert book.excesses["fraud"].residue == Residue()


def test_an_excess_of_an_older_version_is_read() -> None:
    older = msgpack.encode({"since": OPENED, "scores_from": 7, "above_at": OPENED, "quiet": QUIET})
    assert msgpack.decode(older, type=Excess).residue == Residue()
    book = opened()
    book.close("fraud")
    assert msgpack.decode(msgpack.encode(book), type=AlertBook).excesses["fraud"].residue == Residue(FAST, 20)
    book.excesses["fraud"].residue = Residue()
    book.recall()
    assert book.excesses["fraud"].residue == Residue(FAST, 20), "what its closed alert has told"


def test_when_all_scales_have_been_quiet_the_next_event_is_a_new_one() -> None:
    book = opened()
    book.quieten(OPENED + QUIET)
    assert consider(book, spike(10, FAST), OPENED + QUIET + MINUTE) == ("opened", "")


def test_nobody_says_that_a_subject_is_quiet_whose_sources_are_silent() -> None:
    book = opened()
    book.hold(lambda subject: subject == "fraud", OPENED + 3 * HOUR)
    assert book.quieten(OPENED + 3 * HOUR + QUIET - 1) == []
    assert len(book.quieten(OPENED + 3 * HOUR + QUIET)) == 1


def test_an_event_knows_how_long_it_has_lasted_and_what_came_late() -> None:
    book = opened()
    for hours in (1, 3, 2):
        consider(book, spike(20, SLOW), OPENED + hours * HOUR)
    late = LateCount()
    late.add(OPENED - HOUR, Balance(3, 2))
    for subject in ("fraud", "liquidity"):
        book.add_late(subject, late, OPENED + MINUTE, None)
    excess = book.excesses["fraud"]
    assert (excess.lasted, excess.above_at) == (3 * HOUR, OPENED + 3 * HOUR)
    assert excess.came_late.across(OPENED) == Tally(documents=3, negatives=2, stories=3, story_negatives=2)
