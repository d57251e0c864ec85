"""Times of day in a zone: quiet hours, and when digests are due. Instants are microseconds since the epoch."""

from bisect import bisect_left
from datetime import datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from ingest.instants import HOUR, instant, moment

ONE_DAY = timedelta(days=1)


class Quiet(Struct, frozen=True):
    """Every day from `start` to `end`, local time; over midnight if `end` is the earlier one."""

    start: time
    end: time
    zone: ZoneInfo

    def until(self, at: int) -> int | None:
        """The end of the quiet hours that instant `at` lies in; None if it lies in none."""
        local = moment(at).astimezone(self.zone)
        over_midnight = self.end <= self.start
        clock = local.time()
        if not (self.start <= clock or clock < self.end if over_midnight else self.start <= clock < self.end):
            return None
        tomorrow = over_midnight and clock >= self.start
        day = local + ONE_DAY if tomorrow else local
        # It comes twice where clocks are put back over it. Where they are put forward over it, that is the end.
        first, second = (_at(day, self.end.replace(fold=fold), self.zone) for fold in (0, 1))
        if second < first:
            return second + bisect_left(range(second, first), self._offset(first), key=self._offset)
        return first if first > at else second

    def _offset(self, at: int) -> timedelta:
        return moment(at).astimezone(self.zone).utcoffset() or timedelta()


class DigestTimes(Struct, frozen=True):
    """When digests are due: each full hour, or each day at `at`, local time."""

    every: Literal["hour", "day"]
    at: time
    zone: ZoneInfo

    def after(self, at: int) -> int:
        """The first due instant after `at`."""
        if self.every == "hour":
            return (at // HOUR + 1) * HOUR
        local = moment(at).astimezone(self.zone)
        today = _at(local, self.at, self.zone)
        return today if today > at else _at(local + ONE_DAY, self.at, self.zone)


def _at(day: datetime, clock: time, zone: ZoneInfo) -> int:
    return instant(datetime.combine(day.date(), clock, zone))
