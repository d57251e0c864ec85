"""The loop of the classify box in small, on the embedded log, for tests that want to hold it at any point."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from classifier.classify import Classify
from classifier.metrics import ClassifyMetrics
from classifier.scorer import Scorer, never
from classifier.scores import SCORES, ScoreRange, decode_range
from ingest.deadletters import DEAD_LETTERS, Letter, letters
from ingest.decode import Decoder
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import MINUTE, SECOND
from ingest.logs import Batch, Ended, Event, Kept, Message, Opened, Place, Skipped
from ingest.steps import Step
from tests.classifier.made import document, texts
from tests.publishing import publish

NEWS = Kept("news")
HERE = Place(NEWS.log, 0)
NOW = 1_772_500_000 * SECOND  # 2026-03-03


class Clock:
    """Stands still until it is told to move."""

    def __init__(self, now: int = NOW) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Desk:
    """A documents log, and what became of it."""

    def __init__(self, folder: Path, *, lease_s: float = 10.0) -> None:
        self.clock = Clock()
        self.logs = EmbeddedLogs(folder / "log.sqlite", self.clock, lease_s=lease_s)
        self.logs.ensure([NEWS, DEAD_LETTERS, SCORES])
        self.registry = CollectorRegistry()

    def append(self, *messages: Message) -> None:
        publish(self.logs, *messages)

    def ranges(self) -> list[ScoreRange]:
        return [decode_range(record.value or b"") for record in self.logs.scan(SCORES.log)]

    def dead(self) -> list[Letter]:
        return list(letters(self.logs))

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(f"bellwether_classify_{name}", labels)


class Member:
    """A process that classifies: its box and its reader. Turn it by hand."""

    def __init__(
        self,
        desk: Desk,
        scorer: Scorer,
        *,
        replay: bool = False,
        limit: int = 500,
        stop: Callable[[], bool] = never,
        decoder: Decoder | None = None,
    ) -> None:
        self._desk = desk
        desk.registry = CollectorRegistry()
        decoders = {NEWS.log: decoder or Decoder(bound_us=2 * MINUTE, replay=replay)}
        self.box = Classify(decoders, scorer, ClassifyMetrics(desk.registry, scorer), replay=replay, stop=stop)
        self._reader = desk.logs.reader("classify", [NEWS.log], limit=limit)
        self._writer = desk.logs.writer()
        self._position = 0

    def turn(self) -> list[Event]:
        """One poll and all its steps."""
        events = self.poll()
        for _ in self.steps(events):
            pass
        return events

    def poll(self) -> list[Event]:
        events = self._reader.poll(0)
        for event in events:
            if isinstance(event, Opened):
                self._position = event.start if event.committed is None else event.committed.offset
            elif isinstance(event, Batch | Skipped):
                self._position = event.next
        return events

    def ended(self) -> Ended:
        """What the loop adds once a second."""
        (end,) = self._reader.ends().values()
        return Ended(HERE, self._position, end, self._desk.clock())

    def steps(self, events: Sequence[Event]) -> Iterator[Step]:
        """Each step, done when the next is asked for."""
        for step in self.box.step(events, self._desk.clock()):
            yield step
            self.do(step)

    def do(self, step: Step) -> None:
        self.publish(step)
        self._reader.commit(step.commits)

    def publish(self, step: Step) -> None:
        for message in step.messages:
            self._writer.publish(message)
        self._writer.flush()

    def run(self) -> None:
        """Until nothing comes any more."""
        while self.turn():
            pass

    def close(self) -> None:
        self._reader.close()
        self._writer.close()


def documents(ranges: Iterable[ScoreRange]) -> list[str]:
    """Ids of the documents, in order."""
    return [document.id for scores in ranges for document in scores.documents]


def assert_consecutive(ranges: Sequence[ScoreRange], start: int, end: int) -> None:
    """Each begins where the one before it ended, and together they cover [start, end)."""
    assert [scores.start for scores in ranges] == [start, *(scores.next for scores in ranges[:-1])]
    assert ranges[-1].next == end


def news(count: int, start: int = 0) -> list[Message]:
    """Documents with distinct texts, `n0` and so on."""
    return [document(start + number, f"{text} .") for number, text in enumerate(texts(count + 40)[40:])]
