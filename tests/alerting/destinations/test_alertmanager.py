import json
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace
from pydantic import SecretStr

from alerting.cases import Entry, entry_message
from alerting.deliver import DeliverSettings
from alerting.destinations.alertmanager import ENDS_AFTER, Alertmanager
from alerting.destinations.answers import Away, Delivered, Refused
from alerting.destinations.posting import Address
from alerting.destinations.route import Route
from alerting.destinations.triage import Rules
from alerting.destinations.wording import Letters
from ingest.instants import HOUR, MINUTE, SECOND, instant, moment
from ingest.logs import Closed
from tests.alerting.destinations.receiver import Receiver, receiving
from tests.alerting.told import OPENED, told
from tests.alerting.turns import PLACE, Clock, Outbox, Turning, turning

NOW = OPENED + 3 * SECOND
SETTINGS = DeliverSettings(Rules(Route(path="direct", notices=False)))


def alertmanager(there: Receiver) -> Alertmanager:
    url = SecretStr(there.url.removesuffix("/hook"))
    return Alertmanager(Address("am", url), Letters(console="https://bellwether.example/"))


def posted(there: Receiver, number: int = -1) -> list[dict[str, object]]:
    alerts: list[dict[str, object]] = json.loads(there.requests[number].body)
    return alerts


def ends_at(alert: dict[str, object]) -> int:
    return instant(datetime.fromisoformat(str(alert["endsAt"])))


def test_an_alert_is_posted_with_labels_to_route_by_and_a_link_to_its_page() -> None:
    with receiving() as there:
        assert isinstance(alertmanager(there).deliver(told(), NOW), Delivered)
    assert there.requests[0].path == "/api/v2/alerts"
    (alert,) = posted(there)
    assert alert["labels"] == {
        "alertname": "BellwetherAlert", "severity": "critical", "action": "page", "kind": "topic", "topic": "liquidity_run",
        "incident": "a1",
    }  # fmt: skip
    assert alert["startsAt"] == "2026-03-01T09:30:00Z"
    assert ends_at(alert) == NOW + ENDS_AFTER
    assert alert["generatorURL"] == "https://bellwether.example/alerts/a1"


def test_closing_resolves_it_and_it_is_not_told_again() -> None:
    closed = told("a1", 2, state="closed", change="closed", closed_at=moment(OPENED + HOUR))
    with receiving() as there:
        destination = alertmanager(there)
        destination.deliver(told(), NOW)
        destination.deliver(closed, NOW + 2 * HOUR)
        assert ends_at(posted(there)[0]) == OPENED + HOUR
        assert destination.renew(NOW + 3 * HOUR) is None


def test_what_changes_its_labels_ends_under_the_old_ones() -> None:
    with receiving() as there:
        destination = alertmanager(there)
        destination.deliver(told(severity="warning"), NOW)
        destination.deliver(told("a1", 2), NOW + MINUTE)
    new, old = posted(there)
    assert ends_at(new) > NOW + MINUTE == ends_at(old)


@pytest.mark.parametrize(("status", "answer"), [(400, Refused), (500, Away), (503, Away)])
def test_its_refusals_are_those_of_http(status: int, answer: type) -> None:
    with receiving(status) as there:
        assert isinstance(alertmanager(there).deliver(told(), NOW), answer)


def test_what_is_open_is_told_again_every_minute_also_after_a_restart(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, Clock(NOW))
    outbox.append(told("a1"), told("a2"), told("a2", 2, state="closed", change="closed", closed_at=moment(NOW)))
    with receiving() as there:
        with turning(outbox, alertmanager(there), SETTINGS) as turns:
            turns.turn(10, seconds=30)
            assert 3 + 4 <= len(there.requests) <= 3 + 6
        before = len(there.requests)
        with turning(outbox, alertmanager(there), SETTINGS) as turns:
            turns.turn(2)
        (alert,) = posted(there)
        assert alert["annotations"]["alert"] == "a1"  # type: ignore[index]
        assert ends_at(alert) == outbox.clock.now + ENDS_AFTER
        assert len(there.requests) == before + 1


