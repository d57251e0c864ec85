"""Which subjects an early look has to look at: only those of which some time scale is in its tail can fire.

Nothing fades to more than it was, and usual negatives only take away from an excess. So what lies on a scale and what is in
open bins, each without its usual share where that leaves something, is no less than the excess of `Scale.z`; and the variance
is no less than that of what will be left of the scale alone. Subjects whose excess would not suffice by that are not near.
"""

from collections.abc import Sequence
from math import exp, sqrt
from typing import NamedTuple

from alerting.scales import Counted
from alerting.spikes import Detector
from ingest.instants import MINUTE

LASTS = MINUTE  # of event time: for so long a room is not computed again
ROUNDING = 1e-6


class Room(NamedTuple):
    """How much more than usual open bins may bring to one subject before anything can be in its tail."""

    until: int  # the instant up to which this holds
    share: float  # of negatives, usual at least
    negatives: float  # beyond that


class Screen:
    """Holds the room of each subject until a detector learns."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    def clear(self) -> None:
        """Detectors have learned."""
        self._rooms.clear()

    def is_near(self, subject: str, detector: Detector, found: Sequence[Counted], pooled: float) -> bool:
        """Whether anything of a subject may be in its tail once its detector gets what was `found`; the last is the present.

        `pooled` is the negative share over all subjects.
        """
        at, room = found[-1].at, self._rooms.get(subject)
        if room is None or at > room.until:
            room = self._rooms[subject] = _room(detector, at + LASTS, pooled)
        left = room.negatives
        for _, documents, negatives in found:
            excess = negatives - room.share * documents
            if excess > 0.0:
                left -= excess
        return left < ROUNDING


def _room(detector: Detector, until: int, pooled: float) -> Room:
    usual = detector.usual(pooled)
    share = min(usual.share, usual.beyond_share)
    scatter = usual.dispersion * (1.0 - usual.share) * share
    elapsed = float(max(until - detector.at, 0))
    rooms = []
    for scale in detector.scales:
        keep = exp(-elapsed / scale.length)
        unit = sqrt(scatter * scale.squares * keep * keep + 1.0)
        rooms.append(scale.tail.threshold * unit - max(scale.negatives - share * scale.documents, 0.0))
    return Room(until, share, min(rooms))
