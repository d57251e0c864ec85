"""What the classifier tells Prometheus."""

from collections.abc import Iterable, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from classifier.artifact import SENTIMENTS
from classifier.packing import is_negative
from classifier.reading import Bad, Outcome
from classifier.scorer import Scorer, Work
from classifier.scores import ScoredDocument
from ingest.deadletters import REASONS
from ingest.document import LANGUAGES
from ingest.instants import SECOND

_NAME = "bellwether_classify"
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ARRIVAL = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3600)
_RATIO = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
_ROWS = (1, 2, 3, 4, 6, 8, 16, 32)


class ClassifyMetrics:
    """Counters and histograms of one classifier; every child exists from the start, at 0."""

    def __init__(self, registry: CollectorRegistry, scorer: Scorer) -> None:
        self.documents = Counter(f"{_NAME}_documents_total", "Documents scored", ["language"], registry=registry)
        self.topics = Counter(
            f"{_NAME}_topics_total", "Documents scored, under each of their topics", ["topic", "sentiment"],
            registry=registry,
        )  # fmt: skip
        self.records = Counter(
            f"{_NAME}_records_total", "Records of an input that are dealt with", ["kafka_topic"], registry=registry
        )
        self.dead_letters = Counter(
            f"{_NAME}_dead_letters_total", "Records that became dead letters", ["reason"], registry=registry
        )
        self.skipped = Counter(
            f"{_NAME}_positions_skipped_total",
            "Input positions that were gone before they were read",
            registry=registry,
        )
        self.cached = Counter(
            f"{_NAME}_texts_cached_total", "Texts whose scores were known from a copy", registry=registry
        )
        self.truncated = Counter(
            f"{_NAME}_texts_truncated_total", "Texts so long that their end was not read",
            registry=registry,
        )  # fmt: skip
        self.tokens = Counter(f"{_NAME}_tokens_total", "Tokens that the model read", registry=registry)
        self.batch_texts = Histogram(
            f"{_NAME}_batch_texts", "Texts in a batch, or chunks of long ones", registry=registry, buckets=_ROWS
        )
        self.batch_fill = Histogram(
            f"{_NAME}_batch_fill_ratio", "Share of a batch that is text, not padding", registry=registry, buckets=_RATIO
        )
        self.seconds = Histogram(
            f"{_NAME}_scoring_seconds",
            "Time to decode and score a portion; if it overlaps with the one before, from the end of that one",
            registry=registry,
            buckets=_SECONDS,
        )
        self.since_arrival = Histogram(
            f"{_NAME}_since_arrival_seconds", "From a document's append to its log until its scores are published",
            registry=registry, buckets=_ARRIVAL,
        )  # fmt: skip
        info = Gauge(
            "bellwether_model_info", "1 for the model that scores here; asked: what it should run on",
            ["artifact", "name", "asked", "provider", "threads"], registry=registry,
        )  # fmt: skip
        info.labels(scorer.artifact, scorer.name, scorer.asked, scorer.provider, str(scorer.threads)).set(1)
        self._names = scorer.topics
        for topic in scorer.topics:
            for sentiment in SENTIMENTS:
                self.topics.labels(topic, sentiment)
        for language in LANGUAGES:
            self.documents.labels(language)
        for reason in REASONS:
            self.dead_letters.labels(reason)

    def know(self, inputs: Iterable[str]) -> None:
        """Create the children of the logs that are read."""
        for name in inputs:
            self.records.labels(name)

    def count(self, log: str, outcomes: Sequence[Outcome], work: Work, published_at: int | None) -> None:
        """Count a portion of `log` whose range was committed, at `published_at`; None in a replay."""
        for outcome in outcomes:
            if outcome.is_canary:
                continue
            self.records.labels(log).inc()
            if isinstance(outcome.result, Bad):
                self.dead_letters.labels(outcome.result.reason).inc()
                continue
            self._count(outcome.result)
            if published_at is not None:
                self.since_arrival.observe(max(0, published_at - outcome.result.appended_at) / SECOND)
        self.cached.inc(work.cached)
        self.truncated.inc(work.truncated)
        if work.seconds:
            self.seconds.observe(work.seconds)
        for batch in work.batches:
            self.tokens.inc(batch.tokens)
            self.batch_texts.observe(batch.texts)
            self.batch_fill.observe(batch.tokens / batch.places)

    def _count(self, document: ScoredDocument) -> None:
        self.documents.labels(document.language if document.language in LANGUAGES else "und").inc()
        sentiment = SENTIMENTS[0 if is_negative(document) else max((1, 2), key=document.sentiment.__getitem__)]
        for label in document.labels:
            self.topics.labels(self._names[label], sentiment).inc()
