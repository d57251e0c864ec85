"""Kept ranges of scores as a replay watches them again: up to a date, and then at their end for good."""

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from classifier.packing import encode_range
from classifier.scores import SCORES, ScoreRange, decode_columns
from ingest.logs import Message, Record

Last = dict[tuple[str, int], ScoreRange]
"""The last range of each partition, by the id of its log."""


def through(records: Iterable[Record], end: int, last: Last) -> Iterator[Message]:
    """Ranges as if read by `end`, without documents that are too young; then every partition is at its end for good.

    Fills `last` on the way. A partition of which nothing is kept has only that end: nobody waits for it.
    """
    for record in records:
        columns = decode_columns(record.value or b"")
        read_at = columns.range.read_at
        scores = replace(columns.range, read_at=None if read_at is None else min(read_at, end))
        last[scores.log_id, scores.partition] = scores
        young = columns.rows["event_at"] >= end
        if young.any() or scores != columns.range:
            older = tuple(columns.document(row) for row in range(len(columns)) if not young[row])
            yield Message(SCORES.log, encode_range(replace(scores, documents=older)))
        else:
            yield Message(SCORES.log, record.value)
    widest = {scores.log_id: scores for scores in sorted(last.values(), key=lambda scores: scores.partitions)}
    ends = {(log_id, n): scores for log_id, scores in widest.items() for n in range(scores.partitions)} | last
    for (_, partition), scores in ends.items():
        yield Message(SCORES.log, encode_range(_final(replace(scores, partition=partition))))


def _final(scores: ScoreRange) -> ScoreRange:
    """Progress without documents that says: nothing more comes."""
    return replace(
        scores, start=scores.next, end=scores.next, documents=(), dead=0, first=False, skipped="", final=True
    )
