"""An aggregator over real logs, for tests that want to hold it at any turn."""

from prometheus_client import CollectorRegistry

from alerting.aggregate import Aggregate
from alerting.counting.windows import WINDOWS, WindowSettings, decode_window
from alerting.metrics import AggregateMetrics
from alerting.state import AggregateSettings
from classifier.packing import encode_range
from classifier.scores import SCORES, ScoreRange
from ingest.embedded.logs import EmbeddedLogs
from ingest.logs import Message
from tests.alerting.turns import Clock
from tests.publishing import publish

SETTINGS = AggregateSettings(inputs=("news",), windows=WindowSettings(early=False))


class Active:
    """An aggregator with its reader and writer; `turn` is one turn of its loop."""

    def __init__(
        self,
        logs: EmbeddedLogs,
        clock: Clock,
        owner: str = "a",
        settings: AggregateSettings = SETTINGS,
        limit: int = 500,
    ) -> None:
        self.registry = CollectorRegistry()
        self.box = Aggregate(settings, logs, owner, AggregateMetrics(self.registry))
        self.reader, self.writer, self.clock = logs.reader("aggregate", [SCORES.log], limit=limit), logs.writer(), clock
        self.positions: list[int] = []

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            for step in self.box.step(self.reader.poll(0.05), self.clock.now):
                for message in step.messages:
                    self.writer.publish(message)
                self.writer.flush()
                self.reader.commit(step.commits)
                for place, offset in step.seeks.items():
                    self.positions.append(offset)
                    self.reader.seek(place, offset)

    def leave(self) -> None:
        self.reader.close()
        self.writer.close()

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


def write(logs: EmbeddedLogs, *ranges: ScoreRange, log: str = SCORES.log) -> None:
    """The log takes each when it was read; of a replay, at the clock's time."""
    publish(logs, *(Message(log, encode_range(scores), created_at=scores.read_at) for scores in ranges))


def windows(logs: EmbeddedLogs) -> dict[bytes, int]:
    return {r.key: decode_window(r.value).documents for r in logs.scan(WINDOWS.log) if r.value and r.key}
