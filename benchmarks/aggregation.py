"""How fast scores become windows, and what a detector's update costs. One core each."""

import random
import time
from collections.abc import Sequence

import numpy as np

from alerting.keeper import Keeper
from alerting.scales import Counted
from alerting.spikes import Detector, Footing, SpikeSettings
from alerting.state import AggregateSettings, State
from alerting.windows import WindowSettings
from classifier.artifact import Manifest
from classifier.packing import encode_range
from classifier.scores import WHOLE, ScoredDocument, ScoreRange, Span, decode_columns
from ingest.instants import MINUTE, SECOND

START = 1_772_323_200_000_000
IN_RANGE = 150  # documents, about what the daemon puts into one record
PER_SECOND = 50  # documents of event time
COPIES = 0.2


class Ranges:
    """Ranges of scores as they stand in the log: one label a document mostly, a fifth negative, a fifth copies."""

    def __init__(self, manifest: Manifest, texts: Sequence[str], count: int) -> None:
        self._random = random.Random(3)  # noqa: S311 - nothing secret
        self._manifest, self._texts = manifest, texts
        self.encoded = [self._range(first) for first in range(0, count - IN_RANGE + 1, IN_RANGE)]
        self.documents = len(self.encoded) * IN_RANGE

    def _range(self, first: int) -> bytes:
        documents = tuple(self._document(offset) for offset in range(first, first + IN_RANGE))
        end = first + IN_RANGE
        manifest = self._manifest
        return encode_range(
            ScoreRange("L1", "news", 0, 1, first, end, end, START + end * SECOND // PER_SECOND, "a1", "cpu",
                       manifest.topics, documents, first=not first, classified_at=documents[-1].appended_at)
        )  # fmt: skip

    def _document(self, offset: int) -> ScoredDocument:
        rng, at, text = self._random, START + offset * SECOND // PER_SECOND, self._texts[offset % len(self._texts)]
        labels = sorted(rng.sample(range(len(self._manifest.topics)), 1 if rng.random() < 0.7 else 2))
        topics = tuple(rng.randint(6000, 9500) if i in labels else rng.randint(0, 400)
                       for i in range(len(self._manifest.topics)))  # fmt: skip
        negative = rng.randint(6000, 9000) if rng.random() < 0.2 else rng.randint(0, 2000)
        story = rng.getrandbits(63) if rng.random() > COPIES or not offset else self._story
        self._story = story
        return ScoredDocument(
            offset, f"d{offset}", f"wire-{offset % 7}", at, at, at, "en", "news",
            (negative, WHOLE - negative - 500, 500), topics, tuple(labels), story, (),
            (Span(0, 12, 3000), Span(20, 31, 2000)), text[:1_000],
        )  # fmt: skip


def aggregated(ranges: Ranges) -> tuple[float, float]:
    """Documents a second through a fresh `Keeper`: with decoding and admission, and `Keeper.take` alone."""
    settings = AggregateSettings(inputs=("news",))
    keeper = Keeper(settings, "h", State.fresh(WindowSettings()))
    taking = 0.0
    began = time.perf_counter()
    for value in ranges.encoded:
        scores = decode_columns(value)
        _, fresh, _ = keeper.state.inputs.admit(scores)
        at = time.perf_counter()
        for _ in keeper.take(scores, fresh):
            pass
        taking += time.perf_counter() - at
    return ranges.documents / (time.perf_counter() - began), ranges.documents / taking


def detector_us(updates: int = 20_000) -> float:
    """Microseconds of `Detector.update`, bins of a minute with twelve documents an hour and a daily cycle."""
    settings = SpikeSettings()
    random = np.random.default_rng(5)
    rate = 0.2 * (1 + 0.7 * np.sin(2 * np.pi * np.arange(updates) / 1440))
    documents = random.poisson(rate) + 1
    counted = [
        Counted(START + i * MINUTE, int(many), int(random.binomial(many, 0.2)))
        for i, many in enumerate(documents.tolist())
    ]
    detector, footing = Detector.fresh(settings, START), Footing(settings, 0.25, 7.0)
    began = time.perf_counter()
    for each in counted:
        detector.update(each, footing)
    return (time.perf_counter() - began) / updates * 1e6
