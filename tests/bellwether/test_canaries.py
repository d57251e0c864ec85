"""Canaries through the real boxes: published, scored, followed, and counted nowhere."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from alerting.aggregate import Aggregate
from alerting.alerts import ALERTS
from alerting.audit import AUDIT
from alerting.checkpoints import CHECKPOINTS
from alerting.counting.windows import WINDOWS
from alerting.gauges import CanaryGauges
from alerting.metrics import AggregateMetrics
from alerting.state import AggregateSettings
from bellwether.canaries import Aviary, Canaries, CanaryMetrics
from bellwether.settings import WrongSettings, read_settings
from classifier.artifact import SHIPPED
from classifier.classify import Classify
from classifier.metrics import ClassifyMetrics
from classifier.scorer import Scorer
from classifier.scores import SCORES, decode_range
from ingest.canary import canary_keys
from ingest.deadletters import DEAD_LETTERS
from ingest.decode import Decoder, FieldMapping
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import MINUTE, SECOND
from ingest.logs import Batch, Closed, Ended, Kept, Logs, Opened, Place
from ingest.steps import Box
from tests.alerting.made import score_range
from tests.classifier.made import document

NEWS = Kept("news")


class Clock:
    def __init__(self) -> None:
        self.now = 1_772_500_000 * SECOND

    def __call__(self) -> int:
        return self.now


class Turning:
    """A box with its reader and writer."""

    def __init__(self, logs: Logs, clock: Clock, box: Box, group: str, *reads: str) -> None:
        self.box, self.clock = box, clock
        self.reader, self.writer = logs.reader(group, reads), logs.writer()
        self.held: dict[Place, int] = {}

    def turn(self) -> None:
        events = list(self.reader.poll(0))
        for event in events:
            if isinstance(event, Opened):
                self.held[event.place] = event.committed.offset if event.committed else event.start
            elif isinstance(event, Batch):
                self.held[event.place] = event.next
        if self.box.wants_ends:
            ends = self.reader.ends()
            events += [Ended(place, self.held[place], ends[place], self.clock.now) for place in ends]
        for step in self.box.step(events, self.clock.now):
            for message in step.messages:
                self.writer.publish(message)
            self.writer.flush()
            self.reader.commit(step.commits)
            for place, offset in step.seeks.items():
                self.reader.seek(place, offset)


class Way:
    """From canaries and documents to the aggregator, turned by hand."""

    def __init__(self, folder: Path, scorer: Scorer) -> None:
        self.clock = Clock()
        self.logs = logs = EmbeddedLogs(folder / "log.sqlite", self.clock)
        logs.ensure([NEWS, DEAD_LETTERS, SCORES, WINDOWS, ALERTS, CHECKPOINTS, AUDIT])
        self.registry = registry = CollectorRegistry()
        aviary = Aviary(NEWS.log, logs.partitions(NEWS.log), canary_keys(FieldMapping()))
        canaries = Canaries([aviary], MINUTE, CanaryMetrics(registry, [NEWS.log], MINUTE))
        decoder = Decoder(bound_us=2 * MINUTE)
        classify = Classify({NEWS.log: decoder}, scorer, ClassifyMetrics(registry, scorer), replay=False)
        aggregate = Aggregate(AggregateSettings((NEWS.log,)), logs, "a", AggregateMetrics(registry))
        self.boxes = [
            Turning(logs, self.clock, canaries, "canary", ALERTS.log),
            Turning(logs, self.clock, classify, "classify", NEWS.log),
            Turning(logs, self.clock, aggregate, "aggregate", SCORES.log),
        ]

    def turn(self, seconds: int = 1) -> None:
        for _ in range(4):
            for box in self.boxes:
                box.turn()
        self.clock.now += seconds * SECOND

    def value(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"bellwether_{name}", labels) or 0

    def total(self, name: str) -> float:
        return sum(s.value for m in self.registry.collect() for s in m.samples if s.name == f"bellwether_{name}")


@pytest.fixture(scope="module")
def opened() -> Scorer:
    return Scorer.open(SHIPPED, device="cpu")


@pytest.fixture
def way(tmp_path: Path, opened: Scorer):
    opened.forget()
    way = Way(tmp_path, opened)
    yield way
    way.logs.close()


def test_it_is_published_and_followed_to_the_aggregator(way: Way) -> None:
    published = way.clock.now
    way.turn()
    assert sum(1 for _ in way.logs.scan(NEWS.log)) == 1
    assert way.value("canary_published_timestamp_seconds", kafka_topic="news") == published / SECOND
    assert way.value("canary_seen_timestamp_seconds", kafka_topic="news") == published / SECOND
    assert way.value("canary_through_seconds_count") == 1


def test_one_goes_into_each_partition_of_each_input() -> None:
    keys = canary_keys(FieldMapping())
    metrics = CanaryMetrics(CollectorRegistry(), ["news", "wire"], MINUTE)
    box = Canaries([Aviary("news", 2, keys), Aviary("wire", 1, keys)], MINUTE, metrics)
    seek, publish = box.step([Opened(Place(ALERTS.log, 0), "id", 1, None, 0, 70)], MINUTE)
    assert seek.seeks == {Place(ALERTS.log, 0): 70}
    assert [(message.log, message.partition) for message in publish.messages] == [("news", 0), ("news", 1), ("wire", 0)]


def test_it_is_scored_and_counts_nowhere(way: Way) -> None:
    writer = way.logs.writer()
    writer.publish(document(1, "Shares fall"))
    writer.flush()
    writer.close()
    way.turn()
    assert way.value("classify_tokens_total") > 20  # a canary went through the model
    assert way.value("classify_records_total", kafka_topic="news") == 1
    assert way.total("classify_documents_total") == 1
    assert way.total("aggregate_documents_total") >= 1
    ranges = [decode_range(record.value or b"") for record in way.logs.scan(SCORES.log)]
    assert [each.id for scores in ranges for each in scores.documents] == ["n1"]
    assert sum(scores.dead for scores in ranges) == 0


def test_the_next_comes_when_it_is_due_and_not_before(way: Way) -> None:
    for _ in range(3):
        way.turn(seconds=25)
    assert sum(1 for _ in way.logs.scan(NEWS.log)) == 1
    way.turn()
    assert sum(1 for _ in way.logs.scan(NEWS.log)) == 2


def test_they_go_on_when_the_clock_is_set_back(way: Way) -> None:
    way.turn()
    way.clock.now -= 3600 * SECOND
    way.turn()
    assert sum(1 for _ in way.logs.scan(NEWS.log)) == 2
    way.turn()
    assert sum(1 for _ in way.logs.scan(NEWS.log)) == 2


def test_the_partition_that_lets_none_through_is_the_one_that_shows() -> None:
    registry = CollectorRegistry()
    gauges = CanaryGauges(registry)

    def seen(partition: int, at: int, partitions: int = 2) -> float | None:
        gauges.show(score_range((), partition=partition, partitions=partitions, canary_at=at * SECOND), 900 * SECOND)
        return registry.get_sample_value("bellwether_canary_seen_timestamp_seconds", {"kafka_topic": "news"})

    assert [seen(0, 100), seen(1, 101), seen(0, 160), seen(0, 220)] == [100, 100, 101, 101]
    assert seen(1, 221) == 220
    assert seen(0, 280, partitions=1) == 280  # made again with one partition only


def test_who_does_not_hold_the_place_publishes_none(way: Way) -> None:
    box = way.boxes[0].box
    list(box.step([Closed(Place(ALERTS.log, 0))], way.clock.now))
    assert list(box.step([], way.clock.now + 10 * MINUTE)) == []


def test_settings_refuse_canaries_for_an_input_that_cannot_take_them(tmp_path: Path) -> None:
    file = tmp_path / "bellwether.toml"
    file.write_text('[canary]\nevery = "1m"\n[[input]]\nkafka_topic = "wire"\nfields = { source = "=wire" }\n')
    with pytest.raises(WrongSettings, match=r"canary.every: wire takes no canaries .its source is not read from a key"):
        read_settings(file)
