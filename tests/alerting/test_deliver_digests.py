"""Digests: what waits for one stands in it once, as it is by then, restarts included."""

from datetime import time
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from alerting.alerts import ALERTS, Subject
from alerting.audit import AUDIT, entries, verify
from alerting.cases import Entry, entry_message
from alerting.destinations.hours import DigestTimes, Quiet
from alerting.destinations.triage import CAUGHT_UP
from alerting.notices import NOTICES
from ingest.deadletters import letters
from ingest.instants import DAY, HOUR, MINUTE, SECOND, instant, moment
from ingest.logs import Batch, Event, Opened, Place, Position
from tests.alerting.destinations.receiver import receiving
from tests.alerting.later import AT_NOON, UTC, digest_in, notice, rules
from tests.alerting.told import OPENED, told
from tests.alerting.turns import Killed, Outbox, Turning, kill, turning, webhook


def test_quiet_hours_hold_what_is_not_critical_and_tell_it_as_one_digest_at_their_end(outbox: Outbox) -> None:
    outbox.append(told("a1", severity="warning"), told("a2"), notice(), told("a1", 2, severity="warning"))
    with receiving() as there, turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
        turns.turn(140, seconds=60)
        assert there.keys == ["a2/1"]
        assert turns.outcomes() == {"quiet": 3, "delivered": 1}
        assert turns.value("held_alerts") == 3
        turns.turn(20, seconds=60)
        assert len(there.requests) == 2
        assert digest_in(there.requests[1]) == {"alerts": ["a1/2"], "notices": ["Lagging"]}
        assert there.keys[1].startswith("digest/2026-03-01T12:00:00Z/")
        assert turns.value("held_alerts") == 0
        assert turns.value("digests_total", outcome="delivered") == 1


def test_what_ended_before_the_digest_of_its_beginning_stands_there_as_ended_and_in_no_other(outbox: Outbox) -> None:
    outbox.append(told("a1", severity="warning"))
    with receiving() as there:
        with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
            turns.turn(2, seconds=1800)
        ended = {"state": "closed", "change": "closed", "closed_at": moment(OPENED + HOUR)}
        outbox.append(told("a1", 2, severity="warning", **ended))
        for hours in (0, 2, 7):
            outbox.clock.move(hours * 3600)
            with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
                turns.turn(3, seconds=60)
    assert [digest_in(request)["alerts"] for request in there.requests] == [["a1/2"]]
    assert there.keys[0].startswith("digest/2026-03-01T12:00:00Z/")


def test_what_stands_in_a_digest_does_not_stand_in_a_later_one_as_it_was_before(outbox: Outbox) -> None:
    """A warning of the day's digest becomes louder in quiet hours that end before the digest is due."""
    outbox.append(told("a1", severity="warning", action="digest"), told("a1", 2, severity="warning"))
    with receiving() as there:
        for hours in (0, 3, 7):
            outbox.clock.move(hours * 3600)
            with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
                turns.turn(3, seconds=60)
    assert [digest_in(request)["alerts"] for request in there.requests] == [["a1/2"]]


def test_a_digest_is_told_once_whatever_restarts(outbox: Outbox) -> None:
    outbox.append(told("a1", action="digest"), told("a2"))
    with receiving() as there:
        with turning(outbox, webhook(there.url), rules()) as turns:
            turns.turn(2)
        outbox.append(told("a3", action="digest"))
        outbox.clock.move(9 * 3600)
        with turning(outbox, webhook(there.url), rules()) as turns:
            turns.turn(3, seconds=60)
        assert [digest_in(request)["alerts"] for request in there.requests[1:]] == [["a1/1", "a3/1"]]
        for _ in range(2):
            with turning(outbox, webhook(there.url), rules()) as turns:
                turns.turn(3, seconds=3600)
                assert turns.value("held_alerts") == 0
        assert len(there.requests) == 2
        outbox.append(told("a4", action="digest"))
        with turning(outbox, webhook(there.url), rules()) as turns:
            turns.turn(3)
        outbox.clock.move(24 * 3600)
        with turning(outbox, webhook(there.url), rules()) as turns:
            turns.turn(3, seconds=60)
    assert digest_in(there.requests[2])["alerts"] == ["a4/1"]
    assert len(there.requests) == 3


