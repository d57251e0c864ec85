"""What is shipped, and that it stays out of the way of what others ship."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("ingest", "classifier", "alerting", "bellwether")


@pytest.mark.parametrize("name", OURS)
def test_no_dependency_ships_a_package_of_our_names(name: str) -> None:
    """Short root names are ours only as long as nobody else in the environment has them."""
    others = [each for each in packages_distributions().get(name, []) if each.lower() != "bellwether"]
    assert others == []
    assert Path(__import__(name).__file__ or "").is_relative_to(ROOT / name)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names inside the wheel, built without a network by the backend in this environment."""
    out = tmp_path_factory.mktemp("wheel")
    build = f"from hatchling.build import build_wheel; print(build_wheel({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", build], cwd=ROOT, capture_output=True, text=True, check=True)
    with zipfile.ZipFile(out / done.stdout.split()[-1]) as archive:
        return archive.namelist()


def test_the_wheel_has_the_four_folders_and_the_artifact(wheel: list[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(OURS)
    for part in ("manifest.json", "tokenizer.json", "model.int8.onnx"):
        assert f"classifier/artifact/{part}" in wheel


def test_the_wheel_has_the_licence_and_no_caches(wheel: list[str]) -> None:
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
    assert not [name for name in wheel if "__pycache__" in name or name.endswith((".pyc", ".tmp"))]


def test_the_constraints_are_plain_pins() -> None:
    """Nothing of the machine they were made on: no address, no hash, no option."""
    pin = re.compile(r"[a-z0-9][a-z0-9._-]*==[^ ;]+( ; .+)?")
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not pin.fullmatch(line)] == []


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    names = {re.split(r"[\[>=<; ]", each)[0].lower().replace("_", "-") for each in wanted}
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert names - pinned == set()


def test_init_files_stay_empty() -> None:
    """Taking a type from a package loads nothing else."""
    filled = [path for name in OURS for path in (ROOT / name).rglob("__init__.py") if path.read_text().strip()]
    assert filled == []


def test_no_file_has_grown_past_what_one_reads() -> None:
    """Past 300 lines there is a second idea in it."""
    files = [path for name in OURS for path in (ROOT / name).rglob("*.py")]
    assert {str(path.relative_to(ROOT)): n for path in files if (n := len(path.read_text().splitlines())) > 300} == {}
