"""Hides what identifies a private person: e-mail addresses, telephone numbers, identity and card numbers.

Each character is replaced by a dot, so that positions in the text stay what they are. Numbers are told from amounts, dates and
stock codes by their form, their check digits and what stands around them; names are not looked for.
"""

import re
from collections.abc import Callable, Iterator

MASK = "•"

_DASH = "[\u2012-\u2014-]"
_BREAK = "[ \u2012-\u2014-]"
# Most texts hold none of it: this finds out in about a microsecond.
_WORTH_A_LOOK = re.compile(r"[@＠]|\d(?:[ ().\u2012-\u2014-]{0,3}\d){6}")

# Begins where such a run begins and gives nothing of it back: else a long run without an @ took time as its square.
_LETTER = "A-Za-z\uff21-\uff3a\uff41-\uff5a"
_EMAIL = re.compile(
    rf"(?<![{_LETTER}0-9_.．+%'-])[{_LETTER}0-9_.．+%'-]++[@＠](?:(?:[{_LETTER}0-9-]+|[^\W\d_{_LETTER}]+)[.．])+"
    rf"(?:[{_LETTER}]{{2,}}|中[国國]|公司|网络|網絡|集团|在线|香港)"
)
# An amount or a count is no telephone: it has a currency before it, a point and digits beside it, or a unit behind.
_NO_AMOUNT = r"(?<![\d¥￥$€£])(?<!USD|CNY|RMB|HKD|EUR|GBP|JPY|Rs\.)"
_UNIT = r"\s?(?:[元万亿股份]|手(?!机)|美元|(?:yuan|RMB|CNY|USD|shares|million|billion|bn|mn)\b)"
# A point or dash ends a label ("Tel.", "手机-"); behind these it is a decimal point, a minus or within a number.
_NO_SIGN = r"(?<![\s\d,:：=(¥￥$€£][.-])(?<!^[.-])"
_ALONE = rf"1[3-9]\d{{9}}|\(?0\d{{2,3}}(?:\)| ?{_DASH})"  # no date, price or count begins so, even behind a number
_LABELLED = r"(?<=[A-Za-z_])(?<!\d[A-Za-z])(?=(?:86)?1[3-9]\d-?\d{4}-?\d{4}(?![A-Za-z\d]))"
_BEFORE = rf"(?=[\d(+]){_NO_AMOUNT}(?<!\+)(?:(?=[(+])|(?<!\w){_NO_SIGN}|{_LABELLED})(?:(?<!\d[ ,])|(?={_ALONE}))"
_AFTER = rf"(?![\d%％]|\.\d|-(?!\d{{1,5}}(?!\d)|{_ALONE})\d|{_UNIT})"  # an extension may follow
_GAP = rf"(?: | ?{_DASH} ?)?"
_MOBILE = rf"(?:(?:\+|00)?86{_GAP})?1[3-9]\d(?:{_GAP}\d{{4}}{_GAP}|\.\d{{4}}\.)\d{{4}}"
_DIALLED = r"00[1-9](?:\d?(?:[ -]| ?\(0\) ?)[1-9](?:[ ()-]{0,2}\d){6,11}|\d{8,11})"  # no row of stock codes begins so
_LANDLINE = (
    rf"(?:(?:\+|00)86{_GAP})?(?:\(0\d{{2,3}}\)|0\d{{2,3}}){_GAP}[2-9]\d{{6,7}}|[48]00{_DASH}\d{{3}}{_GAP}\d{{4}}"
)
_DASHED = rf"[2-9]\d{{2}} ?{_DASH} ?[2-9]\d{{2}} ?{_DASH} ?"
_AMERICAN = rf"(?:\+?1[ .-])?(?:{_DASHED}|(?:\([2-9]\d{{2}}\) ?|[2-9]\d{{2}}[.-])[2-9]\d{{2}}[ .-])\d{{4}}"
_BLANKS = (
    r"(?:[48]00 \d{3}[ -]?|(?:\+?1[ .-])?[2-9]\d{2} [2-9]\d{2}[ .-])\d{4}(?![ ,]\d)"  # a row of numbers may look so
)
_TELEPHONE = rf"(?>{_MOBILE}|{_DIALLED}|{_LANDLINE}|{_AMERICAN}|{_BLANKS}){_AFTER}"
_PHONE = re.compile(rf"{_BEFORE}{_TELEPHONE}(?:[ ,-]{{1,2}}{_TELEPHONE})*", re.ASCII)
_ABROAD = re.compile(r"(?<![\dA-Za-z])\+[1-9]\d{0,2}[ ()-]{0,2}\d(?:[ ()-]{0,2}\d){6,11}(?![\d%]|[.,]\d)", re.ASCII)
_IDENTITY = re.compile(
    r"(?<![\dA-Za-z])[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01])\d{3}[\dXx](?![\dA-Za-z])"
)
# Looked for wherever a number begins, also within what another one took in: "no. 4 4111 1111 1111 1111".
_CARD = re.compile(
    rf"(?=[3-6]){_NO_AMOUNT}(?<![A-Za-z/])(?<!{MASK}[.-]){_NO_SIGN}"
    rf"(?=((?:3[47]|4|5[1-5]|6[0-5])(?:{_BREAK}?\d){{11,18}})(?![\d%]|\.\d|{_UNIT}))",
    re.ASCII,
)
_GROUPS = re.compile(rf"\d{{4,}}(?:{_BREAK}\d{{4,}})*", re.ASCII)

