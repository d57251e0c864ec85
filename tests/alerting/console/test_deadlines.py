"""By when somebody must have taken up an incident, and what is told if nobody has."""

from datetime import datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from alerting.alerts import Alert, Subject, alert_message
from alerting.cases import Entry, entry_message
from alerting.console.incidents import Deadlines, incident_of
from alerting.console.metrics import ConsoleMetrics
from alerting.console.reminders import Reminders
from alerting.console.view import SPANS, Read, View
from ingest.instants import DAY, HOUR, MINUTE, SECOND, moment
from ingest.logs import Message, Record
from tests.alerting.told import OPENED, told


class Told:
    """A view, and the reminders that look at it: what they tell comes back into the view, as from the log."""

    def __init__(self) -> None:
        self.view, self._offset = View(), 0
        self.view.read = {log: Read("L1", 0, 0) for log in SPANS}
        self.reminders = Reminders(self.view, Deadlines(), ConsoleMetrics(CollectorRegistry()), escalate=True)
        self.keys: list[str] = []

    def take(self, message: Message, at: int) -> None:
        self._offset += 1
        self.view.take(message.log, Record(self._offset, at, message.key, message.value))

    def alert(self, alert: Alert, at: int = OPENED) -> None:
        self.take(alert_message(alert), at)

    def say(self, act: str, at: int, **changes: object) -> None:
        entry = Entry(moment(at), "ann", "a1", "a1", act, **changes)  # type: ignore[arg-type]
        self.take(entry_message(entry), at)

    def due_at(self, now: int) -> datetime | None:
        incident = incident_of(self.view, "a1", Deadlines(), now)
        assert incident is not None
        return incident.due_at

    def look(self, now: int) -> list[str]:
        """The states of the notices that are new at instant `now`."""
        notices = [message for message in self.reminders.look(now) if (message.key or b"").decode() not in self.keys]
        self.keys += [(message.key or b"").decode() for message in notices]
        for message in notices:
            self.take(message, now)
        return [key.rpartition("/")[2] for key in self.keys[len(self.keys) - len(notices) :]]


@pytest.fixture
def desk() -> Told:
    return Told()


def test_what_becomes_critical_is_due_from_then_on_and_never_later_than_it_was(desk: Told) -> None:
    desk.alert(told(severity="warning"))
    assert desk.due_at(OPENED) == moment(OPENED + 4 * HOUR)
    desk.alert(told("a1", 2), OPENED + 30 * MINUTE)
    desk.alert(told("a1", 3), OPENED + 40 * MINUTE)
    assert desk.due_at(OPENED + HOUR) == moment(OPENED + 45 * MINUTE)


def test_what_becomes_critical_just_before_it_is_due_gets_no_more_time(desk: Told) -> None:
    desk.alert(told(severity="warning"))
    desk.alert(told("a1", 2), OPENED + 4 * HOUR - MINUTE)
    assert desk.due_at(OPENED + 4 * HOUR) == moment(OPENED + 4 * HOUR)


def test_what_was_opened_again_is_due_from_then_on_by_its_severity(desk: Told) -> None:
    desk.alert(told(severity="warning"))
    desk.alert(told("a1", 2), OPENED + 30 * MINUTE)
    desk.say("close", OPENED + HOUR)
    desk.say("reopen", OPENED + 2 * HOUR)
    assert desk.due_at(OPENED + 2 * HOUR) == moment(OPENED + 2 * HOUR + 15 * MINUTE)


@pytest.mark.parametrize("how", ["it runs out", "it is taken back"])
@pytest.mark.parametrize("subject", ["", "topic/liquidity_run"])
def test_what_is_overdue_when_its_mute_ends_is_told_again_once(desk: Told, how: str, subject: str) -> None:
    desk.alert(told())
    assert desk.look(OPENED + 20 * MINUTE) == ["firing"]
    ends = OPENED + 2 * HOUR
    desk.say("mute", OPENED + 21 * MINUTE, subject=subject, until=moment(ends) if how == "it runs out" else None)
    assert desk.look(OPENED + HOUR) == ["resolved"]
    if how == "it is taken back":
        desk.say("unmute", ends, subject=subject)
    assert desk.due_at(ends + MINUTE) == moment(ends)
    assert [desk.look(ends + n * MINUTE) for n in range(1, 4)] == [["firing"], [], []]


