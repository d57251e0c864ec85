"""Texts made comparable; small letters stand beside.

Width, ligatures, how apostrophes, hyphens and middle dots are drawn, how many blanks there are and where lines break make no
difference.
"""

import re
import unicodedata
from typing import NamedTuple

# What looks alike, and Unicode keeps apart. A full-width comma is as wide as a comma and a blank: no digits go on behind it.
_ALIKE = str.maketrans(
    dict.fromkeys("’‘‛ʼ´′", "'")
    | dict.fromkeys("\u2010\u2011\u2012\u2013", "-")
    | dict.fromkeys("•・･‧∙⋅", "·")
    | {"™": " ", "℠": " ", "®": " ", "，": ", "}
)
_BLANKS = re.compile(" {2,}")
_GROUP = re.compile(r",\d{1,3}(?!\d)")  # more digits behind a comma are a number of their own
# Scripts written without blanks between words.
_SOLID = ((0x2E80, 0xA4CF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


class Folded(NamedTuple):
    """A text in NFKC as it is written, and in small letters, character for character; no blanks at its ends, one in a row."""

    written: str
    small: str


def folded(text: str) -> Folded:
    """The text, comparable. It may be longer or shorter than the one given."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_ALIKE))
    # Marks like ™ and wide blanks are plain ones by now.
    written = text.replace("`", "'").replace("\n", " ")
    written = (_BLANKS.sub(" ", written) if "  " in written else written).strip(" ")
    small = written.lower()
    if len(small) != len(written):  # the Turkish İ becomes two
        small = "".join(low if len(low := each.lower()) == 1 else each for each in written)
    return Folded(written, small)


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether [start, end) is no part of a longer word or number. In scripts without blanks every stretch may be a word."""
    return not (
        (start > 0 and _goes_on(text, start, start - 1, start - 2))
        or (end < len(text) and _goes_on(text, end - 1, end, end + 1))
    )


def holds(text: str, phrase: str) -> bool:
    """Whether `phrase` stands in `text` as a word or words of its own; both are in small letters."""
    start = text.find(phrase)
    while start >= 0:
        if stands_alone(text, start, start + len(phrase)):
            return True
        start = text.find(phrase, start + 1)
    return False


def _goes_on(text: str, inner: int, outer: int, beyond: int) -> bool:
    """Whether the word or number at `inner` goes on at `outer`, and, behind a point or comma within it, at `beyond`."""
    mark = text[outer]
    if mark in ".,%":
        if not text[inner].isdecimal() or (mark == "," and not _GROUP.match(text, outer)):
            return False
        return mark == "%" or (0 <= beyond < len(text) and text[beyond].isdecimal())
    return is_lettered(mark) and is_lettered(text[inner])


def is_lettered(character: str) -> bool:
    """Whether it is a letter or digit of a script that puts blanks between words."""
    if character.isascii():
        return character.isalnum()
    point = ord(character)
    return character.isalnum() and not any(first <= point <= last for first, last in _SOLID)