def test_a_kill_between_the_yes_and_the_commit_tells_the_digest_again_under_its_key(outbox: Outbox) -> None:
    outbox.append(told("a1", action="digest"), told("a2", action="digest"))
    with receiving() as there:
        with turning(outbox, webhook(there.url), rules()) as turns:
            turns.turn(2)
            outbox.clock.move(9 * 3600)
            with pytest.raises(Killed):
                turns.turn(before_commit=kill)
        with turning(outbox, webhook(there.url), rules()) as turns:
            turns.turn(3)
    assert len(there.requests) == 2
    assert len(set(there.keys)) == 1
    assert there.requests[0].body == there.requests[1].body


@pytest.mark.parametrize("last", ["alert", "notice"])
def test_a_digest_of_alerts_and_notices_is_the_same_after_a_restart(outbox: Outbox, last: str) -> None:
    things = [notice("Lagging"), told("a1", severity="warning"), notice("Blind", status="resolved")]
    if last == "alert":
        things.append(told("a2", severity="warning"))
    with receiving(503) as there:
        with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
            for thing in things:
                outbox.append(thing)
                turns.turn(2, seconds=1)
            outbox.clock.move(3 * 3600)
            turns.turn()
        with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
            turns.turn(3, seconds=60)
    assert len(there.requests) == 2
    assert len(set(there.keys)) == 1
    assert there.requests[0].body == there.requests[1].body


def test_the_audit_says_of_each_alert_and_notice_in_a_digest_what_became_of_it(outbox: Outbox) -> None:
    outbox.append(told("a1", action="digest"), told("a1", 2, action="digest"), told("a2", action="digest"))
    outbox.append(notice(), entry_message(Entry(moment(OPENED), "anna", "a2", "a2", "mute")))
    with receiving() as there, turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
        turns.turn(2)
        outbox.clock.move(9 * 3600)
        turns.turn(4, seconds=60)
    noon, evening = there.keys
    found = {entry.about: entry.details for entry in entries(outbox.logs.scan(AUDIT.log))}
    delivered = {"destination": "desk", "outcome": "delivered"}
    assert found == {
        noon: delivered,
        notice().key: delivered | {"digest": noon},
        evening: delivered,
        "a1/2": delivered | {"digest": evening},
        "a2/1": {"destination": "desk", "outcome": "muted", "why": "muted by anna", "digest": evening},
    }
    assert verify(outbox.logs.scan(AUDIT.log)).faults == ()


def test_what_comes_late_for_its_digest_stands_in_the_next_one(outbox: Outbox) -> None:
    outbox.append(told("a1", action="digest"))
    with receiving() as there, turning(outbox, webhook(there.url), rules()) as turns:
        turns.turn(2)
        outbox.clock.move(9 * 3600)
        now = outbox.clock.now
        outbox.clock.now = instant(moment(OPENED).replace(hour=17, minute=59))
        turns._reader.pause([next(iter(turns.box._paused))])  # nothing is read meanwhile
        outbox.append(told("a2", action="digest"))
        outbox.clock.now = now
        turns.turn(2)
        turns._reader.resume([next(iter(turns.box._paused))])
        turns.turn(3, seconds=60)
    assert [digest_in(request)["alerts"] for request in there.requests] == [["a1/1"], ["a2/1"]]


def test_a_digest_that_is_refused_leaves_a_letter_for_each_alert_and_is_over(outbox: Outbox) -> None:
    outbox.append(told("a1", action="digest"), told("a2", action="digest"), notice(severity="critical"))
    with receiving(200, 400) as there:
        for _ in range(2):
            with turning(outbox, webhook(there.url), rules()) as turns:
                turns.turn(2)
                outbox.clock.move(10 * 3600)
                turns.turn(2)
        assert len(there.requests) == 2
    assert [letter.reason for letter in letters(outbox.logs)] == ["refused", "refused"]
    assert outbox.dead_keys() == ["a1/1", "a2/1"]


