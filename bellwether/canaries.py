"""The box that publishes canaries (`ingest.canary`): now and then one into each partition of each input."""

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from msgspec import Struct
from prometheus_client import CollectorRegistry, Gauge

from ingest.canary import canary
from ingest.instants import SECOND
from ingest.logs import Closed, Event, Message, Opened
from ingest.steps import Step


class CanaryMetrics:
    """When canaries were published; the aggregator tells when they came through."""

    def __init__(self, registry: CollectorRegistry, inputs: Sequence[str], every: int) -> None:
        name = "bellwether_canary"
        Gauge(f"{name}_every_seconds", "How often canaries are published.", registry=registry).set(every / SECOND)
        self.published = Gauge(
            f"{name}_published_timestamp_seconds", "When canaries were last published; 0: not yet.", ["kafka_topic"],
            registry=registry,
        )  # fmt: skip
        for each in inputs:
            self.published.labels(each)


class Aviary(Struct, frozen=True):
    """Into what canaries go: an input, its partitions, and the keys of its fields."""

    log: str
    partitions: int
    keys: Mapping[str, str]


class Canaries:
    """Publishes while it holds a partition of the log it reads: its place in that group makes it the only one."""

    wants_ends: ClassVar[bool] = False

    def __init__(self, inputs: Sequence[Aviary], every: int, metrics: CanaryMetrics) -> None:
        """A box that publishes each `every` microseconds."""
        self._inputs, self._every, self._metrics = inputs, every, metrics
        self._holds = False
        self._due = 0

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        """Publish if it is time to. What the log says is of no interest."""
        for event in events:
            match event:
                case Opened():
                    self._holds = True
                    yield Step(seeks={event.place: event.end})
                case Closed():
                    self._holds = False
                case _:
                    pass
        if self._holds and not 0 < self._due - now <= self._every:  # also when the clock is set back
            self._due = now + self._every
            yield Step([
                Message(each.log, canary(each.keys, now), partition=partition)
                for each in self._inputs
                for partition in range(each.partitions)
            ])  # fmt: skip
            for each in self._inputs:
                self._metrics.published.labels(each.log).set(now / SECOND)
