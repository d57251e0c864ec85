"""Restarts, repetitions and what is put back: nothing is lost, and what comes twice is recognised."""

import pytest
from pydantic import SecretStr

from alerting.alerts import ALERTS, alert_message
from alerting.destinations.log import Log
from alerting.destinations.posting import Address
from alerting.destinations.webhook import Webhook
from ingest.deadletters import dead_letter
from ingest.logs import Message, Record
from tests.alerting.destinations.receiver import receiving
from tests.alerting.told import OPENED, told
from tests.alerting.turns import PLACE, Killed, Outbox, kill, turning, webhook


def test_a_restart_in_the_middle_delivers_the_rest_under_the_same_keys(outbox: Outbox) -> None:
    outbox.append(*(told(f"a{i}") for i in range(6)))
    with receiving(200, 200, 200) as there:
        there.otherwise = 503
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
        there.otherwise = 200
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
    assert there.keys == ["a0/1", "a1/1", "a2/1", "a3/1", "a3/1", "a4/1", "a5/1"]


def test_a_kill_between_the_yes_and_the_commit_delivers_that_alert_again_recognisably(outbox: Outbox) -> None:
    outbox.append(told("a1"), told("a2"))
    with receiving() as there:
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn()
            with pytest.raises(Killed):
                turns.turn(before_commit=kill)
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
    assert there.keys == ["a1/1", "a1/1", "a2/1"]
    assert there.requests[0].body == there.requests[1].body


def test_what_an_aggregator_wrote_twice_is_delivered_once(outbox: Outbox) -> None:
    outbox.append(told("a1"), told("a1", 2), told("a1"), told("a1", 2), told("a2"))
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        assert there.keys == ["a1/1", "a1/2", "a2/1"]
        assert turns.outcomes() == {"delivered": 3, "duplicate": 2}


def test_what_was_delivered_before_a_restart_is_known_after_it(outbox: Outbox) -> None:
    outbox.append(told("a1"), told("a1", 2))
    with receiving() as there:
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
        outbox.append(told("a1", 2), told("a1", 3))
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
            assert turns.outcomes() == {"delivered": 1, "duplicate": 1}
    assert there.keys == ["a1/1", "a1/2", "a1/3"]


def test_a_refused_alert_that_is_put_back_is_tried_again(outbox: Outbox) -> None:
    outbox.append(told("a1"))
    with receiving(400) as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        outbox.append(told("a1"))
        turns.turn()
        assert turns.outcomes() == {"refused": 1, "delivered": 1}


def test_a_dead_letter_put_back_after_a_restart_is_tried_again_where_it_was_refused(outbox: Outbox) -> None:
    """The other destination, which runs on, knows that it has the alert."""
    outbox.append(told("a1"))
    with receiving(400) as there, turning(outbox, Log("own-log")) as other:
        other.turn(2)
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
        outbox.put_back()
        other.turn(2)
        assert other.outcomes() == {"delivered": 1, "others": 1}
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
            assert turns.outcomes() == {"delivered": 1}
    assert there.keys == ["a1/1", "a1/1"]


def test_a_dead_letter_that_is_put_back_goes_to_nobody_who_had_it_already_restarts_or_not(outbox: Outbox) -> None:
    """Not even where what happened long ago is not read again."""
    outbox.append(told("a1"))
    with receiving(400) as there, receiving() as elsewhere:
        pager = Webhook(Address("pager", SecretStr(elsewhere.url)), SecretStr("s3cret"))
        for destination in (webhook(there.url), pager):
            with turning(outbox, destination) as turns:
                turns.turn(2)
        outbox.put_back()
        for _ in range(2):
            for destination in (webhook(there.url), pager):
                with turning(outbox, destination) as turns:
                    turns.turn(2)
                    assert turns.outcomes() in ({"delivered": 1}, {"others": 1}, {})
    assert there.keys == ["a1/1", "a1/1"]
    assert elsewhere.keys == ["a1/1"]


def test_what_nobody_can_read_is_put_back_for_each_destination_by_itself(outbox: Outbox) -> None:
    outbox.append(Message(ALERTS.log, b'{"id": 5}', key=b"bad"))
    with turning(outbox, Log("own-log")) as one, turning(outbox, Log("other-log")) as two:
        for turns in (one, two):
            turns.turn(2)
        outbox.put_back()
        for turns in (one, two):
            turns.turn(2)
            assert turns.outcomes() == {"undecodable": 2, "others": 1}


def test_a_dead_letter_of_before_destinations_were_named_in_it_goes_to_whoever_may_not_have_it(outbox: Outbox) -> None:
    (message,) = [alert_message(told("a1"))]
    outbox.append(message, dead_letter(PLACE, Record(1, OPENED, message.key, message.value), "refused", "No.", OPENED))
    with receiving() as there:
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
        outbox.put_back()
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
    assert there.keys == ["a1/1", "a1/1"]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_joined_an_incident_whose_lead_was_refused_is_told_in_its_place(outbox: Outbox, *, restarts: bool) -> None:
    joined = [told(name, incident="a1", joined=True) for name in ("a2", "a3")]
    outbox.append(told("a1"), *(() if restarts else joined))
    with receiving(400) as there:
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
        for alert in joined if restarts else ():
            outbox.append(alert)
            with turning(outbox, webhook(there.url)) as turns:
                turns.turn(2)
    assert there.keys == ["a1/1", "a2/1"]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_later_revision_stands_for_one_that_was_refused(outbox: Outbox, *, restarts: bool) -> None:
    outbox.append(told("a1"), told("a1", 2))
    joined = told("a2", incident="a1", joined=True)
    with receiving(400) as there:
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(3)
            if not restarts:
                outbox.append(joined)
                turns.turn(2)
        if restarts:
            outbox.append(joined)
            with turning(outbox, webhook(there.url)) as turns:
                turns.turn(2)
    assert there.keys == ["a1/1", "a1/2"]
