"""A text that kills the process is found by the processes that come after it, and costs no other text its score."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from classifier.caution import MOST_DEATHS
from tests.classifier.made import document
from tests.classifier.turning import Desk, assert_consecutive, documents

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("where", "poisonous"), [("decode", (0,)), ("score", (5, 20))])
def test_the_text_that_kills_is_dead_lettered_alone(
    tmp_path: Path, artifact_folder: Path, where: str, poisonous: tuple[int, ...]
) -> None:
    desk = Desk(tmp_path)
    desk.append(*[document(n, f"poison {n}" if n in poisonous else f"Shares fall {n}") for n in range(30)])
    command = [sys.executable, "-m", "tests.classifier.dying", str(tmp_path), str(artifact_folder), where]
    exits = []
    while not exits or exits[-1]:
        exits.append(subprocess.run(command, cwd=ROOT, check=False).returncode)
        assert exits[-1] in (0, -signal.SIGKILL)
        assert len(exits) < 20
    assert_consecutive(desk.ranges(), 0, 30)
    assert documents(desk.ranges()) == [f"n{n}" for n in range(30) if n not in poisonous]
    assert [(letter.offset, letter.reason) for letter in desk.dead()] == [(n, "killed") for n in poisonous]
    assert len(exits) > len(poisonous) * MOST_DEATHS  # each was tried alone, so often
