"""What a model can do, capability by capability: sentences with the right answer, pairs, and changes that must not matter.

    python -m classifier.training.behaviour --artifact DIR FOLDER

The folder has `minimum.jsonl` (the sentiment that a plain sentence must get), `direction.jsonl` (pairs of which one is worse
news) and `invariance.jsonl` (sentences with a `{name}`, to be disturbed). After Ribeiro et al., "Beyond Accuracy: Behavioral
Testing of NLP Models with CheckList" (2020). Texts are cleaned and scored as they are served.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from classifier.artifact import SENTIMENTS
from classifier.scorer import Scored, Scorer
from classifier.scores import WHOLE
from ingest.cleaning import clean

LEAST_STEP = WHOLE // 10
"""How much higher (positive less negative) the better of two sentences must stand: a tenth."""

NAMES: Final = {
    "en": ("Halvorsen Group", "Tata Marine", "O'Dowd & Sons", "KLQ plc", "Banco Lantana", "Ito Seiki"),
    "zh": ("海岳集团", "瑞彤股份", "江川重工", "博腾科技", "民昌银行", "Lantana公司"),
}
_BACKGROUND: Final = {
    "en": (
        "The company was founded in 1954 and has its seat in a town of some forty thousand people. It has offices in eleven "
        "countries and publishes its accounts twice a year. The building in which it began is a museum today, open on "
        "Sundays. Its shares have been listed since 1987."
    ),
    "zh": (
        "公司成立于1954年，总部设在一座四万人口的小城，在十一个国家设有办事处，每年披露两次财务报告。最初的厂房如今是一座博物馆，"
        "每周日对外开放。股票自1987年起上市交易。"
    ),
}
_WIDE: Final = {code: chr(code + 0xFEE0) for code in range(0x21, 0x7F)} | {0x20: "\u3000"}

Row = TypeVar("Row", bound=Struct)

Change = Callable[[str, str], str]
"""From a sentence and its language to the same sentence, disturbed."""

CHANGES: Final[dict[str, Change]] = {
    "upper case": lambda text, _: text.upper(),
    "lower case": lambda text, _: text.lower(),
    "final stop": lambda text, lang: text + ("。" if lang == "zh" else "."),
    "emoji": lambda text, _: f"{text} 👀",
    "cashtag": lambda text, _: f"{text} $QZV",
    "hashtag": lambda text, lang: f"{text} {'#财经' if lang == 'zh' else '#markets'}",
    "link": lambda text, _: f"{text} https://t.co/Ab12Cd34Ef",
    "markup": lambda text, _: f'<div class="t"><p>{text}</p>&nbsp;<br/>\n</div>',
    "left-overs": lambda text, lang: (
        f"【快讯】{text}_财经频道" if lang == "zh" else f"UPDATE 2-{text} | Markets | Example Wire"
    ),
    "blanks": lambda text, lang: f"{text[:8]}  {text[8:]}\n" if lang == "zh" else text.replace(" ", "   "),
    "full width": lambda text, _: text.translate(_WIDE),
    "typing mistake": lambda text, _: _swapped(text),
    "background": lambda text, lang: f"{text}{'。' if lang == 'zh' else '. '}{_BACKGROUND[lang]}",
}
"""What must change neither sentiment nor leading topic. One that leaves a sentence as it was is not asked."""


class Minimum(Struct, frozen=True):
    """A sentence of which anybody would say what it means."""

    capability: str
    lang: str
    sentiment: str
    text: str


class Direction(Struct, frozen=True):
    """Two sentences, one of which is clearly the worse news."""

    capability: str
    lang: str
    worse: str
    better: str


class Invariance(Struct, frozen=True):
    """A sentence with a `{name}` in it."""

    lang: str
    text: str


@dataclass(slots=True)
class Rate:
    """How often a capability held, and where it did not."""

    passed: int
    failures: list[str]

    @property
    def asked(self) -> int:
        """Cases in all."""
        return self.passed + len(self.failures)

    def add(self, has_passed: bool, failure: str) -> None:
        """Count a case."""
        if has_passed:
            self.passed += 1
        else:
            self.failures.append(failure)


def judge(scorer: Scorer, folder: Path) -> dict[str, Rate]:
    """Rates by "kind, capability, language".

    Raises:
        OSError: a file of the folder is missing.
        msgspec.ValidationError: a row is not one of its file.
    """
    rates: dict[str, Rate] = {}
    for key, has_passed, failure in (
        *_minimum(scorer, _rows(folder / "minimum.jsonl", Minimum)),
        *_direction(scorer, _rows(folder / "direction.jsonl", Direction)),
        *_invariance(scorer, _rows(folder / "invariance.jsonl", Invariance)),
    ):
        rates.setdefault(key, Rate(0, [])).add(has_passed, failure)
    return rates


def _minimum(scorer: Scorer, rows: Sequence[Minimum]) -> Iterator[tuple[str, bool, str]]:
    for row, said in zip(rows, _scored(scorer, [row.text for row in rows]), strict=True):
        answer = _sentiment(said)
        yield f"minimum, {row.capability}, {row.lang}", answer == row.sentiment, f"{answer}: {row.text}"


def _direction(scorer: Scorer, rows: Sequence[Direction]) -> Iterator[tuple[str, bool, str]]:
    worse = _scored(scorer, [row.worse for row in rows])
    better = _scored(scorer, [row.better for row in rows])
    for row, low, high in zip(rows, worse, better, strict=True):
        step = _balance(high) - _balance(low)
        yield (
            f"direction, {row.capability}, {row.lang}",
            step >= LEAST_STEP,
            f"{step / WHOLE:+.2f}: {row.worse} | {row.better}",
        )


def _invariance(scorer: Scorer, rows: Sequence[Invariance]) -> Iterator[tuple[str, bool, str]]:
    plain = [row.text.format(name=NAMES[row.lang][0]) for row in rows]
    cases = [
        (place, f"invariance, name, {row.lang}", row.text.format(name=name))
        for place, row in enumerate(rows)
        for name in NAMES[row.lang][1:]
    ] + [
        (place, f"invariance, {name}, {row.lang}", changed)
        for place, row in enumerate(rows)
        for name, change in CHANGES.items()
        if (changed := change(plain[place], row.lang)) != plain[place]
    ]
    before = _scored(scorer, plain)
    for (place, key, text), after in zip(cases, _scored(scorer, [text for *_, text in cases]), strict=True):
        told = (_told(scorer, before[place]), _told(scorer, after))
        yield key, told[0] == told[1], f"{' '.join(told[0])} became {' '.join(told[1])}: {text}"


def _rows(path: Path, kind: type[Row]) -> list[Row]:
    decoder = msgspec.json.Decoder(kind)
    return [decoder.decode(line) for line in path.read_text("utf-8").splitlines() if line]


def _scored(scorer: Scorer, texts: Sequence[str]) -> list[Scored]:
    return scorer.score([clean(text) for text in texts])


def _sentiment(scored: Scored) -> str:
    return SENTIMENTS[scored.sentiment.index(max(scored.sentiment))]


def _balance(scored: Scored) -> int:
    """Positive less negative, in 1/10,000."""
    return scored.sentiment[2] - scored.sentiment[0]


def _told(scorer: Scorer, scored: Scored) -> tuple[str, str]:
    """Sentiment and leading topic."""
    return _sentiment(scored), scorer.topics[scored.topics.index(max(scored.topics))]


def _swapped(text: str) -> str:
    """With two letters in the middle of its longest lower-case Latin word swapped."""
    words = [word for word in text.split() if word.isascii() and word.islower() and word.isalpha()]
    longest = max(words, key=len, default="")
    if len(longest) < 6:
        return text
    half = len(longest) // 2
    return text.replace(longest, longest[: half - 1] + longest[half] + longest[half - 1] + longest[half + 1 :], 1)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure what an artifact can do, capability by capability.")
    parser.add_argument("--artifact", type=Path, required=True, help="the artifact's folder")
    parser.add_argument("--floors", type=Path, help="write the rates here, as the floors of the tests")
    parser.add_argument("folder", type=Path, help="the folder of the sentences")
    given = parser.parse_args(arguments)
    rates = judge(Scorer.open(given.artifact, device="cpu"), given.folder)
    for key, rate in rates.items():
        print(f"{rate.passed / rate.asked:6.3f}  {rate.passed:>3} of {rate.asked:<3} {key}")
    for key, rate in rates.items():
        for failure in rate.failures:
            print(f"{key}: {failure}")
    if given.floors:
        floors = {key: round(rate.passed / rate.asked, 3) for key, rate in rates.items()}
        given.floors.write_bytes(msgspec.json.format(msgspec.json.encode(floors), indent=1) + b"\n")


if __name__ == "__main__":
    main()
