"""Event time: how far each input partition has been read, and the watermark that follows from it.

A partition's watermark is `max(newest event time, last time it was read to its end) - out_of_orderness`. The watermark of
the whole is the lowest of them; it exists once every partition of every input has been heard of. No clock is read here:
all that moves time stands in the ranges, and in the stamps that the scores log gave them.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from enum import StrEnum

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from classifier.scores import Columns, ScoreRange, decode_columns
from ingest.logs import Record

NEVER = -(1 << 62)  # an instant before everything
FOREVER = 1 << 62  # and one after
REMEMBERED_LOGS = 16


def bounded(columns: Columns, appended_at: int, out_of_orderness: int) -> Columns:
    """A range that tells of no instant after its log took it: the clock of whoever has written it may be years ahead.

    Args:
        columns: the range.
        appended_at: instant by the log's clock; 0 where nothing tells.
        out_of_orderness: microseconds that a document may count later than it came.
    """
    scores = columns.range
    if not appended_at or scores.read_at is None:  # in a replay documents alone move time
        return columns
    bound = copy(columns)
    bound.range = replace(
        scores,
        read_at=min(scores.read_at, appended_at),
        classified_at=min(scores.classified_at, appended_at),
        canary_at=min(scores.canary_at, appended_at),
    )
    latest = appended_at + out_of_orderness
    if (columns.rows["event_at"] > latest).any():
        bound.rows = columns.rows.copy()
        bound.rows["event_at"] = np.minimum(columns.rows["event_at"], latest)
    return bound


class Newest(Struct, frozen=True):
    """The instants of the document that was counted last."""

    event_at: int  # of the newest of its range: they come in any order
    published_at: int
    appended_at: int


class Input(Struct):
    """What is known of one input partition."""

    log: str
    log_id: str
    partition: int
    partitions: int
    position: int  # every offset below it is counted
    newest: int = NEVER
    at_end: int = NEVER
    watermark: int = NEVER
    final: bool = False

    def move(self, columns: Columns, out_of_orderness: int) -> None:
        """Take over the progress that a range tells of."""
        scores = columns.range
        self.final = scores.final or (self.final and scores.next < self.position)  # what is written again undoes no end
        if scores.skipped and scores.next < scores.start:
            # The log has lost its newest records, and others take their offsets.
            self.position = scores.next if scores.start == self.position else self.position
        else:
            self.position = max(self.position, scores.next)
        self.partitions = scores.partitions
        if len(columns):
            self.newest = max(self.newest, int(columns.rows["event_at"].max()))
        if scores.read_at is not None and scores.next >= scores.end:
            self.at_end = max(self.at_end, scores.read_at)
        self.watermark = max(self.watermark, max(self.newest, self.at_end) - out_of_orderness)


class Verdict(StrEnum):
    """What became of a range."""

    COUNTED = "counted"
    REPEATED = "repeated"  # its positions were counted before: a crash or a zombie wrote them again
    AHEAD = "ahead"  # it begins beyond the position, so its writer will write it again; or its log is no more
    SKIPPED = "skipped"  # the input had lost these positions, and says so
    GAP = "gap"  # positions are missing for good: the scores log has lost them, or somebody moved the group's position


class Inputs(Struct):
    """All input partitions. Part of the aggregator's state."""

    known: dict[str, Input] = {}
    amnesty: bool = False  # the scores log has lost records: each partition may go on from where it is now
    forgiven: set[str] = set()
    gone: list[str] = []  # ids of logs that were deleted and made again

    def admit(self, columns: Columns) -> tuple[Verdict, Columns, int]:
        """Judge a range: its verdict, the part of it that is new, and how many positions were lost before that.

        A range in which nothing was found is a step of its own. Its writer makes it when all that it read before is durable
        and stands before it in the scores log: what is missing below such a range nobody will write again. Of a range with
        documents that cannot be said: it may be the rest of a step whose beginning has not come through.

        The position moves only when the caller goes on to call `Input.move`, which it must unless the verdict is AHEAD.
        """
        scores = columns.range
        key = f"{scores.log_id}/{scores.partition}"
        known = self.known.get(key)
        if known is None:
            if scores.log_id in self.gone or not (scores.first or scores.skipped or self.amnesty):
                return Verdict.AHEAD, columns.since(scores.next), 0
            for older in self.replaced_by(scores):
                self._give_up(older)
            begin = scores.next if scores.skipped else scores.start
            known = Input(scores.log, scores.log_id, scores.partition, scores.partitions, begin)
            self.known[key] = known
        lost = max(scores.start - known.position, 0)
        verdict = Verdict.COUNTED
        if scores.skipped:
            verdict, lost = Verdict.SKIPPED, max(scores.next - known.position, 0)
        elif lost:
            if scores.first:
                verdict = Verdict.SKIPPED
            elif (self.amnesty and key not in self.forgiven) or not (len(columns) or scores.dead):
                verdict = Verdict.GAP
            else:
                return Verdict.AHEAD, columns.since(scores.next), 0
        elif scores.next <= known.position and scores.next > scores.start:
            verdict = Verdict.REPEATED
        if verdict is not Verdict.REPEATED:  # a zombie's range says nothing of how far the others are
            self.forgiven.add(key)
        return verdict, columns.since(known.position), lost

    def of(self, scores: ScoreRange) -> Input:
        """The partition that an admitted range belongs to."""
        return self.known[f"{scores.log_id}/{scores.partition}"]

    def forgive(self) -> None:
        """The scores log has lost records: let every partition jump once."""
        self.amnesty, self.forgiven = True, set()

    def watermark(self, logs: tuple[str, ...]) -> int:
        """The lowest watermark of all partitions of `logs`; NEVER until each is known, FOREVER when all are final."""
        lowest = FOREVER
        for log in logs:
            partitions = [known for known in self.known.values() if known.log == log]
            if not partitions or len(partitions) < max(known.partitions for known in partitions):
                return NEVER
            lowest = min([lowest, *(known.watermark for known in partitions if not known.final)])
        return lowest

    def replaced_by(self, scores: ScoreRange) -> list[str]:
        """What a first range of a log takes the place of, under its name: deleted and made again, a log has a new id.

        That is the same partition, and those that the new log does not have.
        """
        if f"{scores.log_id}/{scores.partition}" in self.known:
            return []
        return [
            key
            for key, known in self.known.items()
            if (known.log == scores.log and known.log_id != scores.log_id)
            and (known.partition == scores.partition or known.partition >= scores.partitions)
        ]

    def _give_up(self, key: str) -> None:
        """Forget a partition of a log that is no more, and whatever is still written of it."""
        log_id = self.known.pop(key).log_id
        self.forgiven.discard(key)
        if log_id not in self.gone:
            self.gone = [*self.gone, log_id][-REMEMBERED_LOGS:]


def counted(records: Iterable[Record]) -> Iterator[tuple[Columns, Verdict]]:
    """What an aggregator counts of each of these records of the scores log; a crash may have written a range twice.

    Each partition goes on from where it is first seen. Raises `msgspec.MsgspecError`.
    """
    inputs = Inputs(amnesty=True)
    for record in records:
        verdict, fresh, _ = inputs.admit(decode_columns(record.value or b""))
        if verdict is not Verdict.AHEAD:
            inputs.of(fresh.range).move(fresh, 0)
            yield fresh, verdict
