"""Mutes: of a subject, or of an incident; neither silences anything else."""

import pytest

from alerting.alerts import Subject
from alerting.cases import Entry, entry_message
from alerting.deliver import DeliverSettings
from alerting.destinations.route import Route
from alerting.destinations.triage import Rules
from ingest.instants import HOUR, moment
from ingest.logs import Message
from tests.alerting.destinations.receiver import receiving
from tests.alerting.told import OPENED, told
from tests.alerting.turns import Outbox, turning, webhook


def muted(subject: str = "topic/market_moves") -> Message:
    return entry_message(Entry(moment(OPENED), "anna", "a1", "a1", "mute", subject=subject))


MARKETS = Subject("topic", "market_moves")


def test_what_somebody_muted_is_not_told_until_the_mute_is_over(outbox: Outbox) -> None:
    until = moment(OPENED + HOUR)
    outbox.append(
        entry_message(Entry(moment(OPENED), "anna", "", "", "mute", until=until, subject="topic/liquidity_run"))
    )
    outbox.append(told("a1"), told("a2", subject=Subject("topic", "fx")))
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        assert turns.outcomes() == {"muted": 1, "delivered": 1}
        outbox.clock.move(3600)
        outbox.append(told("a3"))
        turns.turn(2)
    assert there.keys == ["a2/1", "a3/1"]


@pytest.mark.parametrize("route", [Route(), Route(languages=frozenset({"zh"}))])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_muted_subject_silences_no_other_subject_of_its_incident(
    outbox: Outbox, route: Route, *, restarts: bool
) -> None:
    """The first of the others is told, with its end, as if it led."""
    led, joined = told("a1", subject=MARKETS), told("a2", incident="a1", joined=True)
    others = [
        told("a3", incident="a1", joined=True, subject=Subject("topic", "credit_default")),
        told("a2", 2, incident="a1", joined=True, state="closed", change="closed", closed_at=moment(OPENED + HOUR)),
    ]
    outbox.append(muted(), led, *(() if restarts else (joined, *others)))
    with receiving() as there:
        with turning(outbox, webhook(there.url), DeliverSettings(Rules(route=route))) as turns:
            turns.turn(2)
        for alert in (joined, *others) if restarts else ():
            outbox.append(alert)
            with turning(outbox, webhook(there.url), DeliverSettings(Rules(route=route))) as turns:
                turns.turn(2)
    assert there.keys == ["a2/1", "a2/2"]


def test_a_muted_incident_is_silent_in_all_of_its_subjects(outbox: Outbox) -> None:
    outbox.append(muted(""), told("a1", subject=MARKETS), told("a2", incident="a1", joined=True))
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        assert turns.outcomes() == {"muted": 1, "joined": 1}
    assert there.requests == []


def test_what_was_told_before_its_subject_was_muted_is_known_also_after_a_restart(outbox: Outbox) -> None:
    outbox.append(told("a1", subject=MARKETS))
    with receiving() as there:
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
        outbox.clock.move(60)
        outbox.append(
            entry_message(Entry(moment(outbox.clock.now), "anna", "a1", "a1", "mute", subject=str(MARKETS))),
            told("a1", 2, subject=MARKETS),
            told("a2", incident="a1", joined=True),
        )
        for _ in range(2):
            with turning(outbox, webhook(there.url)) as turns:
                turns.turn(2)
    assert there.keys == ["a1/1"]
