"""The console's box: folds the logs into the view, and puts what people say into the feedback log and the audit log.

It commits nothing. How far it is stands in the view, so that an outage does not make it read everything anew.
"""

from collections.abc import Iterator, Sequence
from queue import Empty, SimpleQueue
from threading import Event as Flag
from typing import ClassVar, Literal, get_args

from alerting.audit import Audit
from alerting.cases import Entry, Verdict, entry_message
from alerting.console.metrics import ConsoleMetrics
from alerting.console.reminders import Reminders
from alerting.console.view import SPANS, Read, View
from ingest.logs import Batch, Event, Logs, Message, Opened, Place, Skipped
from ingest.steps import Step


class NotKept(Exception):  # noqa: N818 - a state of the world
    """What somebody said could not be put into the log in time; whether it will be is not known."""


class Desk:
    """Where entries wait for the box, and their authors for having been heard."""

    def __init__(self, metrics: ConsoleMetrics) -> None:
        self._metrics = metrics
        self._said: SimpleQueue[Entry] = SimpleQueue()
        self._waiting: dict[Entry, Flag] = {}

    def say(self, entry: Entry, within_s: float = 5.0) -> None:
        """Return when `entry` was kept and read back, so that whoever looks next sees it. Raises `NotKept`."""
        heard = self._waiting[entry] = Flag()
        self._said.put(entry)
        try:
            if not heard.wait(within_s):
                raise NotKept
        finally:
            self._waiting.pop(entry, None)

    def take(self) -> list[Entry]:
        """What was said since the last time."""
        entries = []
        while True:
            try:
                entries.append(self._said.get_nowait())
            except Empty:
                return entries

    def hear(self, entry: Entry) -> None:
        """An entry was read from the log."""
        flag = self._waiting.get(entry)
        if flag is not None:
            self._metrics.said.labels(entry.act).inc()
            flag.set()


class Follow:
    """Reads what the console shows, writes what is said in it. `logs` is asked where to begin reading."""

    wants_ends: ClassVar[bool] = False

    def __init__(self, view: View, desk: Desk, reminders: Reminders, logs: Logs, audit: Audit) -> None:
        self._view, self._desk, self._reminders = view, desk, reminders
        self._logs, self._audit = logs, audit

    def step(self, events: Sequence[Event], now: int) -> Iterator[Step]:
        """Fold what came, then publish what was said."""
        for event in events:
            match event:
                case Opened():
                    yield Step(seeks={event.place: self._begin(event, now)})
                case Batch():
                    self._fold(event)
                case Skipped():
                    self._skip(event)
                case _:
                    pass
        messages = [message for entry in self._desk.take() for message in self._messages(entry, now)]
        messages += self._reminders.look(now)
        if messages:
            yield Step(messages=messages)

    def _begin(self, opened: Opened, now: int) -> int:
        log = opened.place.log
        with self._view.lock:
            read = self._view.read.get(log)
            if read is not None and read.log_id == opened.log_id and opened.start <= read.next <= opened.end:
                return read.next
            self._view.forget(log)
        start = first_since(self._logs, opened.place, (opened.start, opened.end), now - SPANS[log])
        self._move(opened.place, Read(opened.log_id, start, opened.end))
        return start

    def _fold(self, batch: Batch) -> None:
        log = batch.place.log
        with self._view.lock:
            said = [entry for record in batch.records if (entry := self._view.take(log, record))]
            self._move(batch.place, self._view.read[log]._replace(next=batch.next))
        for entry in said:
            self._desk.hear(entry)

    def _skip(self, skipped: Skipped) -> None:
        with self._view.lock:
            if skipped.remade:
                self._view.forget(skipped.place.log)
            self._move(skipped.place, Read(skipped.log_id, skipped.next, skipped.next))

    def _move(self, place: Place, read: Read) -> None:
        with self._view.lock:
            self._view.read[place.log] = read

    def _messages(self, entry: Entry, now: int) -> list[Message]:
        kind: Literal["feedback", "case"] = "feedback" if entry.act in get_args(Verdict) else "case"
        about = entry.alert if kind == "feedback" else entry.incident
        details = {"act": entry.act, "text": entry.text, "topic": entry.topic, "sentiment": entry.sentiment,
                   "subject": entry.subject, "until": entry.until.isoformat() if entry.until else ""}  # fmt: skip
        given = {name: value for name, value in details.items() if value}
        return [entry_message(entry), self._audit.entry(now, kind, entry.who, about, given)]


def first_since(logs: Logs, place: Place, bounds: tuple[int, int], instant: int) -> int:
    """The offset of the first record in [start, end) = `bounds` that was appended at or after `instant`, by halving."""
    low, high = bounds
    middle = low  # most logs are younger than that
    while low < high:
        record = next(iter(logs.scan(place.log, partition=place.partition, start=middle)), None)
        if record is None or record.offset >= high or record.appended_at >= instant:
            high = middle
        else:
            low = record.offset + 1
        middle = (low + high) // 2
    return low
