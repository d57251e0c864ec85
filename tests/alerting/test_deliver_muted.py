"""Mutes: of a subject, or of an incident; neither silences anything else."""

import json
from datetime import time
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from alerting.alerts import Subject
from alerting.cases import Entry, entry_message
from alerting.deliver import DeliverSettings
from alerting.destinations.hours import DigestTimes, Quiet
from alerting.destinations.route import Route
from alerting.destinations.triage import Rules
from ingest.instants import HOUR, MINUTE, moment
from ingest.logs import Message
from tests.alerting.destinations.receiver import receiving
from tests.alerting.destinations.test_chat import YES, chat, saying
from tests.alerting.later import AT_NOON, digest_in, rules
from tests.alerting.told import OPENED, told
from tests.alerting.turns import Outbox, Turning, turning, webhook


def muted(subject: str = "topic/market_moves", at: int = OPENED, until: int | None = None) -> Message:
    end = None if until is None else moment(until)
    return entry_message(Entry(moment(at), "anna", "a1", "a1", "mute", subject=subject, until=end))


MARKETS, CREDIT = Subject("topic", "market_moves"), Subject("topic", "credit_default")


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
        told("a3", incident="a1", joined=True, subject=CREDIT),
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
        assert turns.outcomes() == {"muted": 2}
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


SLOWLY = DeliverSettings(per_minute=1)


def waiting_behind_another(outbox: Outbox) -> None:
    """An incident's lead waits for the minute to be over, and what joined it comes."""
    outbox.append(told("a0", subject=Subject("topic", "fx")), told("a1", subject=MARKETS))
    outbox.append(told("a2", incident="a1", joined=True), told("a3", incident="a1", joined=True, subject=CREDIT))


@pytest.mark.parametrize("route", [Route(), Route(languages=frozenset({"zh"}))])
def test_what_joined_an_incident_whose_lead_is_muted_while_it_waits_is_told_in_its_place(
    outbox: Outbox, route: Route
) -> None:
    waiting_behind_another(outbox)
    settings = replace(SLOWLY, rules=Rules(route=route))
    with receiving() as there, turning(outbox, webhook(there.url), settings) as turns:
        turns.turn(3, seconds=1)
        outbox.append(
            muted(),
            told("a2", 2, incident="a1", joined=True, state="closed", change="closed", closed_at=moment(OPENED + HOUR)),
        )
        turns.turn(5, seconds=60)
        assert turns.outcomes() == {"delivered": 3, "muted": 1, "joined": 1}
        assert turns.value("waiting_alerts") == 0
    assert there.keys == ["a0/1", "a2/1", "a2/2"]


def test_what_joined_an_incident_whose_lead_is_told_after_a_wait_is_kept_back_and_read_no_more(outbox: Outbox) -> None:
    waiting_behind_another(outbox)
    with receiving() as there:
        with turning(outbox, webhook(there.url), SLOWLY) as turns:
            turns.turn(3, seconds=1)
            assert turns.value("waiting_alerts") == 3
        with turning(outbox, webhook(there.url), SLOWLY) as turns:  # the line is made again
            turns.turn(3, seconds=60)
            assert turns.outcomes() == {"delivered": 1, "joined": 2}
        with turning(outbox, webhook(there.url), SLOWLY) as turns:
            turns.turn(3, seconds=60)
            assert turns.outcomes() == {}
    assert there.keys == ["a0/1", "a1/1"]


def test_what_joined_an_incident_whose_lead_is_muted_while_it_waits_waits_for_its_own_digest(outbox: Outbox) -> None:
    digests, quiet = DigestTimes("day", time(18), ZoneInfo("UTC")), Quiet(time(9), time(12), ZoneInfo("UTC"))
    settings = DeliverSettings(Rules(quiet=quiet, digests=digests), per_minute=1)
    outbox.append(told("a0", subject=Subject("topic", "fx")), told("a1", subject=MARKETS))
    outbox.append(told("a2", incident="a1", joined=True, severity="warning"))
    with receiving() as there, turning(outbox, webhook(there.url), settings) as turns:
        turns.turn(3, seconds=1)
        outbox.append(muted())
        turns.turn(3, seconds=60)
        assert turns.outcomes() == {"delivered": 1, "muted": 1, "quiet": 1}
        assert turns.value("held_alerts") == 1
        outbox.clock.move(3 * 3600)
        turns.turn(2)
    assert there.keys[0] == "a0/1"
    assert [alert["id"] for alert in json.loads(there.requests[1].body)["digest"]["alerts"]] == ["a2"]


