"""A flash and what else is told of the same event: one incident, one page, and no silence for other events."""

import pytest
from msgspec.structs import replace

from alerting.alerts import Alert
from alerting.policy import Policy, Rule
from classifier.scores import ScoredDocument
from ingest.instants import DAY, HOUR, MINUTE, moment
from tests.alerting.composing.severe import BEFORE, SETTINGS, T, flashes, severe, told
from tests.alerting.made import START, crisis, ordinary, score_range, scored
from tests.alerting.runs import Run, in_ranges
from tests.alerting.told import told as alert


def test_a_text_about_two_names_is_one_incident_and_one_page() -> None:
    first, second = told(severe(0, names=("Halden", "Northbank")))
    assert (first.subject.name, first.joined) == ("Northbank", False)
    assert (second.subject.name, second.joined, second.incident) == ("Halden", True, first.incident)


def test_two_unrelated_names_in_the_same_hour_are_two_pages() -> None:
    first, second = told(severe(0), severe(1, T + MINUTE, names=("Halden",)))
    assert first.incident != second.incident
    assert not second.joined


def test_the_alert_of_the_same_name_that_follows_joins_the_flash() -> None:
    before = [replace(each, names=("Northbank",)) for each in ordinary(12)]
    start = START + 12 * DAY
    flash = severe(0, start, offset=len(before))
    events = [replace(each, names=("Northbank",)) for each in crisis(len(before) + 1, start + MINUTE)]
    run = Run(SETTINGS).take(*in_ranges([*before, flash, *events], 10))
    run.take(score_range([], start=len(before) + 61, next=len(before) + 61, final=True))
    assert {str(each.subject) for each in run.alerts} >= {"entity/Northbank", "topic/liquidity_run"}
    assert len({each.incident for each in run.alerts}) == 1
    paged = [each.kind for each in run.alerts if each.change in ("opened", "escalated") and not each.joined]
    assert paged == ["flash"]


def after_a_flash(events: list[ScoredDocument], names: tuple[str, ...] = ("Orrin",)) -> tuple[Alert, list[Alert]]:
    """The flash that a text made after ten days of usual ones, and what was told of the topic after it.

    The name is much spoken of, and badly: so much more of it is nothing that makes an alert on itself.
    """
    start = START + 10 * DAY
    spoken = [scored(0, START + n * 2 * MINUTE, topic=1, negative=n % 2 == 0, names=("Orrin",)) for n in range(7200)]
    usual = sorted([*ordinary(10), *spoken], key=lambda document: document.event_at)
    usual = [replace(each, offset=n, id=f"u{n}", story=scored(n, 0).story) for n, each in enumerate(usual)]
    flash = scored(len(usual), start, negative=True, names=names, source="wire")
    numbered = [
        replace(each, offset=flash.offset + 1 + n, id=f"e{n}", story=scored(flash.offset + 1 + n, 0).story)
        for n, each in enumerate(events)
    ]
    run = Run(SETTINGS).take(*in_ranges(usual, 50), *in_ranges([flash, *numbered], 1))
    (first,) = [each for each in flashes(run) if each.change == "opened"]
    return first, [each for each in run.alerts if each.subject.kind == "topic"]


def later(count: int, **changes: object) -> list[ScoredDocument]:
    """So many texts, one a minute from ten minutes after the flash on."""
    return [replace(each, **changes) for each in crisis(0, START + 10 * DAY + 10 * MINUTE, count)]


def test_a_crisis_of_the_topic_is_told_though_one_of_its_texts_was_a_flash() -> None:
    flash, crisis_told = after_a_flash(later(120))
    assert [each.change for each in crisis_told[:2]] == ["opened", "escalated"]
    assert crisis_told[-1].return_period_days > 400
    assert not any(each.joined for each in crisis_told)
    assert crisis_told[0].incident != flash.incident


def test_the_topics_alert_on_what_the_flash_was_about_joins_it_though_no_further_text_was_enough_by_itself() -> None:
    flash, companions = after_a_flash(later(30, names=("Orrin",), source="forum"))
    assert companions
    assert {(each.incident, each.joined) for each in companions} == {(flash.incident, True)}


def test_a_flash_that_goes_on_keeps_its_incident_together() -> None:
    going_on = [replace(each, names=("Orrin",), source="wire") for each in (
        scored(0, START + 10 * DAY + n * 6 * HOUR, negative=True) for n in range(1, 9)
    )]  # fmt: skip
    crisis_after = [
        replace(each, event_at=each.event_at + 2 * DAY, names=("Orrin",), source="forum") for each in later(30)
    ]
    flash, companions = after_a_flash([*going_on, *crisis_after])
    assert {(each.incident, each.joined) for each in companions if each.change == "opened"} == {(flash.incident, True)}


