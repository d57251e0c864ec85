"""A long text in several messages, each short enough, numbered."""

from bisect import bisect_right
from collections.abc import Callable, Iterator

NUMBER_BYTES = 16  # "(12/34)\n" with room to spare, also for escapes


def in_bytes(text: str) -> int:
    """UTF-8 bytes."""
    return len(text.encode())


def parts(text: str, limit: int, size: Callable[[str], int] = in_bytes) -> list[str]:
    """`text` in pieces of at most `limit` bytes by `size`, cut between lines where that is possible, never within a character.

    More than one are numbered at their beginning: `(1/2)`. `limit` is at least 64. The size of a text is that of its lines.
    """
    if size(text) <= limit:
        return [text]
    pieces = list(_pieces(text, limit - NUMBER_BYTES, size))
    return [f"({number}/{len(pieces)})\n{piece}" for number, piece in enumerate(pieces, 1)]


def _pieces(text: str, limit: int, size: Callable[[str], int]) -> Iterator[str]:
    piece, room = "", limit
    for line in text.splitlines(keepends=True):
        rest = line
        if piece and size(rest) > room:
            yield piece.rstrip("\n")
            piece, room = "", limit
        while size(rest) > limit:
            head = _beginning(rest, limit, size)
            yield head
            rest = rest[len(head) :]
        piece, room = piece + rest, room - size(rest)
    if piece.strip():
        yield piece.rstrip("\n")


def _beginning(text: str, limit: int, size: Callable[[str], int]) -> str:
    """As much of a text that is too long as is not."""
    return text[: bisect_right(range(len(text)), limit, key=lambda end: size(text[:end])) - 1]
