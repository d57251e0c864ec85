import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from msgspec import json
from msgspec.structs import replace

from alerting.audit import AUDIT, Audit, entries
from bellwether.auditing import audit_start
from bellwether.cli import cli
from bellwether.settings import read_settings
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import SECOND
from ingest.logs import Message
from tests.publishing import publish

AT = 1_772_000_000 * SECOND  # 2026-02-25T06:13:20Z


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "bellwether.toml"
    file.write_text("[alerts]\nbudget_per_week = 5\n", "utf-8")
    return file


@pytest.fixture
def logs(config: Path) -> Iterator[EmbeddedLogs]:
    logs = EmbeddedLogs(read_settings(config).log_path, lambda: AT)
    logs.ensure([AUDIT])
    yield logs
    logs.close()


def call(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(config), "audit", *arguments])


def test_a_start_says_what_has_changed_in_the_settings_and_no_secret(config: Path, logs: EmbeddedLogs) -> None:
    audit_start(read_settings(config), ["deliver"], "a", logs, AT)
    config.write_text(
        "[alerts]\nbudget_per_week = 3\n"
        '[[destination]]\nname = "desk"\ntype = "webhook"\nurl = "https://example.org/hook/qX7"\nsecret = "hush-hush-hush"\n',
        "utf-8",
    )
    audit_start(read_settings(config), ["deliver"], "b", logs, AT + SECOND)
    audit_start(read_settings(config), ["deliver"], "c", logs, AT + 2 * SECOND)
    first, second, third = entries(logs.scan(AUDIT.log))
    assert "changed" not in first.details
    assert "alerts.budget_per_week: 5.0 -> 3.0" in second.details["changed"]
    assert "destination.0.name: log -> desk" in second.details["changed"]
    assert third.details["changed"] == "nothing"
    assert b"hush" not in json.encode(second)
    assert b"qX7" not in json.encode(second)


