"""What an aggregator makes of scores that others wrote while it was away, and of clocks that are set."""

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from alerting.aggregate import CHECKPOINT_EVERY
from alerting.alerts import ALERTS, Alert, decode_alert
from alerting.checkpoints import CHECKPOINTS, forgetting
from alerting.state import AggregateSettings
from classifier.scores import ScoreRange
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import DAY, HOUR, MINUTE, SECOND
from tests.alerting.active import Active, windows, write
from tests.alerting.made import START, crisis, ordinary, score_range, scored
from tests.alerting.turns import Clock
from tests.publishing import publish

EARLY = AggregateSettings(inputs=("news",))
BEFORE = ordinary(5)
EVENT = crisis(len(BEFORE), START + 5 * DAY, 90)
SINCE = EVENT[-1].event_at + MINUTE


def live(documents: list) -> list[ScoreRange]:
    """Ranges of 5, each read to its end as its last document came."""
    parts = [documents[i : i + 5] for i in range(0, len(documents), 5)]
    return [score_range(part, read_at=part[-1].event_at, end=part[-1].offset + 1) for part in parts]


def later(days: int) -> list:
    """What comes after the event."""
    return ordinary(days, first=len(BEFORE) + len(EVENT), start=SINCE)


def with_checkpoint(logs: EmbeddedLogs, clock: Clock) -> Active:
    """An aggregator that has read what is there and written a checkpoint of it."""
    active = Active(logs, clock, settings=EARLY)
    active.turn(3)
    clock.now += CHECKPOINT_EVERY
    active.turn()
    return active


def alerts(logs: EmbeddedLogs) -> list[Alert]:
    return [decode_alert(record.value) for record in logs.scan(ALERTS.log) if record.value]


def test_what_was_over_when_the_aggregator_came_back_pages_nobody(logs, clock) -> None:
    write(logs, *live(BEFORE))
    with_checkpoint(logs, clock).leave()
    write(logs, *live(EVENT + later(2)))
    Active(logs, clock, "b", EARLY).turn(3)
    found = alerts(logs)
    assert (found[0].change, found[-1].change) == ("opened", "closed")
    assert all(alert.historical for alert in found)


def test_what_is_still_open_when_the_aggregator_comes_back_is_told_once(logs, clock) -> None:
    write(logs, *live(BEFORE))
    with_checkpoint(logs, clock).leave()
    write(logs, *live(EVENT + later(1)[:18]))
    Active(logs, clock, "b", EARLY).turn(3)
    told = [alert.change for alert in alerts(logs) if not alert.historical]
    assert told == ["caught_up"]


def test_what_flares_up_again_is_told_though_its_incident_began_while_the_aggregator_was_away(logs, clock) -> None:
    write(logs, *live(BEFORE))
    with_checkpoint(logs, clock).leave()
    event = EVENT[:9]
    between = ordinary(1, first=event[-1].offset + 1, start=event[-1].event_at + MINUTE)[:66]
    again = [
        replace(each, story=event[n % 9].story) if n % 2 else each
        for n, each in enumerate(crisis(between[-1].offset + 1, between[-1].event_at + MINUTE, 14))
    ]
    write(logs, *live(event + between))
    back = Active(logs, clock, "b", EARLY)
    back.turn(3)
    before = alerts(logs)
    assert {alert.is_told for alert in before} == {False}
    for each in live(again):
        write(logs, each)
        back.turn()
    opened = alerts(logs)[len(before)]
    assert (opened.incident, opened.is_told) == (before[0].incident, True)
    name, severity = opened.subject.name, opened.severity
    assert back.metric("bellwether_topic_alert_open", topic=name, severity=severity) == 1


def test_after_checkpoints_were_forgotten_what_is_over_pages_nobody(logs, clock) -> None:
    write(logs, *live(BEFORE + EVENT + later(2)))
    publish(logs, *forgetting(logs.scan(CHECKPOINTS.log)))
    Active(logs, clock, "b", EARLY).turn(3)
    assert {alert.historical for alert in alerts(logs)} == {True}


