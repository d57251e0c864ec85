"""Cleans a text for reading by model and people, and changes nothing that carries meaning.

Goes: HTML tags (only those that HTML has: the `<` of "P/E < 10" and the `<b` of "a<b" stay), scripts, comments, entities
(become what they stand for), control characters, what takes no room (but for the joiners within an emoji), runs of blanks,
of the marks on one character those beyond the 30th.
Stays: cashtags, emoji, links, full-width and Chinese punctuation. The result is in Unicode's NFC, and cleaning it again
changes nothing.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_NESTING = 4  # rounds in which taking markup away may uncover more of it, before all its characters are dropped
_BLOCKS = (
    "address|article|aside|blockquote|br|caption|center|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]|header|hr|li|main|"
    "nav|ol|p|pre|section|table|tbody|tfoot|thead|title|tr|ul"
)
_CELLS = "td|th|option"
_INLINE = (
    "a|abbr|acronym|b|bdi|bdo|big|body|button|cite|code|col|colgroup|data|del|details|dfn|em|embed|fieldset|font|head|html|i|"
    "img|input|ins|kbd|label|legend|link|mark|meta|o:p|picture|q|rp|rt|ruby|s|samp|small|source|span|strike|strong|sub|summary|"
    "sup|svg|time|tt|u|var|wbr"
)
_BARE = "async|checked|controls|defer|disabled|hidden|nowrap"
_REST = r"(?:[^<>\"']|\"[^\"<]*+\"|'[^'<]*+')*+>"  # values, and what follows them to the end of the tag
_UNSEEN = "script|style|iframe|noscript|object|audio|video|select|textarea|template|canvas"
# A tag closes at once or has an attribute with a value: "a <b and c> d" is no tag. Nothing in it may be a `<`, so that
# finding all tags takes time in proportion to the text, whoever wrote it.
_TAG = re.compile(
    rf"<(?:/(?P<end>{_BLOCKS}|{_CELLS}|{_INLINE}|{_UNSEEN})\s*+>"
    rf"|(?P<start>{_BLOCKS}|{_CELLS}|{_INLINE}|{_UNSEEN})"
    rf"(?:\s*+/?>|\s++(?:(?:{_BARE})\s++)*+(?:(?:{_BARE})\s*+/?>|[\w:@.-]++\s*+={_REST}))"
    r"|(?P<comment>!--)|(?P<data>!\[CDATA\[)|!doctype[^<>]*+>|\?xml[^<>]*+>)",
    re.IGNORECASE,
)
_ON_A_LINE = re.compile(_BLOCKS, re.IGNORECASE)
_IN_A_CELL = re.compile(_CELLS, re.IGNORECASE)
_HIDING = re.compile(_UNSEEN, re.IGNORECASE)
_AMPERSANDS = re.compile(r"&(?:amp;|#0*+38;|#x0*+26;)++", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_PICTURE = r"[©®‼⁉™ℹ↔-⇿⌀-➿⤴⤵⬀-⯿〰〽㊗㊙\U0001f000-\U0001faff️]"
_NO_ROOM = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200c\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]"
    f"|(?<!{_PICTURE})\u200d|\u200d(?!{_PICTURE})"
)
_BREAK = re.compile(r"[\r\x0b\x0c\x85\u2028\u2029]")
_BLANKS = re.compile(r"[^\S\n]+")
_BREAKS = re.compile(r" ?\n[\n ]*")
_MARKS = re.compile(r"[<>&]")
_RUN = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")  # what composes with nothing outside of it
_MOST_MARKS = 30  # on one character, as in UAX 15: the time in which Unicode puts them in order is quadratic
_WITH_MARKS = (  # where all marks are, and other things
    r"[\u0300-\u1fff\u20d0-\u20ff\u2c00-\u2dff\u302a-\u302f\u3099\u309a\ua600-\uabff\ufb1e\ufe20-\ufe2f\uff9e\uff9f"
    r"\U00010000-\U0001efff]"
)
# Fewer are never too many: a mark becomes two at most, what carries them has three at most. Twice, as a set is found fast.
_CROWD = re.compile(f"{_WITH_MARKS}{_WITH_MARKS}{{13,}}")
_PLAIN = re.compile(r"[!-~]+(?: [!-~]+)*")


class Edit(NamedTuple):
    """`put` in the place of [start, end)."""

    start: int
    end: int
    put: str


class Traced:
    """A text that is changed, and for each of its characters the stretch [start, end) of the given text it came from."""

    def __init__(self, given: str) -> None:
        self.text = given
        self.starts = list(range(len(given)))
        self.ends = list(range(1, len(given) + 1))

    def edit(self, edits: Iterable[Edit]) -> None:
        """Make changes, given in order and without overlap. All of what is put comes from all of what it replaces."""
        parts: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        at = 0
        for start, end, put in edits:
            parts += (self.text[at:start], put)
            starts += self.starts[at:start]
            ends += self.ends[at:start]
            if put:
                starts += [self.starts[start]] * len(put)
                ends += [self.ends[end - 1]] * len(put)
            at = end
        if parts:
            self.text = "".join([*parts, self.text[at:]])
            self.starts = starts + self.starts[at:]
            self.ends = ends + self.ends[at:]


def clean(text: str) -> str:
    """The text alone, in lines without blanks around them."""
    if _PLAIN.fullmatch(text) and "<" not in text and "&" not in text:
        return text
    for _ in range(_NESTING):
        before, text = text, _once(text)
        if text == before or ("<" not in text and "&" not in text):
            return text
    return _once(_MARKS.sub("", text))


def clean_line(text: str) -> str:
    """The text alone, as one line."""
    return clean(text).replace("\n", " ")


def clean_text(text: str, title: str, body: str) -> str:
    """Of a document: `text` cleaned, or, where nothing is left of it, title, newline, body."""
    if cleaned := clean(text):
        return cleaned
    title, body = clean_line(title), clean(body)
    return f"{title}\n{body}" if title and body else title or body


def trace(text: str) -> Traced:
    """`clean`, step by step and much slower, with the place in `text` that each character came from."""
    traced = Traced(text)
    for _ in range(_NESTING):
        before = traced.text
        _trace_once(traced)
        if traced.text == before or ("<" not in traced.text and "&" not in traced.text):
            return traced
    traced.edit(_replacing(_MARKS, traced.text, ""))
    _trace_once(traced)
    return traced


def _once(text: str) -> str:
    if "<" in text:
        text = _edited(text, _markup(text))
    if "&" in text:
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), _AMPERSANDS.sub("&", text))
    text = _NO_ROOM.sub("", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", _edited(text, _crowding(text)))
    return _BREAKS.sub("\n", _BLANKS.sub(" ", _BREAK.sub("\n", text))).strip()


def _trace_once(traced: Traced) -> None:
    """The same steps as `_once`."""
    traced.edit(_markup(traced.text))
    traced.edit(_replacing(_AMPERSANDS, traced.text, "&"))
    traced.edit(Edit(found.start(), found.end(), html.unescape(found[0])) for found in _ENTITY.finditer(traced.text))
    traced.edit(_replacing(_NO_ROOM, traced.text, ""))
    traced.edit(_crowding(traced.text))
    traced.edit(_composed(traced.text))
    for pattern, put in ((_BREAK, "\n"), (_BLANKS, " "), (_BREAKS, "\n")):
        traced.edit(_replacing(pattern, traced.text, put))
    text = traced.text
    edges = Edit(0, len(text) - len(text.lstrip()), ""), Edit(len(text.rstrip()), len(text), "")
    traced.edit(edges if text.strip() else edges[1:])


def _replacing(pattern: re.Pattern[str], text: str, put: str) -> Iterator[Edit]:
    return (Edit(found.start(), found.end(), put) for found in pattern.finditer(text) if found[0] != put)


def _composed(text: str) -> Iterator[Edit]:
    """What NFC changes, a character and its marks at a time; a whole run where characters of their own compose."""
    for run in _RUN.finditer(text):
        whole = unicodedata.normalize("NFC", run[0])
        if run[0] == whole:
            continue
        heads = [place for place, mark in enumerate(run[0]) if not (place and _is_joined(mark))]
        bounds = list(zip(heads, [*heads[1:], len(run[0])], strict=True))
        pieces = [unicodedata.normalize("NFC", run[0][start:end]) for start, end in bounds]
        if "".join(pieces) != whole:
            bounds, pieces = [(0, len(run[0]))], [whole]
        for (start, end), put in zip(bounds, pieces, strict=True):
            if run[0][start:end] != put:
                yield Edit(run.start() + start, run.start() + end, put)


def _is_joined(mark: str) -> bool:
    """Whether it belongs to the character before: combining marks, and the later parts of a Korean syllable."""
    return unicodedata.combining(mark) != 0 or "\u1160" <= mark <= "\u11ff"


def _crowding(text: str) -> Iterator[Edit]:
    """Marks beyond those that one character may carry; counted as in NFKD, in which others compare what is cleaned here."""
    for crowd in _CROWD.finditer(text):
        marks = 0
        for place in range(max(0, crowd.start() - 1), crowd.end()):
            for part in unicodedata.normalize("NFKD", text[place]):
                marks = marks + 1 if unicodedata.combining(part) else 0
            if marks > _MOST_MARKS:
                yield Edit(place, place + 1, "")


def _edited(text: str, edits: Iterable[Edit]) -> str:
    """`text` with changes, given in order and without overlap."""
    parts: list[str] = []
    at = 0
    for start, end, put in edits:
        parts += (text[at:start], put)
        at = end
    return "".join([*parts, text[at:]])


def _markup(text: str) -> Iterator[Edit]:
    """Every tag with what it hides, and what stands in its place: lines for blocks, blanks for cells."""
    at = 0
    endless: set[str] = set()  # what was opened and is nowhere closed: do not look again
    while (tag := _TAG.search(text, at)) is not None:
        begin, at = tag.start(), tag.end()
        name = (tag["start"] or tag["end"] or "").lower()
        if tag["data"]:
            yield Edit(begin, at, "")
            begin, at = _until(text, at, "]]>", endless)
        elif tag["comment"]:
            _, at = _until(text, at, "-->", endless)
        elif tag["start"] and _HIDING.fullmatch(name) and not tag[0].endswith("/>"):
            _, at = _until(text, at, f"</{name}>", endless)
        yield Edit(begin, at, "\n" if _ON_A_LINE.fullmatch(name) else " " if _IN_A_CELL.fullmatch(name) else "")


def _until(text: str, at: int, close: str, endless: set[str]) -> tuple[int, int]:
    """The bounds of the next `close`; `at` twice if there is none."""
    if close in endless:
        return at, at
    found = re.compile(re.escape(close[:-1]) + r"\s*+>", re.IGNORECASE).search(text, at)
    if found is None:
        endless.add(close)
        return at, at
    return found.span()
