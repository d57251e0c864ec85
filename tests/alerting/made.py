"""Scored documents and ranges, made for tests of the aggregator."""

from collections.abc import Iterable

from msgspec.structs import replace

from classifier.scores import ScoredDocument, ScoreRange
from ingest.instants import DAY, HOUR, MINUTE

START = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC
TOPICS = ("liquidity_run", "market_moves", "other")
NEGATIVE, NEUTRAL = (9000, 700, 300), (500, 9000, 500)


def scored(offset: int, event_at: int, *, topic: int = 0, negative: bool = False, **changes: object) -> ScoredDocument:
    """One document; its own story unless told otherwise."""
    document = ScoredDocument(
        offset=offset,
        id=f"d{offset}",
        source=f"wire-{offset % 3}",
        published_at=event_at,
        event_at=event_at,
        appended_at=event_at,
        language="en" if offset % 2 else "zh",
        kind="news",
        sentiment=NEGATIVE if negative else NEUTRAL,
        topics=tuple(9000 if i == topic else 100 for i in range(len(TOPICS))),
        labels=(topic,),
        story=(offset + 1) * 0x9E3779B97F4A7C15 % (1 << 64),  # far from all others
        entities=(),
        spans=(),
        text=f"text {offset}",
    )
    return replace(document, **changes)


def score_range(documents: Iterable[ScoredDocument], **changes: object) -> ScoreRange:
    """A range of partition 0 of `news` that holds exactly `documents`, as a replay writes it."""
    held = tuple(documents)
    values: dict[str, object] = {
        "log_id": "L1",
        "log": "news",
        "partition": 0,
        "partitions": 1,
        "start": held[0].offset if held else 0,
        "next": held[-1].offset + 1 if held else 0,
        "end": 1_000_000,
        "read_at": None,
        "artifact": "a1",
        "provider": "cpu",
        "topics": TOPICS,
        "documents": held,
        "first": bool(held) and held[0].offset == 0,
    } | changes
    return ScoreRange(**values)  # type: ignore[arg-type]


def ordinary(days: int, every: int = 10 * MINUTE, *, first: int = 0, start: int = START) -> list[ScoredDocument]:
    """`days` of documents at even distances, one in five negative."""
    return [scored(first + i, start + i * every, negative=i % 5 == 2) for i in range(days * DAY // every)]


def crisis(first: int, start: int, count: int = 60, every: int = MINUTE) -> list[ScoredDocument]:
    """`count` negative documents, one a minute."""
    return [scored(first + i, start + i * every, negative=True) for i in range(count)]


__all__ = ["DAY", "HOUR", "MINUTE", "START", "TOPICS", "crisis", "ordinary", "score_range", "scored"]
