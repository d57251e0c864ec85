"""Whether memory stays flat: scores through aggregation, then texts through the model, resident memory told as they go.

    python -m benchmarks.memory --out FILE [--scores 10000000] [--texts 300000]

The drift is the last figure over the first at which all is warm: of scores, two days of event time are full; of texts, the model
remembers as many as it ever does for their copies. Null says that it did not come so far. On two cores so many texts take half
an hour.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from msgspec import structs
from rich.console import Console

from alerting.counting.windows import WindowSettings
from alerting.keeper import Keeper
from alerting.state import AggregateSettings, State
from benchmarks.aggregation import IN_RANGE, Ranges
from benchmarks.machine import Neighbours, machine
from benchmarks.texts import Texts
from classifier.artifact import SHIPPED, TOKENIZER, read_artifact
from classifier.scorer import REMEMBERED, Scorer
from classifier.scores import Columns, decode_columns
from classifier.tokenizer import Tokenizer
from ingest.instants import DAY

MADE = 150_000  # scored documents that are made, and told again and again at later times
LOOKS = 20
PORTION = 150


def resident() -> int:
    """Bytes of this process in memory."""
    told = Path("/proc/self/status").read_text("utf-8")
    return int(told.split("VmRSS:")[1].split()[0]) * 1024


def aggregating(ranges: Ranges, scores: int, console: Console) -> dict[str, Any]:
    """Resident memory while so many scores go through decoding, admission and `Keeper.take`."""
    keeper = Keeper(AggregateSettings(inputs=("news",)), "h", State.fresh(WindowSettings()))
    done, looks = 0, []
    for turn in range(scores // ranges.documents + 1):
        for value in ranges.encoded:
            columns = _later(decode_columns(value), turn, ranges.documents)
            _, fresh, _ = keeper.state.inputs.admit(columns)
            for _ in keeper.take([keeper.admitted(done, columns, fresh)]):
                pass
            done += IN_RANGE
            if done >= scores / LOOKS * (len(looks) + 1):
                looks.append(resident())
                console.print(f"{done:,} scores: {looks[-1] / 1e6:.0f} MB")
    return _told(looks, done, LOOKS // 5)


def _later(columns: Columns, turn: int, documents: int) -> Columns:
    """The same documents in other words, so many positions later, in another quarter of a day."""
    offsets, shift = turn * documents, turn * DAY // 4
    rows = columns.rows.copy()
    rows["offset"] += offsets
    rows["story"] ^= np.uint64(turn * 0x9E3779B97F4A7C15 & 0xFFFF_FFFF_FFFF_FFFF)
    for name in ("published_at", "event_at", "appended_at"):
        rows[name] += shift
    whole = columns.range
    columns.rows = rows
    columns.range = structs.replace(
        whole, start=whole.start + offsets, next=whole.next + offsets, end=whole.end + offsets,
        read_at=None if whole.read_at is None else whole.read_at + shift, first=whole.first and not turn,
        classified_at=whole.classified_at + shift,
    )  # fmt: skip
    return columns


def scoring(texts: Sequence[str], count: int, console: Console) -> dict[str, Any]:
    """Resident memory while so many texts, no two alike, go through `Scorer.score`."""
    scorer = Scorer.open(SHIPPED, device="cpu")
    done, looks, warm = 0, [], 0
    while done < count:
        scorer.score([f"{texts[number % len(texts)]} {number}" for number in range(done, done + PORTION)])
        done += PORTION
        if done >= count / LOOKS * (len(looks) + 1):
            looks.append(resident())
            warm += done < REMEMBERED
            console.print(f"{done:,} texts: {looks[-1] / 1e6:.0f} MB")
    return _told(looks, done, warm)


def _told(looks: list[int], many: int, warm: int) -> dict[str, Any]:
    told = {"count": many, "resident_mb": [round(each / 1e6) for each in looks]}
    return told | {"drift": looks[-1] / looks[warm] - 1 if warm < len(looks) - 1 else None}


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the figures")
    parser.add_argument("--scores", type=int, default=10_000_000)
    parser.add_argument("--texts", type=int, default=300_000)
    arguments = parser.parse_args()
    console, neighbours = Console(), Neighbours()
    artifact = read_artifact(SHIPPED)
    texts = Texts(Tokenizer(artifact.path(TOKENIZER), artifact.manifest.max_tokens)).take(2_000)
    figures = {"scores": aggregating(Ranges(artifact.manifest, texts, MADE), arguments.scores, console)}
    figures["texts"] = scoring(texts, arguments.texts, console)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    told = figures | {"machine": machine() | neighbours.told()}
    arguments.out.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
