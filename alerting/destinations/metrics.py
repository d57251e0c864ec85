from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from alerting.destinations.answers import Matter
from alerting.destinations.digest import Digest

ENDINGS = ("delivered", "refused", "expired", "undecodable", "muted")
HELD = ("historical", "quiet", "cool_down", "digest")  # told in a digest
PASSED_OVER = ("joined", "duplicate", "others", "stale", "severity", "action", "subject", "language", "path", "notice")
OUTCOMES = (*ENDINGS, *HELD, *PASSED_OVER)
ANSWERS = ("delivered", "partly", "refused", "away")
BUCKETS_S = (0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400)


class DeliverMetrics:
    """What the boxes that deliver tell, for all `destinations` of this process."""

    def __init__(self, registry: CollectorRegistry, destinations: Sequence[str]) -> None:
        labels = ("destination",)
        self.alerts = Counter(
            "bellwether_deliver_alerts",
            "Alerts and notices done with: delivered; muted by somebody; refused, expired, undecodable (to dead letters); "
            "historical, quiet, cool_down, digest (told in a digest, where there is one); the others were passed over.",
            (*labels, "outcome"),
            registry=registry,
        )
        self.digests = Counter(
            "bellwether_deliver_digests", "Digests done with, by outcome.", (*labels, "outcome"), registry=registry
        )
        self.held = Gauge(
            "bellwether_deliver_held_alerts", "Alerts and notices that wait for a digest.", labels, registry=registry
        )
        self.rate_waits = Counter(
            "bellwether_deliver_rate_waits",
            "Times that the line waited because the destination takes no more messages in this minute.",
            labels,
            registry=registry,
        )
        self.attempts = Counter(
            "bellwether_deliver_attempts", "Attempts to deliver, by answer.", (*labels, "answer"), registry=registry
        )
        self.skipped = Counter(
            "bellwether_deliver_skipped_records",
            "Positions of the alerts log that were no longer kept when their turn to be read came.",
            labels,
            registry=registry,
        )
        self.since_opened = Histogram(
            "bellwether_deliver_since_opened_seconds",
            "From an alert's opening (event time) to its first delivery.",
            labels,
            buckets=BUCKETS_S,
            registry=registry,
        )
        self.since_appended = Histogram(
            "bellwether_deliver_since_appended_seconds",
            "From a revision's append to the alerts log to its delivery.",
            labels,
            buckets=BUCKETS_S,
            registry=registry,
        )
        self.waiting = Gauge("bellwether_deliver_waiting_alerts", "Alerts in the line.", labels, registry=registry)
        self.oldest = Gauge(
            "bellwether_deliver_oldest_waiting_seconds",
            "Since the append of the alert at the head of the line; 0 without any.",
            labels,
            registry=registry,
        )
        self.failures = Gauge(
            "bellwether_deliver_failures_in_a_row",
            "Attempts since the destination last answered; 0 when all is well.",
            labels,
            registry=registry,
        )
        for destination in destinations:
            self._begin(destination)

    def done(self, destination: str, matter: Matter | None, outcome: str) -> None:
        """Something that stood in the line is done with."""
        counter = self.digests if isinstance(matter, Digest) else self.alerts
        counter.labels(destination, outcome).inc()

    def _begin(self, destination: str) -> None:
        for outcome in OUTCOMES:
            self.alerts.labels(destination, outcome)
        for outcome in ("delivered", "refused", "expired"):
            self.digests.labels(destination, outcome)
        for answer in ANSWERS:
            self.attempts.labels(destination, answer)
        for metric in (self.skipped, self.since_opened, self.since_appended, self.waiting, self.oldest, self.failures,
                       self.held, self.rate_waits):  # fmt: skip
            metric.labels(destination)
