"""A stretch of a partition is told in consecutive ranges, none too large for a broker."""

import random

from classifier.packing import encode_range
from classifier.ranges import MOST_BYTES, Found, cut, range_message
from classifier.scores import SCORES, ScoredDocument, ScoreRange, decode_range


def scored(offset: int, characters: int) -> ScoredDocument:
    return ScoredDocument(
        offset=offset, id=f"n{offset}", source="wire", published_at=1, event_at=1, appended_at=1, language="zh", kind="",
        sentiment=(9_000, 1_000, 0), topics=(1,) * 17, labels=(16,), story=(1 << 64) - 1, entities=(), spans=(),
        text="词" * characters,
    )  # fmt: skip


WHOLE = ScoreRange(
    log_id="x", log="news", partition=3, partitions=4, start=100, next=5_000, end=6_000, read_at=7, artifact="a" * 12,
    provider="CPU", topics=tuple(f"t{i}" for i in range(17)), first=True, final=True,
)  # fmt: skip


def found(many: int) -> list[Found]:
    chance = random.Random(5)
    offsets = sorted(chance.sample(range(100, 5_000), many))
    return [
        Found(offset, None if chance.random() < 0.1 else scored(offset, chance.randrange(1, 1_000)))
        for offset in offsets
    ]


def test_the_parts_cover_the_whole_and_hold_everything_in_order() -> None:
    everything = found(1_000)
    parts = list(cut(WHOLE, everything))
    assert len(parts) > 2
    assert [part.start for part in parts] == [WHOLE.start, *(part.next for part in parts[:-1])]
    assert parts[-1].next == WHOLE.next
    assert [document for part in parts for document in part.documents] == [
        one.document for one in everything if one.document
    ]
    assert sum(part.dead for part in parts) == sum(one.document is None for one in everything)
    for part in parts:
        assert all(part.start <= document.offset < part.next for document in part.documents)


def test_no_part_is_larger_than_a_broker_takes() -> None:
    sizes = [len(encode_range(part)) for part in cut(WHOLE, found(1_000))]
    assert max(sizes) < MOST_BYTES + 2_000
    assert sizes[0] > MOST_BYTES / 2


def test_only_the_first_is_first_and_only_the_last_is_final() -> None:
    parts = list(cut(WHOLE, found(1_000)))
    assert [part.first for part in parts] == [True] + [False] * (len(parts) - 1)
    assert [part.final for part in parts] == [False] * (len(parts) - 1) + [True]


def test_nothing_found_is_one_range_without_documents() -> None:
    assert list(cut(WHOLE, [])) == [WHOLE]


def test_a_document_larger_than_the_limit_still_has_a_range_of_its_own() -> None:
    parts = list(
        cut(WHOLE, [Found(100, scored(100, 1)), Found(200, scored(200, MOST_BYTES)), Found(300, scored(300, 1))])
    )
    assert [(part.start, part.next, len(part.documents)) for part in parts] == [
        (100, 200, 1),
        (200, 300, 1),
        (300, 5_000, 1),
    ]


def test_a_range_comes_back_from_its_record_as_it_was() -> None:
    (part,) = cut(WHOLE, found(3))
    message = range_message(part)
    assert (message.log, message.partition) == (SCORES.log, 0)
    assert decode_range(message.value or b"") == part