def test_an_incident_that_is_muted_while_its_lead_waits_stays_silent(outbox: Outbox) -> None:
    waiting_behind_another(outbox)
    with receiving() as there, turning(outbox, webhook(there.url), SLOWLY) as turns:
        turns.turn(3, seconds=1)
        outbox.append(muted(""))
        turns.turn(5, seconds=60)
        assert turns.outcomes() == {"delivered": 1, "muted": 3}
    assert there.keys == ["a0/1"]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("route", [Route(), Route(languages=frozenset({"zh"}))])
def test_what_joins_an_incident_whose_lead_was_muted_at_its_turn_is_told_with_its_end(
    outbox: Outbox, route: Route, *, restarts: bool
) -> None:
    """Somebody muted the lead after it was appended, and before it was read."""
    outbox.append(told("a1", subject=MARKETS))
    outbox.clock.move(60)
    outbox.append(muted(at=outbox.clock.now))
    later = [
        told("a2", incident="a1", joined=True),
        told("a3", incident="a1", joined=True, subject=CREDIT),
        told("a2", 2, incident="a1", joined=True, state="closed", change="closed", closed_at=moment(OPENED + HOUR)),
    ]
    settings = DeliverSettings(Rules(route=route))
    with receiving() as there:
        if restarts:
            for alert in (None, *later):
                outbox.append(*([alert] if alert else []))
                with turning(outbox, webhook(there.url), settings) as turns:
                    turns.turn(2)
        else:
            with turning(outbox, webhook(there.url), settings) as turns:
                turns.turn(2)
                for alert in later:
                    outbox.append(alert)
                    turns.turn()
    assert there.keys == ["a2/1", "a2/2"]


@pytest.mark.parametrize("restarts", [False, True])
def test_an_incident_whose_lead_was_muted_until_its_turn_came_is_one_page(outbox: Outbox, *, restarts: bool) -> None:
    outbox.append(muted(until=OPENED + MINUTE))
    waiting_behind_another(outbox)
    with receiving(503) as there:
        with turning(outbox, webhook(there.url), SLOWLY) as turns:
            turns.turn(4, seconds=60)
            assert turns.outcomes() == {"delivered": 2, "joined": 2}
            if not restarts:
                outbox.append(told("a4", incident="a1", joined=True, subject=CREDIT))
                turns.turn(3, seconds=60)
        if restarts:
            outbox.append(told("a4", incident="a1", joined=True, subject=CREDIT))
            with turning(outbox, webhook(there.url), SLOWLY) as turns:
                turns.turn(3, seconds=60)
    assert there.keys == ["a0/1", "a0/1", "a1/1"]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_was_muted_at_its_turn_is_known_though_the_mute_was_made_anew_since(
    outbox: Outbox, *, restarts: bool
) -> None:
    outbox.append(muted(until=OPENED + HOUR), told("a1", subject=MARKETS))
    with receiving() as there:
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
            outbox.clock.move(2 * 3600)
            outbox.append(muted(at=outbox.clock.now), told("a2", incident="a1", joined=True))
            if not restarts:
                turns.turn(2)
        with turning(outbox, webhook(there.url)) as turns:
            turns.turn(2)
    assert there.keys == ["a2/1"]


def test_what_joins_an_incident_after_its_mute_is_told_if_nobody_was(outbox: Outbox) -> None:
    outbox.append(muted("", until=OPENED + HOUR), told("a1", subject=MARKETS))
    with receiving() as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
        outbox.clock.move(3600)
        outbox.append(told("a2", incident="a1", joined=True))
        turns.turn(2)
    assert there.keys == ["a2/1"]


NIGHT = rules(quiet=AT_NOON)
QUIET: dict[str, object] = {"severity": "warning"}
IN_A1: dict[str, object] = {**QUIET, "incident": "a1", "joined": True}


@pytest.mark.parametrize("restarts", [False, True])
def test_what_is_muted_when_its_digest_has_its_turn_is_left_out_under_the_same_key(
    outbox: Outbox, *, restarts: bool
) -> None:
    """Also if it is muted while the destination is away."""
    outbox.append(told("a1", subject=CREDIT, **QUIET), told("a2", subject=MARKETS, **QUIET))
    with receiving(503) as there:
        with turning(outbox, webhook(there.url), NIGHT) as turns:
            turns.turn()
            outbox.clock.move(3 * 3600)
            turns.turn(seconds=60)
            outbox.append(muted(at=outbox.clock.now))
            if not restarts:
                turns.turn()
                assert turns.outcomes() == {"quiet": 2, "muted": 1}
        with turning(outbox, webhook(there.url), NIGHT) as turns:
            turns.turn(2)
            assert turns.outcomes() == ({"muted": 1} if restarts else {})
    assert [digest_in(request)["alerts"] for request in there.requests] == [["a1/1", "a2/1"], ["a1/1"]]
    assert len(set(there.keys)) == 1


