"""How rare a detection is, from what the detector knew when it spoke: the same once more, or without some of what came."""

import math

from alerting.alerts import Detection
from alerting.rules import SpikeSettings, is_enough
from alerting.spikes import LONGEST
from alerting.statistic import Sums, expected_negatives, standardised

NOTHING = Sums(0.0, 0.0, 0.0)


def days_without(seen: Detection, less: Sums, settings: SpikeSettings) -> float:
    """The return period in days that the detector would have seen without `less`; 0 below its tail or the floors."""
    documents = max(seen.documents - less.documents, 0.0)
    negatives = max(seen.negatives - less.negatives, 0.0)
    expected = expected_negatives(documents, seen.usual_share, seen.usual_documents, seen.beyond_share)
    sums = Sums(documents, negatives, max(seen.squares - less.squares, 0.0))
    z = standardised(sums, expected, seen.usual_share, seen.dispersion)
    if z <= seen.threshold or not is_enough(negatives, expected, settings):
        return 0.0
    days = math.exp(min((z - seen.threshold) / seen.mean_excess, 30.0)) / seen.clusters_per_day
    return min(days / seen.scales, LONGEST)
