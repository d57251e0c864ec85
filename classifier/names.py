"""Finds the names of a watch list in a text, thousands of them in one pass.

- A capital of a name must be a capital in the text, a small letter may be either: "Gap" is found in "Gap" and "GAP", not in
  "gap"; "IBM" in "IBM" alone; a name written in small letters however it is written.
- A name in a script with blanks between words is a word or words of its own; in Chinese any stretch may be one.
- A name that begins with a digit is no amount: "3M" is not found in "$3M".
- A ticker counts as `$BABA`, as `NYSE: BABA`, and in brackets; one letter in brackets only right behind a word: "Visa (V)".
  An exchange that is not all capitals counts in brackets: "(Nasdaq: AAPL)", not "Nasdaq: AI stocks fall".
- An ambiguous name counts with a word of its context at most `NEAR` characters away.
- An exclusion that holds the name voids it where they overlap ("visa application"); any other within `NEAR` characters.
- Where names overlap, the leftmost counts, and of those that begin together the longest.
- What the sender itself calls the document's entities counts when it is a name, an alias or a ticker, whatever the case.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick

from classifier.folding import Folded, folded, is_lettered, stands_alone
from classifier.watchlist import WatchedName, WatchList

READ = 10_000  # characters of a text that are looked at; of English the model reads about 8,000
NEAR = 120  # characters, about a headline
MOST = 50  # names kept of one text
_LOOK_BACK = 40  # characters before a ticker
_EXCHANGES = (
    "NYSE|NASDAQ|AMEX|NYSEAMERICAN|NYSEARCA|CBOE|OTC|OTCMKTS|OTCQB|OTCQX|LSE|LON|AIM|HKEX|HKG|SEHK|HK|SSE|SHSE|SHA|SH|SZSE|SHE|SZ"
    "|BJSE|BSE|NSE|TSX|TSXV|CVE|TSE|TYO|ASX|SGX|KRX|KOSPI|TWSE|TPE|FRA|ETR|XETRA|FWB|EPA|EURONEXT|AMS|BIT|BME|SWX|SIX|STO|CPH|JSE"
)
_CHINESE_EXCHANGES = "上交所|深交所|北交所|港交所|联交所|聯交所|纽交所|纳斯达克|(?:证券|證券|股票)代[码碼]|股份代[号號]"
# Short ones are words too, so they stay in capitals.
_LONG_EXCHANGES = "|".join(name for name in _EXCHANGES.split("|") if len(name) > 3)
_TICKER_BEGINS = re.compile(
    rf"(?:(?P<exchange>\b(?:{_EXCHANGES})|{_CHINESE_EXCHANGES}): ?"
    rf"|[(\[<,;/] ?(?i:{_LONG_EXCHANGES}|NYSE (?:American|Arca|MKT)|NASDAQ(?:GS|GM|CM)): ?"
    r"|[(\[<](?:[A-Z0-9.$:]+[,;/] ?)*\$?)\Z"
)
_TICKER_ENDS = re.compile(r"(?:\.[A-Z]{1,4})?[)\]>,;/]")
# Else it is "(C) 2026 Reuters", "Windows(R)" or "these are: (A) costs".
_LETTER_BEGINS = re.compile(
    r"(?:(?:\w(?<!(?i:copyright))['\"”]?|\b[A-Z][A-Za-z]{0,3}\.) |[\u2e80-\u9fff][\"”》]?)[(\[<]\Z"
)
_LETTER_ENDS = re.compile(r"[)\]>](?!(?<=C.) ?(?:19|20)\d\d)")
_CLOSING = (")", "]", ">")
_MONEY = ("$", "€", "£", "¥")


class _Use(NamedTuple):
    """What a pattern stands for."""

    entry: int
    spelling: str  # as the list writes it
    ticker: bool = False
    ambiguous: bool = False


class _Hit(NamedTuple):
    start: int
    end: int
    use: _Use


class NameFinder:
    """A watch list, ready to be found in texts. Unchangeable, so any thread may use it."""

    def __init__(self, watched: WatchList) -> None:
        self._entries = watched.names
        self._uses: dict[str, list[_Use]] = defaultdict(list)  # what names are spelt like, in small letters
        self._entities: dict[str, int | None] = {}  # None: several names share it
        for number, entry in enumerate(watched.names):
            self._add(number, entry)
        self._context = [tuple(folded(each).small for each in entry.context) for entry in watched.names]
        self._exclusions = [tuple(_reaches(entry)) for entry in watched.names]
        phrases = {each for context in self._context for each in context}
        phrases |= {each for exclusions in self._exclusions for each, _ in exclusions}
        self._patterns = sorted(phrases | self._uses.keys())
        self._automaton = AhoCorasick(self._patterns)

    def find(self, text: str, entities: Iterable[str] = ()) -> tuple[str, ...]:
        """The names found in `text`, or among what its sender says it is about, sorted, each once.

        Args:
            text: cleaned.
            entities: as they came with the document.
        """
        if not self._entries:
            return ()
        hits = self._leftmost_longest(folded(text[:READ]), is_cut=len(text) > READ)
        found = dict.fromkeys(hit.use.entry for hit in hits)
        for entity in entities:
            number = self._entities.get(folded(entity).small)
            if number is not None:
                found[number] = None
        return tuple(sorted(self._entries[number].name for number in list(found)[:MOST]))

    def _add(self, number: int, entry: WatchedName) -> None:
        ambiguous = {folded(each).small for each in entry.ambiguous}
        spellings = dict(folded(each) for each in entry.spellings())
        for written, small in spellings.items():
            self._uses[small].append(_Use(number, written, ambiguous=small in ambiguous))
        for ticker in entry.tickers:
            self._uses[ticker.lower()].append(_Use(number, ticker, ticker=True))
        for small in {*spellings.values(), *(ticker.lower() for ticker in entry.tickers)}:
            self._entities[small] = number if self._entities.get(small, number) == number else None

    def _leftmost_longest(self, text: Folded, *, is_cut: bool) -> list[_Hit]:
        """The hits that count, none of which overlap, but for those of the same stretch."""
        hits, places = self._hits(text)
        last = len(text.small) - is_cut  # what ends where the text is cut may go on: "Ever" of "Evergrande"
        hits = [hit for hit in hits if hit.end <= last and self._is_meant(hit, places)]
        kept: list[_Hit] = []
        for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
            if not kept or hit.start >= kept[-1].end or hit[:2] == kept[-1][:2]:
                kept.append(hit)
        return kept

    def _hits(self, text: Folded) -> tuple[list[_Hit], dict[str, list[int]]]:
        """Where names stand as they are written, and where each phrase begins, in the order of the text."""
        hits: list[_Hit] = []
        places: dict[str, list[int]] = defaultdict(list)
        for number, start, end in self._automaton.find_matches_as_indexes(text.small, overlapping=True):
            if not stands_alone(text.small, start, end):
                continue
            pattern = self._patterns[number]
            places[pattern].append(start)
            hits += [_Hit(start, end, use) for use in self._uses.get(pattern, ()) if _is_written(use, text, start, end)]
        return hits, places

    def _is_meant(self, hit: _Hit, places: Mapping[str, Sequence[int]]) -> bool:
        """Whether context and exclusions let it count."""
        if hit.use.ticker:
            return True
        if any(_is_near(hit, phrase, places, reach) for phrase, reach in self._exclusions[hit.use.entry]):
            return False
        context = self._context[hit.use.entry] if hit.use.ambiguous else ()
        return not context or any(_is_near(hit, phrase, places, NEAR) for phrase in context)


NOBODY = NameFinder(WatchList())  # who watches no names


def _reaches(entry: WatchedName) -> Iterable[tuple[str, int]]:
    """Each exclusion, and from how far it voids a name."""
    spellings = [folded(each).small for each in entry.spellings()]
    for each in entry.exclusions:
        phrase = folded(each).small
        yield phrase, 0 if any(spelling in phrase for spelling in spellings) else NEAR


def _is_near(hit: _Hit, phrase: str, places: Mapping[str, Sequence[int]], reach: int) -> bool:
    """Whether `phrase` overlaps the hit, or stands less than `reach` characters away."""
    starts = places.get(phrase, ())
    first = bisect_right(starts, hit.start - reach - len(phrase))
    return first < len(starts) and starts[first] < hit.end + reach


def _is_written(use: _Use, text: Folded, start: int, end: int) -> bool:
    """Whether what stands in the text is written as this use of it must be."""
    written, last = text.written[start:end], text.written[start - 1 : start]  # nothing stands before the first
    if last in _MONEY and written[0].isdigit():
        return False
    if use.ticker:
        return _is_ticker(use, text.written, start, end)
    return all(given == own or not own.isupper() for given, own in zip(written, use.spelling, strict=True))


def _is_ticker(use: _Use, text: str, start: int, end: int) -> bool:
    """Whether [start, end), in whatever case, is marked as a ticker: by `$` (but not `US$`), an exchange or brackets."""
    if text[start - 1 : start] == "$" and not is_lettered(text[start - 2 : start - 1] or " "):
        return True
    before = text[max(start - _LOOK_BACK, 0) : start]
    begins = _TICKER_BEGINS.search(before)
    if text[start:end] != use.spelling or begins is None:
        return False
    if begins["exchange"]:
        return True
    if end - start == 1 and len(begins[0]) == 1 and text[end : end + 1] in _CLOSING:
        return _LETTER_BEGINS.search(before) is not None and _LETTER_ENDS.match(text, end) is not None
    return _TICKER_ENDS.match(text, end) is not None
