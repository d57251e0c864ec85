import gzip
import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest

from bellwether.clock import now
from bellwether.commands.publish import publish
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import SECOND, rfc3339
from ingest.logs import LogUnfit
from tests.bellwether.commands.calls import Caller
from tests.waiting import until

GOOD = {"id": "a", "source": "wire", "published_at": "2026-03-01T09:30:00Z", "text": "Northwind Bank halts withdrawals"}


def jsonl(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines), "utf-8")
    return path


def published(folder: Path, log: str = "documents") -> list[dict[str, Any]]:
    return [json.loads(record.value or b"") for record in EmbeddedLogs(folder / "bellwether.db", now).scan(log)]


def test_a_file_is_published_as_native_documents_with_their_id_as_key(call: Caller, tmp_path: Path) -> None:
    more = {"kind": "news", "entities": ["A", {"name": "B", "x": 1}], "unknown": 1, "lang": None, "author": ""}
    file = jsonl(tmp_path / "news.jsonl", GOOD | more, GOOD | {"id": 5})
    done = call("publish", str(file))
    assert done.code == 0
    assert "2 documents published to documents" in done.err
    assert published(tmp_path) == [GOOD | {"kind": "news", "entities": ["A", {"name": "B"}]}, GOOD | {"id": "5"}]
    keys = [record.key for record in EmbeddedLogs(tmp_path / "bellwether.db", now).scan("documents")]
    assert keys == [b"a", b"5"]


def test_a_table_with_other_names_is_mapped(call: Caller, tmp_path: Path) -> None:
    table = "time,headline,names\n2026-03-01 17:30,Bank run,A; B\n2026-03-01,Second,\n"
    (tmp_path / "news.csv.gz").write_bytes(gzip.compress(table.encode()))
    done = call(
        "publish", "news.csv.gz", "--field", "published_at=time", "--field", "title=headline", "--field", "id==hash",
        "--field", "source==wire", "--field", "entities=names", "--timezone", "Asia/Shanghai",
    )  # fmt: skip
    assert done.code == 0, done.err
    first, second = published(tmp_path)
    assert len(first.pop("id")) == 32
    assert first == {
        "source": "wire",
        "published_at": "2026-03-01T17:30:00+08:00",
        "title": "Bank run",
        "entities": ["A", "B"],
    }
    assert (second["published_at"], second["published_precision"]) == ("2026-03-01T00:00:00+08:00", "day")


def test_epoch_times_are_published_as_times(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "news.jsonl", GOOD | {"published_at": 1772357400000})
    assert call("publish", "news.jsonl", "--epoch", "ms").code == 0
    assert published(tmp_path) == [GOOD]


def test_what_is_no_document_is_told_kept_and_the_rest_published(call: Caller, tmp_path: Path) -> None:
    tomorrow = rfc3339(now() + 25 * 3600 * SECOND)
    jsonl(
        tmp_path / "news.jsonl",
        GOOD,
        "{torn",
        GOOD | {"published_at": "2026-03-01 09:30"},
        GOOD | {"id": None},
        GOOD | {"text": "<p></p>"},
        GOOD | {"published_at": tomorrow},
        GOOD | {"id": "b"},
    )
    done = call("publish", "news.jsonl")
    assert done.code == 3
    assert [document["id"] for document in published(tmp_path)] == ["a", "b"]
    assert 'news.jsonl:3: `published_at` is "2026-03-01 09:30" and has no time zone' in done.err
    assert "5 lines rejected" in done.err
    assert "--timezone ZONE" in done.err
    kept = [json.loads(line) for line in (tmp_path / "news.jsonl.rejects.jsonl").read_text("utf-8").splitlines()]
    assert (tmp_path / "news.jsonl.rejects.jsonl").stat().st_mode & 0o777 == 0o600
    assert [(line["line"], line["reason"]) for line in kept] == [
        (2, "not_json"), (3, "bad_time"), (4, "missing_field"), (5, "empty_text"), (6, "future"),
    ]  # fmt: skip
    assert kept[0]["text"] == "{torn"
    assert json.loads(kept[1]["text"])["published_at"] == "2026-03-01 09:30"


def test_a_record_that_would_be_refused_for_its_size_is_not_published(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "news.jsonl", GOOD | {"text": "<br>" * 250_000 + "short"}, GOOD)
    done = call("publish", "news.jsonl")
    assert "news.jsonl:1: the record has 1,000," in done.err
    assert published(tmp_path) == [GOOD]


def test_only_the_first_rejected_lines_are_told_one_by_one(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "news.jsonl", *["{torn"] * 50)
    done = call("publish", "news.jsonl", "--rejects", "bad.jsonl")
    assert done.err.count("the line is not JSON") == 10
    assert "50 lines rejected (not_json 50), kept in bad.jsonl" in done.err
    assert len((tmp_path / "bad.jsonl").read_text().splitlines()) == 50


