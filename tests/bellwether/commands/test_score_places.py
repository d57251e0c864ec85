"""Where scores are put: never over what was there to be read, or was scored before."""

import fcntl
import os
import signal
import subprocess
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest

from bellwether.scorefile import ScoreFile
from tests.bellwether.commands.calls import Caller
from tests.bellwether.commands.test_score import command, jsonl, read

LINE = {"id": 1, "text": "Bank run"}


@pytest.mark.parametrize("more", [[], ["--model", "nowhere"], ["--from-line", "2"]])
def test_what_an_interrupted_run_has_scored_is_not_written_over(call: Caller, tmp_path: Path, more: list[str]) -> None:
    jsonl(tmp_path / "in.jsonl", [LINE, LINE])
    (tmp_path / "out.jsonl.partial").write_text("dear scores\n")
    done = call("score", "in.jsonl", "--out", "out.jsonl", *more)
    assert done.code == 2
    said = done.err.replace("\n", " ")
    assert "out.jsonl.partial holds what an interrupted run has scored" in said
    assert "--from-line" in said
    assert (tmp_path / "out.jsonl.partial").read_text() == "dear scores\n"
    assert not (tmp_path / "out.jsonl").exists()


def test_a_partial_file_that_holds_nothing_is_in_nobodys_way(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "in.jsonl", [LINE])
    (tmp_path / "out.jsonl.partial").touch()
    assert call("score", "in.jsonl", "--out", "out.jsonl").code == 0
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.jsonl"]


@pytest.mark.parametrize("lines", [b"", b"of another run\n"])
def test_of_two_runs_one_alone_writes_a_file(call: Caller, tmp_path: Path, lines: bytes) -> None:
    jsonl(tmp_path / "in.jsonl", [LINE])
    with closing(ScoreFile("out.jsonl", "-")) as first:
        first.write(lines)
        done = call("score", "in.jsonl", "--out", "out.jsonl")
        assert done.code == 2
        said = done.err.replace("\n", " ")
        assert f"another run is writing {tmp_path}/out.jsonl.partial: name another --out" in said
        first.write(b"whole\n")
        first.finish()
    assert (tmp_path / "out.jsonl").read_bytes() == lines + b"whole\n"
    assert call("score", "in.jsonl", "--out", "out.jsonl").code == 0
    assert read(tmp_path / "out.jsonl")[0]["id"] == 1


@pytest.mark.parametrize("lines", [b"", b"of another run\n"])
def test_a_run_that_ends_just_as_another_begins_keeps_its_scores(
    call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: bytes
) -> None:
    jsonl(tmp_path / "in.jsonl", [LINE])
    first = ScoreFile("out.jsonl", "-")
    first.write(lines)
    flock = fcntl.flock

    def late(file: BinaryIO, how: int) -> None:
        if lines:
            first.finish()
        first.close()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", late)
    done = call("score", "in.jsonl", "--out", "out.jsonl")
    assert (done.code, "another run is writing" in done.err) == (2, True)
    assert [path.read_bytes() for path in tmp_path.glob("out*")] == ([lines] if lines else [])


@pytest.mark.parametrize("out", ["in.jsonl", "./in.jsonl", "linked.jsonl", "hard.jsonl"])
def test_the_input_is_not_replaced_by_its_scores(call: Caller, tmp_path: Path, out: str) -> None:
    file = jsonl(tmp_path / "in.jsonl", [LINE])
    (tmp_path / "linked.jsonl").symlink_to(file)
    (tmp_path / "hard.jsonl").hardlink_to(file)
    done = call("score", "in.jsonl", "--out", out)
    assert done.code == 2
    assert f"--out {out} is the file to be read: name another" in done.err.replace("\n", " ")
    assert read(file) == [LINE]


def test_a_stop_in_the_last_step_comes_too_late(call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is whole and has its name is not said to be in pieces."""
    jsonl(tmp_path / "in.jsonl", [LINE])
    fsync = os.fsync

    def stopped(descriptor: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", stopped)
    done = call("score", "in.jsonl", "--out", "out.jsonl")
    assert (done.code, "1 texts scored" in done.err, "--from-line" in done.err) == (0, True, False)
    assert sorted(path.name for path in tmp_path.glob("out*")) == ["out.jsonl"]


def run(folder: Path, arguments: str, closed: str) -> subprocess.CompletedProcess[str]:
    """The command, called by a shell that has closed a standard stream."""
    call = ["sh", "-c", f'exec "$@" {closed}', "sh", *command(*arguments.split())]
    return subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_that_is_not_needed_is_not_missed(tmp_path: Path, closed: str) -> None:
    jsonl(tmp_path / "in.jsonl", [LINE])
    done = run(tmp_path, "in.jsonl --out out.jsonl", closed)
    assert done.returncode == 0, done.stderr
    assert len(read(tmp_path / "out.jsonl")) == 1


@pytest.mark.parametrize(
    ("arguments", "closed", "says"),
    [
        ("- --out out.jsonl", "<&-", "standard input cannot be opened: it is closed"),
        ("in.jsonl --out -", ">&-", "--out - cannot be written: it is closed"),
    ],
)
def test_a_closed_stream_that_is_needed_is_one_sentence(tmp_path: Path, arguments: str, closed: str, says: str) -> None:
    jsonl(tmp_path / "in.jsonl", [LINE])
    done = run(tmp_path, arguments, closed)
    assert (done.returncode, says in done.stderr.replace("\n", " ")) == (2, True), done.stderr
