"""Commands that only read, or only put back, make no log: one that is missing is told."""

from pathlib import Path

import pytest

from bellwether.clock import now
from ingest.embedded.logs import EmbeddedLogs
from tests.bellwether.commands.calls import Caller

DAYS = ("--from", "2026-03-01", "--to", "2026-03-02")
READING = [
    ("bellwether.audit", ["audit", "verify"]),
    ("bellwether.audit", ["audit", "export", "out.jsonl"]),
    ("bellwether.feedback", ["report", *DAYS, "--out", "out.html"]),
    ("bellwether.dead-letters", ["dead-letters", "list"]),
    ("bellwether.dead-letters", ["dead-letters", "export", "out.jsonl"]),
    ("bellwether.dead-letters", ["dead-letters", "replay", "--all"]),
    ("bellwether.scores", ["replay", "--kept", "--out", "found"]),
    ("bellwether.scores", ["whatif", "--budget", "3"]),
    ("bellwether.alerts", ["replay", "--alert", "0123456789abcdef"]),
]


@pytest.mark.parametrize(("log", "arguments"), READING)
def test_a_log_that_is_missing_is_told_and_not_made(
    call: Caller, tmp_path: Path, log: str, arguments: list[str]
) -> None:
    (tmp_path / "bellwether.toml").write_text('[log]\npath = "sub/bellwether.db"\n')
    file = tmp_path / "sub" / "bellwether.db"
    done = call(*arguments)
    assert (done.code, done.out) == (2, "")
    assert f"there is no embedded log {file}: " in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bellwether.toml"]

    EmbeddedLogs(file, now)
    done = call(*arguments)
    assert (done.code, done.out) == (2, "")
    assert f"there is no log {log} in {file}: `bellwether init` makes it" in done.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bellwether.toml", "sub"]
