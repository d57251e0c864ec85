from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bellwether.cli import main
from tests.bellwether.commands.calls import Called, Caller


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Caller]:
    """The command line, in a folder of its own with an embedded log `bellwether.db`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bellwether.toml").touch()

    def run(*arguments: str) -> Called:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        said = capsys.readouterr()
        return Called(int(ended.value.code or 0), said.out, said.err)

    yield run
    structlog.reset_defaults()  # a command may tell less than others want to hear
