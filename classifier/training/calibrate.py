"""From logits to probabilities that mean what they say: one temperature each, and a threshold for each topic."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from classifier.training.data import Example
from classifier.training.labels import COSTLY_TO_MISS
from classifier.training.loss import Targets, sentiment_losses, topic_losses
from classifier.training.scoring import Logits

_GRID = np.arange(0.25, 0.76, 0.01)
_USUAL_THRESHOLD = 0.5
_PULL = 30
_SHARPEST = 0.1
_COSTLY = 1.5


@dataclass(frozen=True, slots=True)
class Calibration:
    """What turns logits into answers.

    Attributes:
        topic_temperature: p = sigmoid(logit / temperature).
        sentiment_temperature: p = softmax(logits / temperature).
        thresholds: for each topic in order, the probability from which on it is said.
    """

    topic_temperature: float
    sentiment_temperature: float
    thresholds: tuple[float, ...]

    def topics(self, logits: Logits) -> np.ndarray:
        """Topic probabilities, [N, T]."""
        result: np.ndarray = 1 / (1 + np.exp(-logits.topics / self.topic_temperature))
        return result

    def sentiment(self, logits: Logits) -> np.ndarray:
        """Sentiment probabilities, [N, 3]."""
        scaled = logits.sentiment / self.sentiment_temperature
        powers = np.exp(scaled - scaled.max(1, keepdims=True))
        result: np.ndarray = powers / powers.sum(1, keepdims=True)
        return result


def known_labels(examples: Sequence[Example]) -> np.ndarray:
    """Which topic labels a person gave, bool [N, T]: rule-made and assumed ones are neither fitted to nor reported."""
    return np.array([example.topic_weights for example in examples]) >= 1


def calibrate(examples: Sequence[Example], logits: Logits, topics: Sequence[str]) -> Calibration:
    """Fits temperatures by likelihood, and thresholds by F1, of `COSTLY_TO_MISS` by F1.5 (recall weighs 1.5 times precision).

    Args:
        examples: rows that were not trained on.
        logits: of these rows.
        topics: names in logit order.
    """
    targets = _targets(examples)
    topic_temperature = _temperature(
        lambda t: (
            topic_losses(torch.from_numpy(logits.topics) / t, targets).sum() / targets.topic_weights.sum().clamp_min(1)
        )
    )
    sentiment_temperature = _temperature(
        lambda t: (
            sentiment_losses(torch.from_numpy(logits.sentiment) / t, targets).sum()
            / targets.sentiment_weight.sum().clamp_min(1)
        )
    )
    flat = Calibration(topic_temperature, sentiment_temperature, (_USUAL_THRESHOLD,) * len(topics))
    probabilities, known = flat.topics(logits), known_labels(examples)
    holds = targets.topics.numpy() > 0
    thresholds = tuple(
        _threshold(probabilities[known[:, t], t], holds[known[:, t], t], _COSTLY if topic in COSTLY_TO_MISS else 1.0)
        for t, topic in enumerate(topics)
    )
    return Calibration(topic_temperature, sentiment_temperature, thresholds)


def _targets(examples: Sequence[Example]) -> Targets:
    return Targets(
        sentiment=torch.tensor([e.sentiment for e in examples]),
        sentiment_weight=torch.tensor([e.sentiment_weight for e in examples]),
        is_two_way=torch.tensor([e.is_two_way for e in examples]),
        topics=torch.tensor([e.topics for e in examples]),
        topic_weights=torch.from_numpy(known_labels(examples).astype(np.float32)),
    )


def _temperature(loss: Callable[[Tensor], Tensor]) -> float:
    log_temperature = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.LBFGS([log_temperature], max_iter=50, line_search_fn="strong_wolfe")

    def step() -> Tensor:
        optimizer.zero_grad()
        value = loss(log_temperature.exp())
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(step)  # type: ignore[no-untyped-call]
    # Rows without a single mistake would sharpen without bound.
    return round(min(max(float(log_temperature.exp().detach()), _SHARPEST), 1 / _SHARPEST), 4)


def _threshold(probabilities: np.ndarray, holds: np.ndarray, beta: float) -> float:
    """The middle of the thresholds whose F is within half a point of the best, pulled to the usual one by 30 rows' worth."""
    if not holds.any():
        return _USUAL_THRESHOLD
    said = probabilities[:, None] >= _GRID  # [N, G]
    right = (said & holds[:, None]).sum(0)
    scores = (1 + beta**2) * right / (said.sum(0) + beta**2 * holds.sum())
    near = _GRID[scores >= scores.max() - 0.005]
    return round(float((near.mean() * holds.sum() + _USUAL_THRESHOLD * _PULL) / (holds.sum() + _PULL)), 2)
