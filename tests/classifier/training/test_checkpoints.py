"""A training that was interrupted goes on from what is whole, whenever it was."""

import shutil
from pathlib import Path

import pytest

from classifier.training.checkpoints import last_checkpoint
from classifier.training.data import LabelWeights, read_examples
from classifier.training.labels import TOPICS
from classifier.training.settings import Settings
from classifier.training.train import train


@pytest.mark.parametrize("written", ["", '{"epoch": 1', None])
def test_a_checkpoint_that_was_cut_off_is_passed_over(
    encoder: str, labelled: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], written: str | None
) -> None:
    examples = read_examples([labelled], TOPICS, LabelWeights())
    settings = Settings(encoder=encoder, batch=8, max_steps=4, check_every=2)
    train(settings, examples, tmp_path)
    kept = tmp_path / "checkpoints"
    cut = shutil.copytree(kept / "checkpoint-4", kept / "checkpoint-30")
    (cut / "optimizer.pt").write_bytes(b"")
    if written is None:
        (cut / "trainer_state.json").unlink()
    else:
        (cut / "trainer_state.json").write_text(written)
    train(settings, examples, tmp_path)
    assert f"{cut} was cut off while it was written" in capsys.readouterr().err
    assert last_checkpoint(kept) == str(kept / "checkpoint-4")


def test_where_nothing_is_kept_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path / "nowhere") is None
    (tmp_path / "checkpoint-3").mkdir()
    assert last_checkpoint(tmp_path) is None
    assert not list(tmp_path.iterdir())
