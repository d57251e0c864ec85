"""How fast scores become windows, and what a detector costs, in time of one core.

    python -m benchmarks.aggregation [--rounds 7] [--out FILE]

A score is a whole document: its sentiment, the probability of every topic, its story and what is shown of it. Figures "decoding
apart" are of `Keeper` alone: counting, stories, evidence, closing windows, detectors and early looks. Records are read one at
a time, as they come when nothing is behind, and as many at a time as a fetch from Kafka brings when something is. Time is that
of the processor, of which others on the machine take little away.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from msgspec import Struct, msgpack, structs

from alerting.counting.stories import prepare
from alerting.counting.windows import WindowSettings
from alerting.detection.rules import SpikeSettings
from alerting.detection.scales import Counted
from alerting.detection.spikes import Detector, Footing
from alerting.keeper import Keeper
from alerting.state import AggregateSettings, State
from benchmarks.machine import machine
from classifier.artifact import SHIPPED, Manifest, read_artifact
from classifier.packing import encode_range
from classifier.scores import WHOLE, ScoredDocument, ScoreRange, Span, decode_columns
from ingest.instants import MINUTE, SECOND
from ingest.kafka.reader import PARTITION_FETCH_BYTES

START = 1_772_323_200_000_000
IN_RANGE = 150  # documents, about what the daemon puts into one record
MOST_IN_RANGE = 500  # and at most
PER_SECOND = 50  # documents of event time
COPIES = 0.2
CRISIS = 8  # the topic of a crisis
COUNT = 120_000  # documents
TEXTS = ("Shares of the bank fall after a regulator opens a probe.",)
UNDERWAY = MINUTE  # at most, from being published to being read: so texts come mixed, and ranges lie in several bins


class Ranges:
    """Ranges of scores as they stand in the log: one label a document mostly, a fifth negative, a fifth copies, none in order."""

    def __init__(
        self, manifest: Manifest, texts: Sequence[str], count: int, in_range: int = IN_RANGE, *, crisis: bool = False
    ) -> None:
        """In a crisis three texts in ten of the second half are about one topic, and negative: its alert is running."""
        self._random, self._crisis_from = random.Random(3), count // 2 if crisis else count  # noqa: S311 - nothing secret
        self._manifest, self._texts, self.in_range = manifest, texts, in_range
        self._story = 0
        self.encoded = [self._range(first) for first in range(0, count - in_range + 1, in_range)]
        self.documents = len(self.encoded) * in_range

    def _range(self, first: int) -> bytes:
        documents = tuple(self._document(offset) for offset in range(first, first + self.in_range))
        end = first + self.in_range
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
        if offset >= self._crisis_from and rng.random() < 0.3:
            labels, negative = [CRISIS], 9000
        published = at - rng.randrange(UNDERWAY)
        return ScoredDocument(
            offset, f"d{offset}", f"wire-{offset % 7}", published, published, at, "en", "news",
            (negative, WHOLE - negative - 500, 500), topics, tuple(labels), story, (),
            (Span(0, 12, 3000), Span(20, 31, 2000)), text[:1_000],
        )  # fmt: skip


def aggregated(ranges: Ranges, at_once: int = 1) -> tuple[float, float]:
    """Documents a second of one core through a `Keeper`: with decoding and admission, and the keeper alone.

    The first half is not counted: a daemon's memory is in use, a fresh one's is handed out page by page.
    """
    settings = AggregateSettings(inputs=("news",))
    keeper = Keeper(settings, "h", State.fresh(WindowSettings()))
    warm = len(ranges.encoded) // 2
    _take(keeper, ranges.encoded[:warm], at_once)
    began = time.process_time()
    taking = _take(keeper, ranges.encoded[warm:], at_once)
    documents = (len(ranges.encoded) - warm) * ranges.in_range
    return documents / (time.process_time() - began), documents / taking


def _take(keeper: Keeper, encoded: Sequence[bytes], at_once: int) -> float:
    """Seconds of the processor, decoding and admission apart."""
    taking = 0.0
    for begin in range(0, len(encoded), at_once):
        admitted = []
        for offset, value in enumerate(encoded[begin : begin + at_once], keeper.state.position):
            scores = decode_columns(value)
            _, fresh, _ = keeper.state.inputs.admit(scores)
            admitted.append(keeper.admitted(offset, scores, fresh))
        at = time.process_time()
        for _ in keeper.take(admitted):
            pass
        taking += time.process_time() - at
    return taking


def detector_us(updates: int = 20_000) -> float:
    """Microseconds of `Detector.update`."""
    counted, detector, footing = _minutes(updates), *_detector()
    began = time.process_time()
    for each in counted:
        detector.update(each, footing)
    return (time.process_time() - began) / updates * 1e6


def detector_bytes() -> dict[str, int]:
    """What a detector that has learned takes up: in a checkpoint, and as objects of this interpreter."""
    detector, footing = _detector()
    for each in _minutes(2_000):
        detector.update(each, footing)
    return {"packed": len(msgpack.encode(detector)), "in_memory": _size(detector, set())}


def _detector() -> tuple[Detector, Footing]:
    settings = SpikeSettings()
    return Detector.fresh(settings, START), Footing(settings, 0.25, 7.0)


def _minutes(many: int) -> list[Counted]:
    """So many bins of a minute with twelve documents an hour and a daily cycle, a fifth negative; none is empty."""
    dice = np.random.default_rng(5)
    rate = 0.2 * (1 + 0.7 * np.sin(2 * np.pi * np.arange(many) / 1440))
    documents = dice.poisson(rate) + 1
    negatives = dice.binomial(documents, 0.2)
    both = zip(documents.tolist(), negatives.tolist(), strict=True)
    return [Counted(START + i * MINUTE, count, bad) for i, (count, bad) in enumerate(both)]


def _size(value: object, seen: set[int]) -> int:
    """Bytes of a value with all that it holds, once each."""
    if id(value) in seen:
        return 0
    seen.add(id(value))
    inside = structs.astuple(value) if isinstance(value, Struct) else value if isinstance(value, tuple) else ()
    return sys.getsizeof(value) + sum(_size(each, seen) for each in inside)


def measured(rounds: int) -> dict[str, Any]:
    """All figures, of so many rounds: the median, and the best one, which others on the machine disturbed least."""
    manifest, figures = read_artifact(SHIPPED).manifest, dict[str, Any]()
    began = time.process_time()
    prepare()
    figures["compiled_in_s"] = round(time.process_time() - began, 2)
    contestants: dict[str, tuple[Ranges, int]] = {}
    for in_range in (IN_RANGE, MOST_IN_RANGE):
        ranges = Ranges(manifest, TEXTS, COUNT, in_range)
        contestants[f"of_{in_range}"] = ranges, PARTITION_FETCH_BYTES // len(ranges.encoded[0])
        contestants[f"of_{in_range}_one_by_one"] = ranges, 1
    crisis = Ranges(manifest, TEXTS, COUNT, crisis=True)
    contestants[f"of_{IN_RANGE}_in_a_crisis"] = crisis, PARTITION_FETCH_BYTES // len(crisis.encoded[0])
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            rates[name].append(aggregated(*contestant))
    for name, (_, at_once) in contestants.items():
        whole, taking = zip(*rates[name], strict=True)
        figures[f"scores_per_s_{name}"] = _middle_and_best(whole)
        figures[f"decoding_apart_{name}"] = _middle_and_best(taking) | {"records_at_once": at_once}
    updates = [detector_us() for _ in range(4 * rounds)]
    figures["detector_us_per_update"] = {"median": round(median(updates), 2), "best": round(min(updates), 2)}
    return figures | {"detector_bytes": detector_bytes(), "rounds": rounds, "machine": machine()}


def _middle_and_best(rates: Sequence[float]) -> dict[str, int]:
    return {"median": round(median(rates)), "best": round(max(rates))}


def main() -> None:
    """Print the figures and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    arguments = parser.parse_args()
    figures = measured(arguments.rounds)
    print(json.dumps(figures, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
