"""A year of nothing: 20 topics of noise, at several volumes; how many alerts a week, against the budget.

    python -m benchmarks.noise [--days 365] [--budget 5] [--out FILE]

Volumes are overdispersed (gamma, shape 3), with a daily and a weekly cycle, holidays at a fifth of the volume, and levels that
wander from day to day; shares are beta around 10 to 30 %. The detectors, the budget and the alert book are the product's own.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from alerting.composing.book import AlertBook
from alerting.detection.budget import Budget
from alerting.detection.rules import SpikeSettings
from alerting.detection.scales import Counted
from alerting.detection.spikes import Detector, Footing, Residue
from alerting.rehearsal import rehearsal
from ingest.instants import DAY, MINUTE

STEP, DAY_STEPS, TOPICS = 5 * MINUTE, 288, 20
SETTINGS = SpikeSettings()


def day_of(random: np.random.Generator, per_hour: float, day: int, share: float) -> tuple[list[int], list[int]]:
    """Documents and negatives of the 288 bins of a day."""
    bins = np.arange(DAY_STEPS)
    rate = per_hour / 12 * (1 + 0.7 * np.sin(2 * np.pi * bins / DAY_STEPS)) * np.exp(random.normal(0, 0.2))
    rate *= 0.4 if day % 7 in (5, 6) else 1.2
    rate *= 0.2 if day % 61 == 40 else 1.0
    documents = random.poisson(rate * random.gamma(3, 1 / 3, DAY_STEPS))
    shares = random.beta(30 * share, 30 * (1 - share), DAY_STEPS)
    return documents.tolist(), random.binomial(documents, shares).tolist()


def onsets(per_hour: float, days: int, per_week: float, seed: int) -> Iterator[int]:
    """Event times of alerts over all topics, which share one budget as in the product."""
    random = np.random.default_rng(seed)
    shares = random.uniform(0.1, 0.3, TOPICS)
    detectors = [Detector.fresh(SETTINGS, 0) for _ in range(TOPICS)]
    subjects, book, budget = [str(topic) for topic in range(TOPICS)], AlertBook(), Budget()
    for day in range(days):
        made = [day_of(random, per_hour, day, share) for share in shares]
        for step in range(DAY_STEPS):
            at = day * DAY + (step + 1) * STEP
            if step % 12 == 0:
                ready = sum(detector.is_ready(at, SETTINGS) for detector in detectors) / TOPICS
                budget.pass_time(at, per_week, ready)
            footing = Footing(SETTINGS, 0.25, budget.alarm_days(per_week, TOPICS))
            book.quieten(at - STEP)
            for subject, detector, (documents, negatives) in zip(subjects, detectors, made, strict=True):
                if not documents[step]:
                    continue
                excess = book.excesses.get(subject)
                residue = excess.residue if excess else Residue()
                spike = detector.update(
                    Counted(at, documents[step], negatives[step]), footing._replace(residue=residue)
                )
                change = spike and book.consider(subject, spike, at - STEP, at)
                if spike and change:
                    book.tell(subject, replace(rehearsal("warning", at), detection=spike.detection), spike.days, at)
                    if change.kind == "opened":
                        budget.spend()
                        yield at


def main() -> None:
    """Print the table and keep it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--budget", type=float, default=5.0, help="alerts a week")
    parser.add_argument(
        "--volumes", type=float, nargs="+", default=[0.5, 5, 50, 500], help="documents an hour and topic"
    )
    parser.add_argument("--out", type=Path, help="JSON file for the figures")
    arguments = parser.parse_args()
    figures = []
    for per_hour in arguments.volumes:
        alerts = list(onsets(per_hour, arguments.days, arguments.budget, seed=1))
        half = sum(at > arguments.days * DAY / 2 for at in alerts)
        row = {
            "per_hour": per_hour,
            "alerts_a_week": 7 * len(alerts) / arguments.days,
            "second_half_a_week": 14 * half / arguments.days,
            "budget": arguments.budget,
        }
        figures.append(row)
        print("  ".join(f"{name} {value:.2f}" for name, value in row.items()), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
