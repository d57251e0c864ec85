"""Figures of right and wrong, plain and quick enough to be drawn again a few hundred times."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def confusion(labels: np.ndarray, answers: np.ndarray, classes: int) -> np.ndarray:
    """Counts, int [classes, classes]: a row is what holds, a column is what was said."""
    counts: np.ndarray = np.bincount(labels * classes + answers, minlength=classes * classes).reshape(classes, classes)
    return counts


def macro_f1(labels: np.ndarray, answers: np.ndarray, classes: int) -> float:
    """Mean F1 over the classes that hold or are said somewhere."""
    counts = confusion(labels, answers, classes)
    both = counts.sum(0) + counts.sum(1)  # [classes]
    return float((2 * counts.diagonal()[both > 0] / both[both > 0]).mean())


def auroc(scores: np.ndarray, holds: np.ndarray) -> float:
    """Chance that a row that holds ranks above one that does not; NaN without both kinds."""
    positives = int(holds.sum())
    negatives = len(holds) - positives
    if not positives or not negatives:
        return float("nan")
    _, places, ties = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[places]  # equal scores share the middle of their ranks
    return float((ranks[holds].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def precision_recall(said: np.ndarray, holds: np.ndarray) -> dict[str, float]:
    """`rows` that hold, `precision`, `recall` and `f1`."""
    right = int((said & holds).sum())
    return {
        "rows": int(holds.sum()),
        "precision": round(right / max(1, int(said.sum())), 4),
        "recall": round(right / max(1, int(holds.sum())), 4),
        "f1": round(2 * right / max(1, int(said.sum() + holds.sum())), 4),
    }


def of_classes(counts: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """The figures of `precision_recall` for each class of a confusion matrix."""
    each = {}
    for place, name in enumerate(names):
        right, holds, said = int(counts[place, place]), int(counts[place].sum()), int(counts[:, place].sum())
        each[name] = {
            "rows": holds,
            "precision": round(right / max(1, said), 4),
            "recall": round(right / max(1, holds), 4),
            "f1": round(2 * right / max(1, said + holds), 4),
        }
    return each


def reliability(confidence: np.ndarray, happened: np.ndarray, bins: int = 15) -> list[dict[str, Any]]:
    """What was promised and what happened, in each of the equal-width bins that has rows."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    return [
        {
            "rows": int((places == b).sum()),
            "promised": round(float(confidence[places == b].mean()), 4),
            "happened": round(float(happened[places == b].mean()), 4),
        }
        for b in range(bins)
        if (places == b).any()
    ]


def expected_error(confidence: np.ndarray, happened: np.ndarray) -> float:
    """Expected calibration error: the mean gap between what was promised and what happened, over the bins of `reliability`."""
    gaps = [b["rows"] * abs(b["promised"] - b["happened"]) for b in reliability(confidence, happened)]
    return float(sum(gaps) / max(1, len(confidence)))
