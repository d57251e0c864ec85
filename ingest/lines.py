"""A line of a file: what it holds, or why that is no document."""

import codecs
from collections.abc import Callable, Iterator
from typing import Any, AnyStr

from msgspec import Struct

LONGEST = 10_000_000  # bytes of a line, characters of a row; more is no text
NO_TEXT = "ingest.no_text"  # how to decode so that what is no text in its encoding spoils its own line alone
_MARK = "\udcff"


def _no_text(error: UnicodeError) -> tuple[str, int]:
    """As `surrogateescape`, which knows no bytes below 128: there are such in UTF-16."""
    if isinstance(error, UnicodeDecodeError):
        return _MARK, error.end
    raise error


codecs.register_error(NO_TEXT, _no_text)


class BrokenFile(Exception):  # noqa: N818 - a state of the file
    """The file cannot be read (on); the message is one sentence for whoever named it."""


class Line(Struct, frozen=True):
    """One document's fields as they stand in the file. Empty cells of a table are left out."""

    number: int  # of its first line, from 1
    fields: dict[str, Any]
    text: str  # as it stands there; of a table, the row as JSON


class BadLine(Struct, frozen=True):
    """A line that holds no document."""

    number: int
    reason: str  # of `ingest.deadletters.REASONS`
    sentence: str
    text: str


def each_line(readline: Callable[[int], AnyStr], *ends: AnyStr) -> Iterator[AnyStr]:
    """Every line with its end; of one longer than `LONGEST` nothing is kept, it comes empty."""
    while line := readline(LONGEST):
        piece = line
        while len(piece) >= LONGEST and not piece.endswith(ends):
            line, piece = line[:0], readline(LONGEST)
        yield line
