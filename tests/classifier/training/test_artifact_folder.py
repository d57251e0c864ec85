"""The folder of an artifact: whole at any time, and made of any BERT-like encoder."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from classifier.artifact import Artifact, read_artifact
from classifier.training.artifact import build
from classifier.training.data import Example, LabelWeights, read_examples
from classifier.training.labels import TOPICS
from classifier.training.model import Card, load_model, save_model, word_rows
from classifier.training.scoring import score_onnx, score_torch
from classifier.training.settings import Settings
from classifier.training.thaw import load_trained
from classifier.training.train import build_model
from tests.classifier.training.made import texts
from tests.classifier.training.tiny import distilbert, write_encoder


@pytest.fixture
def examples(labelled: Path) -> list[Example]:
    return read_examples([labelled], TOPICS, LabelWeights())


@pytest.fixture
def before(tiny: Artifact, tmp_path: Path) -> Artifact:
    """The tiny model, as it was written some years ago."""
    folder = shutil.copytree(tiny.folder, tmp_path / "out")
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | {"created_at": "2020-01-01T00:00:00Z"}), "utf-8")
    return read_artifact(folder)


def changed(trained: Path, out: Path) -> Path:
    """Writes a model of other word rows; returns its folder."""
    model, card = load_model(trained)
    with torch.no_grad():
        word_rows(model.encoder).mul_(torch.linspace(0.5, 1.5, 32))
    save_model(model, card, (trained / "tokenizer.json").read_text("utf-8"), out)
    return out


def test_a_model_stays_as_it_is_until_its_successor_is_whole(
    before: Artifact, trained: Path, examples: list[Example], tmp_path: Path
) -> None:
    other, names = changed(trained, tmp_path / "other"), sorted(before.folder.iterdir())
    with pytest.raises(ValueError, match="does not hold the word rows"):
        build(other, examples, before.folder, "tiny", small=trained)
    assert read_artifact(before.folder).id == before.id
    assert sorted(before.folder.iterdir()) == names
    build(other, examples, before.folder, "tiny")
    assert read_artifact(before.folder).id != before.id
    assert sorted(before.folder.iterdir()) == names


def test_the_same_model_written_again_keeps_its_id_and_is_mended(
    before: Artifact, trained: Path, examples: list[Example]
) -> None:
    (before.folder / "model.int8.onnx").write_bytes(b"damaged")
    build(trained, examples, before.folder, "tiny")
    assert read_artifact(before.folder).id == before.id


def test_an_encoder_of_another_kind_becomes_a_model_that_can_be_gone_on_from(
    examples: list[Example], tmp_path: Path
) -> None:
    encoder = write_encoder(tmp_path / "encoder", distilbert)
    model, _, tokenizer = build_model(Settings(encoder=encoder), texts())
    save_model(model, Card(TOPICS, "tiny"), tokenizer, tmp_path / "model")
    build(tmp_path / "model", examples, tmp_path / "out", "distilled")
    assert "An encoder of 2 layers (hidden 32)" in (tmp_path / "out" / "card.md").read_text("utf-8")
    served = score_onnx(tmp_path / "out" / "model.int8.onnx", tmp_path / "out" / "tokenizer.json", texts())
    assert served.topics == pytest.approx(score_torch(tmp_path / "model", texts()).topics, abs=0.1)
    again = load_trained(tmp_path / "out")
    assert again.tokenizer_json == tokenizer
    for name, weight in load_model(tmp_path / "model")[0].state_dict().items():
        torch.testing.assert_close(again.model.state_dict()[name], weight, atol=2e-2, rtol=1e-3)
