"""Cuts what was found in a stretch of a partition into records of the scores log that are not too large."""

from collections.abc import Iterator, Sequence

from msgspec import Struct, structs

from classifier.packing import encode_range, size_of
from classifier.scores import SCORES, ScoredDocument, ScoreRange
from ingest.logs import Message

MOST_BYTES = 512_000  # of a record; brokers take a megabyte by default


class Found(Struct, frozen=True):
    """What became of one record: a scored document, or None, and then it went to dead letters."""

    offset: int
    document: ScoredDocument | None


def range_message(scores: ScoreRange) -> Message:
    """The range as a record of the scores log."""
    return Message(SCORES.log, encode_range(scores), partition=0)


def cut(whole: ScoreRange, found: Sequence[Found]) -> Iterator[ScoreRange]:
    """Consecutive ranges that cover exactly [whole.start, whole.next), each with its share of `found`.

    Args:
        whole: everything but the documents; `first` goes to the first range only, `final` to the last.
        found: in the order of offsets.
    """
    start, is_first = whole.start, whole.first
    documents: list[ScoredDocument] = []
    dead = size = 0
    for one in found:
        bytes_more = size_of(one.document, whole.topics) if one.document else 0
        if documents and size + bytes_more > MOST_BYTES:
            yield structs.replace(
                whole, start=start, next=one.offset, documents=tuple(documents), dead=dead, first=is_first, final=False
            )
            start, is_first, documents, dead, size = one.offset, False, [], 0, 0
        size += bytes_more
        if one.document is None:
            dead += 1
        else:
            documents.append(one.document)
    yield structs.replace(whole, start=start, documents=tuple(documents), dead=dead, first=is_first)