def test_what_is_overdue_is_told_by_a_clock_that_was_set_back(desk: Told) -> None:
    desk.look(OPENED + DAY)
    desk.alert(told())
    assert desk.look(OPENED + 20 * MINUTE) == ["firing"]


def test_a_clock_that_is_set_back_takes_back_nothing(desk: Told) -> None:
    desk.alert(told())
    assert [desk.look(OPENED + n * MINUTE) for n in (20, 10, 20, 21)] == [["firing"], [], [], []]
    desk.say("acknowledge", OPENED + 22 * MINUTE)
    assert desk.look(OPENED + 22 * MINUTE) == ["resolved"]


@pytest.mark.parametrize(
    ("behind", "critical"),
    [(3 * SECOND, timedelta(minutes=15)), (MINUTE, timedelta(minutes=15)), (0, timedelta(minutes=45))],
)
@pytest.mark.parametrize("mute_ends", [OPENED, OPENED + 20 * MINUTE])
def test_two_consoles_that_do_not_agree_what_is_late_tell_it_once(
    desk: Told, behind: int, critical: timedelta, mute_ends: int
) -> None:
    other = Reminders(desk.view, Deadlines(critical), ConsoleMetrics(CollectorRegistry()), escalate=True)
    desk.say("mute", OPENED - MINUTE, until=moment(mute_ends))
    desk.alert(told())
    published = []
    for now in range(OPENED, OPENED + 40 * MINUTE, SECOND):
        if now == OPENED + 30 * MINUTE:
            desk.say("acknowledge", now)
        for reminders, at in ((desk.reminders, now), (other, now - behind)):
            for message in reminders.look(at):
                desk.take(message, at)
                published.append((message.key or b"").decode().rpartition("/")[2])
    assert published == ["firing", "resolved"]


def test_a_mute_that_ends_before_the_deadline_changes_nothing(desk: Told) -> None:
    desk.say("mute", OPENED - HOUR, subject="topic/liquidity_run", until=moment(OPENED + MINUTE))
    desk.alert(told())
    assert desk.due_at(OPENED) is None
    assert desk.due_at(OPENED + MINUTE) == moment(OPENED + 15 * MINUTE)


def test_the_end_of_a_mute_says_nothing_of_what_was_overdue_for_long_when_it_began(desk: Told) -> None:
    desk.alert(told())
    assert desk.look(OPENED + 20 * MINUTE) == ["firing"]
    desk.say("mute", OPENED + 30 * HOUR, subject="topic/liquidity_run", until=moment(OPENED + 31 * HOUR))
    assert desk.look(OPENED + 30 * HOUR + MINUTE) == ["resolved"]
    assert desk.look(OPENED + 32 * HOUR) == []


def test_a_mute_of_one_subject_leaves_an_incident_of_several_due(desk: Told) -> None:
    desk.alert(told("a1", subject=Subject("topic", "market_moves")))
    desk.alert(told("a2", incident="a1", joined=True, return_period_days=3.0))
    desk.say("mute", OPENED + MINUTE, subject="topic/market_moves", until=moment(OPENED + HOUR))
    assert desk.due_at(OPENED + 2 * MINUTE) == moment(OPENED + 15 * MINUTE)
    assert desk.due_at(OPENED + 2 * HOUR) == moment(OPENED + 15 * MINUTE)


@pytest.mark.parametrize("subjects", [[""], ["topic/market_moves", "topic/liquidity_run"]])
def test_an_incident_is_muted_by_itself_or_by_all_of_its_subjects_until_the_first_mute_is_over(
    desk: Told, subjects: list[str]
) -> None:
    desk.alert(told("a1", subject=Subject("topic", "market_moves")))
    desk.alert(told("a2", incident="a1", joined=True, return_period_days=3.0))
    for n, subject in enumerate(subjects, 1):
        desk.say("mute", OPENED + MINUTE, subject=subject, until=moment(OPENED + n * HOUR))
    assert desk.due_at(OPENED + 30 * MINUTE) is None
    assert desk.due_at(OPENED + 90 * MINUTE) == moment(OPENED + HOUR)
