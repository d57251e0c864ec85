"""What a corpus does not answer leaves its calibration as it is."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from classifier.training.calibrate import calibrate
from classifier.training.data import LabelWeights, read_examples
from classifier.training.labels import TOPICS
from classifier.training.scoring import Logits


def test_rows_without_topics_leave_the_temperature_of_topics_at_one(labelled: Path) -> None:
    rows = read_examples([labelled], TOPICS, LabelWeights())
    silent = [replace(row, topic_weights=(0.0,) * len(TOPICS)) for row in rows]
    rng = np.random.default_rng(2)
    logits = Logits(
        rng.normal(size=(len(rows), len(TOPICS))).astype(np.float32),
        np.eye(3, dtype=np.float32)[np.arange(len(rows)) % 3],
    )
    fitted = calibrate(silent, logits, TOPICS)
    assert fitted.topic_temperature == 1
    assert fitted.sentiment_temperature == calibrate(rows, logits, TOPICS).sentiment_temperature != 1


def test_what_is_costly_to_miss_is_said_sooner(labelled: Path) -> None:
    """The same scores and labels for two topics, one of which must not be missed."""
    costly, usual = TOPICS.index("liquidity_run"), TOPICS.index("fx")
    rng = np.random.default_rng(3)
    row = replace(read_examples([labelled], TOPICS, LabelWeights())[0], topic_weights=(1.0,) * len(TOPICS))
    holds = rng.random(600) < 0.3
    logits = np.zeros((600, len(TOPICS)), np.float32)
    logits[:] = (rng.normal(size=600) + 2.0 * holds - 1.0)[:, None]
    rows = [replace(row, topics=(float(each),) * len(TOPICS)) for each in holds]
    fitted = calibrate(rows, Logits(logits, np.zeros((600, 3), np.float32)), TOPICS)
    said = fitted.topics(Logits(logits, np.zeros((600, 3), np.float32))) >= fitted.thresholds
    assert fitted.thresholds[costly] < fitted.thresholds[usual]
    assert said[holds, costly].mean() > said[holds, usual].mean()
