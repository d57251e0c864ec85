"""Texts made comparable: width, ligatures, apostrophes and how many blanks make no difference; small letters stand beside."""

import re
import unicodedata
from typing import NamedTuple

_ALIKE = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "™": " ", "℠": " "})
_BLANKS = re.compile(" {2,}")
# Scripts written without blanks between words.
_SOLID = ((0x2E80, 0xA4CF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))


class Folded(NamedTuple):
    """A text in NFKC as it is written, and in small letters, character for character; no blanks at its ends, one in a row."""

    written: str
    small: str


def folded(text: str) -> Folded:
    """The text, comparable. It may be longer or shorter than the one given."""
    written = unicodedata.normalize("NFKC", text if text.isascii() else text.translate(_ALIKE))
    # Marks like ™ and wide blanks are plain ones by now.
    written = (_BLANKS.sub(" ", written) if "  " in written else written).strip(" ")
    small = written.lower()
    if len(small) != len(written):  # the Turkish İ becomes two
        small = "".join(low if len(low := each.lower()) == 1 else each for each in written)
    return Folded(written, small)


def stands_alone(text: str, start: int, end: int) -> bool:
    """Whether [start, end) is no part of a longer word. In scripts without blanks every stretch may be a word."""
    return not (
        (start > 0 and _is_lettered(text[start - 1]) and _is_lettered(text[start]))
        or (end < len(text) and _is_lettered(text[end - 1]) and _is_lettered(text[end]))
    )


def holds(text: str, phrase: str) -> bool:
    """Whether `phrase` stands in `text` as a word or words of its own; both are in small letters."""
    start = text.find(phrase)
    while start >= 0:
        if stands_alone(text, start, start + len(phrase)):
            return True
        start = text.find(phrase, start + 1)
    return False


def _is_lettered(character: str) -> bool:
    """Whether it is a letter or digit of a script that puts blanks between words."""
    if character.isascii():
        return character.isalnum()
    point = ord(character)
    return character.isalnum() and not any(first <= point <= last for first, last in _SOLID)
