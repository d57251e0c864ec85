"""An incident, as its alerts and what people said of it add up: which alert leads, and whether it was taken up in time."""

import pytest

from alerting.alerts import Alert, Subject, alert_message
from alerting.cases import Entry, entry_message
from alerting.console.incidents import Deadlines, Incident, incident_of
from alerting.console.view import View
from ingest.instants import DAY, HOUR, MINUTE, moment
from ingest.logs import Record
from tests.alerting.told import OPENED, told

BANK = Subject("entity", "Bank")


def incident(alerts: list[Alert], said: list[Entry], now: int) -> Incident:
    """That of the alert a1, told at `OPENED`."""
    view = View()
    for offset, message in enumerate([*map(alert_message, alerts), *map(entry_message, said)]):
        view.take(message.log, Record(offset, OPENED, message.key, message.value))
    found = incident_of(view, "a1", Deadlines(), now)
    assert found is not None
    return found


def entry(act: str, at: int, **changes: object) -> Entry:
    return Entry(moment(at), "ann", "a1", "a1", act, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("alerts", "leads"),
    [
        ({"a1": {"days": 10}, "a2": {"days": 40}}, "a2"),
        ({"a1": {"days": 10}, "a2": {"days": 20, "joined": True}}, "a1"),  # rarer, and not by enough to be told
        ({"a1": {"days": 0, "kind": "flash"}, "a2": {"days": 30, "joined": True}}, "a1"),
        ({"a1": {"days": 30}, "a2": {"days": 0, "kind": "flash"}}, "a2"),  # told, being louder
        ({"a1": {"days": 30}, "a2": {"days": 0, "kind": "flash", "joined": True}}, "a1"),
        ({"a1": {"days": 800, "historical": True}, "a2": {"days": 30}}, "a2"),  # found too late
        ({"a1": {"days": 10, "historical": True}, "a2": {"days": 30, "historical": True, "joined": True}}, "a1"),
    ],
)
def test_of_the_alerts_that_were_told_a_flash_leads_or_the_rarest(alerts: dict[str, dict], leads: str) -> None:
    made = [
        told(name, incident="a1", return_period_days=float(each["days"]), joined=each.get("joined", False),
             kind=each.get("kind", "share"), historical=each.get("historical", False))
        for name, each in alerts.items()
    ]  # fmt: skip
    assert incident(made, [], OPENED).lead.id == leads


def test_what_is_taken_up_after_its_deadline_was_late_and_is_due_no_more() -> None:
    for wait, was_late in ((10 * MINUTE, False), (3 * HOUR, True)):
        found = incident([told()], [entry("acknowledge", OPENED + wait)], OPENED + DAY)
        assert (found.was_late, found.is_overdue, found.due_at) == (was_late, False, None)
    waiting = incident([told()], [], OPENED + HOUR)
    assert (waiting.was_late, waiting.is_overdue) == (True, True)


def test_a_mute_excuses_whoever_took_it_up_while_it_was_in_force_and_nobody_before_it() -> None:
    acknowledged, forever = entry("acknowledge", OPENED + 3 * HOUR), {"subject": "topic/liquidity_run"}
    before = [entry("mute", OPENED + MINUTE, **forever), acknowledged]
    assert not incident([told()], before, OPENED + DAY).was_late
    over = [entry("mute", OPENED + MINUTE, until=moment(OPENED + HOUR)), acknowledged]
    assert incident([told()], over, OPENED + DAY).was_late
    later = [acknowledged, entry("mute", OPENED + 4 * HOUR, **forever)]
    found = incident([told()], later, OPENED + DAY)
    assert (found.was_late, bool(found.muted)) == (True, True)


@pytest.mark.parametrize("act", ["mute", "unmute"])
@pytest.mark.parametrize("after", [4 * HOUR, 2 * DAY])
def test_what_is_said_of_a_mute_after_somebody_took_it_up_makes_nobody_late(act: str, after: int) -> None:
    subject = {"subject": "topic/liquidity_run"}
    muted = entry("mute", OPENED - HOUR, until=moment(OPENED + 5 * HOUR), **subject)
    again = entry(act, OPENED + after, until=moment(OPENED + after + HOUR), **subject)
    said = [muted, entry("acknowledge", OPENED + 3 * HOUR), again]
    assert not incident([told()], said, OPENED + 3 * DAY).was_late


@pytest.mark.parametrize(("wait", "was_late"), [(-MINUTE, False), (MINUTE, True)])
def test_a_mute_that_is_set_anew_ends_with_the_last(wait: int, *, was_late: bool) -> None:
    for ends in (4 * HOUR, 3 * DAY):  # shortened, extended
        mutes = [
            entry("mute", OPENED + MINUTE, until=moment(OPENED + 2 * DAY)),
            entry("mute", OPENED + 3 * HOUR, until=moment(OPENED + 3 * HOUR + 30 * MINUTE)),
            entry("mute", OPENED + 3 * HOUR + 20 * MINUTE, until=moment(OPENED + ends)),
        ]
        found = incident([told()], [*mutes, entry("acknowledge", OPENED + ends + wait)], OPENED + 5 * DAY)
        assert found.was_late is was_late


def test_a_mute_that_is_extended_each_day_puts_off_what_is_due_to_its_last_end() -> None:
    days = [entry("mute", OPENED + n * DAY + MINUTE, until=moment(OPENED + (n + 1) * DAY + HOUR)) for n in range(4)]
    found = incident([told()], days, OPENED + 4 * DAY + 2 * HOUR)
    assert (found.due_at, found.is_overdue) == (moment(OPENED + 4 * DAY + HOUR), True)


def test_what_was_opened_again_is_late_by_the_time_from_then_on() -> None:
    said = [entry("close", OPENED + HOUR), entry("reopen", OPENED + 2 * HOUR)]
    for wait, was_late in ((10 * MINUTE, False), (20 * MINUTE, True)):
        again = entry("acknowledge", OPENED + 2 * HOUR + wait)
        assert incident([told()], [*said, again], OPENED + DAY).was_late is was_late
