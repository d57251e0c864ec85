"""Bursts of share and volume laid over real volumes: how many are found at a given number of false alarms.

    python -m benchmarks.bursts --data DIR [--seeds 3] [--rhythm 0] [--out FILE]

The volumes are CSVs of `timestamp,value` at 5-minute steps. Each point gets a negative share around 20 % that wanders from day
to day and scatters from point to point (both normal in log-odds, sd 0.25 and 0.35). Bursts of 30 minutes to 3 hours come
every 2 to 5 days, after 10 days of learning: odds of the share x5, volume x3, or both. The threshold is the one at which the
given number of false onsets a series-day remains outside bursts and the two hours after them. With a rhythm, the log-odds of the
share rise and fall by so much in the course of each day: what is lost to it is the most that an hour-of-day profile of the
share could win back.
"""

import argparse
import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alerting.detection.rules import SpikeSettings
from alerting.detection.scales import Counted
from alerting.detection.spikes import Detector, Footing
from ingest.instants import HOUR, MINUTE

STEP, DAY_STEPS = 5 * MINUTE, 288
LEARNING = 10 * DAY_STEPS
SETTINGS = SpikeSettings()
EVERYTHING = Footing(SETTINGS, pooled_share=0.25, alarm_days=1e-3)

Counts = tuple[
    NDArray[np.int64], NDArray[np.int64], list[tuple[int, int]]
]  # documents, negatives, bursts (first, length)
Told = tuple[NDArray[np.float64], list[tuple[int, int]]]  # return period where an onset is told, bursts


def laid_over(volumes: NDArray[np.int64], random: np.random.Generator, kind: str, rhythm: float = 0.0) -> Counts:
    """Documents and negatives with bursts of `kind` (both, share, volume) over `volumes`; `rhythm` is in log-odds."""
    length = len(volumes)
    wander = np.repeat(random.normal(0, 0.25, length // DAY_STEPS + 2), DAY_STEPS)[:length]
    odds = math.log(0.2 / 0.8) + wander + random.normal(0, 0.35, length)
    odds += rhythm * np.sin(2 * np.pi * np.arange(length) / DAY_STEPS)
    documents, bursts = volumes.copy(), []
    at = LEARNING + int(random.integers(2 * DAY_STEPS, 5 * DAY_STEPS))
    while at + 36 < length:
        bursts.append((at, int(random.integers(6, 37))))
        at += int(random.integers(2 * DAY_STEPS, 5 * DAY_STEPS))
    for first, steps in bursts:
        inside = slice(first, first + steps)
        if kind != "volume":
            odds[inside] += math.log(5)
        if kind != "share":
            documents[inside] += random.poisson(2.0 * np.maximum(documents[inside], 0.3))
    return documents, random.binomial(documents, 1 / (1 + np.exp(-odds))), bursts


def told(documents: NDArray[np.int64], negatives: NDArray[np.int64]) -> NDArray[np.float64]:
    """The return period in days at each onset and escalation, as the alert book would tell them; elsewhere 0."""
    detector, days = Detector.fresh(SETTINGS, 0), np.zeros(len(documents))
    last, above_at = 0.0, 0
    for i, (count, negative) in enumerate(zip(documents.tolist(), negatives.tolist(), strict=True)):
        if not count:
            continue
        at = (i + 1) * STEP
        spike = detector.update(Counted(at, count, negative), EVERYTHING)
        if at - above_at > 6 * HOUR:
            last = 0.0
        if spike and spike.above:
            above_at = at
        if spike and spike.fires and spike.days >= SETTINGS.escalation * last:
            days[i] = last = spike.days
    return days


def recall(runs: Sequence[Told], false_a_day: float) -> tuple[float, float]:
    """(share of bursts found, threshold in days) at so many false onsets a series-day."""
    false: list[float] = []
    series_days = 0.0
    for days, bursts in runs:
        outside = np.arange(len(days)) >= LEARNING
        for first, steps in bursts:
            outside[first : first + steps + 24] = False
        false.extend(days[outside & (days > 0)].tolist())
        series_days += (len(days) - LEARNING) / DAY_STEPS
    false.sort(reverse=True)
    allowed = int(false_a_day * series_days)
    threshold = false[allowed] if allowed < len(false) else 0.0
    found = [
        bool((days[first : first + steps + 6] > threshold).any()) for days, bursts in runs for first, steps in bursts
    ]
    return sum(found) / len(found), threshold


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of CSVs with timestamp,value")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rhythm", type=float, default=0.0, help="log-odds by which the share swings each day")
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    arguments = parser.parse_args()
    series = []
    for path in sorted(arguments.data.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as handle:
            series.append(np.array([int(float(row["value"])) for row in csv.DictReader(handle)]))
    figures = []
    for volume in (1.0, 0.2):
        for kind in ("both", "share", "volume"):
            runs: list[Told] = []
            for seed in range(arguments.seeds):
                for number, values in enumerate(series):
                    random = np.random.default_rng([seed, number])
                    thinned = values if volume == 1 else random.binomial(values, volume)
                    documents, negatives, bursts = laid_over(thinned, random, kind, arguments.rhythm)
                    runs.append((told(documents, negatives), bursts))
            row = {"bursts": kind, "volume": volume, "rhythm": arguments.rhythm}
            for false_a_day in (0.1, 0.3):
                row[f"recall_at_{false_a_day}"], row[f"threshold_days_at_{false_a_day}"] = recall(runs, false_a_day)
            figures.append(row)
            print(
                "  ".join(
                    f"{name} {value:.2f}" if isinstance(value, float) else f"{value:6}" for name, value in row.items()
                )
            )
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
