"""The return period on volumes: an anomaly score for every point of series of counts, as the Numenta benchmark wants them.

    python -m benchmarks.nab --data DIR --out DIR

Each CSV in DIR (`timestamp,value`, evenly spaced) is written to the other DIR with `anomaly_score` added: in [0, 1], 0.5 where
the value is reached once in 7 days, 1/6 more for each factor of ten, and only at the onset of an event and where it has
become 2.5 times rarer. No point sees what comes after it, and nothing about a series is known beforehand.

The statistic is the logarithm of the smoothed count over its own slow level and half its hour-of-day profile, on four time
scales; the mean of the logarithms of their return periods (`alerting.detection.tails`) is the score.
"""

import argparse
import csv
import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from alerting.detection.tails import PRIOR_CLUSTERS, Tail
from ingest.instants import DAY, HOUR, MINUTE

SCALES = (10, 30, 90, 270)  # minutes
LEVEL_DAYS = 4 / math.log(2)  # a half-life of four days
PROFILE_DAYS = 2 * LEVEL_DAYS
PROFILE_WEIGHT = 0.5  # half of it: with two months of data an hour's level is uncertain
FIRST_PROFILE_DAYS = 3
ABOVE, STEP = 0.015, 0.015
PRIOR_THRESHOLD, PRIOR_EXCESS, PRIOR_RATE = 0.8, 0.2, 0.5  # of a log ratio; clusters a day
NAMED_DAYS = 7.0  # the return period that scores 0.5
USUAL = -1.0  # the least logarithm of a return period that enters the mean: once in 2.4 hours is nothing
ESCALATION = 0.4  # decades
REARM = 8 * HOUR


class VolumeDetector:
    """Rarity of a series of counts, point by point. `step` is their distance in microseconds."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._level = self._weight = 0.0
        self._smooth = [0.0] * len(SCALES)
        self._profile = [0.0] * 24
        self._at = 0
        self._over = [False] * len(SCALES)
        self._told, self._above_at = -math.inf, 0
        self._tails = [
            Tail(
                tick=step, above=ABOVE, threshold=PRIOR_THRESHOLD, excess=PRIOR_EXCESS, step=STEP,
                days=PRIOR_CLUSTERS / PRIOR_RATE, lowest=0.05, least_excess=0.05,
            )
            for _ in SCALES
        ]  # fmt: skip

    def score(self, value: float, hour: int) -> float:
        """The anomaly score of the next point, a count in `hour` of the day; 0 where nothing begins or grows."""
        if not self._at:
            self._level, self._smooth = value, [value] * len(SCALES)
        self._at += self._step
        usual = max(self._level, 0.5) * self._seasonal(hour)
        decades = 0.0
        for i, minutes in enumerate(SCALES):
            keep = math.exp(-self._step / (minutes * MINUTE))
            self._smooth[i] = keep * self._smooth[i] + (1 - keep) * value
            deviation = math.log((self._smooth[i] + 1) / (usual + 1))
            decades += self._decades(i, deviation) / len(SCALES)
        self._learn_level(value, hour)
        return self._told_score(decades)

    def _seasonal(self, hour: int) -> float:
        days = self._at / DAY
        if days <= FIRST_PROFILE_DAYS:
            return 1.0
        return math.exp(PROFILE_WEIGHT * min(1.0, days / 7) * self._profile[hour])

    def _decades(self, i: int, deviation: float) -> float:
        """The logarithm of scale i's return period in days; learns the deviation."""
        tail = self._tails[i]
        days = tail.return_days(deviation)
        if days:
            self._above_at = self._at
        over = self._step if deviation > tail.threshold else 0
        tail.learn(self._at, over, self._step - over, deviation)
        return max(math.log10(days), USUAL) if days else USUAL

    def _learn_level(self, value: float, hour: int) -> None:
        fade = math.exp(-self._step / DAY / LEVEL_DAYS)
        self._weight = fade * self._weight + (1 - fade)
        self._level += (1 - fade) / self._weight * (value - self._level)
        if self._at > DAY:
            rate = 1 - math.exp(-24 * self._step / DAY / PROFILE_DAYS)
            deviation = math.log((value + 1) / (max(self._level, 0.5) + 1))
            self._profile[hour] += rate * (deviation - self._profile[hour])

    def _told_score(self, decades: float) -> float:
        if self._at - self._above_at > REARM:
            self._told = -math.inf
        if decades <= USUAL or decades <= self._told + ESCALATION:
            return 0.0
        self._told = decades
        return min(max(0.5 + (decades - math.log10(NAMED_DAYS)) / 6, 0.0), 1.0)


def scored(rows: Iterable[tuple[datetime, float]]) -> Iterator[float]:
    """The anomaly score of every (time, count), in order."""
    detector: VolumeDetector | None = None
    held: list[tuple[datetime, float]] = []
    for row in rows:
        held.append(row)
        if detector is None and len(held) == 2:
            detector = VolumeDetector(round((held[1][0] - held[0][0]).total_seconds() * 1e6) or 5 * MINUTE)
        if detector is not None:
            yield from (detector.score(value, at.hour) for at, value in held)
            held.clear()
    yield from (0.0 for _ in held)


def main() -> None:
    """Score every CSV of a folder into another."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of CSVs with timestamp,value")
    parser.add_argument("--out", type=Path, required=True, help="folder for the same with anomaly_score")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(arguments.data.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as handle:
            rows = list(csv.DictReader(handle))
        # Naive timestamps stay naive: only their distances and hours are used.
        series = [(datetime.fromisoformat(row["timestamp"]), float(row["value"])) for row in rows]
        with (arguments.out / path.name).open("w", encoding="utf-8", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(["timestamp", "value", "anomaly_score"])
            for row, score in zip(rows, scored(series), strict=True):
                writer.writerow([row["timestamp"], row["value"], f"{score:.6f}"])
        print(f"{path.name}: {len(rows)} points")


if __name__ == "__main__":
    main()