def test_a_digest_of_which_all_is_muted_is_not_sent_and_over(outbox: Outbox) -> None:
    outbox.append(muted(), told("a1", subject=MARKETS, **QUIET), told("a2", subject=MARKETS, **QUIET))
    with receiving() as there:
        for _ in range(2):
            with turning(outbox, webhook(there.url), NIGHT) as turns:
                turns.turn(2)
                outbox.clock.move(3 * 3600)
                turns.turn(2)
                assert turns.value("held_alerts") == 0
    assert there.requests == []
    assert outbox.dead() == []


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("route", [Route(), Route(languages=frozenset({"zh"}))])
def test_what_joined_an_incident_whose_lead_is_muted_when_their_digest_has_its_turn_stands_there_in_its_place(
    outbox: Outbox, route: Route, *, restarts: bool
) -> None:
    """It alone, with its end; what joins in a later night is kept back."""
    settings = rules(quiet=AT_NOON, route=route)
    ended = {"state": "closed", "change": "closed", "closed_at": moment(OPENED + HOUR)}
    nights = [
        [told("a1", subject=MARKETS, **QUIET), told("a2", **IN_A1), told("a3", subject=CREDIT, **IN_A1), muted()],
        [told("a4", subject=Subject("topic", "fx"), **IN_A1), told("a1", 2, subject=MARKETS, **QUIET)],
        [told("a2", 2, **{**IN_A1, **ended}), told("a3", 2, subject=CREDIT, **{**IN_A1, **ended})],
    ]
    with receiving() as there:
        box = Turning(outbox, webhook(there.url), settings)
        for night in nights:
            for matter in night:
                outbox.append(matter)
                box.turn()
            outbox.clock.move(9 * 3600)
            box.turn(2)
            outbox.clock.move(15 * 3600)
            if restarts:
                box.close()
                box = Turning(outbox, webhook(there.url), settings)
        box.close()
    assert [digest_in(request)["alerts"] for request in there.requests] == [["a2/1"], ["a2/2"]]


def test_what_joined_an_incident_and_waits_for_a_later_digest_than_its_lead_stands_in_none_if_that_was_told(
    outbox: Outbox,
) -> None:
    outbox.append(told("a1", **QUIET), told("a2", action="digest", subject=CREDIT, **IN_A1))
    with receiving() as there:
        for _ in range(3):
            with turning(outbox, webhook(there.url), NIGHT) as turns:
                turns.turn()
                outbox.clock.move(5 * 3600)
                turns.turn(2)
    assert [digest_in(request)["alerts"] for request in there.requests] == [["a1/1"]]


def test_a_digest_of_which_a_message_was_taken_is_told_to_its_end_whatever_is_muted_meanwhile(outbox: Outbox) -> None:
    outbox.append(*(told(f"a{number}", subject=MARKETS, **QUIET) for number in range(12)))
    settings = replace(NIGHT, per_minute=1)
    with receiving() as there, turning(outbox, chat("wecom", there), settings) as turns:
        there.otherwise = saying(YES["wecom"])
        turns.turn()
        outbox.clock.move(3 * 3600)
        turns.turn(seconds=60)
        outbox.append(muted(at=outbox.clock.now))
        turns.turn(9, seconds=60)
        assert turns.value("digests_total", outcome="delivered") == 1
        assert "muted" not in turns.outcomes()
    assert len(there.requests) > 1


def test_what_is_told_in_a_digest_after_a_revision_of_it_was_muted_in_one_is_followed_to_its_end(
    outbox: Outbox,
) -> None:
    louder: dict[str, object] = {"subject": MARKETS, "action": "digest"}
    ended = {"state": "closed", "change": "closed", "closed_at": moment(OPENED + 12 * HOUR)}
    outbox.append(muted(until=OPENED + 4 * HOUR), told("a1", subject=MARKETS, **QUIET), told("a1", 2, **louder))
    settings = rules(quiet=AT_NOON, route=Route(actions=frozenset({"page", "digest"})))
    with receiving() as there, turning(outbox, webhook(there.url), settings) as turns:
        for hours in (3, 6):
            turns.turn()
            outbox.clock.move(hours * 3600)
            turns.turn(2)
        outbox.append(told("a1", 3, **(louder | ended | {"action": "notify"})))
        turns.turn()
        outbox.clock.move(24 * 3600)
        turns.turn(2)
    assert [digest_in(request)["alerts"] for request in there.requests] == [["a1/2"], ["a1/3"]]
