"""What it saves to leave out the rows that are missing from a shape, instead of filling them up.

    python -m benchmarks.fill --out FILE [--rounds 7]

The same texts in portions of one size, once in whole shapes and once without the missing rows, in turn. Told is how many times as
long whole shapes take: the median of rounds, the lowest and the highest.
"""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from benchmarks.machine import Neighbours, machine
from benchmarks.texts import MIX, Texts
from classifier.artifact import SHIPPED, TOKENIZER, read_artifact
from classifier.scorer import Scorer
from classifier.session import Session
from classifier.tokenizer import Tokenizer

SIZES = 1, 5, 25, 200  # texts in a portion
HEADLINE = 32  # tokens, at most
ALONE = "a headline alone"
TEXTS = 200  # of a round, at least


def took(scorer: Scorer, portions: Sequence[Sequence[str]]) -> float:
    """Seconds for portions of texts, one after another."""
    scorer.forget()
    began = time.perf_counter()
    for portion in portions:
        scorer.score(portion)
    return time.perf_counter() - began


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the figures")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    artifact, neighbours = read_artifact(SHIPPED), Neighbours()
    tokenizer = Tokenizer(artifact.path(TOKENIZER), artifact.manifest.max_tokens)
    texts, session, whole = Texts(tokenizer), Session(artifact, device="cpu"), Session(artifact, device="cpu")
    whole.provider = "whole shapes"  # rows are left out on a CPU alone
    filling, leaving = Scorer(artifact, whole, tokenizer), Scorer(artifact, session, tokenizer)
    took(leaving, [[text] for text in texts.take(TEXTS)])  # it has seen of each length that it may
    figures: dict[str, dict[str, float]] = {}
    for size in (*SIZES, 0):
        ratios = []
        for _ in range(arguments.rounds):
            some = texts.take(max(TEXTS, size))
            if not size:
                some = [
                    text for text, tokens in zip(some, tokenizer.encode(some), strict=True) if len(tokens) <= HEADLINE
                ]
            portions = [some[first : first + (size or 1)] for first in range(0, len(some), size or 1)]
            ratios.append(took(filling, portions) / took(leaving, portions))
        name = f"portions of {size}" if size else ALONE
        figures[name] = {"median": median(ratios), "lowest": min(ratios), "highest": max(ratios)}
        print(name, {key: round(value, 2) for key, value in figures[name].items()})
    told = {"times_as_long": figures, "rounds": arguments.rounds, "mix": MIX, "machine": machine() | neighbours.told()}
    arguments.out.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
