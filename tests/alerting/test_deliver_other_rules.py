"""Settings that changed over a restart: what was held is told once, and what was told is not told again."""

from datetime import time

import pytest

from alerting.deliver import DeliverSettings
from alerting.destinations.held import NOTED
from alerting.destinations.hours import DigestTimes, Quiet
from ingest.instants import HOUR
from tests.alerting.destinations.receiver import Receiver, receiving
from tests.alerting.later import AT_NOON, UTC, digest_in, notice, rules
from tests.alerting.told import told
from tests.alerting.turns import Killed, Outbox, kill, turning, webhook

QUIET: dict[str, object] = {"severity": "warning"}
COOL = rules(cool_down=2 * HOUR)


def digests(there: Receiver) -> list[list[str]]:
    return [digest_in(request)["alerts"] for request in there.requests if b'"digest"' in request.body]


def run(outbox: Outbox, there: Receiver, settings: DeliverSettings, hours: float = 0) -> None:
    with turning(outbox, webhook(there.url), settings) as turns:
        turns.turn(2)
        outbox.clock.move(hours * 3600)
        turns.turn(3, seconds=60)


@pytest.mark.parametrize("after", [rules(), rules(quiet=Quiet(time(22), time(7), UTC)), rules(cool_down=HOUR)])
def test_what_quiet_hours_held_that_are_no_more_is_told_at_once(outbox: Outbox, after: DeliverSettings) -> None:
    with receiving() as there:
        run(outbox, there, rules(quiet=AT_NOON))
        outbox.append(told("a1", **QUIET), notice())
        run(outbox, there, rules(quiet=AT_NOON))
        for _ in range(2):
            run(outbox, there, after)
        run(outbox, there, after, hours=24)
    assert there.keys == ["a1/1", notice().key]


@pytest.mark.parametrize("after", [rules(), rules(cool_down=HOUR // 2)])
def test_what_a_longer_cool_down_held_is_told_at_once(outbox: Outbox, after: DeliverSettings) -> None:
    with receiving() as there:
        outbox.append(told("a1"))
        run(outbox, there, COOL, hours=1)
        outbox.append(told("a2"))
        run(outbox, there, COOL)
        for hours in (0, 24):
            run(outbox, there, after, hours)
    assert there.keys == ["a1/1", "a2/1"]


def test_what_was_held_waits_for_the_digest_of_longer_quiet_hours(outbox: Outbox) -> None:
    outbox.append(told("a1", **QUIET))
    longer = rules(quiet=Quiet(time(9), time(15), UTC))
    with receiving() as there:
        run(outbox, there, rules(quiet=AT_NOON))
        run(outbox, there, longer, hours=3)
        assert there.requests == []
        for hours in (3, 24):
            run(outbox, there, longer, hours)
    assert digests(there) == [["a1/1"]]
    assert there.keys[0].startswith("digest/2026-03-01T15:00:00Z/")


@pytest.mark.parametrize("dies", [False, True])
def test_what_is_held_no_more_is_told_also_by_who_starts_after_one_that_did_not_get_to_it(
    outbox: Outbox, *, dies: bool
) -> None:
    outbox.append(told("a1", **QUIET), told("b0"), told("a2", **QUIET))
    with receiving(200, 200, 503) as there:
        run(outbox, there, rules(quiet=AT_NOON))
        outbox.append(told("b1"))
        with turning(outbox, webhook(there.url), rules()) as turns:
            if dies:
                with pytest.raises(Killed):
                    turns.turn(before_commit=kill)
            else:
                turns.turn()
        for hours in (0, 24):
            run(outbox, there, rules(), hours)
    assert there.taken == ["b0/1", *(["a1/1"] if dies else []), "a1/1", "a2/1", "b1/1"]
    assert len(there.requests) == len(there.taken) + 1


def test_what_was_told_in_a_digest_is_not_told_again_in_one_of_another_time(outbox: Outbox) -> None:
    outbox.append(told("a1", action="digest"))
    with receiving() as there:
        run(outbox, there, rules(digests=DigestTimes("day", time(10), UTC)), hours=1)
        run(outbox, there, rules(), hours=24)
    assert digests(there) == [["a1/1"]]


def test_what_was_told_by_itself_is_not_told_again_in_the_digest_of_quiet_hours_that_are_new(outbox: Outbox) -> None:
    outbox.append(told("a1", **QUIET))
    with receiving() as there:
        run(outbox, there, rules())
        outbox.append(told("a2", **QUIET))
        for hours in (0, 24):
            run(outbox, there, rules(quiet=AT_NOON), hours)
    assert there.keys[0] == "a1/1"
    assert digests(there) == [["a2/1"]]


def test_more_than_can_be_noted_is_held_as_the_same_rules_say(outbox: Outbox) -> None:
    names = [f"a{number}" for number in range(NOTED + 20)]
    outbox.append(told("told", action="digest"), told("told", 2))
    outbox.append(*(told(name, **QUIET) for name in names))
    with receiving() as there:
        for _ in range(2):
            with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
                turns.turn(15)
                assert turns.value("held_alerts") == len(names)
        for hours in (3, 24):
            run(outbox, there, rules(quiet=AT_NOON), hours)
    assert there.keys[0] == "told/2"
    assert digests(there) == [[f"{name}/1" for name in names]]