def test_what_is_open_is_told_again_also_after_the_clock_was_set_back() -> None:
    with receiving() as there:
        destination = alertmanager(there)
        destination.deliver(told(), NOW + HOUR)
        destination.renew(NOW + HOUR)
        before = len(there.requests)
        for seconds in range(0, 180, 30):
            destination.renew(NOW + seconds * SECOND)
        assert len(there.requests) == before + 3
        assert ends_at(posted(there)[0]) == NOW + 2 * MINUTE + ENDS_AFTER


@pytest.mark.parametrize("outcome", ["muted", "refused", "expired"])
def test_what_has_ended_is_not_told_again_whatever_became_of_its_end(tmp_path: Path, outcome: str) -> None:
    outbox = Outbox(tmp_path, Clock(NOW))
    outbox.append(told("a1"))
    settings = replace(SETTINGS, deadline=0) if outcome == "expired" else SETTINGS
    with receiving() as there, turning(outbox, alertmanager(there), settings) as turns:
        turns.turn(2)
        if outcome == "muted":
            outbox.append(entry_message(Entry(moment(NOW), "ann", "a1", "a1", "mute")))
        there.otherwise = {"muted": 200, "refused": 400, "expired": 503}[outcome]
        outbox.append(told("a1", 2, state="closed", change="closed", closed_at=moment(NOW)))
        outbox.clock.move(10)
        turns.turn(2)
        assert turns.outcomes() == {"delivered": 1, outcome: 1}
        there.otherwise = 200
        before = len(there.requests)
        turns.turn(10, seconds=60)
        assert len(there.requests) == before


def test_who_lost_the_partition_to_another_box_keeps_nothing_alive(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, Clock(NOW))
    outbox.append(told("a1"))
    with receiving() as there, turning(outbox, alertmanager(there), SETTINGS) as turns:
        turns.turn(3)
        before = len(there.requests)
        assert list(turns.box.step([Closed(PLACE)], NOW + HOUR)) == []
        assert len(there.requests) == before > 0


def test_who_was_cut_off_from_the_log_and_stands_by_since_keeps_nothing_alive(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, Clock(NOW))
    outbox.append(told("a1"))
    with receiving() as there:
        destination = alertmanager(there)
        with turning(outbox, destination, SETTINGS) as turns:  # its loop drops the box: it hears of no `Closed`
            turns.turn(2)
        outbox.clock.move(11)
        with turning(outbox, alertmanager(there), SETTINGS) as other, turning(outbox, destination, SETTINGS) as standby:
            other.turn()
            outbox.append(told("a1", 2, state="closed", change="closed", closed_at=moment(NOW)))
            other.turn(2)
            before = len(there.requests)
            for _ in range(20):
                other.turn()
                standby.turn(seconds=5)
        assert len(there.requests) == before


@pytest.mark.parametrize(("status", "answer"), [(503, "away"), (401, "refused")])
def test_one_that_takes_nothing_is_not_stormed_by_renewals_and_is_told_of(
    tmp_path: Path, status: int, answer: str
) -> None:
    outbox = Outbox(tmp_path, Clock(NOW))
    outbox.append(told("a1"))
    with receiving() as there, turning(outbox, alertmanager(there), SETTINGS) as turns:
        turns.turn(2)
        there.otherwise = status
        turns.turn(600, seconds=1)
        tries = turns.value("attempts_total", answer=answer)
        assert 8 < tries < 60
        assert turns.value("failures_in_a_row") == tries
        there.otherwise = 200
        turns.turn(70, seconds=1)
        assert turns.value("failures_in_a_row") == 0


