"""The one loop of every box: poll, step, publish, flush, commit; then seek, pause, resume.

What happens when the log is away depends on what was being done. A poll changes nothing, so it is simply tried again, for a
while: a client may have lost its way for good. Past it nobody knows what of a step has been kept, and the box is ahead of the
logs: box, reader and writer are dropped and made anew, and all goes on from the last commit. What is then published a second
time is recognised by its position. A log that is gone is one that is away, once the loop has polled: all its logs were there
when the process started, so it may be made again.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

import structlog
from msgspec import Struct

from bellwether.metrics import LoopMetrics
from bellwether.outage import Outage
from ingest.instants import SECOND
from ingest.logs import Batch, Closed, Ended, Event, LogAway, LogMissing, Logs, Opened, Place, Reader, Skipped, Writer
from ingest.steps import Box, Step

log = structlog.get_logger()

POLL_S = 0.5
ENDS_EVERY = SECOND
RENEW_AFTER_S = 60.0  # a reader that finds its log away for so long is made anew


class _Spent(LogAway):
    """A reader has found its log away for too long."""


class Role(Struct, frozen=True):
    """What a loop is to run: a box, and what it reads as a member of which group."""

    name: str
    group: str
    reads: tuple[str, ...]
    make: Callable[[], Box]  # called in the loop's thread, again after each outage that dropped the box
    limit: int = 500  # records a poll
    after: threading.Event | None = None  # set: nothing more is written to its logs; it ends when all is committed


class Held(Struct):
    """How far a partition held was read and committed, and how far it reaches."""

    position: int
    end: int
    committed: int


class Loop:
    """Runs one role until it is told to stop, or its box has finished."""

    def __init__(
        self, role: Role, logs: Logs, clock: Callable[[], int], metrics: LoopMetrics, *, standby_s: float = 30.0
    ) -> None:
        """A loop that has not begun. Who has held nothing for `standby_s` stands by: others do its work."""
        self.name = role.name
        self.turned_at = time.monotonic()  # when the loop last got somewhere
        self.polled = False  # it has been heard by its log: partitions are assigned, or it stands by
        self._role, self._logs, self._clock, self._metrics = role, logs, clock, metrics
        self._reading = Outage(role.name, "read", metrics)
        self._writing = Outage(role.name, "write", metrics)
        self._held: dict[Place, Held] = {}
        self._behind = 0
        self._standby_s = standby_s
        self._held_at = self.turned_at  # when it last held a partition
        self._stands_by = False
        self._asked_at = 0
        self._ends_unknown = (
            False  # asked, and not answered: that a poll brings nothing then does not say the log is there
        )
        self.done = False

    @property
    def away(self) -> str:
        """Why the loop cannot get on at present; empty if it can."""
        return self._reading.why or self._writing.why

    @property
    def partitions(self) -> int:
        """How many partitions it holds; 0 when it stands by."""
        return len(self._held)

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set or all is done. Raises `LogUnfit`, or whatever the box raises."""
        role = self._role
        while not (stop.is_set() or self.done):
            outage = self._reading
            try:
                with (
                    closing(self._logs.writer()) as writer,
                    closing(self._logs.reader(role.group, role.reads, limit=role.limit)) as reader,
                ):
                    outage = self._writing
                    self._serve(reader, writer, stop)
            except _Spent:
                self._let_go()
            except (LogAway, LogMissing) as away:
                if isinstance(away, LogMissing) and not self.polled:
                    raise
                self._let_go()
                outage.began(away)
                self._turned()
                stop.wait(outage.next_wait_s())

    def _serve(self, reader: Reader, writer: Writer, stop: threading.Event) -> None:
        box = self._role.make()
        while not (stop.is_set() or self.done):
            no_more = self._role.after is not None and self._role.after.is_set()
            events = self._poll(reader, stop)
            if box.wants_ends:
                events += self._ends(reader, events)
            for step in box.step(events, self._clock()):
                self._do(step, reader, writer)
                if stop.is_set() and not step.is_half:
                    return
            self._note_standby()
            self.done = self._is_done(box, reader, no_more=no_more)
            self._turned()

    def _do(self, step: Step, reader: Reader, writer: Writer) -> None:
        """One step, in the only order that loses nothing."""
        for message in step.messages:
            writer.publish(message)
        if step.messages:
            writer.flush()
        if step.commits:
            reader.commit(step.commits)
        for place, offset in step.seeks.items():
            reader.seek(place, offset)
        if step.pauses:
            reader.pause(step.pauses)
        if step.resumes:
            reader.resume(step.resumes)
        self._note_step(step)
        if step.messages or step.commits:
            self._writing.over()
        self._turned()

    def _poll(self, reader: Reader, stop: threading.Event) -> list[Event]:
        began = time.monotonic()
        while not stop.is_set():
            try:
                events = list(reader.poll(POLL_S))
            except LogAway as away:
                self._reading.began(away)
                self._turned()
                if time.monotonic() - began > RENEW_AFTER_S:
                    raise _Spent from away
                stop.wait(self._reading.next_wait_s())
            else:
                lost_only = events and all(isinstance(event, Closed) for event in events)  # by waiting in vain, maybe
                if not (self._ends_unknown or lost_only):
                    self._reading.over()
                self.polled = True
                self._note(events)
                return events
        return []

    def _ends(self, reader: Reader, events: Sequence[Event]) -> list[Event]:
        """An `Ended` for each place held, once a second, and with each that is opened.

        So a box can say where it begins before it has read anything there: a position that somebody else has set for the
        group is known by that alone to those who come after it.
        """
        now = self._clock()
        if 0 <= now - self._asked_at < ENDS_EVERY and not any(isinstance(event, Opened) for event in events):
            return []
        self._asked_at = now
        try:
            ends = reader.ends()
        except LogAway as away:  # what was polled is in hand and must not be lost, so it is asked again later
            self._reading.began(away)
            self._ends_unknown = True
            return []
        self._ends_unknown = False
        held = {place: self._held[place] for place in ends if place in self._held}
        for place, mine in held.items():
            mine.end = ends[place]
        return [Ended(place, mine.position, mine.end, now) for place, mine in held.items()]

    def _is_done(self, box: Box, reader: Reader, *, no_more: bool) -> bool:
        """Whether the box says so, if it can tell, and all is committed, if others come before it."""
        if self._role.after is None:
            return getattr(box, "finished", False)
        if not (no_more and getattr(box, "finished", True)):
            return False
        try:
            ends = reader.ends()
        except LogAway:
            return False
        return bool(ends) and all(
            place in self._held and self._held[place].committed >= end for place, end in ends.items()
        )

    def _note(self, events: Iterable[Event]) -> None:
        for event in events:
            match event:
                case Opened():
                    committed = event.start if event.committed is None else event.committed.offset
                    self._held[event.place] = Held(committed, event.end, committed)
                    log.info("partition opened", loop=self.name, log=event.place.log, partition=event.place.partition,
                             position=committed, behind=event.end - committed)  # fmt: skip
                case Batch():
                    held = self._held[event.place]
                    held.position, held.end = event.next, event.end
                case Skipped():
                    held = self._held[event.place]
                    held.position, held.end = event.next, max(event.next, held.end)
                case Closed():
                    self._held.pop(event.place, None)
                    log.info("partition closed", loop=self.name, log=event.place.log, partition=event.place.partition)
                case _:
                    pass

    def _note_standby(self) -> None:
        self._writing.over_if_older(self._standby_s)
        if self._held or self.away:
            self._held_at, self._stands_by = time.monotonic(), False
            return
        if not self._stands_by and time.monotonic() - self._held_at >= self._standby_s:
            self._stands_by = True
            log.info("standing by, others read these logs", loop=self.name, logs=self._role.reads)

    def _note_step(self, step: Step) -> None:
        for place, offset in step.seeks.items():
            if place in self._held:
                self._held[place].position = offset
        for place, position in step.commits.items():
            if place in self._held:
                self._held[place].committed = position.offset

    def _let_go(self) -> None:
        """What was read and not committed is read again: its partitions are nobody's until it has them anew."""
        self._measure()
        self._held.clear()
        self._held_at, self._stands_by = time.monotonic(), False

    def _measure(self) -> None:
        """How far it is behind. Without a partition that is not known, and as it was, unless others have them all."""
        if self._held or self._stands_by:
            self._behind = sum(max(0, held.end - held.position) for held in self._held.values())

    def _turned(self) -> None:
        self.turned_at = time.monotonic()
        self._measure()
        self._metrics.turned(self.name, self._behind, len(self._held))
