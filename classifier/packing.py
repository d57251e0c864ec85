"""A range of scored documents becomes a record of the scores log: its numbers side by side, and grouped by subject."""

from collections.abc import Iterable, Sequence
from itertools import accumulate

import numpy as np
from msgspec import msgpack, structs

from classifier.scores import FAINT, Details, Group, Packed, ScoredDocument, ScoreRange, layout

_encoder = msgpack.Encoder()


def is_negative(document: ScoredDocument) -> bool:
    """Whether negative is the most probable sentiment (a tie is not)."""
    negative, neutral, positive = document.sentiment
    return negative > neutral and negative > positive


def encode_range(scores: ScoreRange) -> bytes:
    """The range as a record of the scores log."""
    documents, dtype = scores.documents, layout(len(scores.topics))
    details = [_details(each, scores.topics) for each in documents]
    starts = [0, *accumulate(len(shown) for shown in details)]
    sources, languages = _table(each.source for each in documents), _table(each.language for each in documents)
    rows = [
        (each.offset, each.published_at, each.event_at, each.appended_at, each.story, start, len(shown),
         sources[each.source], languages[each.language], is_negative(each), each.sentiment, each.topics)
        for each, shown, start in zip(documents, details, starts, strict=False)
    ]  # fmt: skip
    names = _table(name for each in documents for name in each.names)
    groups, members = _grouped(
        ((*each.labels, *(len(scores.topics) + names[name] for name in each.names)) for each in documents),
        (_faint(each) for each in documents),
    )
    return _encoder.encode(
        Packed(
            range=structs.replace(scores, documents=()),
            rows=memoryview(np.array(rows, dtype).tobytes()),
            groups=groups,
            members=memoryview(np.array(members, "<u4").tobytes()),
            details=memoryview(b"".join(details)),
            sources=tuple(sources),
            languages=tuple(languages),
            names=tuple(names),
        )
    )


def size_of(document: ScoredDocument, topics: Sequence[str]) -> int:
    """How many bytes a document adds to a record, the tables apart."""
    return layout(len(topics)).itemsize + len(_details(document, topics))


def _details(document: ScoredDocument, topics: Sequence[str]) -> bytes:
    return _encoder.encode(
        Details(
            id=document.id,
            source=document.source,
            published_at=document.published_at,
            language=document.language,
            kind=document.kind,
            text=document.text,
            url=document.url,
            spans=document.spans,
            entities=document.entities,
            topics=tuple(topics[label] for label in document.labels),
            names=document.names,
        )
    )


def _faint(document: ScoredDocument) -> list[int]:
    """Most texts have one label, but negative ones say something of other topics too."""
    if not is_negative(document):
        return []
    return [topic for topic, many in enumerate(document.topics) if many >= FAINT and topic not in document.labels]


def _table(values: Iterable[str]) -> dict[str, int]:
    """Each value's index, in the order of first appearance."""
    return {value: index for index, value in enumerate(dict.fromkeys(values))}


def _grouped(labelled: Iterable[Iterable[int]], faint: Iterable[Iterable[int]]) -> tuple[tuple[Group, ...], list[int]]:
    """From the subjects of each document to groups, in the order of subjects, and the rows of each group.

    Args:
        labelled: of each document, the subjects that it is labelled with.
        faint: of each document, those that it has only faintly to do with.

    Returns:
        The groups, and the members of all of them one after another: of each those labelled, then the faint ones.
    """
    near, far = _rows(labelled), _rows(faint)
    both = [(subject, near.get(subject, []), far.get(subject, [])) for subject in sorted(near.keys() | far.keys())]
    groups = tuple(Group(subject, len(mine), len(others)) for subject, mine, others in both)
    return groups, [row for _, mine, others in both for row in (*mine, *others)]


def _rows(subjects: Iterable[Iterable[int]]) -> dict[int, list[int]]:
    rows: dict[int, list[int]] = {}
    for row, of_document in enumerate(subjects):
        for subject in of_document:
            rows.setdefault(subject, []).append(row)
    return rows
