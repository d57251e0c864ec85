"""A signature of what a text says, by which copies of one story are known: near copies differ in few of its 64 bits.

It is a SimHash (Charikar, "Similarity estimation techniques from rounding algorithms", 2002) of a text's words, Chinese
characters, and pairs of neighbours. What copies of one story are told apart by makes no difference: an address, who passed it
on, "UPDATE 1-" in front, another number.
"""

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_UNITS = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]|[^\W_\u3400-\u4dbf\u4e00-\u9fff]+")  # a Chinese character, or a word
# Chinese goes on behind an address or a name without a blank. No weibo name is longer than 15 Chinese characters: what goes on
# beyond them is the text, and only what is written in plain letters is the name.
_PASSED_ON = re.compile(r"https?://[!-~]+|@(?:\w{1,15}(?!\w)|[a-z0-9_]+)")
_AGAIN = re.compile(r"\W*(?:update|wrapup|refile|corrected|快讯|更新|突发|重发)[\s\d]*[-:|】]")
_RETWEET = "rt"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_LONGEST = 10_000  # characters, and
_FIRST = 1_000  # units looked at: a copy is recognised by its beginning
_WORDS = 1 << 15  # whose hashes are kept: most of a text's words are in other texts too
_SHORT = 32  # characters of a word that is worth keeping: longer ones are no words, and there is no end to their size


def story_signature(text: str) -> int:
    """64 bits as an integer that is not negative. Width, case and punctuation make no difference either."""
    text = text[:_LONGEST]
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    units = _units(folded) or [folded]
    words = np.array([_kept(unit) if len(unit) <= _SHORT else _hash(unit) for unit in units], np.uint64)  # [U]
    shingles = np.sort(np.concatenate([words, _mixed(words[:-1], words[1:])]))
    shingles = shingles[np.append(shingles[1:] != shingles[:-1], True)]  # [S], each once
    bits = np.unpackbits(shingles.astype(">u8").view(np.uint8).reshape(-1, 8), axis=1)  # [S, 64]
    most = 2 * bits.sum(axis=0, dtype=np.int32) > len(shingles)  # [64]
    return int.from_bytes(np.packbits(most).tobytes(), "big")


def _units(folded: str) -> list[str]:
    """The words and Chinese characters of it that say something, in order; of numbers, only that there is one."""
    said = _PASSED_ON.sub(" ", folded) if "@" in folded or "://" in folded else folded
    again = _AGAIN.match(said)
    units = _UNITS.findall(_NUMBER.sub("0", said[again.end() :] if again else said))[:_FIRST]
    return [unit for unit in units if unit != _RETWEET] or _UNITS.findall(folded)[:_FIRST]


def _hash(unit: str) -> int:
    return int.from_bytes(blake2b(unit.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


_kept = lru_cache(_WORDS)(_hash)


def _mixed(left: NDArray[np.uint64], right: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of each pair, in which the order counts. The finisher is that of SplitMix64 (Steele and others, 2014)."""
    mixed = left * np.uint64(0x9E3779B97F4A7C15) + right
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
