"""Reads files of documents, line by line: JSONL, CSV, TSV, plain or gzipped, from a path or from standard input.

What cannot be read is a `BadLine` with its number and its text; reading goes on behind it. Only a file that breaks off or
cannot be opened stops it, with `BrokenFile`.
"""

import codecs
import csv
import gzip
import io
import select
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, AnyStr, BinaryIO, cast

import msgspec
from msgspec import Struct

from ingest.complaints import TOO_LARGE
from ingest.surrogates import decoded

LONGEST = 10_000_000  # bytes of a line, characters of a row; more is no text
FORMATS = ("jsonl", "csv", "tsv")
_GZIP = b"\x1f\x8b"
_NO_TEXT = "\udcff"  # stands where bytes are nothing in their encoding, so that only their own line is refused


def _no_text(error: UnicodeError) -> tuple[str, int]:
    """As `surrogateescape`, which knows no bytes below 128: there are such in UTF-16."""
    if isinstance(error, UnicodeDecodeError):
        return _NO_TEXT, error.end
    raise error


codecs.register_error("ingest.no_text", _no_text)


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


class DocumentFile:
    """A file that is being read. `done` and `size` are bytes of the file itself, for a progress bar; size 0: not known.

    `form` is one of `FORMATS`, or None: told by the name, JSONL for standard input (`-`). Raises `BrokenFile`.
    """

    def __init__(self, name: str, form: str | None = None, encoding: str = "utf-8") -> None:
        self.name = "standard input" if name == "-" else name
        self.form = form or _form_of(name)
        try:
            "\n".encode(encoding)  # else it may be one of bytes into bytes, as `hex` is
            self._encoding = codecs.lookup(encoding).name
        except (LookupError, UnicodeError):
            raise BrokenFile(f"there is no text encoding {encoding!r}: name one like utf-8 or gb18030") from None
        self._is_stdin = name == "-"
        try:
            self._raw = _stdin() if self._is_stdin else Path(name).open("rb")  # noqa: SIM115 - see close
        except OSError as error:
            raise BrokenFile(f"{self.name} cannot be opened: {error.strerror}") from None
        self.size = 0 if self._is_stdin else Path(name).stat().st_size
        self._counted = _Counted(self._raw)

    @property
    def done(self) -> int:
        """Bytes of the file read so far."""
        return self._counted.count

    def lines(self, before_wait: Callable[[], None] | None = None) -> Iterator[Line | BadLine]:
        """Every document, or why a line holds none. Raises `BrokenFile`.

        `before_wait` is called when a pipe has nothing more at present: all that it gave has been yielded.
        """
        self._counted.before_wait = before_wait
        buffered = io.BufferedReader(self._counted, 1 << 16)
        packed = buffered.peek(2)[:2] == _GZIP
        stream = cast("BinaryIO", gzip.GzipFile(fileobj=buffered) if packed else buffered)
        read = _objects if self.form == "jsonl" else _rows
        number = 0
        try:
            for line in read(stream, self._encoding, "\t" if self.form == "tsv" else ","):
                number = line.number
                yield line
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise BrokenFile(f"{self.name} breaks off behind line {number}: it is not whole gzip ({error})") from None
        except UnicodeError:
            raise BrokenFile(
                f"{self.name} is not {self._encoding} behind line {number}: name its encoding with --encoding"
            ) from None
        except OSError as error:
            raise BrokenFile(f"{self.name} cannot be read on behind line {number}: {error.strerror}") from None

    def close(self) -> None:
        """Close the file, if it was opened here."""
        if not self._is_stdin:
            self._raw.close()


def _stdin() -> BinaryIO:
    if sys.stdin is None or sys.stdin.closed:  # as whoever called us has left it
        raise BrokenFile("standard input cannot be opened: it is closed")
    return sys.stdin.buffer


