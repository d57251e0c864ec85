import json
from pathlib import Path

import pytest

from classifier.artifact import Artifact, read_artifact
from classifier.training import artifact, train
from classifier.training.data import LabelWeights, read_examples
from classifier.training.labels import TOPICS
from tests.classifier.training.made import rows
from tests.classifier.training.tiny import write_encoder


@pytest.fixture(scope="session")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows()), "utf-8")
    return path


@pytest.fixture(scope="session")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Path of a tiny encoder."""
    return write_encoder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(scope="session")
def trained(labelled: Path, encoder: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model trained for a few steps by the command itself."""
    out = tmp_path_factory.mktemp("run")
    command = ["--data", str(labelled), "--out", str(out), "--encoder", encoder, "--max-steps", "40", "--batch", "8"]
    train.main([*command, "--learning-rate", "2e-3"])
    return out / "model"


@pytest.fixture(scope="session")
def tiny(trained: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The artifact of the tiny model."""
    out = tmp_path_factory.mktemp("artifact")
    artifact.build(trained, read_examples([labelled], TOPICS, LabelWeights()), out, "tiny")
    return read_artifact(out)