@pytest.mark.parametrize("answers", [(400,), (503,) * 50])
@pytest.mark.parametrize("restarts", [False, True])
def test_what_joins_an_incident_of_a_digest_that_was_not_delivered_is_told(
    outbox: Outbox, answers: tuple[int, ...], *, restarts: bool
) -> None:
    settings = replace(rules(), deadline=HOUR)
    outbox.append(told("a1", action="digest"))
    joined = told("a2", action="digest", incident="a1", joined=True, subject=Subject("topic", "fx"))
    with receiving(*answers) as there:
        box = Turning(outbox, webhook(there.url), settings)
        for hours in (9, 24):
            box.turn(2)
            outbox.clock.move(hours * 3600)
            box.turn(70, seconds=60)
            there.answers.clear()
            if restarts:
                box.close()
                box = Turning(outbox, webhook(there.url), settings)
            outbox.append(joined)
        box.close()
    assert outbox.dead_keys() == ["a1/1"]
    assert there.taken == there.keys[-1:]
    assert digest_in(there.requests[-1])["alerts"] == ["a2/1"]


def test_a_closing_goes_the_way_of_its_opening(outbox: Outbox) -> None:
    outbox.append(told("a1", action="digest"), told("a2"))
    ends = {"state": "closed", "change": "closed", "closed_at": moment(OPENED + HOUR)}
    outbox.append(told("a1", 2, action="page", **ends), told("a2", 2, **ends))
    with receiving() as there, turning(outbox, webhook(there.url), rules()) as turns:
        turns.turn(2)
        assert there.keys == ["a2/1", "a2/2"]
        assert turns.outcomes() == {"delivered": 2, "digest": 2}


def test_historical_alerts_are_told_together_once_reading_has_caught_up(outbox: Outbox) -> None:
    outbox.append(*(told(f"a{i}", historical=True) for i in range(30)), told("a5", 2, change="caught_up"))
    with receiving() as there, turning(outbox, webhook(there.url), rules()) as turns:
        turns.turn(4)
        assert there.keys == ["a5/2"]
        outbox.clock.move(2 * CAUGHT_UP / SECOND + 60)
        turns.turn(2)
    assert len(there.requests) == 2
    assert digest_in(there.requests[1])["alerts"] == [f"a{i}/1" for i in range(30) if i != 5]


def test_a_digest_waits_for_what_is_undecided_and_may_belong_to_it(outbox: Outbox) -> None:
    """What joined an incident whose lead waits beyond the digest's time stands in it, if the lead is muted."""
    settings = replace(rules(), deadline=2 * DAY)
    aside = {"incident": "a1", "joined": True, "subject": Subject("topic", "fx")}
    before = told("a0", action="digest", subject=Subject("topic", "crypto"))
    outbox.append(before, told("a1"), told("a2", action="digest", **aside))
    with receiving() as there:
        there.otherwise = 503
        with turning(outbox, webhook(there.url), settings) as turns:
            turns.turn(2)
            outbox.clock.move(9 * 3600)
            turns.turn(2)
            there.otherwise = 200
            mute = Entry(moment(OPENED), "anna", "a1", "a1", "mute", subject="topic/liquidity_run")
            outbox.append(entry_message(mute))
            outbox.clock.move(3600)
            turns.turn()
        with turning(outbox, webhook(there.url), settings) as turns:
            turns.turn(3, seconds=60)
        told_of = [digest_in(request)["alerts"] for request in there.requests if b'"digest"' in request.body]
    assert sorted(key for keys in told_of for key in keys) == ["a0/1", "a2/1"]


def test_a_digest_marks_only_the_logs_that_were_read_for_it(outbox: Outbox) -> None:
    """Alerts come over from another process while a digest of notices waits: what that one told stays told."""
    night, noon = rules(quiet=AT_NOON), OPENED + 5 * HOUR // 2
    alerts, notices = Place(ALERTS.log, 0), Place(NOTICES.log, 0)
    outbox.append(notice(), *(told(f"a{i}", severity="warning") for i in range(3)))
    note = f"0;{noon};3;-1"
    with receiving(503) as there, turning(outbox, webhook(there.url), night) as turns:
        (record,) = outbox.logs.scan(NOTICES.log)
        events: list[Event] = [Opened(notices, "n", 1, None, 0, 1), Batch(notices, 0, 1, 1, (record,))]
        list(turns.box.step(events, OPENED + MINUTE))
        assert list(turns.box.step([], noon + MINUTE)) == []
        steps = list(turns.box.step([Opened(alerts, "a", 1, Position(3, note), 0, 3)], noon + 2 * MINUTE))
        steps += turns.box.step([], noon + HOUR)
        committed = {place: position.note for step in steps for place, position in step.commits.items()}
    assert len(there.requests) == 2
    assert committed[notices].split(";")[1:3] == [str(noon), "1"]
    assert committed.get(alerts, note).split(";")[1:3] == [str(noon), "3"]