class _Counted(io.RawIOBase):
    """Counts what is read through it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.count = 0
        self.before_wait: Callable[[], None] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self.before_wait is not None and _has_nothing(self._raw):
            self.before_wait()
        # `read1` gives what a pipe has, without waiting for a full buffer.
        data = cast("io.BufferedReader", self._raw).read1(len(buffer))
        buffer[: len(data)] = data
        self.count += len(data)
        return len(data)


def _has_nothing(raw: BinaryIO) -> bool:
    """Whether a read would wait."""
    try:
        return not select.select([raw], [], [], 0)[0]
    except (OSError, ValueError):  # what is no file of the system's has all it ever has
        return False


def _form_of(name: str) -> str:
    suffixes = [suffix.lower().lstrip(".") for suffix in Path(name).suffixes]
    suffix = next((suffix for suffix in reversed(suffixes) if suffix not in ("gz", "gzip")), "")
    return suffix if suffix in ("csv", "tsv") else "jsonl"


def _objects(stream: BinaryIO, encoding: str, _delimiter: str) -> Iterator[Line | BadLine]:
    is_plain = _is_wider_ascii(encoding)
    readline = stream.readline if is_plain else _recoding(stream, encoding)
    for number, raw in enumerate(_each_line(readline, b"\n"), 1):
        if not raw:
            yield BadLine(number, "too_large", f"the line has more than {LONGEST:,} bytes", "")
            continue
        try:
            text = raw.strip().decode(encoding if is_plain else "utf-8")
        except UnicodeDecodeError as error:
            where = f"byte {error.start + 1:,} of the line" if is_plain else "the line"
            sentence = f"{where} is not {encoding}; name the encoding with --encoding"
            yield BadLine(number, "not_utf8", sentence, raw.strip().decode(errors="replace"))
            continue
        if number == 1:
            text = text.removeprefix("\ufeff")
        if text:
            yield _object(number, text)


def _is_wider_ascii(encoding: str) -> bool:
    """Whether the bytes of ASCII mean in it what they mean there: only then can lines be told before they are decoded."""
    try:
        return all(bytes((byte,)).decode(encoding) == chr(byte) for byte in range(128))
    except UnicodeError:
        return False


def _recoding(stream: BinaryIO, encoding: str) -> Callable[[int], bytes]:
    """A `readline` that gives UTF-8, and something else for what is no text."""
    text = io.TextIOWrapper(stream, encoding, errors="ingest.no_text", newline="\n")
    return lambda most: text.readline(most).encode("utf-8", "surrogatepass")


def _object(number: int, text: str) -> Line | BadLine:
    try:
        fields = decoded(text.encode())
    except RecursionError:
        return BadLine(number, "not_json", "the line is nested too deeply to be read", text)
    except msgspec.ValidationError:
        return BadLine(number, "wrong_type", f"the line holds {TOO_LARGE}", text)
    except msgspec.DecodeError as error:
        return BadLine(
            number, "not_json", f"the line is not JSON: {str(error).removeprefix('JSON is malformed: ')}", text
        )
    if not isinstance(fields, dict):
        hint = "; one document a line is read (jq -c '.[]' takes a list apart)" if isinstance(fields, list) else ""
        return BadLine(number, "not_json", f"the line is JSON, but no object with fields{hint}", text)
    return Line(number, fields, text)


def _each_line(readline: Callable[[int], AnyStr], *ends: AnyStr) -> Iterator[AnyStr]:
    """Every line with its end; of one longer than `LONGEST` nothing is kept, it comes empty."""
    while line := readline(LONGEST):
        piece = line
        while len(piece) >= LONGEST and not piece.endswith(ends):
            line, piece = line[:0], readline(LONGEST)
        yield line


class _Lines:
    """The lines under a reader of CSV. Those behind the first of a row that is none are read anew, each as a row of its own.

    So a stray quote costs its own line alone, and no line is read more than twice. A line too long is a row of its own, empty.
    """

    def __init__(self, text: io.TextIOWrapper) -> None:
        self._lines = _each_line(text.readline, "\n", "\r")
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


def _rows(stream: BinaryIO, encoding: str, delimiter: str) -> Iterator[Line | BadLine]:
    lines = _Lines(io.TextIOWrapper(stream, encoding, errors="ingest.no_text", newline=""))
    csv.field_size_limit(LONGEST)
    rows = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = next(rows, None)
    except csv.Error as error:
        raise BrokenFile(f"the first line has to name the columns, and is not well-formed: {error}") from None
    if header is None:
        return
    if not header:
        raise BrokenFile("the first line has to name the columns, and is empty or too long")
    names = [name.strip() for name in header]
    if len(set(names)) != len(names) or "" in names:
        raise BrokenFile("the first line has to name the columns, each once and none empty")
    number = 1
    while True:
        number += len(lines.row)
        lines.row = []
        try:
            row = next(rows)
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