def test_a_start_from_a_folder_whose_name_is_not_utf_8_is_written_down(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode("测试".encode("gb18030"))
    folder.mkdir()
    (folder / "bellwether.toml").touch()
    settings = read_settings(folder / "bellwether.toml")
    with closing(EmbeddedLogs(settings.log_path, lambda: AT)) as logs:
        logs.ensure([AUDIT])
        for writer in ("a", "b"):
            audit_start(settings, ["run"], writer, logs, AT)
        _, second = entries(logs.scan(AUDIT.log))
    assert second.about == str(tmp_path / r"\udcb2\udce2\udcca\udcd4" / "bellwether.toml")
    assert second.details["changed"] == "nothing"
    assert call(folder / "bellwether.toml", "verify").exit_code == 0


def test_verify_prints_the_newest_hash_and_ends_with_one_when_something_is_gone(
    config: Path, logs: EmbeddedLogs
) -> None:
    audit_start(read_settings(config), ["run"], "a", logs, AT)
    good = call(config, "verify")
    newest = good.stdout.strip()
    assert (good.exit_code, newest) == (0, next(entries(logs.scan(AUDIT.log))).hash)
    assert call(config, "verify", "--newest", newest).exit_code == 0
    for other in ("0" * 64, f"{newest},{'0' * 64}", ""):
        assert call(config, "verify", "--newest", other).exit_code == 1
    writer = logs.writer()
    writer.publish(Message(AUDIT.log, b"{}"))
    writer.flush()
    writer.close()
    bad = call(config, "verify")
    assert bad.exit_code == 1
    assert "record 1 is not an entry" in bad.stderr


def test_an_entry_that_was_made_unreadable_is_a_fault_and_the_rest_is_exported(
    config: Path, logs: EmbeddedLogs
) -> None:
    audit = Audit("a", "")
    made = [audit.entry(AT, "case", "ann", "a1", {"text": text}) for text in ("seen", "hush", "done")]
    made[1] = replace(made[1], value=(made[1].value or b"").replace(b"hush", b"hu\xffh"))
    publish(logs, *made)
    verified = call(config, "verify")
    assert (verified.exit_code, verified.exception.__class__) == (1, SystemExit)
    assert "record 1 is not an entry\na/2 (record 2) follows number 0" in verified.stderr
    exported = call(config, "export", "-")
    assert exported.exit_code == 0
    assert [json.decode(line)["details"]["text"] for line in exported.stdout.splitlines()] == ["seen", "done"]


def test_export_writes_the_entries_of_a_time_as_lines_of_json(config: Path, logs: EmbeddedLogs, tmp_path: Path) -> None:
    for day in range(3):
        audit_start(read_settings(config), ["run"], f"w{day}", logs, AT + day * 86_400 * SECOND)
    done = call(config, "export", str(tmp_path / "out.jsonl"), "--from", "2026-02-26", "--to", "2026-02-27")
    assert done.exit_code == 0
    (line,) = (tmp_path / "out.jsonl").read_text("utf-8").splitlines()
    assert json.decode(line)["writer"] == "w1"
    assert call(config, "export", "-").stdout.count("\n") == 3


@pytest.mark.parametrize("date", ["yesterday", "2026-13-01", "26-02-2026"])
def test_a_date_that_is_none_is_a_wrong_call(config: Path, logs: EmbeddedLogs, date: str) -> None:
    audit_start(read_settings(config), ["run"], "a", logs, AT)
    for option in ("--from", "--to"):
        done = call(config, "export", "-", option, date)
        assert done.exit_code == 2
        assert f"Invalid value for '{option}'" in done.stderr


def test_the_time_of_an_entry_decides_to_the_second(config: Path, logs: EmbeddedLogs) -> None:
    audit_start(read_settings(config), ["run"], "a", logs, AT)
    assert call(config, "export", "-", "--from", "2026-02-25T06:13:20Z").stdout.count("\n") == 1
    assert call(config, "export", "-", "--to", "2026-02-25T06:13:20Z").stdout == ""
    assert call(config, "export", "-", "--from", "2026-02-25 06:14").stdout == ""


@pytest.mark.parametrize("at", ["2026-02-30T06:13:20+00:00", "2026-02-25T06:13:20", "never"])
def test_an_entry_whose_time_was_tampered_with_is_exported_whatever_the_dates(
    config: Path, logs: EmbeddedLogs, at: str
) -> None:
    audit = Audit("a", "")
    forged = audit.entry(AT, "started", "run", "one", {})
    value = json.encode(json.decode(forged.value or b"") | {"at": at})
    publish(logs, replace(forged, value=value), audit.entry(AT, "started", "run", "two", {}))
    done = call(config, "export", "-", "--from", "2026-02-26")
    assert done.exit_code == 0
    assert [json.decode(line)["at"] for line in done.stdout.splitlines()] == [at]


def test_a_file_that_cannot_be_written_is_one_sentence(config: Path, logs: EmbeddedLogs, tmp_path: Path) -> None:
    audit_start(read_settings(config), ["run"], "a", logs, AT)
    done = call(config, "export", str(tmp_path / "nowhere" / "a.jsonl"))
    assert done.exit_code == 2
    assert "a.jsonl cannot be written: No such file or directory" in done.stderr.replace("\n", " ")


def damage(file: Path, text: bytes) -> None:
    """Make the page unreadable that holds `text`."""
    with closing(sqlite3.connect(file)) as database:
        size = database.execute("PRAGMA page_size").fetchone()[0]
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(file.read_bytes())
    begin = content.rindex(text) // size * size
    content[begin : begin + size] = b"\xff" * size
    file.write_bytes(content)


@pytest.mark.parametrize("before", [None, "of an earlier export\n"])
def test_a_log_that_breaks_off_leaves_no_half_export(
    config: Path, logs: EmbeddedLogs, tmp_path: Path, before: str | None
) -> None:
    audit = Audit("a", "")
    publish(logs, *(audit.entry(AT, "started", "run", f"number {number}", {}) for number in range(1200)))
    damage(read_settings(config).log_path, b"number 1100")
    out = tmp_path / "export" / "out.jsonl"
    out.parent.mkdir()
    if before is not None:
        out.write_text(before)
        out.chmod(0o640)
    done = call(config, "export", str(out))
    assert done.exit_code != 0
    assert "is damaged" in str(done.exception)
    assert [(path.name, path.read_text()) for path in out.parent.iterdir()] == ([(out.name, before)] if before else [])


def test_an_export_keeps_the_rights_that_its_file_has(config: Path, logs: EmbeddedLogs, tmp_path: Path) -> None:
    audit_start(read_settings(config), ["run"], "a", logs, AT)
    for mode in (0o640, 0o604):
        (tmp_path / "out.jsonl").touch()
        (tmp_path / "out.jsonl").chmod(mode)
        assert call(config, "export", str(tmp_path / "out.jsonl")).exit_code == 0
        assert (tmp_path / "out.jsonl").stat().st_mode & 0o777 == mode
        assert (tmp_path / "out.jsonl").read_text().count("\n") == 1


def test_a_closed_standard_output_is_one_sentence(config: Path, logs: EmbeddedLogs) -> None:
    audit_start(read_settings(config), ["run"], "a", logs, AT)
    command = [sys.executable, "-c", "from bellwether.cli import main; main()", "--config", str(config), "audit"]
    done = [
        subprocess.run(
            ["sh", "-c", f'exec "$@" {where}', "sh", *command, "export", "-"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for where in (">&-", ">/dev/full")
    ]
    assert [each.returncode for each in done] == [2, 2], [each.stderr for each in done]
    assert "standard output cannot be written: it is closed" in done[0].stderr
    assert "standard output cannot be written: No space left on device" in done[1].stderr