def test_a_flash_in_a_crisis_that_was_told_does_not_silence_its_becoming_rarer() -> None:
    usual, start = ordinary(30), START + 30 * DAY
    events = crisis(len(usual), start, 60)
    first = Run(SETTINGS).take(*in_ranges([*usual, *events], 20)).alerts[0]
    told_at = next(n for n, each in enumerate(events) if moment(each.event_at) >= first.opened_at)
    events[told_at + 5] = replace(events[told_at + 5], story=events[told_at - 1].story)
    straight = Run(SETTINGS).take(*in_ranges([*usual, *events], 1))
    events[told_at + 5] = replace(events[told_at + 5], names=("Orrin",), source="wire")
    with_flash = Run(SETTINGS).take(*in_ranges([*usual, *events], 1))
    (flash,) = flashes(with_flash)
    assert flash.incident == first.incident
    days = [
        [each.return_period_days for each in run.alerts if each.subject.kind == "topic" and not each.joined]
        for run in (straight, with_flash)
    ]
    assert days[0] == days[1]
    assert days[0][-1] == 1000


def test_nothing_is_so_rare_for_the_name_that_it_pages_beside_its_flash() -> None:
    run = Run(SETTINGS).take(*in_ranges(BEFORE, 50), *in_ranges([severe(0)], 1)).crash()
    (flash,) = flashes(run)
    alarm_days = 2800  # of a name, where a thousand were heard of
    assert not run.keeper.state.incidents.is_new(flash, 40 * alarm_days / 2.5)


def test_a_flash_is_worse_than_the_warning_that_its_incident_was_told_with() -> None:
    run = Run(SETTINGS).take(*in_ranges(BEFORE, 50))
    run.keeper.state.incidents.tell(alert("mild", severity="warning"), {severe(0).story}, T, 30.0)
    (flash,) = flashes(run.take(*in_ranges([severe(0)], 1)))
    assert (flash.incident, flash.joined, flash.action) == ("mild", False, "page")


def test_a_flash_is_told_though_its_incident_was_found_too_late_to_be_told() -> None:
    run = Run(SETTINGS).take(*in_ranges(BEFORE, 50))
    run.keeper.state.incidents.tell(alert("missed", historical=True), {severe(0).story}, T, 3000.0)
    (flash,) = flashes(run.take(*in_ranges([severe(0)], 1)))
    assert (flash.incident, flash.joined) == ("missed", False)
    incidents = run.keeper.state.incidents
    assert not incidents.is_new(alert("again", incident="missed", severity="warning"), 100)


@pytest.mark.parametrize(
    "more", [scored(145, T + 4 * HOUR), severe(1, T + 4 * HOUR)], ids=["by the clock", "by a text"]
)
def test_an_incident_was_told_as_a_flash_once_it_was_caught_up_with(more: ScoredDocument) -> None:
    run = Run(SETTINGS).take(*in_ranges(BEFORE, 50), *in_ranges([severe(0)], 1, read_at=T + 4 * HOUR))
    incidents, (flash,) = run.keeper.state.incidents, flashes(run)
    assert incidents.is_new(alert("warned", incident=flash.incident, severity="warning"), 1.0)
    run.take(*in_ranges([more], 1, read_at=T + 4 * HOUR + MINUTE, end=146))
    assert [each.change for each in flashes(run)] == ["opened", "caught_up"]
    assert not incidents.is_new(alert("worse", incident=flash.incident), 3000.0)


def test_almost_the_same_words_about_somebody_else_are_another_page() -> None:
    one = severe(0)
    other = severe(1, T + HOUR, story=one.story ^ 0b1011, names=("Halden",))
    first, second = told(one, other)
    assert (second.subject.name, second.action, second.joined) == ("Halden", "page", False)
    assert second.incident != first.incident


def test_a_text_about_two_names_is_one_page_though_the_second_has_bad_news_of_its_own() -> None:
    own = [severe(n, T + n * MINUTE, names=("Halden",), source="forum") for n in range(6)]
    first, second = told(*own, severe(6, T + HOUR, names=("Halden", "Northbank")))
    assert (second.subject.name, second.joined, second.incident) == ("Halden", True, first.incident)


def test_a_flash_joins_the_alert_of_the_same_name_that_was_told() -> None:
    before = [replace(each, names=("Northbank",)) for each in ordinary(12)]
    start = START + 12 * DAY
    events = [replace(each, names=("Northbank",)) for each in crisis(len(before), start)]
    run = Run(SETTINGS).take(*in_ranges([*before, *events], 10))
    led = [each for each in run.alerts if not each.joined and each.change == "opened"]
    assert len(led) == 1
    run.take(*in_ranges([severe(0, start + 2 * HOUR, offset=len(before) + 60)], 1))
    (flash,) = flashes(run)
    assert (flash.joined, flash.incident) == (True, led[0].incident)


def test_a_flash_tells_again_of_an_incident_that_was_only_in_the_digest() -> None:
    rules = (Rule("page", kinds=("flash",)), Rule("digest"))
    settings = replace(SETTINGS, policy=Policy("1", rules))
    before = [replace(each, names=("Northbank",)) for each in ordinary(12)]
    start = START + 12 * DAY
    events = [replace(each, names=("Northbank",)) for each in crisis(len(before), start)]
    run = Run(settings).take(*in_ranges([*before, *events], 10))
    assert {each.action for each in run.alerts} == {"digest"}
    run.take(*in_ranges([severe(0, start + 2 * HOUR, offset=len(before) + 60)], 1))
    (flash,) = flashes(run)
    assert (flash.action, flash.joined) == ("page", False)
