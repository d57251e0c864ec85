"""What a destination is told, and what it can answer: a named reason each time, never a bare yes or no."""

from typing import Protocol, runtime_checkable

from msgspec import Struct

from alerting.alerts import Alert
from alerting.destinations.digest import Digest
from alerting.notices import Notice

Matter = Alert | Notice | Digest


class Delivered(Struct, frozen=True):
    """The destination has it."""

    took_s: float = 0.0  # how long the attempt lasted


class Partly(Struct, frozen=True):
    """The destination has one message of several: the next attempt goes on with the next one."""

    took_s: float = 0.0


class Refused(Struct, frozen=True):
    """The destination will never take this: trying again is of no use."""

    reason: str  # short code
    sentence: str  # for the operator; holds no secret
    took_s: float = 0.0


class Away(Struct, frozen=True):
    """The destination cannot take it at present, or it is not known whether it did: try again."""

    reason: str  # short code
    sentence: str  # for the operator; holds no secret
    retry_after_s: float | None = None  # not sooner than this, the destination says
    took_s: float = 0.0


Answer = Delivered | Partly | Refused | Away


class Destination(Protocol):
    """Where alerts go. Not thread-safe: it belongs to one box."""

    @property
    def name(self) -> str:
        """Its name in the settings, in metrics, and in the name of its reading group."""

    def deliver(self, matter: Matter, now: int) -> Answer:
        """Try once to deliver `matter` at instant `now`, in 6 seconds at most.

        The same may come again: its `key` is the same then. Whatever the world does is an answer, not an error.
        """


@runtime_checkable
class Renewing(Destination, Protocol):
    """A destination that forgets what it is not told again."""

    def recall(self, alert: Alert) -> None:
        """This revision was delivered before the box began, or is an end, taken or not: so that it is known what is open."""

    def release(self) -> None:
        """Another box tells this destination from now on."""

    def renew(self, now: int) -> Answer | None:
        """Tell again what is open, if that is due at instant `now`; None: it is not."""
