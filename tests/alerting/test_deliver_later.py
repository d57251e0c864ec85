"""Routes, quiet hours, digests, cool-down, rates and mutes: nothing is lost, nothing comes twice, restarts included."""

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from alerting.alerts import Subject, alert_message
from alerting.audit import AUDIT, entries, verify
from alerting.deliver import DeliverSettings
from alerting.destinations.chat import Chat
from alerting.destinations.posting import Address
from alerting.destinations.route import Route
from alerting.destinations.triage import CAUGHT_UP
from alerting.destinations.wording import Letters
from ingest.instants import HOUR, MINUTE, SECOND, moment
from ingest.logs import Message
from tests.alerting.destinations import receiver
from tests.alerting.destinations.receiver import receiving
from tests.alerting.destinations.test_chat import saying
from tests.alerting.later import AT_NOON, digest_in, rules
from tests.alerting.told import OPENED, told
from tests.alerting.turns import Outbox, Turning, turning, webhook


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        (Route(severities=frozenset({"warning"})), "severity"),
        (Route(actions=frozenset({"notify"})), "action"),
        (Route(subjects=("entity/*", "topic/fx")), "subject"),
        (Route(languages=frozenset({"ja"})), "language"),
        (Route(path="alertmanager"), "path"),
    ],
)
def test_what_is_not_for_a_destination_is_passed_over_for_a_named_reason(
    outbox: Outbox, route: Route, reason: str
) -> None:
    outbox.append(told("a1"))
    with receiving() as there, turning(outbox, webhook(there.url), rules(route=route)) as turns:
        turns.turn(2)
        assert turns.outcomes() == {reason: 1}
    assert there.requests == []


def test_a_route_takes_what_fits_all_of_it(outbox: Outbox) -> None:
    outbox.append(told("a1"), told("a2", subject=Subject("entity", "Acme Bank"), languages={"zh": 1}))
    route = Route(subjects=("entity/Acme*",), languages=frozenset({"zh"}), severities=frozenset({"critical"}))
    with receiving() as there, turning(outbox, webhook(there.url), rules(route=route)) as turns:
        turns.turn(2)
        assert turns.outcomes() == {"subject": 1, "delivered": 1}
    assert there.keys == ["a2/1"]


@pytest.mark.parametrize(("path", "keys"), [("direct", ["a1/1"]), ("alertmanager", ["a1/1"]), ("both", ["a1/1"])])
def test_by_whichever_path_an_alert_comes_it_is_one_page(outbox: Outbox, path: str, keys: list[str]) -> None:
    again = alert_message(told("a1"))
    outbox.append(told("a1"), Message(again.log, again.value, again.key, headers=(("via", b"alertmanager"),)))
    with receiving() as there:
        for _ in range(2):  # and a restart
            with turning(outbox, webhook(there.url), rules(route=Route(path=path))) as turns:  # type: ignore[arg-type]
                turns.turn(3)
    assert there.keys == keys


def test_what_became_critical_in_quiet_hours_is_told_at_once(outbox: Outbox) -> None:
    outbox.append(told("a1", severity="warning"), told("a1", 2))
    with receiving() as there, turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
        turns.turn(2)
    assert there.keys == ["a1/2"]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_is_critical_is_told_in_quiet_hours_also_if_it_joined_what_waits_for_their_end(
    outbox: Outbox, *, restarts: bool
) -> None:
    """What joins after it is not, and what would have waited with the lead stands behind it as it did."""
    ends = {"state": "closed", "change": "closed", "closed_at": moment(OPENED + HOUR)}
    aside = {"incident": "a1", "joined": True, "subject": Subject("topic", "credit_default")}
    alerts = [
        told("a1", severity="warning"),
        told("a2", severity="warning", incident="a1", joined=True, subject=Subject("topic", "fx")),
        told("a3", **aside),
        told("a4", incident="a1", joined=True, subject=Subject("topic", "crypto")),
        told("a3", 2, **aside, **ends),
    ]
    with receiving() as there:
        for part in [[alert] for alert in alerts] if restarts else [alerts]:
            outbox.append(*part)
            with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
                turns.turn(2)
        assert there.keys == ["a3/1", "a3/2"]
        outbox.clock.move(3 * 3600)
        with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
            turns.turn(3, seconds=60)
    assert [digest_in(request)["alerts"] for request in there.requests[2:]] == [["a1/1"]]


@pytest.mark.parametrize("how", ["goes on", "restarts", "lends"])
def test_who_was_told_of_an_alert_hears_its_end_whatever_it_became(outbox: Outbox, how: str) -> None:
    only = rules(route=Route(severities=frozenset({"warning"})))
    later = [told("a1", 2), told("a1", 3, state="closed", change="closed", closed_at=moment(OPENED + HOUR))]
    outbox.append(told("a1", severity="warning"), told("a2"))
    with receiving() as there:
        with turning(outbox, webhook(there.url), only) as turns:
            turns.turn(2)
            if how == "lends":
                turns.lend_to(Turning(outbox, webhook(there.url), only))
            if how != "restarts":
                outbox.append(*later)
                turns.turn(2)
        if how == "restarts":
            outbox.append(*later)
            with turning(outbox, webhook(there.url), only) as turns:
                turns.turn(2)
    assert there.keys == ["a1/1", "a1/2", "a1/3"]


