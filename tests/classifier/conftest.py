from pathlib import Path

import pytest

from classifier.artifact import SHIPPED
from classifier.scorer import Scorer
from classifier.tokenizer import Tokenizer
from tests.classifier.turning import Desk


@pytest.fixture(scope="session")
def artifact_folder() -> Path:
    """The artifact that is shipped."""
    return SHIPPED


@pytest.fixture(scope="session")
def opened(artifact_folder: Path) -> Scorer:
    """One loaded model for all tests of this folder."""
    return Scorer.open(artifact_folder, device="cpu")


@pytest.fixture
def scorer(opened: Scorer) -> Scorer:
    """The loaded model, remembering nothing."""
    opened.forget()
    return opened


@pytest.fixture(scope="session")
def tokenizer(artifact_folder: Path) -> Tokenizer:
    return Tokenizer(artifact_folder / "tokenizer.json", 64)


@pytest.fixture
def copied(artifact_folder: Path, tmp_path: Path) -> Path:
    """The artifact in a folder of its own, to be damaged: links, so replace a file, never write into it."""
    folder = tmp_path / "artifact"
    folder.mkdir()
    for file in artifact_folder.iterdir():
        if file.is_file():
            (folder / file.name).symlink_to(file)
    return folder


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