def test_that_checkpoints_were_forgotten_is_known_until_all_is_read_again_whoever_reads_it(logs, clock) -> None:
    write(logs, *live(BEFORE))
    told = with_checkpoint(logs, clock)
    for each in live(EVENT + later(2)):
        write(logs, each)
        told.turn()
    clock.now += CHECKPOINT_EVERY
    told.turn()
    told.leave()
    before = alerts(logs)
    assert {alert.historical for alert in before} == {False}
    publish(logs, *forgetting(logs.scan(CHECKPOINTS.log)))
    stopped = Active(logs, clock, "b", EARLY, limit=20)
    stopped.turn(4)
    clock.now += CHECKPOINT_EVERY
    stopped.turn()
    stopped.leave()
    assert alerts(logs) == before, "it was stopped before it came to the event"
    again = Active(logs, clock, "c", EARLY)
    again.turn(3)
    assert again.positions[0] > 0
    assert {alert.historical for alert in alerts(logs)[len(before) :]} == {True}


@pytest.mark.parametrize("came", [DAY + HOUR, 8 * DAY], ids=["while it was held", "when it was no longer held"])
def test_windows_whose_scores_have_expired_stay_as_they_were_published(logs, clock, came) -> None:
    """The last text of the first minute comes late; of the others the scores are no longer kept."""
    first = [scored(number, START + number, negative=True) for number in range(20)]
    write(logs, *live(first + ordinary(1, first=20, start=START + MINUTE)))
    with_checkpoint(logs, clock).leave()
    clock.now = START + came
    late = scored(164, START + 30 * SECOND, negative=True)
    write(logs, replace(score_range([late]), read_at=clock.now, end=165))
    with_checkpoint(logs, clock).leave()
    clock.now = START + 8 * DAY
    write(logs, score_range([scored(165, clock.now - MINUTE)], read_at=clock.now, end=166))
    with_checkpoint(logs, clock).leave()
    before = windows(logs)
    publish(logs, *forgetting(logs.scan(CHECKPOINTS.log)))
    anew = Active(logs, clock, "b", EARLY)
    anew.turn(3)
    assert anew.positions[0] > 0
    assert windows(logs) == before
    later = scored(166, START + 40 * SECOND, negative=True)
    write(logs, score_range([later], read_at=clock.now, end=167))
    anew.turn(2)
    after = windows(logs)
    (added,) = after.keys() - before.keys()
    assert b"+" in added
    assert after == before | {added: 1}


@pytest.mark.parametrize("seen", [EVENT, EVENT + later(2)], ids=["as it came", "catching up"])
def test_what_was_told_before_a_crash_is_the_same_when_it_is_found_again_days_later(logs, clock, seen) -> None:
    write(logs, *live(BEFORE))
    crashed = with_checkpoint(logs, clock)
    if seen == EVENT:
        for each in live(EVENT):
            write(logs, each)
            crashed.turn()
    else:
        crashed.leave()
        write(logs, *live(seen))
        crashed = Active(logs, clock, "b", EARLY)
        crashed.turn(3)
    crashed.leave()
    before = alerts(logs)
    assert before
    write(logs, *live(later(4)[len(seen) - len(EVENT) :]))
    Active(logs, clock, "c", EARLY).turn(3)
    again = alerts(logs)[len(before) :]
    assert again[: len(before)] == before
    assert again[-1].change == "closed"
    assert again[-1].historical == before[0].historical


def test_that_some_clock_was_ahead_is_said_once(logs, clock) -> None:
    write(logs, *live(BEFORE), replace(live(EVENT)[0], read_at=START + 35 * DAY))
    active = Active(logs, clock, settings=EARLY)
    with capture_logs() as said:
        active.turn(2)
        for each in live(EVENT)[1:4]:
            write(logs, each)
            active.turn()
    (ahead,) = [each for each in said if each["event"] == "clock was ahead"]
    assert (ahead["days"], ahead["late_until"]) == (30.0, "2026-02-04T23:58:00Z")


def test_checkpoints_go_on_after_the_clock_was_set_back(logs, clock) -> None:
    clock.now += 8 * HOUR
    active = Active(logs, clock)
    active.turn()
    clock.now += CHECKPOINT_EVERY
    active.turn()
    assert list(logs.scan(CHECKPOINTS.log))
    clock.now -= 8 * HOUR
    write(logs, score_range(ordinary(1)))
    active.turn()
    clock.now += CHECKPOINT_EVERY
    active.turn()
    active.leave()
    later = Active(logs, clock, "b")
    later.turn()
    assert later.positions == [1]
