"""Which texts run together, and in what shape.

A text's score must be the same whatever runs beside it. So each text runs in one shape only, chosen by its own length: L tokens
from a fixed list, and at most as many rows as that L always has. What is done about missing rows is told in `classifier.scorer`.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

from msgspec import Struct

LENGTHS = (*range(8, 64, 4), *range(64, 128, 8), *range(128, 256, 16), *range(256, 513, 32))
TOKEN_BUDGET = 256  # tokens in a batch; more does not run faster: the activations then no longer fit the caches
MOST_ROWS = 16  # more rows of few tokens run hardly faster


class Shape(Struct, frozen=True):
    """What one run of the network takes: B rows of L tokens."""

    rows: int
    length: int


class PaddedBatch(Struct, frozen=True):
    """Texts (by their places in what was asked) that run together, at most `shape.rows` of them."""

    shape: Shape
    members: tuple[int, ...]


def shapes(max_tokens: int) -> list[Shape]:
    """The shapes in which texts of at most `max_tokens` run, shortest first."""
    lengths = [length for length in LENGTHS if length < max_tokens] + [max_tokens]
    return [Shape(min(MOST_ROWS, max(1, TOKEN_BUDGET // length)), length) for length in lengths]


def bucketed(lengths: Sequence[int], among: Sequence[Shape]) -> Iterator[PaddedBatch]:
    """Put texts with these token counts into groups, longest first.

    Args:
        lengths: tokens of each text, none over the longest shape.
        among: the shapes there are, shortest first.
    """
    members: dict[Shape, list[int]] = defaultdict(list)
    for place, length in enumerate(lengths):
        members[next(shape for shape in among if shape.length >= length)].append(place)
    for shape in sorted(members, key=lambda shape: -shape.length):
        places = members[shape]
        for first in range(0, len(places), shape.rows):
            yield PaddedBatch(shape, tuple(places[first : first + shape.rows]))
