"""How rare is a value for the series it comes from? Peaks over a running threshold, told as a return period.

A threshold T is a running quantile of the series, kept by stochastic approximation, so that it is exceeded a small share of
the time. Stretches above T that lie close together are one cluster. The peaks of the clusters give the mean excess of an
exponential tail, and their number a rate; from both, a value y > T comes once in

    days(y) = exp((y - T) / mean_excess) / clusters_per_day

(Davison and Smith, "Models for exceedances over high thresholds", 1990, with shape 0.) A dozen floats, no window kept; the
series may come at any distances in time.
"""

import math

from msgspec import Struct

from ingest.instants import DAY, HOUR

DAY_LENGTH = float(DAY)  # mixed arithmetic is slower
PRIOR_CLUSTERS = 5.0  # how many clusters the priors count for
MEMORY_CLUSTERS = 60.0  # the mean excess is that of about so many
MEMORY_TICKS = 1800 / DAY  # over the share of the time above T: how many ticks the rate of clusters is that of, in days
APART, APART_TICKS = 12.0 * HOUR, 9.0  # clusters nearer than the longer of both are one
MOST_RISE = 3.0  # mean excesses that one cluster may raise T by: a long event must not deafen for weeks
FASTEST_RISE, SLOWEST_FALL = 3.0, 900.0  # ticks that one update may count for


class Tail(Struct, gc=False):
    """The tail of one series, in the series' own unit."""

    tick: float  # microseconds: the pace at which T learns
    above: float  # share of the time that the series is to spend above T
    threshold: float
    excess: float  # mean excess of cluster peaks over T
    days: float  # in which `clusters` were seen; at first what the prior rate says
    clusters: float = PRIOR_CLUSTERS
    step: float = 0.05  # how far T moves a tick, in mean excesses
    lowest: float = 0.5  # T never falls below it, and `least_excess` bounds the mean excess
    least_excess: float = 0.25
    peak: float = 0.0  # of the running cluster; 0: none is running
    above_at: int = 0
    base: float = 0.0  # T when the running cluster began

    def return_days(self, value: float) -> float:
        """Once in how many days `value` is reached; 0 at or below T."""
        if value <= self.threshold:
            return 0.0
        return math.exp(min((value - self.threshold) / self.excess, 30.0)) * self.days / self.clusters

    def learn(self, at: int, over: float, under: float, value: float) -> None:
        """The series stands at `value` at instant `at`; since the last time it was `over` microseconds above T, `under` not."""
        if over:
            highest = self.base + MOST_RISE * self.excess
            rise = self.step * self.excess * (1.0 - self.above) * min(over / self.tick, FASTEST_RISE)
            self.threshold = max(self.threshold, min(self.threshold + rise, highest))
        self.rest(at, under, (over + under) / DAY_LENGTH)
        if value > self.threshold:
            if not self.peak:
                self.base = self.threshold
            self.peak, self.above_at = max(self.peak, value), at

    def rest(self, at: int, under: float, days: float) -> None:
        """The series was `under` microseconds below T, of `days` in all, and is: most updates learn no more."""
        # No call is made that most updates do not need: this is the detector's inner loop.
        tick, above = self.tick, self.above
        ticks = under / tick
        threshold = self.threshold - self.step * self.excess * above * (ticks if ticks < SLOWEST_FALL else SLOWEST_FALL)
        self.threshold = threshold if threshold > self.lowest else self.lowest
        # Clusters are counted over a bounded past, so that their rate can change.
        days, memory = days + self.days, MEMORY_TICKS * tick / above
        if days > memory:
            self.clusters *= memory / days
            days = memory
        self.days = days
        if self.peak and at - self.above_at > max(APART, APART_TICKS * tick):
            self._end_cluster()

    def _end_cluster(self) -> None:
        """A cluster is over: its peak says how heavy the tail is."""
        # One huge event must not deafen for months: it counts as four mean excesses at most.
        over = min(max(self.peak - self.threshold, 0.0), 4 * self.excess)
        self.clusters += 1
        self.excess = max(self.excess + (over - self.excess) / min(self.clusters, MEMORY_CLUSTERS), self.least_excess)
        self.peak = 0.0
