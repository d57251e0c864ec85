"""What is served can be learnt on: an artifact gives its network back."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from classifier.artifact import SHIPPED, Artifact
from classifier.training.artifact import build
from classifier.training.data import LabelWeights, read_examples
from classifier.training.labels import TOPICS
from classifier.training.model import LabelAttention, load_model, load_served, save_model
from classifier.training.scoring import score_torch
from classifier.training.settings import Settings, TrainingError
from classifier.training.thaw import load_trained, thaw
from classifier.training.train import build_model, train
from tests.classifier.training.made import texts

REFERENCE = Path(__file__).parents[1] / "reference"


def test_every_weight_comes_back(tiny: Artifact, trained: Path) -> None:
    found, card = thaw(tiny.folder)
    served, its_card = load_served(trained)
    assert (card.topics, card.encoder, card.max_tokens) == (its_card.topics, its_card.encoder, its_card.max_tokens)
    _same_weights(found, served)


def test_weights_that_are_equal_come_back_each_under_its_name(trained: Path, labelled: Path, tmp_path: Path) -> None:
    model, card = load_model(trained)
    for name, parameter in model.named_parameters():
        if name.endswith("LayerNorm.weight"):
            torch.nn.init.ones_(parameter)
        elif name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
    save_model(model, card, (trained / "tokenizer.json").read_text("utf-8"), tmp_path / "run")
    build(tmp_path / "run", read_examples([labelled], TOPICS, LabelWeights()), tmp_path / "out", "equal")
    found, _ = thaw(tmp_path / "out")
    _same_weights(found, load_served(tmp_path / "run")[0])


def test_the_shipped_network_says_what_it_said_when_it_was_trained(tmp_path: Path) -> None:
    """The reference holds its float32 logits."""
    model, card = thaw(SHIPPED)
    save_model(model, card, (SHIPPED / "tokenizer.json").read_text("utf-8"), tmp_path)
    sentences = [json.loads(line)["text"] for line in (REFERENCE / "sentences.jsonl").read_text("utf-8").splitlines()]
    said = json.loads((REFERENCE / "scores.json").read_text("utf-8"))
    logits = score_torch(tmp_path, sentences)
    assert np.abs(logits.topics - said["topics"]).max() < 0.02
    assert np.abs(logits.sentiment - said["sentiment"]).max() < 0.02


def test_training_goes_on_from_an_artifact_with_its_vocabulary(tiny: Artifact) -> None:
    model, _, tokenizer = build_model(Settings(start_from=str(tiny.folder), dropout=0.3), texts())
    assert tokenizer == (tiny.folder / "tokenizer.json").read_text("utf-8")
    assert model.dropout.p == 0.3
    assert torch.equal(model.queries, load_trained(tiny.folder).model.queries)


def test_a_damaged_artifact_is_refused(tiny: Artifact, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny.folder, folder)
    (folder / "model.fp16.onnx").write_bytes(b"no graph")
    with pytest.raises(TrainingError, match="damaged"):
        load_trained(folder)


def test_a_network_of_other_topics_is_refused(trained: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(trained, tmp_path / "other")
    card = json.loads((folder / "card.json").read_text("utf-8"))
    (folder / "card.json").write_text(json.dumps(card | {"topics": card["topics"][::-1]}), "utf-8")
    with pytest.raises(TrainingError, match="knows other topics: other"):
        load_trained(folder)


def test_what_the_start_was_trained_on_stays_on_the_card(tiny: Artifact, tmp_path: Path) -> None:
    rows = [
        {"text": f"the plan rises {n}", "sentiment": "positive", "source": "more", "licences": ["MIT"], "fold": n % 4}
        for n in range(12)
    ]
    (tmp_path / "more.jsonl").write_text("\n".join(map(json.dumps, rows)), "utf-8")
    examples = read_examples([tmp_path / "more.jsonl"], TOPICS, LabelWeights())
    settings = Settings(start_from=str(tiny.folder), teachers=(str(tiny.folder),), max_steps=2, batch=8)
    model = train(settings, examples, tmp_path / "run")
    card = build(model, examples, tmp_path / "out", "more").card
    assert card.languages == ("en", "zh")
    assert card.teachers == (thaw(tiny.folder)[1].encoder,)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert [(each["source"], each["licence"]) for each in manifest["licences"]] == [
        ("more", "MIT"),
        ("own", "not stated"),
    ]
    assert load_trained(model).card.licences == tuple(manifest["licences"])
    with pytest.raises(TrainingError, match="holds a run of other settings or rows"):
        train(replace(settings, learning_rate=1e-3), examples, tmp_path / "run")
    with pytest.raises(TrainingError, match="holds a run of other settings or rows"):
        train(settings, examples[1:], tmp_path / "run")


def _same_weights(found: LabelAttention, exported: LabelAttention) -> None:
    before = exported.state_dict()
    assert found.state_dict().keys() == before.keys()
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, before[name], atol=2e-4, rtol=1e-3, msg=name)
