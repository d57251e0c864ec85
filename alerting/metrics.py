"""What the aggregator tells Prometheus."""

from collections import Counter as Counts
from typing import get_args

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from alerting.alerts import Action, Alert
from alerting.counting.eventtime import Verdict
from alerting.gauges import SEVERITIES, CanaryGauges, TopicGauges
from alerting.keeper import Keeper
from alerting.state import State
from classifier.artifact import SENTIMENTS
from classifier.scores import Columns
from ingest.document import LANGUAGES
from ingest.instants import DAY, SECOND, instant
from ingest.logs import Batch

BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60, 300, 900, 3600)


class AggregateMetrics:
    """Counters, gauges and histograms of one aggregator; every child exists from the start, at 0."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"bellwether_aggregate_{name}", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(f"bellwether_aggregate_{name}", meaning, registry=registry)

        def histogram(name: str, meaning: str) -> Histogram:
            return Histogram(f"bellwether_aggregate_{name}", meaning, buckets=BUCKETS_S, registry=registry)

        self.documents = counter(
            "documents_total", "Documents counted, under each of their topics.", "topic", "sentiment", "language"
        )
        self.ranges = counter("ranges_total", "Ranges of the scores log, by verdict.", "verdict")
        self.lost = counter("positions_lost_total", "Input positions that were gone before they were read.")
        self.remade = counter("inputs_remade_total", "Input partitions that were deleted and made again.")
        self.late = counter("late_documents_total", "Documents behind their partition's watermark.")
        self.windows = counter("windows_total", "Windows published, amendments included.")
        self.alerts = counter("alerts_total", "Alerts opened.", "severity")
        self.told = counter(
            "told_total",
            "Alerts that destinations are to be told of: opened, escalated or caught up; by action.",
            "action",
        )
        self.watermark = gauge("watermark_seconds", "Event time up to which windows are closed.")
        self.alerts_open = gauge("alerts_open", "Alerts open now.")
        self.alerts_per_week = gauge(
            "alerts_per_week", "Incidents a week, over the last four: what is spent of the budget."
        )
        self.budget_per_week = gauge("budget_per_week", "Alerts a week that are welcome.")
        self.alarm_days = gauge("alarm_days", "The return period from which on a topic alerts; it follows the budget.")
        self.checkpoint_bytes = gauge("checkpoint_bytes", "Size of the last checkpoint, unpacked.")
        self.stories_back = gauge(
            "stories_back_seconds", "How far back copies of a story are known: a day, or less where there are too many."
        )
        self.sources = gauge("sources", "Sources whose rhythm is followed.")
        self.sources_silent = gauge("sources_silent", "Of them, those that have fallen silent by their own rhythm.")
        self.since_scored = histogram(
            "since_scored_seconds", "From a range's append to the scores log until it is counted."
        )
        self.since_arrival = histogram(
            "since_arrival_seconds",
            "From the arrival of the last document that was counted before an alert until the alert is written.",
        )
        self._gauges = TopicGauges(registry)
        self.canaries = CanaryGauges(registry)
        for verdict in Verdict:
            self.ranges.labels(verdict.value)
        for severity in SEVERITIES:
            self.alerts.labels(severity)
        for action in get_args(Action):
            self.told.labels(action)
        self._topics: tuple[str, ...] = ()
        self._counted: Counts[tuple[str, str, str]] = Counts()  # not yet shown

    def know(self, topics: tuple[str, ...]) -> None:
        """What documents count under: create the counters' children of every topic of the artifact, at 0."""
        if topics == self._topics:
            return
        self._topics = topics
        for topic in topics:
            for sentiment in SENTIMENTS:
                for language in LANGUAGES:
                    self.documents.labels(topic, sentiment, language)

    def take_over(self, state: State) -> None:
        """This process watches from now on."""
        self.know(state.topics)
        self._gauges.know(state.topics)

    def stand_by(self) -> None:
        """Another process watches from now on."""
        self._gauges.stand_by()
        for standing in (self.alerts_open, self.sources, self.sources_silent):
            standing.set(0)

    def count(self, columns: Columns, watermark: int) -> None:
        """Count the documents of a range, each under its most probable sentiment; `watermark` is that of its partition."""
        rows, topics = columns.rows, len(columns.range.topics)
        if not len(rows):
            return
        self.late.inc(int((rows["event_at"] < watermark).sum()))
        languages = [language if language in LANGUAGES else "und" for language in columns.languages]
        kinds = [(sentiment, language) for sentiment in SENTIMENTS for language in languages]
        cells = rows["sentiment"].argmax(axis=1) * len(languages) + rows["language"]
        for group, labelled, _ in columns.by_group():
            if group.subject < topics:
                many = np.bincount(cells.take(labelled), minlength=len(kinds)).tolist()
                for kind, n in zip(kinds, many, strict=True):
                    self._counted[(columns.range.topics[group.subject], *kind)] += n

    def read(self, batch: Batch, now: int) -> None:
        """A batch of the scores log was counted at instant `now`."""
        for record in batch.records:
            self.since_scored.observe(max(0, now - record.appended_at) / SECOND)

    def alert(self, alert: Alert, now: int) -> None:
        """A revision of an alert was found at instant `now`."""
        if alert.change == "opened":
            self.alerts.labels(alert.severity).inc()
        if alert.change == "closed" or not alert.is_told:
            return
        self.told.labels(alert.action).inc()
        if alert.handled is not None and alert.change != "caught_up":
            self.since_arrival.observe(max(0, now - instant(alert.handled.appended_at)) / SECOND)

    def show(self, keeper: Keeper) -> None:
        """How everything stands now."""
        for labels, many in self._counted.items():
            self.documents.labels(*labels).inc(many)
        self._counted.clear()
        state, spikes = keeper.state, keeper.spikes
        if state.bins.closed_to is not None:
            self.watermark.set(state.bins.closed_to / SECOND)
            back = DAY if keeper.stories_since is None else state.bins.closed_to - keeper.stories_since
            self.stories_back.set(min(back, DAY) / SECOND)
        self.budget_per_week.set(keeper.settings.spikes.budget_per_week)
        self.alarm_days.set(keeper.alarm_days)
        self.alerts_per_week.set(state.budget.achieved_per_week)
        self.alerts_open.set(state.book.running())
        self.sources.set(len(state.rhythms.sources))
        self.sources_silent.set(len(state.rhythms.silent))
        self._gauges.know(state.topics)  # and not those of a range: a retired model may have written it
        for topic in state.topics:
            subject = f"topic/{topic}"
            missing = min(state.rhythms.missing.get(subject, 0.0), 1.0)
            self._gauges.show_sources(topic, missing, is_unknown=state.rhythms.is_unknown(subject))
            self._gauges.show_open(topic, _open_severity(keeper, subject))
            if spike := spikes.get(subject):
                band = state.detectors[subject].band(state.bins.closed_to or 0, spike.detection.usual_share)
                self._gauges.show(topic, spike, band)
            else:
                self._gauges.show_unwatched(topic)


def _open_severity(keeper: Keeper, subject: str) -> str | None:
    """Of the alert that is open on `subject`, if destinations were told of one."""
    told = keeper.state.book.told.get(subject)
    is_open = told is not None and told.alert.state == "open" and told.delivered
    return told.alert.severity if told is not None and is_open else None
