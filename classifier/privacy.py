"""Hides what identifies a private person: e-mail addresses, telephone numbers, identity and card numbers.

Each character is replaced by a dot, so that positions in the text stay what they are. Numbers are told from amounts, dates and
stock codes by their form, their check digits and what stands around them; names are not looked for.
"""

import re
from collections.abc import Callable

MASK = "•"

# Most texts hold none of it: this finds out in about a microsecond.
_WORTH_A_LOOK = re.compile(r"[@＠]|\d(?:[ ().-]{0,2}\d){6}")

# Begins where such a run begins and gives nothing of it back: else a long run without an @ took time as its square.
_EMAIL = re.compile(r"(?<![A-Za-z0-9_.+%'-])[A-Za-z0-9_.+%'-]++[@＠](?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
# An amount or a count is no telephone: it has a currency before it, a comma or point and digits beside it, or a unit behind.
_BEFORE = r"(?<![\d.,¥￥$€£+\w-])(?<![\d][ -])"
_AFTER = r"(?![\d%％]|[.,]\d|[ -]\d|\s?(?:[元万亿股份手]|美元|(?:yuan|RMB|CNY|USD|shares|million|billion|bn|mn)\b))"
_MOBILE = r"(?:(?:\+|00)?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}"
_LANDLINE = r"(?:(?:\+|00)86[ -]?)?(?:\(0\d{2,3}\)|0\d{2,3})[ -]?[2-9]\d{6,7}|[48]00[ -]\d{3}[ -]?\d{4}"
_AMERICAN = r"(?:\+?1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[ .-])[2-9]\d{2}[ .-]\d{4}"
_PHONE = re.compile(f"{_BEFORE}(?:{_MOBILE}|{_LANDLINE}|{_AMERICAN}){_AFTER}", re.ASCII)
_ABROAD = re.compile(r"(?<![\d\w])\+[1-9]\d{0,2}[ ()-]{0,2}\d(?:[ ()-]{0,2}\d){6,11}(?![\d%]|[.,]\d)", re.ASCII)
_IDENTITY = re.compile(
    r"(?<![\dA-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
)
_CARD = re.compile(r"(?<![\w/.,¥￥$€£-])(?:3[47]|4|5[1-5]|6[0-5]|62)(?:[ -]?\d){11,18}(?![\d%]|[.,]\d)")

_FULL_WIDTH = {0xFF10 + digit: ord("0") + digit for digit in range(10)} | {ord("＋"): "+", ord("－"): "-"}


def masked(text: str) -> str:
    """`text` with what identifies a person replaced, character by character: the length stays."""
    plain = text if text.isascii() else text.translate(_FULL_WIDTH)
    if not _WORTH_A_LOOK.search(plain):
        return text
    hidden = [
        match.span()
        for pattern, holds in _KINDS
        for match in pattern.finditer(plain)
        if holds(re.sub(r"[ -]", "", match.group()))
    ]
    characters = list(text)
    for start, end in hidden:
        characters[start:end] = MASK * (end - start)
    return "".join(characters)


def _always(_: str) -> bool:
    return True


def _is_identity(number: str) -> bool:
    """The check character of a mainland identity number (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum((2 ** (17 - place) % 11) * int(digit) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17].upper()


def _is_card(number: str) -> bool:
    """The check digit of a payment card (ISO/IEC 7812-1, annex B: Luhn)."""
    digits = [int(digit) for digit in reversed(number)]
    total = sum(digits[::2]) + sum(digit * 2 - 9 * (digit > 4) for digit in digits[1::2])
    return 13 <= len(digits) <= 19 and total % 10 == 0


_KINDS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (_EMAIL, _always),
    (_IDENTITY, _is_identity),
    (_CARD, _is_card),
    (_PHONE, _always),
    (_ABROAD, _always),
)
