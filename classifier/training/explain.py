"""Whether a model's answers hang on the words that it points at.

    python -m classifier.training.explain --artifact DIR --data FILE... [--rows 1000] [--out FILE]

From each held-out text the fifth of its words with the most weight is struck out, as a reader would do it, and the drop of the
answer's probability is compared with what as many random words cost (the mean of five draws). Asked of the leading sentiment, and
of each topic that the model says. A gap of 0 would mean that the words shown are no better than any others.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifier.artifact import Artifact, read_artifact
from classifier.spans import Words
from classifier.tokenizer import Tokenizer
from classifier.training.calibrate import Calibration
from classifier.training.data import Example, LabelWeights, read_examples, split
from classifier.training.intervals import interval
from classifier.training.scoring import Logits, read, run_onnx, score

SHARE = 0.2
_DRAWS = 5
_FEWEST_WORDS = 5
SENTIMENT = -1
"""In place of a topic's number."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Something that a model said of a text, and the words that it may hang on.

    Attributes:
        row: of the text.
        label: number of the topic, or `SENTIMENT`.
        bounds: the text's words, in code points; those without a letter or digit are left out.
        weights: of these words.
    """

    row: int
    label: int
    bounds: tuple[tuple[int, int], ...]
    weights: np.ndarray


def explain(artifact: Artifact, examples: Sequence[Example], seed: int = 5) -> dict[str, Any]:
    """Drops and gaps, for the sentiment and for the topics, over all texts and for each language.

    Args:
        artifact: with the network for the CPU.
        examples: rows that were not trained on.
        seed: of the random words.
    """
    texts = [example.text for example in examples]
    run, manifest = run_onnx(artifact.path("model.int8.onnx")), artifact.manifest
    tokens = Tokenizer(artifact.path("tokenizer.json"), manifest.max_tokens).encode(texts)
    said = read(run, tokens)
    before = _probabilities(artifact, Logits.of(said))
    answers = []
    for row, text in enumerate(texts):
        for label in _labels(artifact, before[row]):
            words = Words(text, tokens[row], said[row].attention[label].astype(float))
            kept = [i for i, (start, end) in enumerate(words.bounds) if any(map(str.isalnum, text[start:end]))]
            if len(kept) >= _FEWEST_WORDS:
                answers.append(Answer(row, label, tuple(words.bounds[i] for i in kept), words.weights[kept]))
    rng = np.random.default_rng(seed)
    struck = [text for answer in answers for text in _struck(texts[answer.row], answer, rng)]
    after = _probabilities(artifact, score(run, artifact.path("tokenizer.json"), struck, manifest.max_tokens))
    after = after.reshape(len(answers), 1 + _DRAWS, -1)
    places = [_place(answer, before) for answer in answers]
    drops = np.array([before[a.row, p] - after[i, :, p] for i, (a, p) in enumerate(zip(answers, places, strict=True))])
    return _report(examples, answers, np.stack([drops[:, 0], drops[:, 1:].mean(1)], 1))


def _probabilities(artifact: Artifact, logits: Logits) -> np.ndarray:
    """Topics, then negative, neutral, positive: [N, T + 3]."""
    manifest = artifact.manifest
    fitted = Calibration(
        manifest.temperature.topics, manifest.temperature.sentiment, tuple(manifest.thresholds.values())
    )
    return np.concatenate([fitted.topics(logits), fitted.sentiment(logits)], 1)


def _labels(artifact: Artifact, probabilities: np.ndarray) -> list[int]:
    manifest = artifact.manifest
    said = [
        t
        for t, topic in enumerate(manifest.topics)
        if probabilities[t] >= manifest.thresholds[topic] and topic != "other"
    ]
    return [SENTIMENT, *said]


def _place(answer: Answer, before: np.ndarray) -> int:
    """Column of the answer's probability."""
    if answer.label != SENTIMENT:
        return answer.label
    return int(before.shape[1] - 3 + before[answer.row, -3:].argmax())


def _struck(text: str, answer: Answer, rng: np.random.Generator) -> list[str]:
    """The text without its weightiest words, then without random ones, `_DRAWS` times."""
    count = max(1, round(SHARE * len(answer.bounds)))
    choices = [np.argsort(-answer.weights, kind="stable")[:count]]
    choices += [rng.choice(len(answer.bounds), count, replace=False) for _ in range(_DRAWS)]
    return [without(text, [answer.bounds[i] for i in choice]) for choice in choices]


def without(text: str, bounds: Sequence[tuple[int, int]]) -> str:
    """The text with these stretches struck out."""
    for start, end in sorted(bounds, reverse=True):
        text = text[:start] + text[end:]
    return text


def _report(examples: Sequence[Example], answers: Sequence[Answer], drops: np.ndarray) -> dict[str, Any]:
    report: dict[str, Any] = {}
    for kind in ("sentiment", "topics"):
        for lang in ("all", *sorted({e.lang for e in examples})):
            is_asked = [
                (a.label == SENTIMENT) == (kind == "sentiment") and lang in ("all", examples[a.row].lang)
                for a in answers
            ]
            chosen = drops[np.array(is_asked, bool)]
            if len(chosen):
                report.setdefault(kind, {})[lang] = _figures(chosen)
    return report


def _figures(drops: np.ndarray) -> dict[str, Any]:
    gaps = drops[:, 0] - drops[:, 1]
    return {
        "answers": len(drops),
        "drop_of_top_words": round(float(drops[:, 0].mean()), 4),
        "drop_of_random_words": round(float(drops[:, 1].mean()), 4),
        "gap": round(float(gaps.mean()), 4),
        "interval": interval(lambda rows: float(gaps[rows].mean()), len(gaps)),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description="Strike out the words that a model points at, and see its answers fall."
    )
    parser.add_argument("--artifact", type=Path, required=True, help="the artifact's folder")
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="labelled rows, JSONL or CSV")
    parser.add_argument("--rows", type=int, default=1000, help="texts to ask about, drawn at random")
    parser.add_argument("--out", type=Path, help="write the figures here as JSON too")
    given = parser.parse_args(arguments)
    artifact = read_artifact(given.artifact)
    _, held_out = split(read_examples(given.data, artifact.manifest.topics, LabelWeights()))
    chosen = np.random.default_rng(7).permutation(len(held_out))[: given.rows]
    figures = json.dumps(explain(artifact, [held_out[i] for i in chosen]), indent=1)
    if given.out:
        given.out.write_text(figures + "\n", "utf-8")
    print(figures)


if __name__ == "__main__":
    main()
