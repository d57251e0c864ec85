"""What is served can be learnt on: an artifact gives its network back."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from classifier.artifact import SHIPPED, Artifact, ArtifactError
from classifier.training.model import load_served, save_model
from classifier.training.scoring import score_torch
from classifier.training.settings import Settings
from classifier.training.thaw import load_trained, thaw
from classifier.training.train import build_model
from tests.classifier.training.made import texts

REFERENCE = Path(__file__).parents[1] / "reference"


def test_every_weight_comes_back(tiny: Artifact, trained: Path) -> None:
    found, card = thaw(tiny.folder)
    served, its_card = load_served(trained)
    assert (card.topics, card.encoder, card.max_tokens) == (its_card.topics, its_card.encoder, its_card.max_tokens)
    before = served.state_dict()
    assert found.state_dict().keys() == before.keys()
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, before[name], atol=2e-4, rtol=1e-3, msg=name)


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
    model, tokenizer = build_model(Settings(start_from=str(tiny.folder), dropout=0.3), texts())
    assert tokenizer == (tiny.folder / "tokenizer.json").read_text("utf-8")
    assert model.dropout.p == 0.3
    again, _ = load_trained(tiny.folder)
    assert torch.equal(model.queries, again.queries)


def test_a_damaged_artifact_is_refused(tiny: Artifact, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny.folder, folder)
    (folder / "model.fp16.onnx").write_bytes(b"no graph")
    with pytest.raises(ArtifactError, match="damaged"):
        thaw(folder)
