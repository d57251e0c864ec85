"""A score on an older processor: the promises of the network hold with the kernels of AVX2, too."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from benchmarks.avx2 import environment
from classifier.artifact import SHIPPED
from classifier.scorer import Scored, Scorer
from classifier.scores import WHOLE
from tests.classifier.made import texts

ROOT = Path(__file__).parents[2]
TESTS = (
    "tests/classifier/training/test_shipped_artifact.py",
    "tests/classifier/test_scorer.py::test_a_text_scores_the_same_alone_as_in_company",
    "tests/classifier/test_scorer.py::test_a_text_scores_the_same_in_any_order_and_any_company[1]",
)
TELLS = """
import ctypes, os, onnxruntime, torch
library = ctypes.CDLL(os.environ["LD_PRELOAD"])
print(ctypes.c_int.in_dll(library, "answered").value, torch.backends.cpu.get_cpu_capability())
"""
SCORES = """
import msgspec
from classifier.artifact import SHIPPED
from classifier.artifact import SHIPPED
from classifier.scorer import Scorer
from tests.classifier.made import texts
print(msgspec.json.encode(Scorer.open(SHIPPED, device="cpu").score(texts(260))).decode())
"""

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64" or not (shutil.which("gcc") and shutil.which("objdump")),
    reason="holding a program to AVX2 takes gcc, objdump and a processor of that family",
)


@pytest.fixture(scope="module")
def held() -> dict[str, str]:
    return environment(os.environ)


def test_onnx_runtime_is_answered_by_us_and_torch_holds_itself(held: dict[str, str]) -> None:
    told = subprocess.run([sys.executable, "-c", TELLS], env=held, check=True, capture_output=True, text=True)
    answered, capability = told.stdout.split()
    assert int(answered) > 0
    assert capability == "AVX2"


def test_scores_move_little_and_seldom(held: dict[str, str]) -> None:
    told = subprocess.run([sys.executable, "-c", SCORES], cwd=ROOT, env=held, check=True, capture_output=True)
    theirs = msgspec.json.decode(told.stdout, type=list[Scored])
    ours = Scorer.open(SHIPPED, device="cpu").score(texts(260))
    moved = [
        max(abs(a - b) for a, b in zip((*one.sentiment, *one.topics), (*two.sentiment, *two.topics), strict=True))
        for one, two in zip(ours, theirs, strict=True)
    ]
    assert sum(each > 0 for each in moved) < len(moved) / 3
    assert max(moved) < 0.06 * WHOLE
    assert sum(one.labels != two.labels for one, two in zip(ours, theirs, strict=True)) <= 3


def test_scores_are_as_near_to_the_reference_and_as_much_their_texts_own(held: dict[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", *TESTS]
    ended = subprocess.run(command, cwd=ROOT, env=held, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-3000:]
    assert "skipped" not in ended.stdout
