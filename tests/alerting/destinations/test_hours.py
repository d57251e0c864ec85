from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

import pytest

from alerting.destinations.hours import Quiet
from ingest.instants import MINUTE, instant

BERLIN = ZoneInfo("Europe/Berlin")


def at(day: int, hour: int, minute: int = 0) -> int:
    """An instant in January 2026, told in UTC."""
    return instant(datetime(2026, 1, day, hour, minute, tzinfo=UTC))


@pytest.mark.parametrize(
    ("start", "end", "now", "until"),
    [
        (time(22), time(7), at(5, 22), at(6, 7)),
        (time(22), time(7), at(6, 6, 59), at(6, 7)),
        (time(22), time(7), at(6, 7), None),
        (time(22), time(7), at(5, 21, 59), None),
        (time(9), time(12), at(5, 9), at(5, 12)),
        (time(9), time(12), at(5, 12), None),
        (time(9), time(12), at(5, 8, 59), None),
    ],
)
def test_quiet_hours_have_their_first_minute_and_not_their_last(
    start: time, end: time, now: int, until: int | None
) -> None:
    assert Quiet(start, end, ZoneInfo("UTC")).until(now) == until


@pytest.mark.parametrize(
    ("zone", "end", "now"),
    [
        ("America/New_York", time(1, 30), datetime(2026, 11, 1, 6, 5, tzinfo=UTC)),  # 01:05 EST
        ("Europe/Berlin", time(2, 30), datetime(2026, 10, 25, 1, 10, tzinfo=UTC)),  # 02:10 CET
    ],
)
def test_quiet_hours_that_end_in_the_hour_that_comes_twice_hold_in_both(zone: str, end: time, now: datetime) -> None:
    quiet = Quiet(time(22), end, ZoneInfo(zone))
    until = instant(now.replace(minute=30))
    assert quiet.until(instant(now)) == quiet.until(until - MINUTE) == until
    assert quiet.until(until) is None
    assert quiet.until(instant(now) - 60 * MINUTE) == until - 60 * MINUTE


@pytest.mark.parametrize(
    ("zone", "end", "until"),
    [
        ("Europe/Berlin", time(2, 30), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("Africa/Cairo", time(0), datetime(2026, 4, 23, 22, tzinfo=UTC)),
    ],
)
def test_quiet_hours_whose_end_is_left_out_in_spring_are_over_when_clocks_are_put_forward(
    zone: str, end: time, until: datetime
) -> None:
    quiet = Quiet(time(22), end, ZoneInfo(zone))
    over = instant(until)
    assert {quiet.until(over - before) for before in (1, MINUTE, 60 * MINUTE)} == {over}
    assert quiet.until(over) is None


@pytest.mark.parametrize("day", [datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC)])
def test_quiet_hours_never_end_in_the_past_also_when_clocks_change(day: datetime) -> None:
    quiet = Quiet(time(22), time(2, 30), BERLIN)
    ends = {now: quiet.until(now) for now in range(instant(day), instant(day) + 180 * MINUTE, MINUTE)}
    assert [now for now, end in ends.items() if end is not None and end <= now] == []
    assert ends[instant(day)] is not None
