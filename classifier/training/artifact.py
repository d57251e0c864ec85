"""Writes the folder that the serving side loads: graphs, tokenizer, manifest and card.

    python -m classifier.training.artifact --model DIR --data FILE... --weak FILE... --texts FILE... --out DIR
        [--small DIR] [--name NAME] [--learnt SOURCE...]

With `--small`, a student of that model (`python -m classifier.training.distil`) goes into the same folder: a third graph, which
reads its embeddings out of the first, with temperatures, thresholds and figures of its own.
"""

import argparse
import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from transformers import PreTrainedConfig

from classifier.artifact import FORMAT, NETWORK_CPU, NETWORK_GPU, NETWORK_SMALL, SENTIMENTS, TOKENIZER
from classifier.training.calibrate import Calibration, calibrate
from classifier.training.card import model_card, small_card
from classifier.training.data import Example, every_example, split
from classifier.training.evaluate import evaluate
from classifier.training.export import export_fp32
from classifier.training.half import halve
from classifier.training.licences import joined, licences_of
from classifier.training.model import Card, load_model
from classifier.training.quantize import quantize
from classifier.training.scoring import Logits, score_onnx

MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Measured:
    """What a manifest says of one network.

    Attributes:
        parameters: number of weights.
        calibration: temperatures and thresholds.
        metrics: figures on the validation fold.
    """

    parameters: int
    calibration: Calibration
    metrics: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a manifest says beside the hashes.

    Attributes:
        name: of the artifact.
        card: of the trained model.
        encoder_config: of its encoder; the manifest has what differs from transformers' settings of its kind.
        licences: training data, one entry a source and licence: `source`, `licence`, `rows`; that of earlier trainings too.
        default: of the network that is usually meant.
        small: of its student, if there is one.
    """

    name: str
    card: Card
    encoder_config: PreTrainedConfig
    licences: tuple[dict[str, Any], ...]
    default: Measured
    small: Measured | None = None


def write_manifest(contents: Contents, folder: Path, created_at: datetime) -> None:
    """Writes `card.md` and `manifest.json` beside the graphs and the tokenizer.

    Args:
        contents: what to say.
        folder: holds `tokenizer.json` and the graphs already.
        created_at: aware time.
    """
    default, small, topics = contents.default, contents.small, contents.card.topics
    about = contents.card, contents.encoder_config, contents.licences, default.metrics
    card = model_card(contents.name, default.parameters, *about)
    if small:
        card += small_card(small.parameters, small.metrics, default.metrics)
    (folder / "card.md").write_text(card, "utf-8")
    files = [TOKENIZER, NETWORK_CPU, NETWORK_GPU, *([NETWORK_SMALL] if small else []), "card.md"]
    manifest = {
        "format": FORMAT,
        "name": contents.name,
        "created_at": created_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "topics": list(topics),
        "sentiments": list(SENTIMENTS),
        "max_tokens": contents.card.max_tokens,
        "encoder": contents.card.encoder,
        "encoder_config": contents.encoder_config.to_diff_dict(),
        "teachers": list(contents.card.teachers),
        "languages": list(contents.card.languages),
        "licences": list(contents.licences),
        **_said(default, topics),
        **({"small": _said(small, topics)} if small else {}),
        "files": {name: _sha256(folder / name) for name in files},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", "utf-8")


def _said(network: Measured, topics: Sequence[str]) -> dict[str, Any]:
    calibration = network.calibration
    return {
        "temperature": {"topics": calibration.topic_temperature, "sentiment": calibration.sentiment_temperature},
        "thresholds": dict(zip(topics, calibration.thresholds, strict=True)),
        "parameters": network.parameters,
        "metrics": network.metrics,
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_graphs(model: Path, out: Path, small: Path | None = None) -> None:
    """Writes the tokenizer and the graphs of a trained model, int8 and float16, and of its student into the folder `out`.

    Raises:
        ValueError: the student is that of another model.
    """
    shutil.copyfile(model / "tokenizer.json", out / TOKENIZER)
    with tempfile.TemporaryDirectory() as scratch:
        export_fp32(model, Path(scratch) / "fp32.onnx")
        quantize(Path(scratch) / "fp32.onnx", out / NETWORK_CPU)
        halve(Path(scratch) / "fp32.onnx", out / NETWORK_CPU, out / NETWORK_GPU)
        if small:
            export_fp32(small, Path(scratch) / "small.onnx")
            quantize(Path(scratch) / "small.onnx", out / NETWORK_SMALL, teacher=out / NETWORK_CPU)


def build(
    model: Path,
    examples: Sequence[Example],
    out: Path,
    name: str,
    learnt: Sequence[str] = (),
    small: Path | None = None,
) -> Contents:
    """Exports, calibrates on the validation fold, measures with cross-fitted calibration, and writes the folder.

    An artifact that is there stays whole until its successor is, and keeps its id if that is the same.

    Args:
        model: the folder that training wrote.
        examples: what it was trained on; those that `split` holds out calibrate and judge it.
        out: the folder to write, made if it is not there.
        name: of the artifact.
        learnt: sources that are neither calibrated on nor judged: an earlier stage of training has learnt their held-out rows.
        small: the folder of the model's student.

    Raises:
        ValueError: the student is that of another model.
    """
    taught, held_out = split(examples)
    validation = [example for example in held_out if example.source not in learnt]
    network, card = load_model(model)
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".artifact-", dir=out) as scratch:
        folder = Path(scratch)
        write_graphs(model, folder, small)
        contents = Contents(
            name=name,
            card=card,
            encoder_config=network.encoder.config,
            licences=joined((*card.licences, *licences_of(taught))),
            default=_measured(model, folder / NETWORK_CPU, validation, learnt),
            small=_measured(small, folder / NETWORK_SMALL, validation, learnt) if small else None,
        )
        write_manifest(contents, folder, datetime.now(UTC))
        if _says_the_same(folder / MANIFEST, out / MANIFEST):  # the same networks keep their id
            (folder / MANIFEST).unlink()
        for file in sorted(folder.iterdir(), key=lambda file: file.name == MANIFEST):
            file.replace(out / file.name)
    return contents


def _says_the_same(manifest: Path, before: Path) -> bool:
    """Whether two manifests differ in nothing but when they were written."""
    try:
        one, other = (json.loads(file.read_text("utf-8")) | {"created_at": ""} for file in (manifest, before))
    except (OSError, ValueError, TypeError):  # there is none before, or it is damaged
        return False
    return bool(one == other)


def _measured(model: Path, graph: Path, validation: Sequence[Example], learnt: Sequence[str]) -> Measured:
    network, card = load_model(model)
    logits: Logits = score_onnx(graph, model / "tokenizer.json", [e.text for e in validation])
    return Measured(
        parameters=sum(p.numel() for p in network.parameters()),
        calibration=calibrate(validation, logits, card.topics),
        metrics=evaluate(validation, logits, card.topics) | {"not_judged": sorted(learnt)},
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Write the artifact of a trained model.")
    parser.add_argument("--model", type=Path, required=True, help="the folder `model` that training wrote")
    parser.add_argument("--data", nargs="+", type=Path, required=True, help="the labelled rows it was trained on")
    parser.add_argument("--weak", nargs="*", type=Path, default=[], help="the rule-labelled rows it was trained on")
    parser.add_argument("--texts", nargs="*", type=Path, default=[], help="the unlabelled rows that it has seen")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--small", type=Path, help="the folder `model` of its student, that distilling wrote")
    parser.add_argument("--name", default="bellwether-minilm-en-zh")
    parser.add_argument("--learnt", nargs="*", default=[], help="sources learnt whole by an earlier stage: not judged")
    given = parser.parse_args(arguments)
    examples = every_example(given.data, given.weak, given.texts)
    contents = build(given.model, examples, given.out, given.name, given.learnt, given.small)
    print(json.dumps(contents.default.metrics, indent=1))


if __name__ == "__main__":
    main()
