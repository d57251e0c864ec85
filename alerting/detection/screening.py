"""Which subjects an early look has to look at: only those of which some time scale is rare enough can fire.

Nothing fades to more than it was, and usual negatives only take away from an excess. So what lies on a scale and what is in
open bins, each without its usual share where that leaves something, is no less than the excess of `Scale.z`; and the variance
is no less than that of what will be left of the scale alone. Subjects whose excess would not suffice by that are not near.
"""

from collections.abc import Callable, Iterable, Sequence
from math import exp, log, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerting.detection.daytime import least_raised
from alerting.detection.spikes import Detector, Footing
from alerting.detection.tails import Tail
from ingest.instants import MINUTE

LASTS = 2 * MINUTE  # of event time: for so long a room is not computed again
ROUNDING = 1e-6


class Headroom(NamedTuple):
    """How much more than usual open bins may bring to one subject before it can fire."""

    until: int  # the instant up to which this holds
    share: float  # of negatives, usual at least at that time of day
    negatives: float  # beyond that

    def left(self, found: Iterable[tuple[int, int]]) -> float:
        """What is left of it once a detector gets what was `found`; below `ROUNDING`, the subject is near.

        That is of each bin how many documents there are, and how many negative ones.
        """
        left = self.negatives
        for documents, negatives in found:
            excess = negatives - self.share * documents
            if excess > 0.0:
                left -= excess
        return left


class Suspect(NamedTuple):
    """A subject that may come near to firing by what is counted together."""

    subject: str
    share: float  # of negatives, usual at least
    left: float  # of its room, for what lies in B open bins
    found: list[tuple[int, int]]  # in each of them already: stories, and negative ones


def first_near(suspects: Sequence[Suspect], numbers: NDArray[np.float64], has_any: NDArray[np.bool_]) -> int:
    """After which of R ranges an early look has to be taken at first; R: after none.

    Args:
        suspects: S subjects, at least one.
        numbers: [2, R, B, S], how many stories, and how many negative ones, each range and those before it bring.
        has_any: [R, S], whether a range has any document of the subject: an early look is for those alone.
    """
    share, left = np.array([(each.share, each.left) for each in suspects]).T  # [S] each
    found = np.array([each.found for each in suspects]).T  # [2, B, S]
    stories, negatives = numbers + found[:, None]  # [R, B, S] each
    excess = np.maximum(negatives - share * stories, 0.0).sum(axis=1)
    near = ((left - excess < ROUNDING) & has_any).any(axis=1)
    return int(near.argmax()) if near.any() else len(near)


class Screen:
    """Holds the room of each subject until a detector learns. It may fire later then than was said, never sooner."""

    def __init__(self, footing: Callable[[str], Footing]) -> None:
        """`footing` is that of a subject now."""
        self._footing = footing
        self._rooms: dict[str, Headroom] = {}

    def clear(self) -> None:
        """Detectors have learned."""
        self._rooms.clear()

    def room(self, subject: str, detector: Detector, at: int) -> Headroom:
        """The room of a subject, up to instant `at` at least."""
        room = self._rooms.get(subject)
        if room is None or at > room.until:
            room = self._rooms[subject] = _room(detector, at + LASTS, self._footing(subject))
        return room


def _room(detector: Detector, until: int, footing: Footing) -> Headroom:
    usual = detector.usual(footing.pooled_share)
    share = min(usual.share, usual.beyond_share)
    scatter = usual.dispersion * (1.0 - usual.share) * share
    elapsed = float(max(until - detector.at, 0))
    rooms = []
    for scale in detector.scales:
        keep = exp(-elapsed / scale.length)
        unit = sqrt(scatter * scale.squares * keep * keep + 1.0)
        rare = _reached(scale.tail, footing.alarm_days * len(detector.scales))
        rooms.append(rare * unit - max(scale.negatives - share * scale.documents, 0.0))
    return Headroom(until, share + least_raised(detector.cosine, detector.sine, detector.at, until), min(rooms))


def _reached(tail: Tail, days: float) -> float:
    """The value that is reached once in so many days, T at least: the inverse of `Tail.return_days`."""
    times = days * tail.clusters / tail.days
    return tail.threshold + tail.excess * log(times) if times > 1.0 else tail.threshold