_PLAIN = {0xFF10 + digit: ord("0") + digit for digit in range(10)} | str.maketrans(
    "＋－（）Ｘｘ\u2010\u2011", "+-()Xx--"
)


def masked(text: str) -> str:
    """`text` with what identifies a person replaced, character by character: the length stays."""
    plain = text if text.isascii() else text.translate(_PLAIN)
    if not _WORTH_A_LOOK.search(plain):
        return text
    hidden = plain
    for finds in _KINDS:  # each sees what those before it hid: no number stands there for it
        spans = list(finds(hidden))
        if spans:
            characters = list(hidden)
            for start, end in spans:
                characters[start:end] = MASK * (end - start)
            hidden = "".join(characters)
    if text is plain:
        return hidden
    return "".join(MASK if new == MASK else old for old, new in zip(text, hidden, strict=True))


def _whole(pattern: re.Pattern[str]) -> Callable[[str], Iterator[tuple[int, int]]]:
    """What finds the stretches that have this form."""
    return lambda plain: (match.span() for match in pattern.finditer(plain))


def _identities(plain: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in _IDENTITY.finditer(plain) if _is_identity(match[0]))


def _cards(plain: str) -> Iterator[tuple[int, int]]:
    """Card numbers, without the month or the code that stands behind them."""
    end = 0
    for match in _CARD.finditer(plain):
        if match.start() < end:
            continue
        number = next((each for each in _beginnings(match[1]) if _is_card(re.sub(r"\D", "", each))), "")
        if number:
            end = match.start() + len(number)
            yield match.start(), end


def _beginnings(number: str) -> Iterator[str]:
    """All of it; then, longest first, what ends at a blank or dash and is written as cards are, in groups of four or more."""
    yield number
    groups = _GROUPS.match(number)
    for at in range(min(groups.end(), len(number) - 1) if groups else 0, 12, -1):
        if not number[at].isdigit():
            yield number[:at]


def _is_identity(number: str) -> bool:
    """The check character of a mainland identity number (GB 11643, ISO 7064 MOD 11-2)."""
    total = sum((2 ** (17 - place) % 11) * int(digit) for place, digit in enumerate(number[:17]))
    return "10X98765432"[total % 11] == number[17].upper()


def _is_card(number: str) -> bool:
    """The check digit of a payment card (ISO/IEC 7812-1, annex B: Luhn)."""
    digits = [int(digit) for digit in reversed(number)]
    total = sum(digits[::2]) + sum(digit * 2 - 9 * (digit > 4) for digit in digits[1::2])
    return 13 <= len(digits) <= 19 and total % 10 == 0


# Telephones twice: a number that may be one of a row is a telephone when those beside it turn out to be.
_KINDS = (_whole(_EMAIL), _identities, _cards, _whole(_PHONE), _whole(_ABROAD), _whole(_PHONE))
