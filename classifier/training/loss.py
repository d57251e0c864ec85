"""The training loss: partial topic labels and corpora with and without "neutral", side by side."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from classifier.training.labels import SENTIMENTS

_POLES = [SENTIMENTS.index("negative"), SENTIMENTS.index("positive")]


@dataclass(frozen=True, slots=True)
class Targets:
    """What a batch should say.

    Attributes:
        sentiment: int64 [B], index into `SENTIMENTS`; any value where the weight is 0.
        sentiment_weight: float32 [B].
        is_two_way: bool [B].
        topics: float32 [B, T], 0 or 1.
        topic_weights: float32 [B, T], 0 where the corpus cannot answer.
    """

    sentiment: Tensor
    sentiment_weight: Tensor
    is_two_way: Tensor
    topics: Tensor
    topic_weights: Tensor


@dataclass(frozen=True, slots=True)
class Answers:
    """What teachers say of a batch.

    Attributes:
        told_sentiment: float32 [B, 3], probabilities.
        told_topics: float32 [B, T], probabilities.
        told_share: float32 [B], of the row's loss, 0 where no teacher says anything.
    """

    told_sentiment: Tensor
    told_topics: Tensor
    told_share: Tensor


TOPIC_SHARE = 0.5
"""Weight of the topic loss, a sum over a row's topics, against the sentiment loss, one term."""


def total_loss(
    topic_logits: Tensor,
    sentiment_logits: Tensor,
    targets: Targets,
    answers: Answers | None = None,
    smoothing: float = 0.0,
) -> Tensor:
    """Mean over all rows of the batch, labelled or not, so that one row weighs the same in any company.

    Args:
        topic_logits: [B, T].
        sentiment_logits: [B, 3].
        targets: of the same batch.
        answers: of teachers, for the same batch.
        smoothing: see `sentiment_losses`.
    """
    labels = sentiment_losses(sentiment_logits, targets, smoothing) + TOPIC_SHARE * topic_losses(topic_logits, targets)
    if answers is None:
        return labels.mean()
    told = answer_losses(topic_logits, sentiment_logits, answers.told_topics, answers.told_sentiment)
    return (labels + answers.told_share * (told - labels)).mean()


def answer_losses(topic_logits: Tensor, sentiment_logits: Tensor, topics: Tensor, sentiment: Tensor) -> Tensor:
    """Cross-entropy with a teacher's probabilities, topics [B, T] and sentiment [B, 3], weighed as labels are: [B]."""
    three = F.cross_entropy(sentiment_logits.float(), sentiment, reduction="none")  # [B]
    each = F.binary_cross_entropy_with_logits(topic_logits.float(), topics, reduction="none")  # [B, T]
    return three + TOPIC_SHARE * each.sum(1)


def topic_losses(logits: Tensor, targets: Targets) -> Tensor:
    """Weighted binary cross-entropy, summed over the topics that a row answers: [B]."""
    each = F.binary_cross_entropy_with_logits(logits.float(), targets.topics, reduction="none")  # [B, T]
    return (each * targets.topic_weights).sum(1)


def sentiment_losses(logits: Tensor, targets: Targets, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy over three classes, or, for a two-way row, over negative and positive alone: [B].

    A two-way row says which of the poles holds *if* one does: it is scored on p(positive) / (p(negative) + p(positive)),
    which does not depend on the neutral logit, so neutral gets no gradient from it. Of every target a share, `smoothing`, is
    spread evenly over the row's classes.
    """
    logits = logits.float()
    label = targets.sentiment.clamp_min(0)
    three = F.cross_entropy(logits, label, reduction="none", label_smoothing=smoothing)  # [B]
    pole = (label == _POLES[1]).long()  # [B]
    two = F.cross_entropy(logits[:, _POLES], pole, reduction="none", label_smoothing=smoothing)  # [B]
    return torch.where(targets.is_two_way, two, three) * targets.sentiment_weight
