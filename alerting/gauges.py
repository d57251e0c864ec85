"""What stands now, as Prometheus shows it: each topic, and the newest canary. Names are no labels: their set is open."""

import math
from typing import get_args

from prometheus_client import CollectorRegistry, Gauge, Histogram

from alerting.alerts import Severity
from alerting.detection.daytime import bounded
from alerting.detection.spikes import LONGEST, Band, Spike
from classifier.scores import ScoreRange
from ingest.instants import SECOND

SEVERITIES = get_args(Severity)
CANARY_S = (0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900)
FEWEST = 0.5  # documents, fading; of fewer no share is told


class TopicGauges:
    """One child for every topic that the artifact knows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"bellwether_topic_{name}", meaning, ("topic", *labels), registry=registry)

        self.return_period = gauge(
            "return_period_days", "How rare the present excess is for its topic; 0: usual, 1,000 at most."
        )
        self.excess = gauge("excess", "Standardised excess of negatives on the time scale that speaks.")
        self.documents = gauge("documents", "Stories on the detector's middle time scale (90 minutes), fading.")
        self.share = gauge("share", "Share of negatives among them; NaN where there are hardly any.")
        self.usual_share = gauge("usual_share", "The topic's own slow share of negatives, at this time of day.")
        self.tail_share = gauge("tail_share", "From this share on the excess would be in the topic's own tail.")
        self.ready = gauge("baseline_ready", "1 once the topic's baseline is known.")
        self.missing = gauge("silent_share", "Share of the topic's usual volume whose sources have fallen silent.")
        self.unknown = gauge("unknown", "1 while that is half or more: nothing can be said of the topic.")
        self.open = gauge("alert_open", "1 while an alert that destinations were told of is open.", "severity")
        self._detected = (
            self.return_period, self.excess, self.documents, self.share, self.usual_share, self.tail_share, self.ready,
        )  # fmt: skip
        self._plain = (*self._detected, self.missing, self.unknown)
        self._topics: tuple[str, ...] = ()

    def know(self, topics: tuple[str, ...]) -> None:
        """Make the children of these topics, at 0; those of others go."""
        if topics == self._topics:
            return
        for gone in set(self._topics) - set(topics):
            for gauge in self._plain:
                gauge.remove(gone)
            for severity in SEVERITIES:
                self.open.remove(gone, severity)
        self._topics = topics
        for topic in topics:
            for gauge in self._plain:
                gauge.labels(topic)
            for severity in SEVERITIES:
                self.open.labels(topic, severity)

    def stand_by(self) -> None:
        """Another process watches from now on: a crisis must not be shown here for ever."""
        for topic in self._topics:
            for gauge in self._plain:
                gauge.labels(topic).set(0)
            for severity in SEVERITIES:
                self.open.labels(topic, severity).set(0)

    def show(self, topic: str, spike: Spike, band: Band) -> None:
        """What a topic's detector says."""
        self.return_period.labels(topic).set(min(spike.days, LONGEST))
        self.excess.labels(topic).set(spike.detection.statistic)
        self.documents.labels(topic).set(band.documents)
        told = band.documents >= FEWEST
        self.share.labels(topic).set(bounded(band.negatives / band.documents + band.raised) if told else math.nan)
        self.tail_share.labels(topic).set(bounded(band.most / band.documents + band.raised) if told else 1.0)
        self.usual_share.labels(topic).set(bounded(spike.detection.usual_share + band.raised))
        self.ready.labels(topic).set(spike.ready)

    def show_unwatched(self, topic: str) -> None:
        """The topic has no detector: nothing was heard of it yet."""
        for gauge in self._detected:
            gauge.labels(topic).set(math.nan if gauge is self.share else 0)

    def show_open(self, topic: str, severity: str | None) -> None:
        """The severity of a topic's open alert if there is one."""
        for each in SEVERITIES:
            self.open.labels(topic, each).set(each == severity)

    def show_sources(self, topic: str, missing: float, *, is_unknown: bool) -> None:
        """How much of a topic's usual volume is missing because its sources are silent."""
        self.missing.labels(topic).set(missing)
        self.unknown.labels(topic).set(is_unknown)


class CanaryGauges:
    """Canaries that have come as far as the aggregator."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seen = Gauge(
            "bellwether_canary_seen_timestamp_seconds",
            "When the newest canary that has come through was appended: of the partition where that is longest ago.",
            ["kafka_topic"],
            registry=registry,
        )
        self.through = Histogram(
            "bellwether_canary_through_seconds", "From a canary's append to its input until it reaches the aggregator.",
            buckets=CANARY_S, registry=registry,
        )  # fmt: skip
        self._newest: dict[str, dict[int, int]] = {}  # by log and partition

    def show(self, scores: ScoreRange, now: int) -> None:
        """The range holds a canary."""
        newest = self._newest.setdefault(scores.log, {})
        newest[scores.partition] = max(newest.get(scores.partition, 0), scores.canary_at)
        for gone in [partition for partition in newest if partition >= scores.partitions]:
            del newest[gone]
        self.seen.labels(scores.log).set(min(newest.values()) / SECOND)
        self.through.observe(max(0, now - scores.canary_at) / SECOND)
