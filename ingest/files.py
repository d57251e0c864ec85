"""Reads files of documents, line by line: JSONL, CSV, TSV, plain or gzipped, from a path or from standard input.

What cannot be read is a `BadLine` with its number and its text; reading goes on behind it. Only a file that breaks off or
cannot be opened stops it, with `BrokenFile`.
"""

import codecs
import gzip
import io
import select
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from ingest.complaints import TOO_LARGE
from ingest.delimited import rows
from ingest.lines import LONGEST, NO_TEXT, BadLine, BrokenFile, Line, each_line
from ingest.surrogates import decoded

FORMATS = ("jsonl", "csv", "tsv")
_GZIP = b"\x1f\x8b"


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
        read = _objects if self.form == "jsonl" else rows
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
    for number, raw in enumerate(each_line(readline, b"\n"), 1):
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
    text = io.TextIOWrapper(stream, encoding, errors=NO_TEXT, newline="\n")
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
