"""A topic whose share of negatives rises and falls with the time of day."""

from math import cos, tau

import numpy as np

from alerting.detection.rules import SpikeSettings
from alerting.detection.scales import Counted
from alerting.detection.spikes import Detector, Footing
from ingest.instants import DAY, HOUR, MINUTE
from tests.alerting.made import START

SETTINGS = SpikeSettings()
FOOTING = Footing(SETTINGS, 0.3, 7.0)
HOURLY = 40


def watch(swing: float, days: int) -> Detector:
    """A topic of 40 documents an hour, 30 % of them negative, and by `swing` more at 6 o'clock and less at 18."""
    dice, detector = np.random.default_rng(5), Detector.fresh(SETTINGS, START)
    for at in range(START, START + days * DAY, 5 * MINUTE):
        many = int(dice.poisson(HOURLY * 5 / 60))
        share = 0.3 + swing * cos(tau * ((at - 6 * HOUR) % DAY) / DAY)
        detector.update(Counted(at, many, int(dice.binomial(many, share))), FOOTING)
    return detector
