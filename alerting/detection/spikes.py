"""Is an excess of negatives rare for this subject? One detector a subject; see `docs/detection.md`.

The statistic is the standardised excess over the subject's own slow share, `z = (n - p N) / sqrt(phi p (1 - p) N + 1)`, over
exponentially fading sums on several time scales. How rare z is, its own tail tells (`alerting.detection.tails`). The rarest scale
speaks; its return period is divided by the number of scales, because looking on several multiplies the chances. Updates come with
event time, any time apart. A share that rises and falls with the time of day is usual too (`alerting.detection.daytime`).
"""

import math
from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

from msgspec import Struct

from alerting.alerts import Detection
from alerting.detection import daytime
from alerting.detection.daytime import learned, mean_raised, raised, usual_between
from alerting.detection.rules import SpikeSettings, is_enough
from alerting.detection.scales import Counted, Scale, Usual
from alerting.detection.statistic import MOST_USUAL, Sums
from alerting.detection.tails import DAY_LENGTH
from ingest.instants import DAY, SECOND, microseconds

LN_HALF = log(0.5)
LONGEST = 1000.0  # days; a longer return period is an extrapolation that nobody can check, and is never said
FAR = 40.0  # times the alarm threshold: rarer than that makes no difference either
PRIOR_SHARE = 0.25  # of negatives, before anything is known
PRIOR_DOCUMENTS = 12.0  # how many documents the pooled share counts for
READY_DOCUMENTS = 20
CERTAIN = 1.0 - 1e-9  # takes rounding in
BEYOND_OF_NAME = 0.25  # of its usual share is expected of documents beyond a name's usual number
HELD_WEIGHT = 0.1  # what fires counts for in the usual share and volume
SETTLING = 8.0  # times as fast the former usual fades where another has settled,
KNOWN_DOCUMENTS = 10 * PRIOR_DOCUMENTS  # and so many are known: fewer would give way to the pooled share
LONGEST_GAPS = 3.0  # usual gaps, and a day at least: longer silence is an outage, and tells nothing of the next one
LONGEST_GAP = 3.0  # days, between updates of a subject, that an event may last over


class Residue(NamedTuple):
    """What closed alerts have told of an excess that is not over: slower scales than the one that spoke still see it."""

    scale_s: float = math.inf  # the fastest that spoke last in one of them
    days: float = 0.0  # the longest return period that was told


class Footing(NamedTuple):
    """What a detector is told besides its own subject's past."""

    settings: SpikeSettings
    pooled_share: float  # of negatives, over all subjects
    alarm_days: float
    watched: bool = False  # enough was read of all subjects together to know that a silent one is rare
    is_unknown: bool = False  # its usual sources are silent: what is usual stands still
    is_settled: bool = False  # it has been in its tail for so long that this is becoming the usual
    residue: Residue = Residue()


class Spike(Struct, frozen=True):
    """What a detector says at one instant. `days` is the return period; 0 where z is not in its tail."""

    days: float
    fires: bool
    above: tuple[float, ...]  # the scales, in seconds, on which z is over T
    critical: bool
    escalation: float  # how many times rarer it must become to be told again
    ready: bool
    quiet: int  # microseconds below the tail after which an event is over
    wave: tuple[float, float]  # cosine and sine of the usual share; in `detection` stands that of the whole day
    usual_per_day: float  # documents
    detection: Detection

    def usual_share(self, first: int, last: int) -> float:
        """Of negatives between two instants, at the times of day that lie there; in [0, 1]."""
        return usual_between(self.detection.usual_share, self.wave, first, last)


class Band(NamedTuple):
    """What lies on the detector's middle scale at one instant, fading, less what the time of day explains."""

    documents: float
    negatives: float
    most: float  # from so many on the excess is in the tail
    raised: float  # by how much the time of day raises their share: they are as old as the scale is long, on average


class Looked(NamedTuple):
    """What stands on a detector's scales at one instant, scale by scale."""

    at: int
    usual: Usual
    readings: list[float]  # of the statistic z
    sums: list[Sums]


def longest(alarm_days: float) -> float:
    """The longest return period in days that is told apart from others where the alarm threshold is `alarm_days`."""
    return max(LONGEST, FAR * alarm_days)


