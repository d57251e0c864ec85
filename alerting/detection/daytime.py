"""The time of day in a topic's share of negatives: its first harmonic, `c cos(t) + s sin(t)`, learned slowly.

What it explains of a topic's documents is taken out of their negatives before they are counted. c and s follow what is left over
(stochastic approximation, with a step that falls as documents come), so a topic without a rhythm keeps none.
"""

from math import cos, hypot, sin, tau

from ingest.instants import DAY, HOUR, MINUTE

EVERY = 20 * MINUTE  # so often it is learned
LONGEST_GAP = float(6 * HOUR)  # of what comes so rarely none is learned
NO_RHYTHM_DOCUMENTS = 200.0  # how many documents it counts for that there is none
MOST = 0.6  # of either part, in log-odds


def raised(cosine: float, sine: float, at: int) -> float:
    """By how much the share is above the usual at instant `at`."""
    angle = tau * (at % DAY) / DAY
    return cosine * cos(angle) + sine * sin(angle)


def mean_raised(cosine: float, sine: float, first: int, last: int) -> float:
    """By how much it is on average between two instants; over whole days that is nothing."""
    half = tau * (last - first) / (2 * DAY)
    return raised(cosine, sine, (first + last) // 2) * (sin(half) / half if half else 1.0)


def usual_between(share: float, wave: tuple[float, float], first: int, last: int) -> float:
    """The usual share between two instants, in [0, 1], where that of the whole day is `share`; `wave` is cosine and sine."""
    return bounded(share + mean_raised(*wave, first, last))


def bounded(share: float) -> float:
    """A share as it may be told: what a wave adds to one, or takes from it, may go beyond [0, 1]."""
    return min(max(share, 0.0), 1.0)


def least_raised(cosine: float, sine: float, first: int, last: int) -> float:
    """By at least how much it is between two instants; a bound, not the least itself."""
    swing = hypot(cosine, sine)
    change = swing * tau * abs(last - first) / DAY  # it changes by no more than this
    return max(min(raised(cosine, sine, first), raised(cosine, sine, last)) - change, -swing)


def learned(cosine: float, sine: float, at: int, excess: float, documents: float, share: float) -> tuple[float, float]:
    """Cosine and sine, once more is known.

    Args:
        cosine: as it is.
        sine: as it is.
        at: instant.
        excess: of negatives lately, beyond what is usual at this time of day.
        documents: that the topic's usual share rests on.
        share: that usual share.
    """
    step, angle = 2.0 * excess / (documents + NO_RHYTHM_DOCUMENTS), tau * (at % DAY) / DAY
    most = MOST * share * (1.0 - share)
    moved = (cosine + step * cos(angle), sine + step * sin(angle))
    return max(min(moved[0], most), -most), max(min(moved[1], most), -most)