def test_rejected_lines_without_a_place_stop_the_work(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "news.jsonl", GOOD, "{torn", GOOD)
    done = call("publish", "news.jsonl", "--rejects", "nowhere/bad.jsonl")
    assert done.code == 2
    assert "rejected lines cannot be kept in nowhere/bad.jsonl" in done.err
    assert "go on with --from-line 2" in done.err
    assert published(tmp_path) == [GOOD]


@pytest.mark.parametrize(("more", "did"), [([], "is in documents"), (["--dry-run"], "was checked")])
def test_rejected_lines_for_which_the_disk_has_no_room_are_not_counted_as_kept(
    call: Caller, tmp_path: Path, more: list[str], did: str
) -> None:
    jsonl(tmp_path / "news.jsonl", GOOD, "{torn", GOOD)
    done = call("publish", "news.jsonl", "--rejects", "/dev/full", *more)
    assert done.code == 2
    assert "rejected lines cannot be kept in /dev/full (No space left on device)" in done.err
    assert f"news.jsonl {did} to line 1" in done.err


def test_going_on_keeps_the_lines_that_were_rejected_before(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "news.jsonl", "{torn", GOOD, "{torn", GOOD)
    kept = tmp_path / "news.jsonl.rejects.jsonl"
    call("publish", "news.jsonl", "--limit", "1")
    call("publish", "news.jsonl", "--from-line", "3")
    assert [json.loads(line)["line"] for line in kept.read_text().splitlines()] == [1, 3]
    call("publish", "news.jsonl")
    assert [json.loads(line)["line"] for line in kept.read_text().splitlines()] == [1, 3]


def test_rejected_lines_are_for_their_owner_alone_in_a_file_that_was_there_too(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "news.jsonl", "{torn")
    (tmp_path / "bad.jsonl").touch(0o644)
    call("publish", "news.jsonl", "--rejects", "bad.jsonl")
    assert (tmp_path / "bad.jsonl").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--from-line", "2"]])
@pytest.mark.parametrize("rejects", ["news.jsonl", "../{folder}/news.jsonl", "linked.jsonl"])
def test_rejected_lines_do_not_go_into_the_file_they_come_from(
    call: Caller, tmp_path: Path, more: list[str], rejects: str
) -> None:
    file = jsonl(tmp_path / "news.jsonl", "{torn", "{torn", GOOD)
    (tmp_path / "linked.jsonl").symlink_to(file)
    before = file.read_bytes()
    rejects = rejects.format(folder=tmp_path.name)
    done = call("publish", "news.jsonl", "--rejects", rejects, *more)
    assert done.code == 2
    says = f"rejected lines would go over {rejects}, which is to be read: name another --rejects"
    assert says in done.err.replace("\n", " ")
    assert file.read_bytes() == before


@pytest.mark.parametrize("files", [["a.jsonl", "a.jsonl.rejects.jsonl"], ["a.jsonl.rejects.jsonl", "a.jsonl"]])
def test_rejected_lines_of_one_file_go_over_no_other_to_be_read(call: Caller, tmp_path: Path, files: list[str]) -> None:
    jsonl(tmp_path / "a.jsonl", GOOD, "{torn")
    repaired = jsonl(tmp_path / "a.jsonl.rejects.jsonl", GOOD)
    before = repaired.read_bytes()
    done = call("publish", *files)
    assert done.code == 2
    assert "would go over a.jsonl.rejects.jsonl, which is to be read" in done.err.replace("\n", " ")
    assert repaired.read_bytes() == before
    assert published(tmp_path) == []


def test_standard_input_that_is_closed_is_told_only_to_who_needs_it(tmp_path: Path) -> None:
    (tmp_path / "bellwether.toml").touch()
    jsonl(tmp_path / "news.jsonl", GOOD)
    command = [sys.executable, "-c", "from bellwether.cli import main; main()", "publish"]
    shell = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    done = [
        subprocess.run([*shell, name], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
        for name in ("news.jsonl", "-")
    ]
    assert [each.returncode for each in done] == [0, 2], [each.stderr for each in done]
    assert "standard input cannot be opened: it is closed" in done[1].stderr


def test_standard_input_is_published(call: Caller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(GOOD).encode() + b"\n{torn\n")))
    done = call("publish", "-")
    assert done.code == 3
    assert published(tmp_path) == [GOOD]
    assert (tmp_path / "standard-input.rejects.jsonl").exists()


