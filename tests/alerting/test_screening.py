"""What an early look leaves out could not have fired."""

import numpy as np

from alerting.scales import Counted
from alerting.screening import Screen
from alerting.spikes import Detector, Footing, SpikeSettings
from ingest.instants import MINUTE
from tests.alerting.made import START

SETTINGS = SpikeSettings()


def test_the_screen_lets_through_exactly_what_is_in_its_tail():
    dice = np.random.default_rng(3)
    footing, screen = Footing(SETTINGS, 0.3, 7.0), Screen()
    detectors = {f"topic/{i}": Detector.fresh(SETTINGS, START) for i in range(9)}
    passed = left = 0
    for turn in range(400):
        at = START + turn * 7 * MINUTE
        ends = [at + MINUTE, at + 2 * MINUTE, at + 2 * MINUTE + 1]
        found = []
        for number, detector in enumerate(detectors.values()):
            many = dice.poisson(1 + number, 3)
            bad = dice.binomial(many, min(0.9, 0.1 * number + 0.5 * (dice.random() < 0.02)))
            bins = [Counted(end, int(n), int(k)) for end, n, k in zip(ends, many, bad, strict=True) if n]
            found.append([*bins, Counted(ends[-1], 0, 0)])
            if number % 3 != turn % 3:
                detector.update(Counted(at, int(many[0]), int(bad[0])), footing)
        screen.clear()
        for (detector, bins), is_near in zip(
            zip(detectors.values(), found, strict=True),
            screen.near(detectors, found, ends, footing.pooled_share),
            strict=True,
        ):
            assert is_near == bool(detector.look(bins, footing).above)
            passed, left = passed + is_near, left + (not is_near)
    assert passed > 20
    assert left > 1_000
