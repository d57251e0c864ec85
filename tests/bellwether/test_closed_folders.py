"""Folders that this user may not enter, or that are gone: each is one sentence and exit code 2, never a traceback."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.promises.service import COMMAND

LIKE_ANYBODY = ("--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
SETPRIV = () if os.geteuid() else ("setpriv", *LIKE_ANYBODY)  # root may enter everything, unless it gives that up


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that nobody may enter; whoever is in it stays."""
    for name in ("BELLWETHER_CONFIG", "BELLWETHER_CLASSIFIER__ARTIFACT"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "closed"
    folder.mkdir()
    yield folder
    if folder.exists():
        folder.chmod(0o700)


def called(*arguments: str, folder: Path, before: str = ":") -> subprocess.CompletedProcess[str]:
    """A command that is called in `folder`, after a line of shell there."""
    script = f'{before} && exec "$@"'
    return subprocess.run(
        ["sh", "-c", script, "sh", *SETPRIV, *COMMAND, *arguments],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def settings(closed: Path, text: str) -> str:
    file = closed.parent / "bellwether.toml"
    file.write_text(f"[http]\nport = 0\n{text}")
    return str(file)


@pytest.mark.parametrize(("command", "name"), [("run", "closed"), ("check", "closed/model")])
def test_a_model_in_a_closed_folder_ends_a_process_with_2(closed: Path, command: str, name: str) -> None:
    config = settings(closed, f'[classifier]\nartifact = "{name}"\n')
    done = called("--config", config, command, folder=closed, before="chmod 0 .")
    assert done.returncode == 2, done.stderr
    assert done.stderr.splitlines()[-1] == (
        f"bellwether: {closed.parent / name / 'manifest.json'} cannot be read (Permission denied): "
        "check its rights and the disk."
    )
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("before", "sentence"),
    [
        ("chmod 0 .", "{}/bellwether.toml cannot be read (Permission denied): name a settings file with --config"),
        ('rmdir "$PWD"', "the current folder is gone: go to another, or name a whole path with --config"),
    ],
)
def test_where_no_settings_can_be_looked_for_that_is_said(closed: Path, before: str, sentence: str) -> None:
    done = called("check", folder=closed, before=before)
    assert (done.returncode, done.stderr) == (2, f"settings: {sentence.format(closed)}\n")


def test_settings_with_a_whole_path_are_read_from_a_folder_that_is_gone(closed: Path) -> None:
    config = settings(closed, '[log]\npath = "logs.db"\n')
    done = called("--config", config, "check", folder=closed, before='rmdir "$PWD"')
    assert (done.returncode, done.stderr) == (0, "")
    assert f'path = "{closed.parent / "logs.db"}"' in done.stdout
    done = called("--config", "bellwether.toml", "check", folder=closed.parent, before="mkdir x && cd x && rmdir ../x")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(("command", "name"), [("check", "closed/logs.db"), ("init", "closed/within/logs.db")])
def test_a_log_in_a_closed_folder_is_told(closed: Path, command: str, name: str) -> None:
    config = settings(closed, f'[log]\npath = "{name}"\n')
    done = called("--config", config, command, folder=closed, before="chmod 0 .")
    assert done.returncode == 2, done.stderr
    (told,) = done.stderr.splitlines()
    assert str(closed.parent / name) in told
