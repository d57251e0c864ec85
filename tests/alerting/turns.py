"""The loop of a box in small, for tests that want to hold it at any point: poll, step, publish, commit."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from alerting.alerts import ALERTS, Alert, alert_message, decode_alert
from alerting.audit import AUDIT, Audit
from alerting.cases import FEEDBACK
from alerting.deliver import Deliver, DeliverSettings, group_of
from alerting.destinations.answers import Destination
from alerting.destinations.metrics import DeliverMetrics
from alerting.destinations.posting import Address
from alerting.destinations.webhook import Webhook
from alerting.notices import NOTICES, Notice, notice_message
from ingest.deadletters import DEAD_LETTERS, letters, put_back
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import SECOND
from ingest.logs import Message, Place, Record
from ingest.steps import Step
from tests.alerting.told import OPENED
from tests.publishing import publish

PLACE = Place(ALERTS.log, 0)


def webhook(url: str, timeout_s: float = 5.0) -> Webhook:
    return Webhook(Address("desk", SecretStr(url), timeout_s=timeout_s), SecretStr("s3cret"))


class Killed(Exception):  # noqa: N818 - not an error
    """The process ends here."""


def kill(step: Step) -> None:
    if step.commits:
        raise Killed


class Clock:
    """Stands still until it is told to move."""

    def __init__(self, now: int = OPENED + SECOND) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += round(seconds * SECOND)


class Outbox:
    """An embedded log with alerts in it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.clock = clock
        self.logs = EmbeddedLogs(folder / "log.sqlite", clock)
        self.logs.ensure([ALERTS, NOTICES, FEEDBACK, AUDIT, DEAD_LETTERS])

    def append(self, *messages: Alert | Notice | Message) -> None:
        publish(self.logs, *map(_message, messages))

    def dead(self) -> list[Record]:
        return list(self.logs.scan(DEAD_LETTERS.log))

    def put_back(self) -> None:
        """Every dead letter as it is, as `bellwether dead-letters` does it."""
        writer = self.logs.writer()
        put_back(self.logs, writer, [(letter, letter.value or b"") for letter in letters(self.logs)], self.clock())
        writer.close()

    def dead_keys(self) -> list[str]:
        return [decode_alert(record.value or b"").key for record in self.dead()]


def _message(matter: Alert | Notice | Message) -> Message:
    if isinstance(matter, Message):
        return matter
    return alert_message(matter) if isinstance(matter, Alert) else notice_message(matter)


class Turning:
    """One box with its reader and writer, as one process would have them."""

    def __init__(self, outbox: Outbox, destination: Destination, settings: DeliverSettings) -> None:
        self._clock = outbox.clock
        self._reader = outbox.logs.reader(group_of(destination.name), [ALERTS.log, NOTICES.log], limit=20)
        self._writer = outbox.logs.writer()
        self._name = destination.name
        self.registry = CollectorRegistry()
        audit = Audit.begin(f"deliver-{uuid4().hex}", outbox.logs)
        metrics = DeliverMetrics(self.registry, [destination.name])
        self.box = Deliver(destination, outbox.logs, metrics, settings, audit)

    def turn(
        self, times: int = 1, *, seconds: float = 0.0, before_commit: Callable[[Step], None] | None = None
    ) -> None:
        """Go round so many times, moving the clock by `seconds` after each."""
        for _ in range(times):
            for step in self.box.step(self._reader.poll(0), self._clock()):
                for message in step.messages:
                    self._writer.publish(message)
                self._writer.flush()
                if before_commit:
                    before_commit(step)
                self._reader.commit(step.commits)
                self._reader.pause(step.pauses)
                self._reader.resume(step.resumes)
            self._clock.move(seconds)

    def close(self) -> None:
        self._reader.close()
        self._writer.close()

    def lend_to(self, other: "Turning") -> None:
        """Lose the partitions to another box of the same destination, and get them back when that one ends."""
        self._clock.move(11)  # a lease lasts 10 seconds
        other.turn(2)
        self.turn()
        other.close()
        self.turn(2)

    def value(self, metric: str, **labels: str) -> float:
        return (
            self.registry.get_sample_value(f"bellwether_deliver_{metric}", {"destination": self._name, **labels}) or 0
        )

    def outcomes(self) -> dict[str, float]:
        """How many alerts ended how; those that are 0 left out."""
        metrics = self.registry.collect()
        samples = [s for metric in metrics for s in metric.samples if s.name == "bellwether_deliver_alerts_total"]
        return {sample.labels["outcome"]: sample.value for sample in samples if sample.value}


@contextmanager
def turning(outbox: Outbox, destination: Destination, settings: DeliverSettings | None = None) -> Iterator[Turning]:
    held = Turning(outbox, destination, settings or DeliverSettings())
    try:
        yield held
    finally:
        held.close()
