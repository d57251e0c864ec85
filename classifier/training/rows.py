"""Rows as they stand in files, JSONL or CSV, gzipped or not, each with its place; what cannot be read is a sentence instead."""

import csv
import gzip
import io
import json
import re
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.cleaning import clean, clean_text
from ingest.lines import LONGEST

_COLUMNS = (("text", "title"), ("sentiment", "topics"))  # of a table: one of each
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")  # how JSON may write half of a character


class DataError(ValueError):
    """Rows that cannot be trained on, all of them named in one message."""

    def __init__(self, mistakes: Sequence[str], shown: int = 40) -> None:
        self.mistakes = tuple(mistakes)
        more = f"\n… and {len(mistakes) - shown} more" if len(mistakes) > shown else ""
        some = "1 mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes"
        super().__init__(f"{some} in the data:\n" + "\n".join(mistakes[:shown]) + more)


def rows_of(path: Path, *, is_labelled: bool = True) -> Iterator[tuple[str, dict[str, Any] | str]]:
    """Place and row, or place and what is wrong with the line or with the whole file.

    Args:
        path: the file.
        is_labelled: a table without a column of labels is a mistake.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = io.StringIO(raw.decode("utf-8-sig"), newline="")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        yield path.name, f"cannot be read as UTF-8 text ({error})"
        return
    if path.name.removesuffix(".gz").endswith(".csv"):
        yield from _csv_rows(path.name, text, _COLUMNS if is_labelled else _COLUMNS[:1])
        return
    for number, line in enumerate(text, start=1):
        if line.strip():
            yield f"{path.name} line {number}", _json_row(line)


def json_rows(files: Iterable[Path]) -> list[dict[str, Any]]:
    """The rows with a text of files whose labels, if any, do not matter; how many lines are left out goes to standard error.

    Raises:
        DataError: nothing of a file can be read.
    """
    rows: list[dict[str, Any]] = []
    mistakes: list[str] = []
    for path in files:
        found: list[dict[str, Any]] = []
        left_out: list[str] = []
        for place, row in rows_of(path, is_labelled=False):
            if isinstance(row, dict) and text_of(row):
                found.append(row)
            else:
                left_out.append(f"{place}: {row if isinstance(row, str) else 'no text'}")
        if left_out and found:
            print(f"{path.name}: {len(left_out)} lines are left out. The first: {left_out[0]}", file=sys.stderr)
        mistakes += [] if found else left_out
        rows += found
    if mistakes:
        raise DataError(mistakes)
    return rows


def text_of(row: Mapping[str, Any]) -> str:
    """The text of a row as it would be served: cleaned `text`, or title, newline, body where nothing is left of it."""
    return clean_text(_given(row, "text"), _given(row, "title"), _given(row, "body"))


def given_text(row: Mapping[str, Any]) -> str:
    """What `text_of` was made of, as it stands in the row."""
    keys = ("text",) if clean(_given(row, "text")) else ("title", "body")
    return "\n".join(filter(None, (_given(row, key) for key in keys)))


def _given(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    return value if isinstance(value, str) else ""


def _json_row(line: str) -> dict[str, Any] | str:
    try:
        row = json.loads(line)
        if _SURROGATE.search(line):
            json.dumps(row, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        return f"not JSON ({error.msg})"
    except UnicodeEncodeError:
        return "holds half of a surrogate pair, which is no character"
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, lists within lists
        return f"not JSON that can be read ({error})"
    return row if isinstance(row, dict) else "not a JSON object"


def _csv_rows(
    name: str, text: io.StringIO, wanted: Sequence[Sequence[str]]
) -> Iterator[tuple[str, dict[str, Any] | str]]:
    # A quote that is not closed swallows the rows behind it: only a strict reader tells.
    csv.field_size_limit(LONGEST)
    reader = csv.reader(text, strict=True)
    begins = 1
    try:
        columns = next(reader, [])
        lacking = [" or ".join(either) for either in wanted if not set(either) & set(columns)]
        if lacking:
            yield f"{name} line 1", f"no column {', and none '.join(lacking)}, but {', '.join(columns) or 'nothing'}"
            return
        begins = reader.line_num + 1
        for cells in reader:
            if cells:
                yield f"{name} line {begins}", _csv_row(columns, cells)
            begins = reader.line_num + 1
    except csv.Error as error:
        yield f"{name} line {begins}", f"not CSV ({error}), so nothing from here on is read"


def _csv_row(columns: Sequence[str], cells: Sequence[str]) -> dict[str, Any] | str:
    if len(cells) > len(columns):
        return f"has {len(cells)} cells, but {len(columns)} columns are named: a text with a comma needs quotes"
    return _typed({key: cell for key, cell in zip(columns, cells, strict=False) if cell.strip()})


def _typed(cells: Mapping[str, str]) -> dict[str, Any]:
    """Cells that are filled, as JSON would write them."""
    row: dict[str, Any] = dict(cells)
    row |= {key: cells[key].split() for key in ("topics", "topics_known") if key in cells}
    if "sentiment_classes" in cells:
        row["sentiment_classes"] = int(cells["sentiment_classes"]) if cells["sentiment_classes"].isdigit() else -1
    return row
