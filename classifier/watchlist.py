"""The watch list: names to look for, as people write them down, and every mistake in it at once.

It stands in tables of the settings, in a TOML file of `[[name]]` tables, or in a CSV file with one name a line; see
`docs/watchlist.md`.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from msgspec import Struct, json

from classifier.folding import folded
from ingest.cleaning import clean_line
from ingest.tables import WrongTables, read_tables, read_text

LISTS = ("aliases", "tickers", "ambiguous", "context", "exclusions")
KEYS = ("name", *LISTS, "tier")
TIERS = (1, 2, 3)  # 1: matters most
LONGEST = 100  # characters of a name, an alias or a phrase
TOLD = 30  # mistakes; more of them help nobody
_SEPARATOR = "|"  # within a cell of a CSV file
_TICKER = re.compile(r"[A-Z0-9][A-Z0-9.-]{0,14}")
_BLANKS = re.compile(r"[^\S\x00-\x1f\x7f-\x9f]+")  # but for line breaks and tabs, which no name holds
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class WatchedName(Struct, frozen=True):
    """One entry. What each field means for finding it is told in `classifier.names`."""

    name: str  # what it is called in scores and alerts; found in texts too
    aliases: tuple[str, ...] = ()
    tickers: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()  # of its names: those that mean something else too
    context: tuple[str, ...] = ()  # words near which an ambiguous one is meant
    exclusions: tuple[str, ...] = ()  # phrases in which, or beside which, it is not meant
    tier: int = 2

    def spellings(self) -> Iterator[str]:
        """All that it is called, tickers apart, each once."""
        yield from dict.fromkeys((self.name, *self.aliases, *self.ambiguous))


class WatchList(Struct, frozen=True):
    """All names, sorted by what they are called."""

    names: tuple[WatchedName, ...] = ()

    @property
    def tiers(self) -> dict[str, int]:
        """The tier of each name."""
        return {entry.name: entry.tier for entry in self.names}

    @property
    def hash(self) -> str:
        """The same for the same entries, in whatever order they are written; empty if there are none."""
        return blake2b(json.encode(self.names), digest_size=6).hexdigest() if self.names else ""


class _Row(NamedTuple):
    """An entry as it is written, and where."""

    place: str
    values: Mapping[str, Any]
    wrong: str = ""  # why it could not be read


def read_watch_list(file: Path | None, tables: Sequence[Mapping[str, Any]] = ()) -> WatchList:
    """The names in `tables` of the settings and in `file`, if there is one, together.

    Raises `WrongTables` with every mistake.
    """
    rows = [_Row(f"name.{number}", table) for number, table in enumerate(tables)]
    if file is not None:
        rows += _rows(file)
    mistakes: list[str] = []
    entries: list[tuple[str, WatchedName]] = []
    for row in rows:
        wrong = [row.wrong] if row.wrong else list(_unreadable(row.values))
        if not wrong:
            entry = _entry(row.values)
            wrong = list(_faults(entry))
            entries.append((row.place, entry))
        mistakes += [f"{row.place}{_called(row.values)}: {sentence}" for sentence in wrong]
    mistakes += _clashes(entries)
    if mistakes:
        more = [f"... and {len(mistakes) - TOLD} more mistakes in the watch list"] if len(mistakes) > TOLD else []
        raise WrongTables(*mistakes[:TOLD], *more)
    return WatchList(tuple(sorted((entry for _, entry in entries), key=lambda entry: entry.name)))


def _rows(file: Path) -> list[_Row]:
    """The entries of a file. Raises `WrongTables`."""
    if file.suffix == ".csv":
        return list(_csv_rows(file, read_text(file)))
    if file.suffix != ".toml":
        raise WrongTables(f"{file} is neither .toml nor .csv: name a watch list in one of these forms")
    tables, rest = read_tables(file, "name")
    if rest:
        raise WrongTables(f"{file} holds something else than [[name]] tables ({', '.join(rest)}): remove it")
    return [_Row(*table) for table in tables]


def _csv_rows(file: Path, text: str) -> Iterator[_Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [cell.strip() for cell in next(reader, [])]
        if "name" not in header or not set(header) <= set(KEYS) or len(set(header)) < len(header):
            raise WrongTables(f"{file}, line 1: must name columns, each once, of {', '.join(KEYS)}; name at least")
        line = reader.line_num
        for cells in reader:
            line, begins = reader.line_num, line + 1
            if not any(cell.strip() for cell in cells):
                continue
            values = dict(_cell(*pair) for pair in zip(header, cells, strict=False) if pair[1].strip())
            wrong = f"has {len(cells)} cells, but {len(header)} columns are named" if len(cells) > len(header) else ""
            yield _Row(f"{file}, line {begins}", values, wrong)
    except csv.Error as error:
        raise WrongTables(f"{file}, line {reader.line_num}: is not CSV ({error}): mend that place") from None


def _cell(key: str, cell: str) -> tuple[str, Any]:
    if key in LISTS:
        return key, [part.strip() for part in cell.split(_SEPARATOR) if part.strip()]
    if key == "tier" and cell.strip() in map(str, TIERS):
        return key, int(cell)
    return key, cell.strip()


def _unreadable(values: Mapping[str, Any]) -> Iterator[str]:
    """What is not of the kind it must be."""
    for key, value in values.items():
        if key not in KEYS:
            close = get_close_matches(key, KEYS, n=1)
            yield f"there is no {key}; " + (f"did you mean {close[0]}?" if close else f"known are {', '.join(KEYS)}")
        elif key in LISTS and not (isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)):
            yield f"{key} must be a list of texts"
    if not isinstance(values.get("name"), str) or not values["name"].strip():
        yield "name is missing; set it"
    if type(values.get("tier", 2)) is not int or values.get("tier", 2) not in TIERS:
        yield "tier must be 1, 2 or 3"


def _entry(values: Mapping[str, Any]) -> WatchedName:
    lists = {
        key: tuple(dict.fromkeys(_cleaned(" ".join(each.split())) for each in values.get(key, ()))) for key in LISTS
    }
    return WatchedName(name=_cleaned(values["name"].strip()), tier=values.get("tier", 2), **lists)


def _cleaned(text: str) -> str:
    """As texts are in which it is looked for: what a spreadsheet adds unseen stands in none. Control characters are told of."""
    return _BLANKS.sub(" ", text) if _CONTROL.search(text) else clean_line(text)


def _called(values: Mapping[str, Any]) -> str:
    name = values.get("name")
    return f" ({_CONTROL.sub(' ', name[:LONGEST])})" if isinstance(name, str) and name.strip() else ""


def _faults(entry: WatchedName) -> Iterator[str]:
    """What is wrong in one entry."""
    for each in (*entry.spellings(), *entry.context, *entry.exclusions):
        yield from _unfit(each)
    for each in entry.spellings():
        if len(folded(each).small.strip()) == 1:
            yield f"{each!r} is too short for a name in a text: write two characters at least, or put it under tickers"
    for ticker in entry.tickers:
        if not _TICKER.fullmatch(ticker):
            yield f"{ticker!r} is no ticker: it has capitals, digits, '.' and '-', at most 15"
    if entry.ambiguous and not entry.context:
        yield "ambiguous needs context: words near which it is meant"
    if entry.context and not entry.ambiguous:
        yield "context is for ambiguous names: say under ambiguous which need it"


def _unfit(text: str) -> Iterator[str]:
    """Why a name or phrase cannot be looked for."""
    if _CONTROL.search(text):
        yield f"{_CONTROL.sub(' ', text)!r} holds a control character; remove it"
    elif len(text) > LONGEST:
        yield f"{text[:20]!r}... has {len(text)} characters; {LONGEST} are the most"
    elif not folded(text).small.strip():
        yield "a name or phrase is empty; remove it"


def _clashes(entries: Iterable[tuple[str, WatchedName]]) -> Iterator[str]:
    """Names that stand there twice, and spellings of which nobody could say whose they are."""
    names: dict[str, str] = {}
    owners: dict[str, tuple[str, bool]] = {}
    for place, entry in entries:
        if entry.name in names:
            yield f"{place} ({entry.name}): stands at {names[entry.name]} already; keep one"
            continue
        names[entry.name] = place
        unsure = {folded(each).small for each in entry.ambiguous}
        for key in dict.fromkeys(folded(each).small for each in entry.spellings()):
            other, was_unsure = owners.setdefault(key, (entry.name, key in unsure))
            if other != entry.name and not (was_unsure and key in unsure):
                yield f"{place} ({entry.name}): {key!r} is {other}'s already; put it under ambiguous of both, or remove it"
        for ticker in entry.tickers:
            other, _ = owners.setdefault(f"${ticker}", (entry.name, False))
            if other != entry.name:
                yield f"{place} ({entry.name}): the ticker {ticker} is {other}'s already; keep one"
