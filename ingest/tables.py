"""Files of TOML tables, `[[rule]]` by `[[rule]]`, each with the line that it begins on, so that a mistake can be found."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple


class WrongTables(Exception):  # noqa: N818 - a state of the file
    """The file cannot be used.

    Attributes:
        mistakes: a sentence for each that says where and why; the message is all of them, a line each.
    """

    def __init__(self, *mistakes: str) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class Table(NamedTuple):
    """A table as it is written, and where."""

    place: str
    values: Mapping[str, Any]


def read_text(file: Path) -> str:
    """What stands in `file`. Raises `WrongTables`."""
    try:
        return file.read_text("utf-8-sig")
    except OSError as error:
        raise WrongTables(f"{file} cannot be read ({error.strerror}): name a file that this user may read") from None
    except UnicodeDecodeError as error:
        raise WrongTables(f"{file} is not UTF-8 ({error}): save it as UTF-8") from None


def read_tables(file: Path, key: str) -> tuple[list[Table], dict[str, Any]]:
    """The tables called `key`, and what else stands in `file`. Raises `WrongTables`."""
    text = read_text(file)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongTables(f"{file} is not TOML ({error}): mend that place") from None
    tables = document.pop(key, [])
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise WrongTables(f"{file}: {key} must be [[{key}]] tables")
    begins = re.finditer(rf"^[ \t]*\[\[[ \t]*{key}[ \t]*\]\]", text, re.MULTILINE)
    lines = [text.count("\n", 0, found.start()) + 1 for found in begins]
    if len(lines) == len(tables):
        places = [f"{file}, line {line}" for line in lines]
    else:  # written as an array of inline tables
        places = [f"{file}, {key} {number}" for number in range(1, len(tables) + 1)]
    return [Table(place, table) for place, table in zip(places, tables, strict=True)], document
