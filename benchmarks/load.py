"""How long a text waits for its scores, and how many are scored, from light load to nearly full.

    python -m benchmarks.load --out FILE [--seconds 12]

First comes how many texts a second `bellwether classify` takes from a backlog in Kafka to the scores log. Then documents come
at random (a Poisson process) at a share of that rate. A wait is from the document's append to its log to that of its scores; told
are also how many came a second, and how many were scored while they came.
"""

import argparse
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.daemon import WARM_UP, Daemon
from benchmarks.machine import Neighbours, machine
from benchmarks.texts import MIX, Texts
from classifier.artifact import SHIPPED, TOKENIZER, read_artifact
from classifier.tokenizer import Tokenizer

LOADS = (0.1, 0.5, 0.8, 0.95)
PROBE = 1_600  # texts that the full rate is taken from
FEWEST = 100


def measured(seconds: float, console: Console) -> Iterator[dict[str, Any]]:
    """After each share of the full rate, all figures so far."""
    artifact = read_artifact(SHIPPED)
    texts = Texts(Tokenizer(artifact.path(TOKENIZER), artifact.manifest.max_tokens))
    loads = []
    with closing(Daemon()) as daemon:
        full = daemon.texts_per_s(texts.take(PROBE))
        console.print(f"from a backlog: {full:.0f} texts/s")
        for load in LOADS:
            neighbours = Neighbours()
            count = max(FEWEST, round(full * load * seconds))
            waits, came, scored = daemon.waits(texts.take(WARM_UP + count), full * load)
            loads.append(
                {"load": load, "came_per_s": came, "scored_per_s": scored, "texts": count}
                | {f"p{q}_ms": float(np.percentile(waits, q)) * 1000 for q in (50, 95, 99)}
                | {"cores_taken_by_others": neighbours.cores()}
            )
            yield {"backlog_texts_per_s": full, "loads": loads}


def shown(figures: dict[str, Any]) -> Table:
    """A line for each load."""
    table = Table(title="Waiting for scores")
    for heading in ("load", "came/s", "scored/s", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(heading, justify="right")
    for each in figures["loads"]:
        rates = (each[name] for name in ("came_per_s", "scored_per_s", "p50_ms", "p95_ms", "p99_ms"))
        table.add_row(f"{each['load']:.0%}", *(f"{value:,.0f}" for value in rates))
    return table


def main() -> None:
    """Measure, print the table and keep the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the figures")
    parser.add_argument("--seconds", type=float, default=12.0, help="at each load")
    arguments = parser.parse_args()
    console, neighbours = Console(), Neighbours()
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    for figures in measured(arguments.seconds, console):
        told = figures | {"mix": MIX, "machine": machine() | neighbours.told()}
        arguments.out.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
        console.print(shown(figures))


if __name__ == "__main__":
    main()
