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


def test_after_checkpoints_were_forgotten_what_is_over_pages_nobody(logs, clock) -> None:
    write(logs, *live(BEFORE + EVENT + later(2)))
    publish(logs, *forgetting(logs.scan(CHECKPOINTS.log)))
    Active(logs, clock, "b", EARLY).turn(3)
    assert {alert.historical for alert in alerts(logs)} == {True}


def test_windows_whose_scores_have_expired_are_not_replaced_by_what_came_late_to_them(logs, clock) -> None:
    """The last text of the first minute comes a week later; of the others the scores are no longer kept."""
    first = [scored(number, START + number, negative=True) for number in range(20)]
    write(logs, *live(first + ordinary(1, first=20, start=START + MINUTE)))
    with_checkpoint(logs, clock).leave()
    clock.now = START + 8 * DAY
    late = scored(164, START + 30 * SECOND, negative=True)
    write(logs, replace(score_range([late]), read_at=clock.now, end=165))
    with_checkpoint(logs, clock).leave()
    before = windows(logs)
    publish(logs, *forgetting(logs.scan(CHECKPOINTS.log)))
    anew = Active(logs, clock, "b", EARLY)
    anew.turn(3)
    assert anew.positions[0] > 0
    after = windows(logs)
    assert {key: after[key] for key in before} == before
    assert all(b"+" in key for key in after.keys() - before.keys())


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
