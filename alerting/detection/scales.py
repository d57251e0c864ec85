"""One time scale of a detector: its fading sums, and the tail of the statistic there. The inner loop of the detector."""

from collections.abc import Sequence
from math import exp, log, sqrt
from typing import NamedTuple

from msgspec import Struct

from alerting.detection.statistic import Sums, expected_negatives, standardised
from alerting.detection.tails import DAY_LENGTH, PRIOR_CLUSTERS, Tail
from ingest.instants import DAY, MINUTE

PRIOR_THRESHOLD, PRIOR_EXCESS = 2.2, 0.6  # of z; a normal tail has a mean excess of 0.4, real ones are heavier
REFERENCE_SCALE = 45 * MINUTE
NAME_THRESHOLD, NAME_EXCESS = 2.2, 0.8  # of a name; T stays where it is: most names are silent nearly always
NAME_CLUSTERS, NAME_DAYS = 0.5, 50.0  # what the priors of a name count for: half a cluster in so many days
ABOVE, MOST_ABOVE = 0.015, 0.12  # share of the time that z spends above T: on the reference scale, and at most


class Counted(NamedTuple):
    """What came to a subject in one bin, copies apart, and when the bin ended."""

    at: int
    documents: int
    negatives: float  # a whole number, until a detector takes out what the time of day explains


class Usual(NamedTuple):
    """What is usual for a subject now."""

    share: float  # of negatives, in (0, 1)
    per_day: float  # documents
    dispersion: float  # how much more the share scatters than chance alone would have it
    beyond_share: float  # of negatives, expected of documents beyond the usual number
    at_once: float  # documents: of a feed with dates only, those of a day come together
    least_share: float  # of negatives, expected at least, however many documents come


class Scale(Struct, gc=False):
    """One time scale: its fading sums and the tail of z there."""

    length: float  # microseconds, after which a sum has fallen to 1/e
    tail: Tail
    documents: float = 0.0
    negatives: float = 0.0
    squares: float = 0.0  # sum of squared weights: what the variance goes by
    last_z: float = 0.0  # the statistic when the last bin was added; 0 where it was not above T

    @classmethod
    def fresh(cls, length: int) -> "Scale":
        """A scale that knows only the priors. Slow ones spend more time above T, or nothing would be learned in a lifetime."""
        above = min(ABOVE * sqrt(length / REFERENCE_SCALE), MOST_ABOVE)
        clusters_per_day = above * DAY / length
        tail = Tail(
            tick=length / 9,
            above=above,
            threshold=PRIOR_THRESHOLD,
            excess=PRIOR_EXCESS,
            days=PRIOR_CLUSTERS / clusters_per_day,
        )
        return cls(float(length), tail)

    @classmethod
    def fresh_of_name(cls, length: int) -> "Scale":
        """A scale of a name, which knows only the priors: silence itself soon says how rare anything is."""
        tail = Tail(
            tick=length / 9,
            above=ABOVE,
            threshold=NAME_THRESHOLD,
            excess=NAME_EXCESS,
            days=NAME_DAYS,
            clusters=NAME_CLUSTERS,
            step=0.0,
        )
        return cls(float(length), tail)

    def after(self, bins: Sequence[Counted], at: int) -> Sums:
        """The sums once `bins`, oldest first, have been added to those of instant `at`."""
        documents, negatives, squares = self.documents, self.negatives, self.squares
        for counted in bins:
            keep = exp(-max(counted.at - at, 0) / self.length)
            documents = documents * keep + counted.documents
            negatives = negatives * keep + counted.negatives
            squares = squares * keep * keep + counted.documents
            at = max(counted.at, at)
        return Sums(documents, negatives, squares)

    def usually(self, usual: Usual) -> float:
        """How many documents are usual on this scale."""
        return max(usual.per_day * self.length / DAY_LENGTH, usual.at_once)

    def expected(self, documents: float, usual: Usual) -> float:
        """How many of so many documents on this scale are negative as usual."""
        return expected_negatives(documents, usual.share, self.usually(usual), usual.beyond_share)

    def z(self, sums: Sums, usual: Usual) -> float:
        """The statistic."""
        return standardised(sums, self.expected(sums.documents, usual), usual.share, usual.dispersion)

    def add(
        self, at: int, elapsed: float, days: float, documents: float, negatives: float, usual: tuple[float, ...]
    ) -> float:
        """Add a bin that ends at instant `at`, `elapsed` microseconds after the last one; returns what z is now.

        Where z is not above T, 0 is returned and the tail has learned; where it is, `learn` waits until that was told.
        This is `after` and `z` once more, to the last bit, written for speed: no call is made that most updates do not need.
        `days` is `elapsed` in days, and `usual` has the fields of `Usual`.
        """
        share, per_day, dispersion, beyond, at_once, least = usual
        length, squares, tail = self.length, self.squares, self.tail
        keep = exp(-elapsed / length)
        self.documents = had = self.documents * keep + documents
        self.negatives = bad = self.negatives * keep + negatives
        self.squares = squares = squares * keep * keep + documents
        threshold = tail.threshold
        if bad - least * had > threshold:  # or z is not: it takes away more, and divides what is left by at least 1
            usually = per_day * length / DAY_LENGTH
            if usually < at_once:
                usually = at_once
            expected = share * usually + beyond * (had - usually) if had > usually else share * had
            excess = bad - expected
            if excess > threshold:
                z = excess / sqrt(dispersion * (1.0 - share) * expected * squares / had + 1.0)
                if z > threshold:
                    return z
        if self.last_z:
            self.learn(at, elapsed, 0.0)
        else:
            tail.rest(at, elapsed, days)
        return 0.0

    def learn(self, at: int, elapsed: float, z: float) -> None:
        """The tail learns that the statistic is `z`; 0 stands for not above T."""
        over, self.last_z = self.over(elapsed) if self.last_z else 0.0, z
        self.tail.learn(at, over, elapsed - over, z)

    def over(self, elapsed: float) -> float:
        """How long z, which was above T, stayed there in the time that has elapsed, microseconds: it fades as the sums do."""
        return min(self.length * log(max(self.last_z / self.tail.threshold, 1.0)), elapsed)
