from alerting.alerts import Subject
from alerting.destinations.pace import CoolDown, Rate
from ingest.instants import HOUR, MINUTE, SECOND
from tests.alerting.told import OPENED, told


def test_in_no_minute_more_is_sent_than_was_asked_for() -> None:
    rate = Rate(2)
    for at in (0, 10 * SECOND):
        assert rate.is_due(at)
        rate.sent(at)
    assert not rate.is_due(MINUTE - 1)
    assert rate.is_due(MINUTE)
    rate.sent(MINUTE)
    assert not rate.is_due(MINUTE + 10 * SECOND - 1)
    assert rate.is_due(MINUTE + 10 * SECOND)


def test_a_clock_that_was_set_back_does_not_stop_the_messages() -> None:
    rate = Rate(1)
    rate.sent(HOUR)
    assert rate.is_due(HOUR - 1)


def test_without_a_number_a_minute_all_may_go() -> None:
    rate = Rate(0)
    for _ in range(100):
        rate.sent(0)
    assert rate.is_due(0)


def test_only_what_begins_waits_for_a_subject_to_cool_down() -> None:
    cool_down = CoolDown(HOUR)
    assert not cool_down.held_by(told(), OPENED)
    cool_down.told(told(), OPENED)
    for change in ("opened", "caught_up"):
        assert cool_down.held_by(told("a2", change=change), OPENED)
        assert cool_down.held_by(told("a2", change=change), OPENED + HOUR - 1)
        assert not cool_down.held_by(told("a2", change=change), OPENED + HOUR)
    for change in ("escalated", "closed"):
        assert not cool_down.held_by(told("a1", 2, change=change), OPENED + MINUTE)
    assert not cool_down.held_by(told("a3", subject=Subject("topic", "crypto")), OPENED + MINUTE)


def test_the_end_of_an_event_makes_no_subject_wait() -> None:
    cool_down = CoolDown(HOUR)
    cool_down.told(told("a1", 2, state="closed", change="closed"), OPENED)
    assert not cool_down.held_by(told("a2"), OPENED + MINUTE)


def test_what_is_more_severe_or_louder_than_what_was_told_of_a_subject_does_not_wait() -> None:
    """A flash ten minutes after a warning is told at once; another one after it waits."""
    cool_down = CoolDown(HOUR)
    warning, louder = told("a5", severity="warning", action="notify"), told("a2", severity="warning", action="page")
    flash = told("a3", kind="flash", action="notify")
    cool_down.told(told("a1", severity="warning", action="notify"), OPENED)
    for alert, holds in ((warning, True), (louder, False), (flash, False), (told("a4", action="digest"), False)):
        assert bool(cool_down.held_by(alert, OPENED + MINUTE)) is holds
    cool_down.told(told("a6", kind="flash", action="notify"), OPENED + MINUTE)
    for alert, holds in ((warning, True), (louder, False), (flash, True)):
        assert bool(cool_down.held_by(alert, OPENED + HOUR)) is holds


def test_no_alert_waits_for_itself() -> None:
    cool_down = CoolDown(HOUR)
    cool_down.told(told("a1", 2), OPENED)
    assert not cool_down.held_by(told("a1"), OPENED + MINUTE)
    assert cool_down.held_by(told("a2"), OPENED + MINUTE) == "a1/2"