def test_hourly_digests_come_at_the_full_hour() -> None:
    hourly = DigestTimes("hour", time(0), UTC)
    assert moment(hourly.after(OPENED)).isoformat() == "2026-03-01T10:00:00+00:00"
    assert hourly.after(hourly.after(OPENED)) == hourly.after(OPENED) + HOUR


def test_times_of_day_are_those_of_their_zone_also_when_clocks_change() -> None:
    """In Berlin, clocks are put forward at 02:00 on 2026-03-29."""
    berlin = ZoneInfo("Europe/Berlin")
    daily, nights = DigestTimes("day", time(8), berlin), Quiet(time(22), time(7), berlin)
    evening = instant(moment(OPENED).replace(month=3, day=28, hour=21, minute=30))
    assert moment(daily.after(evening)).isoformat() == "2026-03-29T06:00:00+00:00"
    end = nights.until(evening)
    assert end is not None
    assert moment(end).isoformat() == "2026-03-29T05:00:00+00:00"
    assert nights.until(end) is None
    assert nights.until(end - MINUTE) == end
    assert nights.until(evening - HOUR) is None
    assert daily.after(evening - DAY) == daily.after(evening) - DAY + HOUR


def test_what_was_told_by_itself_before_the_digest_does_not_stand_in_it(outbox: Outbox) -> None:
    ends = {"state": "closed", "change": "closed", "closed_at": moment(OPENED + MINUTE)}
    outbox.append(told("a1", severity="warning"), told("a2", severity="warning"), told("a1", 2), told("a1", 3, **ends))
    with receiving() as there:
        for _ in range(2):  # and a restart
            with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
                turns.turn(2)
                assert turns.value("held_alerts") == 1
        outbox.clock.move(3 * 3600)
        with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
            turns.turn(3, seconds=60)
    assert there.keys[:2] == ["a1/2", "a1/3"]
    assert [digest_in(request)["alerts"] for request in there.requests[2:]] == [["a2/1"]]


def test_what_was_due_before_it_was_told_by_itself_stands_in_the_digest_also_after_a_kill(outbox: Outbox) -> None:
    outbox.append(told("a1", severity="warning"))
    with receiving() as there:
        with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
            turns.turn(2)
            outbox.clock.move(3 * 3600)
            with pytest.raises(Killed):
                turns.turn(before_commit=kill)
        outbox.append(told("a1", 2))
        with turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
            turns.turn(3)
    assert sorted(there.keys) == ["a1/2", there.keys[0], there.keys[0]]


def test_what_waits_for_a_digest_is_not_forgotten_when_the_partition_is_lost_and_comes_back(outbox: Outbox) -> None:
    outbox.append(told("a1", action="digest"), told("a2", severity="warning"), notice(), told("a3"))
    with receiving() as there, turning(outbox, webhook(there.url), rules(quiet=AT_NOON)) as turns:
        turns.turn(2)
        turns.lend_to(Turning(outbox, webhook(there.url), rules(quiet=AT_NOON)))
        assert turns.value("held_alerts") == 3
        outbox.clock.move(9 * 3600)
        turns.turn(4, seconds=60)
        assert turns.value("held_alerts") == 0
    assert there.keys[0] == "a3/1"
    assert [digest_in(request) for request in there.requests[1:]] == [
        {"alerts": ["a2/1"], "notices": ["Lagging"]},
        {"alerts": ["a1/1"], "notices": []},
    ]


def test_a_closing_goes_the_way_of_its_opening_also_when_the_partition_came_back(outbox: Outbox) -> None:
    outbox.append(told("a1", action="digest"))
    with receiving() as there, turning(outbox, webhook(there.url), rules()) as turns:
        turns.turn(2)
        turns.lend_to(Turning(outbox, webhook(there.url), rules()))
        outbox.append(told("a1", 2, state="closed", change="closed", closed_at=moment(OPENED + HOUR)))
        turns.turn()
        assert turns.outcomes() == {"digest": 2}
        assert turns.value("held_alerts") == 2
    assert there.requests == []
