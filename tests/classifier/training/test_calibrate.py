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
