"""Figures of a model on labelled rows.

    bellwether evaluate --model DIR --data FILE...

Rankings and argmax need nothing fitted. Where temperatures and thresholds matter (topics' F1, calibration error) there are two
ways:

* on held-out rows of the data that a model was trained on, they are cross-fitted, for the shipped ones were fitted on these very
  rows: each half of the rows, split by a hash of the row's id, is judged with what was fitted on the other half;
* on rows from elsewhere the model is judged as it is served, with its own.
"""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from classifier.artifact import TOKENIZER, Artifact, Model, read_artifact
from classifier.training.calibrate import Calibration, calibrate, known_labels
from classifier.training.data import (
    FEWEST_HELD_OUT,
    UNLABELLED,
    Example,
    LabelWeights,
    read_examples,
    split,
)
from classifier.training.figures import (
    auroc,
    confusion,
    expected_error,
    macro_f1,
    of_classes,
    precision_recall,
    reliability,
)
from classifier.training.intervals import interval
from classifier.training.labels import SENTIMENTS
from classifier.training.rows import DataError
from classifier.training.scoring import Logits, score_onnx

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
_FEWEST_ROWS = 20

Judge = Callable[[Sequence[Example], Logits, Sequence[str]], "Answers"]
"""From rows, their logits and the topics' names to answers."""


class Answers:
    """What a model says of N rows, calibrated.

    Attributes:
        topics: probabilities, [N, T].
        said: the labels as they are served, bool [N, T]: each topic over its threshold, `other` where no topic is.
        sentiment: probabilities, [N, 3].
    """

    def __init__(self, rows: int, topics: Sequence[str]) -> None:
        self._is_other = np.array([topic == "other" for topic in topics])
        self.topics = np.zeros((rows, len(topics)))
        self.said = np.zeros((rows, len(topics)), bool)
        self.sentiment = np.zeros((rows, len(SENTIMENTS)))

    def fill(self, rows: np.ndarray, logits: Logits, calibration: Calibration) -> None:
        """Puts in the answers of some rows."""
        self.topics[rows] = calibration.topics(logits)
        named = (self.topics[rows] >= np.array(calibration.thresholds)) & ~self._is_other
        self.said[rows] = named | (self._is_other & ~named.any(1, keepdims=True))
        self.sentiment[rows] = calibration.sentiment(logits)


def cross_fitted(examples: Sequence[Example], logits: Logits, topics: Sequence[str]) -> Answers:
    """Each half of the rows with temperatures and thresholds that were fitted on the other.

    Raises:
        DataError: there are no two rows.
    """
    if len(examples) < FEWEST_HELD_OUT:
        raise DataError([f"{len(examples)} rows are left to judge: it takes two, one to fit and one to judge"])
    answers = Answers(len(examples), topics)
    digests = [hashlib.sha256(f"half:{example.id}".encode()).digest() for example in examples]
    halves = np.array([digest[0] % 2 for digest in digests])
    if len(set(halves.tolist())) == 1:  # chance, or one id for all
        halves[sorted(range(len(examples)), key=lambda row: digests[row])[::2]] ^= 1
    for half in (0, 1):
        fitted_on, judged = np.flatnonzero(halves != half), np.flatnonzero(halves == half)
        fitted = calibrate([examples[int(i)] for i in fitted_on], logits.rows(fitted_on), topics)
        answers.fill(judged, logits.rows(judged), fitted)
    return answers


def as_served(artifact: Artifact) -> Judge:
    """All rows with the artifact's own temperatures and thresholds."""
    manifest = artifact.manifest
    thresholds = tuple(manifest.thresholds[topic] for topic in manifest.topics)
    own = Calibration(manifest.temperature.topics, manifest.temperature.sentiment, thresholds)

    def judge(examples: Sequence[Example], logits: Logits, topics: Sequence[str]) -> Answers:
        answers = Answers(len(examples), topics)
        answers.fill(np.arange(len(examples)), logits, own)
        return answers

    return judge


def evaluate_artifact(
    folder: Path, files: Sequence[Path], *, everything: bool = False, model: Model = "default"
) -> dict[str, Any]:
    """Figures of an artifact on files of labelled rows.

    Args:
        folder: the artifact's.
        files: JSONL or CSV.
        everything: judge all rows, as the model is served; else those that training holds out, cross-fitted.
        model: which of its networks.

    Raises:
        ArtifactError: the artifact cannot be used.
        DataError: rows are wrong, or none is left to judge.
    """
    artifact = read_artifact(folder, model)
    topics = artifact.manifest.topics
    examples = read_examples(files, topics, LabelWeights())
    judged = examples if everything else split(examples)[1]
    if not examples:
        raise DataError(["the files hold no rows"])
    if len(judged) < FEWEST_HELD_OUT and not everything:
        raise DataError(
            [f"of {len(examples)} rows only {len(judged)} are held out from training: judge all rows instead"]
        )
    logits = score_onnx(
        artifact.path(artifact.network),
        artifact.path(TOKENIZER),
        [e.text for e in judged],
        artifact.manifest.max_tokens,
    )
    return evaluate(judged, logits, topics, as_served(artifact) if everything else cross_fitted)