def test_what_is_open_is_told_again_by_who_lost_the_partition_and_got_it_back(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, Clock(NOW))
    outbox.append(told("a1"))
    with receiving() as there, turning(outbox, alertmanager(there), SETTINGS) as turns:
        turns.turn(2)
        turns.lend_to(Turning(outbox, alertmanager(there), SETTINGS))
        outbox.clock.move(60)
        before = len(there.requests)
        turns.turn()
        assert len(there.requests) == before + 1
        (alert,) = posted(there)
        assert ends_at(alert) == outbox.clock.now + ENDS_AFTER
        assert turns.outcomes() == {"delivered": 1}


@pytest.mark.parametrize("how", ["lends", "restarts"])
@pytest.mark.parametrize("outcome", ["muted", "refused", "expired"])
def test_what_was_never_told_is_not_told_by_who_gets_the_partition_back_or_restarts(
    tmp_path: Path, outcome: str, how: str
) -> None:
    outbox = Outbox(tmp_path, Clock(NOW))
    if outcome == "muted":
        outbox.append(entry_message(Entry(moment(NOW), "ann", "a1", "a1", "mute", until=moment(NOW + MINUTE))))
    outbox.append(told("a1"))
    settings = replace(SETTINGS, deadline=0) if outcome == "expired" else SETTINGS
    with receiving({"muted": 200, "refused": 400, "expired": 503}[outcome]) as there:
        with turning(outbox, alertmanager(there), settings) as turns:
            turns.turn(2)
            assert turns.outcomes() == {outcome: 1}
            outbox.clock.move(60)
            before = len(there.requests)
            if how == "lends":
                turns.lend_to(Turning(outbox, alertmanager(there), settings))
                turns.turn(3, seconds=60)
        with turning(outbox, alertmanager(there), settings) as turns:
            turns.turn(3, seconds=60)
        assert len(there.requests) == before


def test_what_was_refused_and_taken_when_it_was_put_back_is_told_again_after_a_restart(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, Clock(NOW))
    outbox.append(told("a1"))
    with receiving(400) as there:
        with turning(outbox, alertmanager(there), SETTINGS) as turns:
            turns.turn(2)
            outbox.put_back()
            turns.turn(2)
            assert turns.outcomes() == {"refused": 1, "delivered": 1}
        outbox.clock.move(60)
        with turning(outbox, alertmanager(there), SETTINGS) as turns:
            before = len(there.requests)
            turns.turn(2)
        assert len(there.requests) == before + 1


def test_an_alert_ahead_of_the_clock_begins_now_so_that_its_end_is_never_before_its_beginning() -> None:
    """An escalation ends it under its old labels at once, and so does a closing."""
    early = OPENED - 20 * SECOND
    closed = told("a1", 3, state="closed", change="closed", closed_at=moment(OPENED + HOUR))
    with receiving() as there:
        destination = alertmanager(there)
        for alert, now in (
            (told(severity="warning"), early),
            (told("a1", 2), early + SECOND),
            (closed, early + 2 * SECOND),
        ):
            assert isinstance(destination.deliver(alert, now), Delivered)
        told_of = [alert for number in range(3) for alert in posted(there, number)]
    assert len(told_of) == 4
    assert all(instant(datetime.fromisoformat(str(alert["startsAt"]))) <= ends_at(alert) for alert in told_of)


def test_what_is_over_is_told_no_more_though_it_became_something_that_would_not_have_been_taken(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path, Clock(NOW))
    outbox.append(told(severity="warning"), told("a1", 2))
    rules = Rules(Route(severities=frozenset({"warning"}), path="direct", notices=False))
    with receiving() as there, turning(outbox, alertmanager(there), DeliverSettings(rules)) as turns:
        turns.turn(2, seconds=60)
        outbox.append(told("a1", 3, state="closed", change="closed", closed_at=moment(NOW + MINUTE)))
        turns.turn(60, seconds=60)
        (alert,) = posted(there)
    assert ends_at(alert) == NOW + MINUTE
