"""Writes the folder that the serving side loads: graphs, tokenizer, manifest and card.

python -m classifier.training.artifact --model DIR --data FILE... --weak FILE... --out DIR [--name NAME] [--learnt SOURCE...]
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from classifier.training.calibrate import Calibration, calibrate
from classifier.training.card import model_card
from classifier.training.data import Example, LabelWeights, read_examples, split
from classifier.training.evaluate import evaluate
from classifier.training.export import export_fp32
from classifier.training.half import halve
from classifier.training.labels import SENTIMENTS, TOPICS
from classifier.training.model import Card, load_model
from classifier.training.quantize import quantize
from classifier.training.scoring import Logits, score_onnx

FORMAT = 1
GRAPH = "model.int8.onnx"
HALF = "model.fp16.onnx"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a manifest says beside the hashes.

    Attributes:
        name: of the artifact.
        card: of the trained model.
        parameters: number of weights.
        calibration: temperatures and thresholds.
        licences: training data, one entry a source and licence: `source`, `licence`, `rows`.
        metrics: figures on the validation fold.
    """

    name: str
    card: Card
    parameters: int
    calibration: Calibration
    licences: tuple[dict[str, Any], ...]
    metrics: dict[str, Any]


def licences_of(examples: Sequence[Example]) -> tuple[dict[str, Any], ...]:
    """Rows trained on, by source and licence."""
    counts = Counter((e.source, e.licence) for e in split(examples)[0])
    return tuple({"source": s, "licence": licence, "rows": rows} for (s, licence), rows in sorted(counts.items()))


def write_manifest(contents: Contents, folder: Path, created_at: datetime) -> None:
    """Writes `card.md` and `manifest.json` beside the graphs and the tokenizer.

    Args:
        contents: what to say.
        folder: holds `tokenizer.json` and the graphs already.
        created_at: aware time.
    """
    card = model_card(contents.name, contents.parameters, contents.licences, contents.metrics)
    (folder / "card.md").write_text(card, "utf-8")
    manifest = {
        "format": FORMAT,
        "name": contents.name,
        "created_at": created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "topics": list(contents.card.topics),
        "sentiments": list(SENTIMENTS),
        "max_tokens": contents.card.max_tokens,
        "temperature": {
            "topics": contents.calibration.topic_temperature,
            "sentiment": contents.calibration.sentiment_temperature,
        },
        "thresholds": dict(zip(contents.card.topics, contents.calibration.thresholds, strict=True)),
        "parameters": contents.parameters,
        "encoder": contents.card.encoder,
        "licences": list(contents.licences),
        "metrics": contents.metrics,
        "files": {name: _sha256(folder / name) for name in ("tokenizer.json", GRAPH, HALF, "card.md")},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_graphs(model: Path, out: Path) -> None:
    """Writes the tokenizer and the graphs of a trained model, int8 and float16, into the artifact's folder."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model / "tokenizer.json", out / "tokenizer.json")
    with tempfile.TemporaryDirectory() as scratch:
        export_fp32(model, Path(scratch) / "fp32.onnx")
        quantize(Path(scratch) / "fp32.onnx", out / GRAPH)
        halve(Path(scratch) / "fp32.onnx", out / GRAPH, out / HALF)


def build(model: Path, examples: Sequence[Example], out: Path, name: str, learnt: Sequence[str] = ()) -> Contents:
    """Exports, calibrates on the validation fold, measures with cross-fitted calibration, and writes the folder.

    Sources in `learnt` are neither calibrated on nor judged: an earlier stage of training has learnt their held-out rows.
    """
    write_graphs(model, out)
    validation = [example for example in split(examples)[1] if example.source not in learnt]
    logits: Logits = score_onnx(out / GRAPH, out / "tokenizer.json", [e.text for e in validation])
    network, card = load_model(model)
    contents = Contents(
        name=name,
        card=card,
        parameters=sum(p.numel() for p in network.parameters()),
        calibration=calibrate(validation, logits, card.topics),
        licences=licences_of(examples),
        metrics=evaluate(validation, logits, card.topics) | {"not_judged": sorted(learnt)},
    )
    write_manifest(contents, out, datetime.now(UTC))
    return contents


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the artifact of a trained model.")
    parser.add_argument("--model", type=Path, required=True, help="the folder `model` that training wrote")
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="the labelled rows it was trained on")
    parser.add_argument("--weak", nargs="*", type=Path, default=[], help="the rule-labelled rows it was trained on")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="bellwether-minilm-en-zh")
    parser.add_argument("--learnt", nargs="*", default=[], help="sources learnt whole by an earlier stage: not judged")
    given = parser.parse_args(arguments)
    examples = read_examples(given.data, TOPICS, LabelWeights())
    examples += read_examples(given.weak, TOPICS, LabelWeights(), weak=True)
    contents = build(given.model, examples, given.out, given.name, given.learnt)
    print(json.dumps(contents.metrics, indent=1))


if __name__ == "__main__":
    main()
