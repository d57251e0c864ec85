"""Which words drew the attention: from weights on tokens to stretches of the text."""

import unicodedata

import numpy as np
from numpy.typing import NDArray

from classifier.scores import WHOLE, Span
from classifier.tokenizer import NO_WORD, Tokens

MOST_WORDS = 12  # words (or Chinese tokens) that are picked before neighbours are joined
MOST_SPANS = 6
COVERAGE = 0.7  # picking stops when this share of the attention is reached
_INNER = ".,-'’&/"  # marks that stand inside words and numbers
_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))  # colours of skin
_REGIONS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))  # letters, two of which are a flag
_JOINER = "\u200d"  # makes one picture of two
# A word is no part of the one before it where neither its first character nor the one before that is of these.
_GLUE = frozenset(_INNER + "%" + _JOINER) | _TONES | _REGIONS
_BRIDGE = 2  # neighbours at most this many blank or punctuation characters apart are joined


def spans_of(text: str, tokens: Tokens, attention: NDArray[np.float32]) -> tuple[Span, ...]:
    """The few stretches of `text` that hold most of the attention, in the order of the text.

    Pieces of a word count together. The words with most weight are picked, and neighbours among them joined: that makes
    phrases of words, and words of Chinese characters. Weights are shares of what the text's own tokens drew; marks are
    never picked, but what they drew counts in the whole.

    Args:
        text: as it was given to the tokenizer.
        tokens: of the text, L of them.
        attention: weights of the L tokens, not negative.
    """
    words = Words(text, tokens, attention.astype(np.float64))
    picked = words.pick()
    joined: list[Span] = []
    for start, end, weight in picked:
        last = joined[-1] if joined else None
        if last is not None and _is_bridge(text[last.end : start]):
            joined[-1] = Span(last.start, end, last.weight + weight)
        else:
            joined.append(Span(start, end, weight))
    strongest = sorted(joined, key=lambda span: (-span.weight, span.start))[:MOST_SPANS]
    return tuple(sorted(strongest, key=lambda span: span.start))


class Words:
    """Words of one text, N of them.

    Attributes:
        bounds: where each stands in the text, in code points.
        weights: share of the attention that each drew, float64 [N].
    """

    def __init__(self, text: str, tokens: Tokens, attention: NDArray[np.float64]) -> None:
        heads = _heads(text, tokens)  # N places among the tokens
        inner = [place for place, word in enumerate(tokens.words) if word != NO_WORD]
        self._text = text
        self.bounds: list[tuple[int, int]] = []
        self.weights = np.zeros(len(heads))
        if heads:
            tails = [*(head - 1 for head in heads[1:]), inner[-1]]
            self.bounds = [
                (tokens.offsets[head][0], tokens.offsets[tail][1]) for head, tail in zip(heads, tails, strict=True)
            ]
            sums = np.add.reduceat(attention[: inner[-1] + 1], heads)  # [N]
            self.weights = sums / max(float(sums.sum()), 1e-12)

    def pick(self) -> list[tuple[int, int, int]]:
        """Start, end and weight (1/10,000) of the words that matter, in the order of the text."""
        shares = self.weights.tolist()
        chosen: list[tuple[int, int, int]] = []
        covered = 0.0
        for place in np.argsort(-self.weights, kind="stable").tolist():
            start, end = self.bounds[place]
            weight = int(shares[place] * WHOLE + 1e-6)  # rounded down: sums stay under the whole
            if covered >= COVERAGE or len(chosen) == MOST_WORDS or not weight:
                break
            word = self._text[start:end]
            if word.isalnum() or any(character.isalnum() or _is_symbol(character) for character in word):
                chosen.append((start, _with_marks(self._text, end), weight))
                covered += shares[place]
        return sorted(chosen)


def _heads(text: str, tokens: Tokens) -> list[int]:
    """Places of the tokens that begin a word. Pieces belong to the word before, and so do `.2%` in `3.2%` and parts of emoji."""
    heads: list[int] = []
    before = NO_WORD
    for place, (word, (start, end)) in enumerate(zip(tokens.words, tokens.offsets, strict=True)):
        if word not in (NO_WORD, before) and not (
            heads
            and start
            and (text[start] in _GLUE or text[start - 1] in _GLUE)
            and _is_glued(text, tokens.offsets[heads[-1]][0], start, end)
        ):
            heads.append(place)
        before = word
    return heads


def _is_glued(text: str, head: int, start: int, end: int) -> bool:
    """Whether text[start:end] goes on with the word that begins at `head`, as marks inside words and numbers do."""
    left, mark = text[start - 1], text[start]
    if left == _JOINER or mark in _TONES:
        return not left.isspace()
    if mark in _REGIONS:
        return left in _REGIONS and head == start - 1
    if mark == "%":
        return left.isdigit()
    if mark in _INNER:
        return end - start == 1 and end < len(text) and _is_plain(left) and _is_plain(text[end])
    return left in _INNER and start > 1 and _is_plain(text[start - 2]) and _is_plain(mark)


def _with_marks(text: str, end: int) -> int:
    """Where what ends at `end` ends with the marks on its last character: accents, and what makes a heart red."""
    while end < len(text) and text[end] > "\u02ff" and unicodedata.category(text[end])[0] == "M":
        end += 1
    return end


def _is_plain(character: str) -> bool:
    """A letter or digit of a script that is written in words."""
    return character.isalnum() and character < "\u2e80"


def _is_symbol(character: str) -> bool:
    """Currency signs, arrows, emoji: they say something, as punctuation does not."""
    return unicodedata.category(character)[0] == "S"


def _is_bridge(between: str) -> bool:
    return len(between) <= _BRIDGE and not any(c.isalnum() or _is_symbol(c) or c in ".。!！?？;；\n" for c in between)