def test_a_pipe_that_gives_no_more_at_present_has_all_that_it_gave_published(tmp_path: Path) -> None:
    (tmp_path / "bellwether.toml").touch()
    command = [sys.executable, "-c", "from bellwether.cli import main; main()", "publish", "-"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for count in (5, 10):
            process.stdin.write((json.dumps(GOOD) + "\n").encode() * 5)
            process.stdin.flush()
            until(lambda count=count: published_by_now(tmp_path) == count)
        process.stdin.close()
        assert process.wait(30) == 0


def published_by_now(folder: Path) -> int:
    try:
        return len(published(folder))
    except LogUnfit:  # the log is just being made
        return 0


def test_a_dry_run_checks_and_touches_no_log(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "news.jsonl", GOOD, GOOD)
    done = call("publish", "news.jsonl", "--dry-run")
    assert done.code == 0
    assert "2 documents could be published to documents" in done.err
    assert not (tmp_path / "bellwether.db").exists()


def test_from_line_and_limit_choose_lines(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "news.jsonl", *(GOOD | {"id": str(number)} for number in range(1, 10)))
    assert call("publish", "news.jsonl", "--from-line", "3", "--limit", "2").code == 0
    assert [document["id"] for document in published(tmp_path)] == ["3", "4"]


def test_a_file_that_breaks_off_is_published_so_far_and_says_how_to_go_on(call: Caller, tmp_path: Path) -> None:
    lines = "".join(
        json.dumps(GOOD | {"id": str(number), "text": f"t{number * 7919}"}) + "\n" for number in range(1, 3000)
    )
    packed = gzip.compress(lines.encode())
    (tmp_path / "news.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    done = call("publish", "news.jsonl.gz")
    assert done.code == 2
    count = len(published(tmp_path))
    assert count > 0
    assert "it is not whole gzip" in done.err
    assert f"news.jsonl.gz is in documents to line {count}: go on with --from-line {count + 1}" in done.err


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT])
def test_when_it_is_stopped_it_says_how_to_go_on(tmp_path: Path, asked: signal.Signals) -> None:
    (tmp_path / "bellwether.toml").touch()
    command = [sys.executable, "-c", "from bellwether.cli import main; main()", "publish", "-"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write((json.dumps(GOOD) + "\n").encode() * 5 + b"{torn\n")
        process.stdin.flush()
        assert b"standard input:6:" in process.stderr.readline()
        process.send_signal(asked)
        said = process.stderr.read()
        assert process.wait(30) == 130
    assert b"standard input is in documents to line 6: go on with --from-line 7" in said
    assert published(tmp_path) == [GOOD] * 5


def test_several_files_are_published_whatever_becomes_of_the_first(call: Caller, tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", "{torn")
    jsonl(tmp_path / "b.jsonl", GOOD)
    assert call("publish", "a.jsonl", "b.jsonl").code == 3
    assert published(tmp_path) == [GOOD]


def test_it_goes_to_the_first_input_that_reads_native_documents(call: Caller, tmp_path: Path) -> None:
    (tmp_path / "bellwether.toml").write_text(
        '[[input]]\nkafka_topic = "wire"\n[input.fields]\ntitle = "headline"\n[[input]]\nkafka_topic = "news"\n'
    )
    jsonl(tmp_path / "news.jsonl", GOOD)
    assert call("publish", "news.jsonl").code == 0
    assert published(tmp_path, "news") == [GOOD]
    refused = call("publish", "news.jsonl", "--to", "wire")
    assert refused.code == 2
    assert "wire holds documents in a format of its own" in refused.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name files or feeds"),
        (["x.jsonl", "--feed", "http://127.0.0.1/"], "name files or feeds"),
        (["missing.jsonl"], "missing.jsonl cannot be opened"),
        (["x.jsonl", "--field", "headline=h"], "a document has no field headline"),
        (["x.jsonl", "--field", "title"], "--field title has no `=`"),
        (["x.jsonl", "--timezone", "Mars"], "there is no time zone 'Mars'"),
        (["a", "b", "--rejects", "r"], "for one file at a time"),
        (["--feed", "http://127.0.0.1/", "--every", "10s"], "once a minute at most"),
        (["--feed", "http://127.0.0.1/", "--every", "soon"], "--every: write a duration"),
        (["--feed", "http://127.0.0.1/", "--field", "title=x"], "only the source can be set"),
        (["x.jsonl", "--to", "elsewhere"], "there is no log elsewhere"),
        (
            ["x.jsonl", "--to", "bellwether.scores"],
            "--to bellwether.scores: what begins with 'bellwether.' is a log of our",
        ),
        (["x.jsonl", "--to", "bellwether.anything", "--dry-run"], "--to bellwether.anything: what begins with"),
        (["x.jsonl", "--to", "a b"], "--to a b: the name of a log has letters, digits"),
        (["--feed", "http://127.0.0.1/", "--to", "bellwether.alerts"], "--to bellwether.alerts: what begins with"),
    ],
)
def test_a_wrong_call_is_one_sentence(call: Caller, tmp_path: Path, arguments: list[str], says: str) -> None:
    jsonl(tmp_path / "x.jsonl", GOOD)
    done = call("publish", *arguments)
    assert done.code == 2
    assert says in done.err.replace("\n", " ")


def test_every_option_is_explained() -> None:
    assert all(option.help for option in publish.params if isinstance(option, click.Option))
