from random import Random

from msgspec import Struct

from ingest.instants import SECOND


class Patience(Struct, frozen=True):
    """How to wait for a destination that is away, in seconds."""

    base_s: float = 1.0  # the longest first wait; it doubles with each failure
    longest_s: float = 60.0
    longest_retry_after_s: float = 3600.0  # of what a destination asks for


class Backoff:
    """When a destination may be tried again: exponential, with full jitter, and never sooner than it asked for.

    The jitter is drawn from `seed` and the count of failures, so the same story gives the same waits.
    """

    def __init__(self, patience: Patience, seed: str) -> None:
        self._patience = patience
        self._seed = seed
        self._failed_at = 0
        self._due_at = 0
        self.failures = 0  # in a row

    def is_due(self, now: int) -> bool:
        """Whether to try at `now`. A clock that was set back does not prolong the wait."""
        return now >= self._due_at or now < self._failed_at

    def failed(self, now: int, key: str, retry_after_s: float | None) -> float:
        """An attempt for `key` failed at `now`; returns the seconds to wait."""
        self.failures += 1
        patience = self._patience
        most = min(patience.longest_s, patience.base_s * 2.0 ** min(self.failures - 1, 60))
        jittered = Random(f"{self._seed}/{key}/{self.failures}").uniform(0, most)  # noqa: S311 - no secret
        wait_s = max(jittered, min(retry_after_s or 0.0, patience.longest_retry_after_s))
        self._failed_at, self._due_at = now, now + round(wait_s * SECOND)
        return wait_s

    def answered(self) -> None:
        """The destination is there."""
        self.failures = self._failed_at = self._due_at = 0
