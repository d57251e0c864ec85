"""A long text in several messages, each short enough in bytes, numbered."""

from collections.abc import Iterator

NUMBER_BYTES = 16  # "(12/34)\n" with room to spare


def parts(text: str, limit: int) -> list[str]:
    """`text` in pieces of at most `limit` UTF-8 bytes, cut between lines where that is possible, never within a character.

    More than one are numbered at their beginning: `(1/2)`. `limit` is at least 64.
    """
    if len(text.encode()) <= limit:
        return [text]
    pieces = list(_pieces(text, limit - NUMBER_BYTES))
    return [f"({number}/{len(pieces)})\n{piece}" for number, piece in enumerate(pieces, 1)]


def _pieces(text: str, limit: int) -> Iterator[str]:
    piece = ""
    for line in text.splitlines(keepends=True):
        if piece and len((piece + line).encode()) > limit:
            yield piece.rstrip("\n")
            piece = ""
        rest = line
        while len(rest.encode()) > limit:
            head = rest.encode()[:limit].decode("utf-8", "ignore")
            yield head
            rest = rest[len(head) :]
        piece += rest
    if piece.strip():
        yield piece.rstrip("\n")
