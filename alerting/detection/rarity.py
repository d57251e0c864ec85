"""How rare a detection is, from what the detector knew when it spoke: the same once more, or without some of what came."""

import math

from alerting.alerts import Detection
from alerting.detection.rules import SpikeSettings, is_enough
from alerting.detection.spikes import LONGEST, longest
from alerting.detection.statistic import Sums, expected_negatives, standardised


def days_without(seen: Detection, less: Sums, settings: SpikeSettings) -> float:
    """The return period in days that the detector would have seen without `less`; 0 below its tail or the floors.

    It is not cut at `LONGEST`, since it is held against the alarm threshold, which may be longer.
    Floors that `seen` itself is below are newer than it: they do not count.
    """
    whole = Sums(seen.documents, seen.negatives, seen.squares)
    left = Sums(*(max(had - gone, 0.0) for had, gone in zip(whole, less, strict=True)))
    if _is_enough(whole, seen, settings) and not _is_enough(left, seen, settings):
        return 0.0
    return _days(left, seen)


def days_of(seen: Detection) -> float:
    """The return period in days, as it is said, that the detector saw; whatever the floors: what was told was above them."""
    return min(_days(Sums(seen.documents, seen.negatives, seen.squares), seen), LONGEST)


def _is_enough(sums: Sums, seen: Detection, settings: SpikeSettings) -> bool:
    return is_enough(sums.negatives, _expected(sums, seen), settings)


def _expected(sums: Sums, seen: Detection) -> float:
    return expected_negatives(sums.documents, seen.usual_share, seen.usual_documents, seen.beyond_share)


def _days(sums: Sums, seen: Detection) -> float:
    z = standardised(sums, _expected(sums, seen), seen.usual_share, seen.dispersion)
    if z <= seen.threshold:
        return 0.0
    days = math.exp(min((z - seen.threshold) / seen.mean_excess, 30.0)) / seen.clusters_per_day
    return min(days / seen.scales, longest(seen.alarm_days))