class Detector(Struct, gc=False):
    """The memory of one subject. Numbers only: some 2,000 bytes, half as many in a checkpoint."""

    scales: tuple[Scale, ...]
    since: int  # when watching began: silence before its first document counts
    at: int  # instant of the last update
    half_life: float  # microseconds, of what follows
    documents: float = 0.0
    negatives: float = 0.0
    days: float = 0.0
    squared_gaps: float = 0.0  # of the distances between updates, in days
    dispersion: float = 1.3
    beyond: float = 1.0  # so many times the usual share is expected of documents beyond the usual number
    cosine: float = 0.0  # by so much the share is above the usual at midnight (UTC), and below it at noon
    sine: float = 0.0  # and by so much at 6 and at 18 o'clock

    def __post_init__(self) -> None:
        self._bound()  # also of what a checkpoint holds

    @classmethod
    def fresh(cls, settings: SpikeSettings, at: int, *, of_name: bool = False) -> "Detector":
        """A detector that knows only the priors, of a topic or of a name."""
        scale = Scale.fresh_of_name if of_name else Scale.fresh
        scales = tuple(scale(microseconds(length)) for length in settings.scales)
        beyond = BEYOND_OF_NAME if of_name else 1.0
        return cls(scales, at, at, float(microseconds(settings.slow_half_life)), beyond=beyond)

    def usual(self, pooled_share: float) -> Usual:
        """What is usual: the slow share shrunk to `pooled_share`, that of all subjects, and the slow volume."""
        return Usual._make(self._usual(pooled_share))

    def _usual(self, pooled_share: float) -> tuple[float, ...]:
        had, days = self.documents, self.days
        share = (self.negatives + PRIOR_DOCUMENTS * pooled_share) / (had + PRIOR_DOCUMENTS)
        per_day, beyond = had / (days if days > 1.0 else 1.0), self.beyond * share
        gap = self.squared_gaps / days if days else 0.0
        at_once = per_day * (gap if gap < LONGEST_GAP else LONGEST_GAP)
        if beyond > MOST_USUAL:
            beyond = MOST_USUAL
        return share, per_day, self.dispersion, beyond, at_once, CERTAIN * (beyond if beyond < share else share)

    def look(self, bins: Sequence[Counted], footing: Footing) -> Spike:
        """What would be said if these bins, oldest first and at least one, were added; nothing is learned."""
        return self._spike(self._looked(bins, footing), footing)

    def look_at_tail(self, bins: Sequence[Counted], footing: Footing) -> Spike | None:
        """The same; None says that nothing is in its tail."""
        looked = self._looked(bins, footing)
        is_rare = any(z > each.tail.threshold for each, z in zip(self.scales, looked.readings, strict=True))
        return self._spike(looked, footing) if is_rare else None

    def _looked(self, bins: Sequence[Counted], footing: Footing) -> Looked:
        usual = self.usual(footing.pooled_share)
        hourly = [raised(self.cosine, self.sine, max(each.at, self.at)) for each in bins]
        bins = [b._replace(negatives=b.negatives - h * b.documents) for b, h in zip(bins, hourly, strict=True)]
        sums = [scale.after(bins, self.at) for scale in self.scales]
        readings = [scale.z(mine, usual) for scale, mine in zip(self.scales, sums, strict=True)]
        return Looked(bins[-1].at, usual, readings, sums)

    def update(self, counted: Counted, footing: Footing) -> Spike | None:
        """Look, then learn; None says that nothing is in its tail, as nearly always."""
        at, documents, negatives = counted.at, float(counted.documents), float(counted.negatives)
        elapsed = float(at - self.at)  # floats throughout: mixed arithmetic is slower
        if elapsed < 0.0:
            at, elapsed = self.at, 0.0
        days, usual, spike = elapsed / DAY_LENGTH, self._usual(footing.pooled_share), None
        if documents:
            negatives -= raised(self.cosine, self.sine, at) * documents
        readings, is_rare = [], False
        for scale in self.scales:
            z = scale.add(at, elapsed, days, documents, negatives, usual)
            readings.append(z)
            if z:
                is_rare = True
        if is_rare:
            sums = [Sums(each.documents, each.negatives, each.squares) for each in self.scales]
            spike = self._spike(Looked(at, Usual._make(usual), readings, sums), footing)
            for scale, z in zip(self.scales, readings, strict=True):
                if z:
                    scale.learn(at, elapsed, z)
        self.at = at
        if not footing.is_unknown:
            held = spike is not None and spike.fires and not footing.is_settled
            self._learn_usual(elapsed, days, documents, negatives, usual[0], held=held)
            if at % daytime.EVERY < elapsed < daytime.LONGEST_GAP and not readings[0] and self.beyond == 1.0:
                last = self.scales[0]
                excess = last.negatives - usual[0] * last.documents
                self.cosine, self.sine = learned(self.cosine, self.sine, at, excess, self.documents, usual[0])
        return spike

    def pass_over(self, outage: int) -> None:
        """For so long, in microseconds, nothing was watched: what lies on the scales fades, else it was no time at all."""
        for scale in self.scales:
            scale.documents, scale.negatives, scale.squares = scale.after([Counted(self.at + outage, 0, 0)], self.at)
        self.since += outage
        self.at += outage

    def settle(self, at: int) -> None:
        """What was usual makes way by instant `at`, of the next update, for what has been in the tail for so long."""
        if self.documents > KNOWN_DOCUMENTS:
            fade = exp(LN_HALF * (SETTLING - 1.0) * max(at - self.at, 0) / self.half_life)  # and `update` fades it once
            fade = max(fade, KNOWN_DOCUMENTS / self.documents)
            self.days, self.squared_gaps = self.days * fade, self.squared_gaps * fade
            self.documents, self.negatives = self.documents * fade, self.negatives * fade

    def band(self, at: int, usual_share: float) -> Band:
        """The middle scale at instant `at`, for a subject whose usual share of negatives that is."""
        scale, usual = self.scales[len(self.scales) // 2], self.usual(0)
        usual = usual._replace(share=usual_share, beyond_share=min(self.beyond * usual_share, MOST_USUAL))
        sums = scale.after([Counted(at, 0, 0)], self.at)
        expected = scale.expected(sums.documents, usual)
        weight = sums.squares / sums.documents if sums.documents > 0 else 0.0
        unit = math.sqrt(usual.dispersion * (1 - usual.share) * expected * weight + 1)
        wave = mean_raised(self.cosine, self.sine, at - 2 * int(scale.length), at)
        return Band(sums.documents, sums.negatives, expected + scale.tail.threshold * unit, wave)

    def _learn_usual(
        self, elapsed: float, days: float, documents: float, negatives: float, usual: float, *, held: bool
    ) -> None:
        """The slow share fades on; what fires hardly enters it, or an event would become the usual."""
        known, gap = self.days, days
        if days > 1.0:
            gap = min(days, max(LONGEST_GAPS * self.squared_gaps / (known or 1.0), 1.0))
            if self.beyond == 1.0 and self.documents >= READY_DOCUMENTS:
                days, elapsed = gap, gap * DAY_LENGTH  # an outage: of a topic that is not rare, silence tells nothing
        fade = exp(LN_HALF * elapsed / self.half_life)
        weight = HELD_WEIGHT if held else 1.0
        days -= (1.0 - weight) * min(days, LONGEST_GAP)  # longer silence came before the event
        self.days = known * fade + days
        self.squared_gaps = self.squared_gaps * fade + days * gap
        self.documents = self.documents * fade + weight * documents
        self.negatives = self.negatives * fade + weight * negatives
        self._bound()
        if documents and not held:
            excess, dispersion = negatives - usual * documents, self.dispersion
            chi = excess * excess / (usual * (1.0 - usual) * documents + 0.25)
            dispersion += 0.002 * ((chi if chi < 20.0 else 20.0) - dispersion)
            self.dispersion = dispersion if dispersion > 1.0 else 1.0

    def _bound(self) -> None:
        """Negatives are among the documents: a wave that took out more than there were was learned of another rhythm."""
        if not 0.0 <= self.negatives <= self.documents:
            self.negatives = min(max(self.negatives, 0.0), self.documents)
            self.cosine = self.sine = 0.0

    def _spike(self, looked: Looked, footing: Footing) -> Spike:
        settings, alarm_days, many = footing.settings, footing.alarm_days, len(self.scales)
        most, above, best = longest(alarm_days), [], (False, -1.0, -math.inf, 0)
        seen_by, told = footing.residue.scale_s * SECOND, footing.residue.days * settings.escalation
        for number, scale in enumerate(self.scales):
            z, days, enough = looked.readings[number], 0.0, False
            if z > scale.tail.threshold:
                above.append(scale.length / SECOND)
                mine, days = looked.sums[number], min(scale.tail.return_days(z) / many, most)
                enough = is_enough(mine.negatives, scale.expected(mine.documents, looked.usual), settings)
                enough = enough and (scale.length <= seen_by or days >= told)
            best = max(best, (enough, days, z, number))
        enough, days, z, speaking = best
        ready = self.is_ready(looked.at, settings, watched=footing.watched)
        return Spike(
            days=days,
            fires=enough and days >= (alarm_days if ready else 10 * alarm_days),
            above=tuple(above),
            critical=ready and days >= settings.critical * alarm_days,
            escalation=settings.escalation,
            ready=ready,
            quiet=self._quiet(settings),
            wave=(self.cosine, self.sine),
            usual_per_day=looked.usual.per_day,
            detection=self._detection(speaking, looked, alarm_days),
        )

    def is_ready(self, at: int, settings: SpikeSettings, *, watched: bool = False) -> bool:
        """Whether the baseline is known: for long enough, from enough documents or from `watched` silence."""
        long_enough = at - self.since >= microseconds(settings.ready_after)
        return long_enough and (watched or self.documents >= READY_DOCUMENTS)

    def _quiet(self, settings: SpikeSettings) -> int:
        """News that come once a day must not end an event every evening: a random instant lies in a gap of so many days."""
        gap = self.squared_gaps / self.days if self.days else 0.0
        return max(microseconds(settings.quiet), int(1.5 * min(gap, LONGEST_GAP) * DAY))

    def _detection(self, speaking: int, looked: Looked, alarm_days: float) -> Detection:
        scale, sums, usual = self.scales[speaking], looked.sums[speaking], looked.usual
        return Detection(
            scale_s=scale.length / SECOND,
            statistic=looked.readings[speaking],
            usual_share=usual.share,
            threshold=scale.tail.threshold,
            mean_excess=scale.tail.excess,
            clusters_per_day=scale.tail.clusters / scale.tail.days,
            scales=len(self.scales),
            alarm_days=alarm_days,
            documents=sums.documents,
            negatives=sums.negatives,
            squares=sums.squares,
            usual_documents=scale.usually(usual),
            dispersion=self.dispersion,
            beyond_share=usual.beyond_share,
        )
