"""Reads tables: CSV and TSV, whose first line names the columns."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from ingest.lines import LONGEST, NO_TEXT, BadLine, BrokenFile, Line, each_line


class _Lines:
    """The lines under a reader of CSV. Those behind the first of a row that is none are read anew, each as a row of its own.

    So a stray quote costs its own line alone, and no line is read more than twice. A line too long is a row of its own, empty.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._lines = each_line(text.readline, "\n", "\r")
        first = next(self._lines, "\ufeff")
        self._anew = deque([] if first == "\ufeff" else [first.removeprefix("\ufeff")])
        self.row: list[str] = []  # the lines of the row that is read
        self._length = 0  # of the row

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        if self.row and (self._anew or self._length > LONGEST):
            raise StopIteration  # only the last one that is read anew may go on in what follows
        line = self._anew.popleft() if self._anew else next(self._lines)
        if self.row and not line:
            self._anew.append(line)
            raise StopIteration
        self._length = len(line) + (self._length if self.row else 0)
        self.row.append(line)
        return line

    def refuse(self) -> str:
        """The first line of a row that is none; those behind it come again."""
        first, *behind = self.row
        self._anew.extendleft(reversed(behind))
        self.row = [first]
        return first


def rows(stream: BinaryIO, encoding: str, delimiter: str) -> Iterator[Line | BadLine]:
    """Every row, or why it holds no document. Raises `BrokenFile` if the columns are not named."""
    lines = _Lines(io.TextIOWrapper(stream, encoding, errors=NO_TEXT, newline=""))
    csv.field_size_limit(LONGEST)
    read = csv.reader(lines, delimiter=delimiter, strict=True)
    number, names = _columns(lines, read)
    while True:
        number += len(lines.row)
        lines.row = []
        try:
            row = next(read)
        except StopIteration:
            return
        except csv.Error as error:
            text = _shown(lines.refuse()).rstrip("\r\n")
            yield BadLine(number, "wrong_type", f"the row is not well-formed: {error}", text)
            continue
        if lines.row == [""]:
            yield BadLine(number, "too_large", f"the line has more than {LONGEST:,} characters", "")
        elif row:
            yield _row(number, len(lines.row), names, row, encoding)


def _columns(lines: _Lines, read: Iterator[list[str]]) -> tuple[int, list[str]]:
    """The number of the line that names the columns, behind blank ones, and the names; none of a table without lines."""
    number, header = 1, list[str]()
    while not header and lines.row != [""]:
        number += len(lines.row)
        lines.row = []
        try:
            header = next(read)
        except StopIteration:
            return number, []
        except csv.Error as error:
            raise BrokenFile(f"the first line has to name the columns, and is not well-formed: {error}") from None
    if not header:
        raise BrokenFile("the first line has to name the columns, and is too long")
    names = [name.strip() for name in header]
    if len(set(names)) != len(names) or "" in names:
        raise BrokenFile("the first line has to name the columns, each once and none empty")
    return number, names


def _shown(text: str) -> str:
    return text.encode(errors="replace").decode()


def _row(number: int, length: int, names: list[str], row: list[str], encoding: str) -> Line | BadLine:
    shown = msgspec.json.encode([_shown(cell) for cell in row]).decode()
    if len(row) != len(names):
        which = f"the row of {length} lines" if length > 1 else "the row"
        sentence = f"{which} has {len(row)} cells, the first line names {len(names)}"
        return BadLine(number, "wrong_type", sentence, shown)
    if any("\ud800" <= mark <= "\udfff" for cell in row for mark in cell):
        return BadLine(number, "not_utf8", f"the row is not {encoding}; name the encoding with --encoding", shown)
    return Line(number, {name: cell for name, cell in zip(names, row, strict=True) if cell.strip()}, shown)