@pytest.mark.parametrize("has_ended", [False, True])
def test_what_was_found_too_late_of_an_incident_that_was_told_since_waits_for_its_digest(
    outbox: Outbox, *, has_ended: bool
) -> None:
    outbox.append(told("a1", historical=True), told("a2", incident="a1", subject=Subject("topic", "fx")))
    outbox.append(told("a1", 2, change="caught_up", joined=True))
    if has_ended:
        outbox.append(told("a1", 3, state="closed", change="closed", closed_at=moment(OPENED), joined=True))
    with receiving() as there, turning(outbox, webhook(there.url), rules()) as turns:
        turns.turn(4)
        assert there.keys == ["a2/1"]
        outbox.clock.move(2 * CAUGHT_UP / SECOND + 60)
        turns.turn(2)
    assert [digest_in(request)["alerts"] for request in there.requests[1:]] == [["a1/3" if has_ended else "a1/1"]]


def test_after_a_subject_was_told_of_its_next_alerts_wait_but_escalations_do_not(outbox: Outbox) -> None:
    other = Subject("topic", "fx")
    with receiving() as there, turning(outbox, webhook(there.url), rules(cool_down=2 * HOUR)) as turns:
        turns.turn()
        outbox.append(told("a1"), told("a2"), told("a2", 2), told("a3", subject=other))
        turns.turn(2, seconds=7300)
        outbox.append(told("a4"))
        turns.turn(2)
        assert there.keys == ["a1/1", "a2/2", "a3/1", "a4/1"]
        assert turns.outcomes() == {"delivered": 4, "cool_down": 1}
        assert turns.value("held_alerts") == 0  # its escalation was told


@pytest.mark.parametrize("restarts", [False, True])
def test_what_was_refused_makes_nothing_wait_not_even_itself_when_it_is_put_back(
    outbox: Outbox, *, restarts: bool
) -> None:
    patient = rules(cool_down=2 * HOUR)
    outbox.append(told("a1"))
    with receiving(400) as there:
        with turning(outbox, webhook(there.url), patient) as turns:
            turns.turn(2, seconds=300)
            outbox.put_back()
            if not restarts:
                turns.turn(2)
        if restarts:
            with turning(outbox, webhook(there.url), patient) as turns:
                turns.turn(2)
    assert there.keys == ["a1/1", "a1/1"]


@pytest.mark.parametrize("status", [200, 400])
def test_what_would_wait_for_a_subject_to_cool_down_is_told_if_what_it_would_wait_after_is_not(
    outbox: Outbox, status: int
) -> None:
    """With its end; and it stands in the digest if the other was told. Restarts change nothing of it."""
    slowly = replace(rules(cool_down=2 * HOUR), per_minute=1)
    ends = {"state": "closed", "change": "closed", "closed_at": moment(OPENED + MINUTE)}
    outbox.append(told("a0", subject=Subject("topic", "fx")), told("a1"), told("a2"), told("a2", 2, **ends))
    with receiving(200, status) as there:
        with turning(outbox, webhook(there.url), slowly) as turns:
            turns.turn(3, seconds=1)
            assert turns.value("waiting_alerts") == 3
            assert turns.value("held_alerts") == 0
            turns.turn(6, seconds=60)
        outbox.clock.move(10 * 3600)
        for _ in range(2):
            with turning(outbox, webhook(there.url), slowly) as turns:
                turns.turn(3, seconds=60)
    assert there.keys[:2] == ["a0/1", "a1/1"]
    if status == 400:
        assert there.keys[2:] == ["a2/1", "a2/2"]
    else:
        assert [digest_in(request)["alerts"] for request in there.requests[2:]] == [["a2/2"]]


def test_no_more_messages_a_minute_than_a_service_takes(outbox: Outbox) -> None:
    outbox.append(*(told(f"a{i}") for i in range(50)))
    with receiving() as there, turning(outbox, webhook(there.url), DeliverSettings(per_minute=20)) as turns:
        turns.turn(60, seconds=1)
        assert len(there.requests) == 20
        assert turns.value("rate_waits_total") > 0
        turns.turn(50, seconds=1)
        assert len(there.requests) == 40
        turns.turn(60, seconds=1)
    assert there.keys == [f"a{i}/1" for i in range(50)]


def test_whatever_a_robot_answers_nothing_is_lost_and_it_is_not_stormed(outbox: Outbox) -> None:
    """Errors inside HTTP 200, errors of HTTP, no answer at all; one alert is refused by its text."""
    outbox.append(*(told(f"a{i}") for i in range(4)))
    bad = [
        500,
        saying({"errcode": 130101}),
        receiver.garbage,
        saying(b"<html>"),
        saying({"errcode": 300001}),
        receiver.torn,
    ]
    with receiving(*bad, saying({"errcode": 0}), saying({"errcode": 430102})) as there:
        there.otherwise = saying({"errcode": 0})
        address = Address("group", SecretStr(there.url))
        with turning(outbox, Chat("dingtalk", address, None, Letters()), DeliverSettings(per_minute=20)) as turns:
            turns.turn(240, seconds=1)
            assert turns.outcomes() == {"delivered": 3, "refused": 1}
            answers = [turns.value("attempts_total", answer=answer) for answer in ("delivered", "refused", "away")]
            assert answers == [3, 1, len(bad)]
    assert len(there.requests) == len(bad) + 4
    assert outbox.dead_keys() == ["a1/1"]


def test_every_delivery_stands_in_the_audit_with_its_outcome(outbox: Outbox) -> None:
    outbox.append(told("a1"), told("a2"))
    with receiving(200, 400) as there, turning(outbox, webhook(there.url)) as turns:
        turns.turn(2)
    found = [(entry.about, entry.details["outcome"]) for entry in entries(outbox.logs.scan(AUDIT.log))]
    assert found == [("a1/1", "delivered"), ("a2/1", "refused")]
    assert verify(outbox.logs.scan(AUDIT.log)).faults == ()
