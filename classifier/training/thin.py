"""Topics with few labelled rows, judged on sentences that were written for it.

    python -m classifier.training.thin --artifact DIR FILE...

Everything is measured as it is served: the int8 network, its own temperature and thresholds, the tokenizer of the artifact.
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from classifier.scorer import Scored, Scorer
from classifier.training.figures import auroc


class Sentence(Struct, frozen=True):
    """A sentence that is about the topic of its set, or only looks like it."""

    text: str
    lang: str
    set: str  # the topic that it is asked about
    topics: tuple[str, ...]  # those of the thin topics that hold

    @property
    def holds(self) -> bool:
        """Whether it is about the topic of its set."""
        return self.set in self.topics


@dataclass(frozen=True, slots=True)
class Figures:
    """How one topic fares in one language.

    Attributes:
        rows: sentences asked.
        recall: share of those that are about the topic which got its label.
        precision: share of those that got the label which are about the topic; 0 if none got it.
        auroc: chance that a sentence about the topic ranks above one that is not.
        missed: texts about the topic without the label.
        false_alarms: texts with the label that are not about it.
    """

    rows: int
    recall: float
    precision: float
    auroc: float
    missed: tuple[str, ...]
    false_alarms: tuple[str, ...]


def read_sentences(files: Iterable[Path]) -> list[Sentence]:
    """The sentences of JSONL files.

    Raises:
        msgspec.ValidationError: a row is not a sentence.
    """
    decoder = msgspec.json.Decoder(Sentence)
    return [decoder.decode(line) for path in files for line in path.read_text("utf-8").splitlines() if line]


def judge(scorer: Scorer, sentences: Sequence[Sentence]) -> dict[tuple[str, str], Figures]:
    """Figures of each language and set."""
    scored = scorer.score([sentence.text for sentence in sentences])
    sets: dict[tuple[str, str], list[tuple[Sentence, Scored]]] = {}
    for sentence, score in zip(sentences, scored, strict=True):
        sets.setdefault((sentence.lang, sentence.set), []).append((sentence, score))
    return {key: _figures(members, scorer.topics.index(key[1])) for key, members in sets.items()}


def _figures(members: Sequence[tuple[Sentence, Scored]], topic: int) -> Figures:
    holds = [sentence.holds for sentence, _ in members]
    said = [topic in score.labels for _, score in members]
    right = sum(h and s for h, s in zip(holds, said, strict=True))
    asked = list(zip(members, holds, said, strict=True))
    return Figures(
        rows=len(members),
        recall=right / sum(holds),
        precision=right / sum(said) if any(said) else 0.0,
        auroc=auroc(np.array([score.topics[topic] for _, score in members]), np.array(holds)),
        missed=tuple(member[0].text for member, h, s in asked if h and not s),
        false_alarms=tuple(member[0].text for member, h, s in asked if s and not h),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Measure an artifact on the thinly labelled topics.")
    parser.add_argument("--artifact", type=Path, required=True, help="the artifact's folder")
    parser.add_argument("--floors", type=Path, help="write the figures here, as the floors of the tests")
    parser.add_argument("files", nargs="+", type=Path, help="sentences, JSONL")
    given = parser.parse_args(arguments)
    found = judge(Scorer.open(given.artifact, device="cpu"), read_sentences(given.files))
    print(f"{'set':<20} rows  recall  precision  AUROC")
    for (lang, topic), figures in found.items():
        print(
            f"{lang} {topic:<17} {figures.rows:>4}  {figures.recall:>6.3f}  {figures.precision:>9.3f}  {figures.auroc:.3f}"
        )
    for (lang, topic), figures in found.items():
        for word, texts in (("missed", figures.missed), ("false alarm", figures.false_alarms)):
            print("".join(f"\n{lang} {topic} {word}: {text}" for text in texts), end="")
    print()
    if given.floors:
        floors = {
            f"{lang} {topic}": {name: round(getattr(figures, name), 3) for name in ("recall", "precision", "auroc")}
            for (lang, topic), figures in found.items()
        }
        given.floors.write_bytes(msgspec.json.format(msgspec.json.encode(floors), indent=1) + b"\n")


if __name__ == "__main__":
    main()
