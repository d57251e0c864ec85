import random
import time

import structlog

from bellwether.metrics import LoopMetrics
from ingest.logs import LogError

log = structlog.get_logger()

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0


class Outage:
    """A stretch of time in which the log is away: told once when it begins, once when it is over.

    Reading and writing fail apart: on a full disk what is there can still be read, and that proves nothing.
    """

    def __init__(self, loop: str, doing: str, metrics: LoopMetrics) -> None:
        self.why = ""  # empty: the log is there
        self._loop, self._doing, self._metrics = loop, doing, metrics
        self._since = self._failed_at = 0.0
        self._waits = 0

    def began(self, away: LogError) -> None:
        """The log could not be used, for the first time or again."""
        if not self.why:
            self._since = time.monotonic()
            self._metrics.outage(self._loop, self._doing, began=True)
            log.warning("log away, trying again", loop=self._loop, doing=self._doing, why=str(away))
        self.why = str(away)
        self._failed_at = time.monotonic()

    def next_wait_s(self) -> float:
        """How long to wait before trying again: longer each time, and not everybody equally long."""
        longest = min(FIRST_WAIT_S * 2.0 ** min(self._waits, 10), LONGEST_WAIT_S)
        self._waits += 1
        return random.uniform(longest / 2, longest)  # noqa: S311 - no secret

    def over_if_older(self, seconds: float) -> None:
        """Nothing has failed for so long: what was to be written is, or there is nothing to write."""
        if self.why and time.monotonic() - self._failed_at >= seconds:
            self.over()

    def over(self) -> None:
        """The log was used."""
        if self.why:
            self.why, self._waits = "", 0
            self._metrics.outage(self._loop, self._doing, began=False)
            seconds = round(time.monotonic() - self._since, 1)
            log.info("log back", loop=self._loop, doing=self._doing, away_s=seconds)
