"""What an early look leaves out could not have fired."""

import numpy as np

from alerting.detection.rules import SpikeSettings
from alerting.detection.scales import Counted
from alerting.detection.screening import ROUNDING, Screen
from alerting.detection.spikes import Detector, Footing
from ingest.instants import MINUTE
from tests.alerting.made import START

SETTINGS = SpikeSettings()


def test_the_screen_lets_through_all_that_fires_and_little_else():
    dice = np.random.default_rng(3)
    footing = Footing(SETTINGS, 0.3, 7.0, watched=True)
    screen = Screen(lambda _: footing)
    detectors = {f"topic/{i}": Detector.fresh(SETTINGS, START, of_name=i == 8) for i in range(9)}
    let_through = fired = looked = 0
    for turn in range(1500):
        at = START + turn * 7 * MINUTE
        ends = [at + MINUTE, at + 2 * MINUTE, at + 2 * MINUTE + 1]
        screen.clear()
        for number, (subject, detector) in enumerate(detectors.items()):
            many = dice.poisson(1 + number, 3)
            bad = dice.binomial(many, 0.2 + 0.6 * (dice.random() < 0.03))
            bins = [Counted(end, int(n), int(k)) for end, n, k in zip(ends, many, bad, strict=True) if n]
            if number % 3 != turn % 3:
                detector.update(Counted(at, int(many[0]), int(bad[0])), footing)
            for found in ([Counted(ends[0], 0, 0)], [*bins, Counted(ends[-1], 0, 0)]):  # on the same room
                counts = [(each.documents, each.negatives) for each in found]
                is_near = screen.room(subject, detector, found[-1].at).left(counts) < ROUNDING
                spike = detector.look(found, footing)
                assert is_near or not spike.fires
                assert bool(detector.look_at_tail(found, footing)) == bool(spike.above)
                looked, let_through, fired = looked + 1, let_through + is_near, fired + spike.fires
    assert fired > 100
    assert let_through < 3 * fired
    assert looked > 5 * let_through
