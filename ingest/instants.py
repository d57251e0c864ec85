"""Instants are integers: microseconds since 1970-01-01 UTC. Exact, ordered, and the same in every log."""

from datetime import UTC, datetime, timedelta

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)  # that a datetime can hold


def instant(moment: datetime) -> int:
    """Microseconds since the epoch of an aware `moment`."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def moment(instant: int) -> datetime:
    """The aware UTC datetime of `instant`."""
    return _EPOCH + timedelta(microseconds=instant)


def microseconds(duration: timedelta) -> int:
    """A duration in the unit of instants."""
    return duration // timedelta(microseconds=1)


def rfc3339(instant: int) -> str:
    """`2026-03-01T09:30:00Z`, with as many decimals as are not zero."""
    return moment(instant).isoformat().replace("+00:00", "Z")
