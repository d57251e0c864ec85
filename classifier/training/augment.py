"""Texts as they come from the street: what is glued to a text, and how it is typed, changes nothing about what it says.

A network that only reads clean rows is disturbed by a hashtag, a desk's mark or a paragraph of background. Each time a row is
drawn, a share of the texts is disturbed in one or two of these ways, by chance, and keeps its labels.
"""

import random
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ingest.language import language_of

_GLUED: Final = tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8"))
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_CODES: Final = "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_WIDE: Final = {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
_WORD: Final = re.compile(r"\b[a-z]{6,}\b")

Disturbance = Callable[[str, str, random.Random], str]
"""From a text, its language (`en` or `zh`) and chance to the same text, disturbed."""


def _tagged(text: str, lang: str, chance: random.Random) -> str:
    return " ".join([text, *chance.sample(_GLUED["tags"][lang], chance.randint(1, 3))])


def _ticker(text: str, _: str, chance: random.Random) -> str:
    return f"{text} ${''.join(chance.choices(_LETTERS, k=chance.randint(2, 4)))}"


def _linked(text: str, _: str, chance: random.Random) -> str:
    place = "".join(chance.choices(_CODES, k=chance.randint(5, 11)))
    return f"{text} {chance.choice(('https://', 'http://', ''))}{chance.choice(('t.co', 'bit.ly', 'dlvr.it', 'url.cn'))}/{place}"


def _pictured(text: str, _: str, chance: random.Random) -> str:
    picture = chance.choice(_GLUED["emoji"]["any"])
    return f"{picture} {text}" if chance.random() < 0.4 else f"{text}{chance.choice(('', ' '))}{picture}"


def _marked_before(text: str, lang: str, chance: random.Random) -> str:
    return _filled(chance.choice(_GLUED["before"][lang]), chance) + text


def _marked_behind(text: str, lang: str, chance: random.Random) -> str:
    return text.rstrip("。.") + _filled(chance.choice(_GLUED["behind"][lang]), chance)


def _with_background(text: str, lang: str, chance: random.Random) -> str:
    facts = [_filled(fact, chance) for fact in chance.sample(_GLUED["facts"][lang], chance.randint(1, 4))]
    if lang == "zh":
        return text.rstrip("。") + "。" + "".join(facts)
    return " ".join([text.rstrip(".") + ".", *facts])


def _stopped(text: str, lang: str, _: random.Random) -> str:
    stop = "。" if lang == "zh" else "."
    return text[:-1] if text.endswith(stop) else text + stop


def _shouted(text: str, _: str, chance: random.Random) -> str:
    return text.upper() if chance.random() < 0.5 else text.lower()


def _mistyped(text: str, _: str, chance: random.Random) -> str:
    """Two neighbouring letters of a long word change places."""
    words = list(_WORD.finditer(text))
    if not words:
        return text
    word = chance.choice(words)
    at = chance.randrange(word.start() + 1, word.end() - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def _widened(text: str, lang: str, _: random.Random) -> str:
    return text.translate(_WIDE) if lang == "zh" else text


def _filled(pattern: str, chance: random.Random) -> str:
    return pattern.replace("{n}", str(chance.randint(2, 28)))


DISTURBANCES: Final[dict[str, Disturbance]] = {
    "hashtags": _tagged,
    "ticker": _ticker,
    "link": _linked,
    "emoji": _pictured,
    "mark before": _marked_before,
    "mark behind": _marked_behind,
    "background": _with_background,
    "final stop": _stopped,
    "case": _shouted,
    "typing mistake": _mistyped,
    "full width": _widened,
}
"""By name; one that has nothing to do leaves a text as it is."""


def disturbed(text: str, chance: random.Random) -> str:
    """The text with one or two disturbances, drawn evenly."""
    lang = "zh" if language_of(text) == "zh" else "en"
    for change in chance.sample(list(DISTURBANCES.values()), chance.randint(1, 2)):
        text = change(text, lang, chance)
    return text
