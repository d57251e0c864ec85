import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec import structs

from bellwether.checkup import Machine, advice, paced
from classifier.artifact import SHIPPED
from classifier.device import Processor
from classifier.scorer import Scorer
from tests.bellwether.commands.calls import Caller

QUIET = Machine(Processor("Xeon", frozenset({"avx512_vnni"})), cores=2, quota=None, gpus=(), load=0.1)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return Scorer.open(SHIPPED, device="cpu", threads=2)


def test_it_tells_the_machine_the_pace_and_what_to_do(call: Caller) -> None:
    called = call("doctor", "--seconds", "0.1")
    assert called.code == 0
    told = dict(line.split(maxsplit=1) for line in called.out.splitlines())
    assert list(told)[:4] == ["processor", "cores", "GPU", "model"]
    for name in ("headlines", "articles"):
        found = re.match(r"([\d,]+) texts/s", told[name])
        assert found
        assert int(found[1].replace(",", "")) > 0
    assert told["advice"]


def test_a_device_that_cannot_be_had_ends_it_with_what_to_do(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "bellwether.toml").write_text("[classifier]\ndevice = 'cuda'\n")
    called = call("doctor")
    assert called.code == 2
    assert "set classifier.device = auto" in called.err
    assert "cores" in called.out


def test_a_model_that_is_missing_ends_it_with_what_to_do(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "bellwether.toml").write_text("[classifier]\nartifact = 'nowhere'\n")
    assert call("doctor").code == 2


def test_every_text_is_another_so_that_none_is_a_copy_of_one_before(scorer: Scorer) -> None:
    pace = paced(scorer, 0.2)
    assert pace.headlines_per_s > pace.articles_per_s > 0
    assert pace.alone_s > 0
    assert pace.memory > 50e6
    assert scorer.score(["a copy"])[0] is scorer.score(["a copy"])[0]


def test_a_machine_that_fits_its_settings_needs_no_advice(scorer: Scorer) -> None:
    assert list(advice(QUIET, scorer, 0)) == []


def cases() -> Iterator[tuple[Machine, int, str]]:
    yield QUIET, 8, "classifier.threads = 8 is more than the 2 cores"
    yield structs.replace(QUIET, quota=1.5), 0, "set classifier.threads = 1"
    yield structs.replace(QUIET, cores=32), 0, "start 4 of `bellwether classify`"
    yield structs.replace(QUIET, processor=Processor("EPYC", frozenset({"avx2"}))), 0, "lacks VNNI and AMX"
    yield structs.replace(QUIET, load=1.9), 0, "Others wanted 1.9 of 2 cores"


@pytest.mark.parametrize(("machine", "threads", "sentence"), list(cases()))
def test_what_does_not_fit_is_told_in_a_sentence(scorer: Scorer, machine: Machine, threads: int, sentence: str) -> None:
    (told,) = advice(machine, scorer, threads)
    assert sentence in told


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ("CPUExecutionProvider", "install the `gpu` extra"),
        ("CUDAExecutionProvider", "set classifier.device = cuda to be told why"),
    ],
)
def test_a_gpu_that_is_not_used_is_told(asked: str, sentence: str) -> None:
    idle = SimpleNamespace(provider="CPUExecutionProvider", asked=asked, threads=2)
    (told,) = advice(structs.replace(QUIET, gpus=("NVIDIA H200",)), idle, 0)
    assert sentence in told