def evaluate(
    examples: Sequence[Example], logits: Logits, topics: Sequence[str], judge: Judge = cross_fitted
) -> dict[str, Any]:
    """All figures of a model; those that would rest on no rows are left out.

    Args:
        examples: rows that were not trained on.
        logits: of these rows.
        topics: names in logit order.
        judge: makes answers of them.

    Raises:
        DataError: too few rows for `judge`.
    """
    answers = judge(examples, logits, topics)
    known, holds = known_labels(examples), np.array([example.topics for example in examples]) > 0
    labels, sources = np.array([e.sentiment for e in examples]), np.array([e.source for e in examples])
    three = np.array([e.sentiment != UNLABELLED and not e.is_two_way for e in examples])  # [N]
    p = answers.sentiment[three]  # [M, 3]
    counts = confusion(labels[three], p.argmax(1), len(SENTIMENTS))
    promised = {  # and what happened
        "sentiment": (p.max(1), p.argmax(1) == labels[three]),
        "topics": (answers.topics[known], holds[known]),
    }
    promised = {name: pair for name, pair in promised.items() if len(pair[0])}
    return {
        "rows": len(examples),
        "sentiment": _by(lambda e: e.source, examples, answers.sentiment),
        "languages": _by(lambda e: e.lang, examples, answers.sentiment),
        "classes": {name: x for name, x in of_classes(counts, SENTIMENTS).items() if x["rows"]},
        "confusion": counts.tolist(),
        "topics": {
            lang: _topic_figures(answers.said[rows], holds[rows], known[rows], topics, sources[rows])
            for lang in sorted({e.lang for e in examples})
            if (known & holds)[rows := np.array([e.lang == lang for e in examples])].any()
        },
        "calibration_error": {name: round(expected_error(*pair), 4) for name, pair in promised.items()},
        "reliability": {name: reliability(*pair) for name, pair in promised.items()},
    }


def _by(
    name: Callable[[Example], str], examples: Sequence[Example], probabilities: np.ndarray
) -> dict[str, dict[str, Any]]:
    """Sentiment's figures for each group with enough rows of both kinds.

    Rows of two-way corpora are left out of a group that has others, and judged between negative and positive alone in one that
    has not: they say nothing about "neutral".
    """
    figures = {}
    for group in sorted({name(e) for e in examples}):
        rows = [i for i, e in enumerate(examples) if name(e) == group and e.sentiment != UNLABELLED]
        rows = [i for i in rows if not examples[i].is_two_way] or rows
        labels = np.array([examples[i].sentiment for i in rows])
        if len(rows) >= _FEWEST_ROWS and len(set(labels == NEGATIVE)) == 2:
            figures[group] = _sentiment_figures(labels, probabilities[rows], is_two_way=examples[rows[0]].is_two_way)
    return figures


def _sentiment_figures(labels: np.ndarray, p: np.ndarray, *, is_two_way: bool) -> dict[str, Any]:
    answers = np.where(p[:, POSITIVE] > p[:, NEGATIVE], POSITIVE, NEGATIVE) if is_two_way else p.argmax(1)
    measures: dict[str, Callable[[np.ndarray], float]] = {
        "auroc_negative": lambda rows: auroc(p[rows, NEGATIVE], labels[rows] == NEGATIVE),
        "macro_f1": lambda rows: macro_f1(labels[rows], answers[rows], len(SENTIMENTS)),
        "accuracy": lambda rows: float((labels[rows] == answers[rows]).mean()),
    }
    everyone = np.arange(len(labels))
    return {
        "rows": len(labels),
        "classes": 2 if is_two_way else 3,
        **{measure: round(figure(everyone), 4) for measure, figure in measures.items()},
        "intervals": {measure: interval(figure, len(labels)) for measure, figure in measures.items()},
    }


def _topic_figures(
    said: np.ndarray, holds: np.ndarray, known: np.ndarray, topics: Sequence[str], sources: np.ndarray
) -> dict[str, Any]:
    each = {
        topic: precision_recall(said[known[:, t], t], holds[known[:, t], t])
        for t, topic in enumerate(topics)
        if holds[known[:, t], t].any()
    }
    right, either = (said & holds & known).sum(1), ((said & known).sum(1) + (holds & known).sum(1))  # [N]

    def micro(rows: np.ndarray) -> float:
        return float(2 * right[rows].sum() / max(1, either[rows].sum()))

    answered, everyone = known.any(1), np.arange(len(said))
    own = {source: np.flatnonzero(answered & (sources == source)) for source in sorted(set(sources[answered].tolist()))}
    return {
        "rows": int(answered.sum()),
        "micro_f1": round(micro(everyone), 4),
        "macro_f1": round(float(np.mean([x["f1"] for x in each.values()])), 4),
        "intervals": {"micro_f1": interval(micro, len(said))},
        "sources": {
            source: {"rows": len(rows), "micro_f1": round(micro(rows), 4)}
            for source, rows in own.items()
            if len(rows) >= _FEWEST_ROWS
        },
        "each": each,
    }
