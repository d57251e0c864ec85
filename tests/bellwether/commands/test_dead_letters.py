import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from alerting.alerts import ALERTS
from bellwether.clock import now
from ingest.deadletters import DEAD_LETTERS, LETTER_BYTES, dead_letter
from ingest.embedded.logs import EmbeddedLogs
from ingest.instants import SECOND
from ingest.logs import Kept, Message, Place, Record
from tests.bellwether.commands.calls import Caller
from tests.publishing import publish

GOOD = {"id": "a", "source": "wire", "published_at": "2026-03-01T09:30:00Z", "text": "Northwind Bank halts withdrawals"}
ZONELESS = json.dumps(GOOD | {"published_at": "2026-03-01 09:30"}).encode()
DEAD_AT = 1_772_357_400 * SECOND


@pytest.fixture
def logs(tmp_path: Path) -> EmbeddedLogs:
    made = EmbeddedLogs(tmp_path / "bellwether.db", now)
    made.ensure([Kept("documents"), DEAD_LETTERS])
    return made


def bury(
    logs: EmbeddedLogs,
    offset: int,
    value: bytes | None,
    reason: str = "bad_time",
    log: str = "documents",
    partition: int = 0,
) -> None:
    writer = logs.writer()
    record = Record(offset, DEAD_AT - SECOND, b"key", value)
    writer.publish(dead_letter(Place(log, partition), record, reason, f"What is wrong with {offset}.", DEAD_AT))
    writer.flush()
    writer.close()


def documents(logs: EmbeddedLogs) -> list[Any]:
    return [json.loads(record.value or b"") for record in logs.scan("documents")]


def exported(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "letters.jsonl").read_text("utf-8").splitlines()]


def rewrite(folder: Path, lines: list[dict[str, Any]]) -> None:
    (folder / "letters.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


def test_the_list_says_when_why_and_where_but_not_the_text(call: Caller, logs: EmbeddedLogs) -> None:
    bury(logs, 7, ZONELESS)
    bury(logs, 8, b"{torn", "not_json")
    done = call("dead-letters", "list")
    assert done.code == 0
    assert done.out.splitlines() == [
        "2026-03-01T09:30:00Z  bad_time       documents/0/7  What is wrong with 7.",
        "2026-03-01T09:30:00Z  not_json       documents/0/8  What is wrong with 8.",
    ]
    assert "2 dead letters: bad_time 1, not_json 1" in done.err
    assert "halts withdrawals" not in done.out + done.err


def test_the_list_can_be_narrowed_and_show_the_bytes(call: Caller, logs: EmbeddedLogs) -> None:
    for offset in range(5):
        bury(logs, offset, b"\x1b[31m{torn", "not_json")
    bury(logs, 9, ZONELESS)
    done = call("dead-letters", "list", "--reason", "not_json", "--limit", "1", "--bytes", "7")
    assert done.out.splitlines() == [
        "2026-03-01T09:30:00Z  not_json       documents/0/4  What is wrong with 4.",
        "    �[31m{t ...",
    ]


def test_no_letters_are_none(call: Caller, logs: EmbeddedLogs) -> None:
    assert logs
    done = call("dead-letters", "list")
    assert (done.code, done.out) == (0, "")
    assert "0 dead letters" in done.err


def test_letters_are_exported_repaired_and_put_back_once(call: Caller, logs: EmbeddedLogs, tmp_path: Path) -> None:
    bury(logs, 7, ZONELESS)
    bury(logs, 8, b"{torn", "not_json")
    assert call("dead-letters", "export", "letters.jsonl").code == 0
    assert (tmp_path / "letters.jsonl").stat().st_mode & 0o777 == 0o600
    first, second = exported(tmp_path)
    assert (first["reason"], first["value"]) == ("bad_time", ZONELESS.decode())
    rewrite(tmp_path, [first | {"value": json.dumps(GOOD)}, second])

    done = call("dead-letters", "replay", "letters.jsonl")
    assert done.code == 3
    assert "documents/0/8@2026-03-01T09:29:59Z: not_json: the record is not JSON" in done.err
    assert "1 dead letters put back, 1 stay dead" in done.err
    assert documents(logs) == [GOOD]
    assert [record.key for record in logs.scan("documents")] == [b"key"]

    again = call("dead-letters", "replay", "letters.jsonl")
    assert "0 dead letters put back, 1 had been before, 1 stay dead" in again.err
    assert documents(logs) == [GOOD]
    assert "(put back)" in call("dead-letters", "list").out.splitlines()[0]
    (tmp_path / "letters.jsonl").unlink()
    call("dead-letters", "export", "letters.jsonl")
    assert [line["letter"] for line in exported(tmp_path)] == [second["letter"]]


@pytest.mark.parametrize("content", ["repaired by hand\n", ""])
def test_an_export_does_not_write_over_what_was_repaired(
    call: Caller, logs: EmbeddedLogs, tmp_path: Path, content: str
) -> None:
    bury(logs, 7, ZONELESS)
    (tmp_path / "letters.jsonl").write_text(content)
    (tmp_path / "letters.jsonl").chmod(0o644)
    done = call("dead-letters", "export", "letters.jsonl")
    assert done.code == 2
    assert "letters.jsonl is there already, and may hold repairs: name another file" in done.err.replace("\n", " ")
    assert (tmp_path / "letters.jsonl").read_text() == content


def test_an_export_can_go_into_a_pipe(call: Caller, logs: EmbeddedLogs) -> None:
    bury(logs, 7, ZONELESS)
    assert call("dead-letters", "export", "/dev/null").code == 0
    assert Path("/dev/null").is_char_device()


def test_repairs_from_windows_are_read(call: Caller, logs: EmbeddedLogs, tmp_path: Path) -> None:
    """They begin with a mark, and their lines end in two."""
    bury(logs, 7, ZONELESS)
    call("dead-letters", "export", "letters.jsonl")
    lines = [line | {"value": json.dumps(GOOD)} for line in exported(tmp_path)]
    (tmp_path / "letters.jsonl").write_text("".join(json.dumps(line) + "\r\n" for line in lines), "utf-8-sig")
    assert call("dead-letters", "replay", "letters.jsonl").code == 0
    assert documents(logs) == [GOOD]


def test_a_letter_for_a_destination_that_is_not_there_is_not_put_back_for_nobody(
    call: Caller, logs: EmbeddedLogs, tmp_path: Path
) -> None:
    logs.ensure([ALERTS])
    record = Record(3, DEAD_AT - SECOND, b"a1/1", b"{}")
    letter = dead_letter(Place(ALERTS.log, 0), record, "refused", "No.", DEAD_AT)
    publish(logs, structs.replace(letter, headers=(*letter.headers, ("destination", b"desk"))))
    settings = '[[destination]]\nname = "{}"\ntype = "webhook"\nurl = "http://127.0.0.1:1/"\nsecret = "s"\n'
    (tmp_path / "bellwether.toml").write_text(settings.format("desk-2"))
    done = call("dead-letters", "replay", "--all")
    assert done.code == 3
    assert "no [[destination]] is called 'desk' (there are desk-2)" in done.err
    assert "0 dead letters put back, 1 stay dead" in done.err
    assert list(logs.scan(ALERTS.log)) == []

    (tmp_path / "bellwether.toml").write_text(settings.format("desk"))
    assert call("dead-letters", "replay", "--all").code == 0
    assert [record.value for record in logs.scan(ALERTS.log)] == [b"{}"]

    (tmp_path / "bellwether.toml").write_text(settings.format("desk-2"))
    again = call("dead-letters", "replay", "--all")
    assert (again.code, "0 dead letters put back, 1 had been before" in again.err) == (0, True)


def test_a_letter_of_a_place_that_is_gone_holds_up_no_other(call: Caller, logs: EmbeddedLogs) -> None:
    bury(logs, 1, json.dumps(GOOD).encode())
    bury(logs, 2, json.dumps(GOOD).encode(), log="old.wire")
    bury(logs, 3, json.dumps(GOOD).encode(), partition=4)
    bury(logs, 4, json.dumps(GOOD).encode(), log=ALERTS.log)
    bury(logs, 5, json.dumps(GOOD).encode())
    begun = (("letter", b"older.wire/0/9@2026-03-01T09:29:59Z"), ("mark", b"begun"))
    publish(logs, Message(DEAD_LETTERS.log, None, b"older.wire/0/9", headers=begun))
    done = call("dead-letters", "replay", "--all")
    assert done.code == 3
    gone, fewer, ours, told = done.err.splitlines()
    assert gone.startswith("old.wire/0/2@2026-03-01T09:29:59Z: there is no log old.wire in ")
    assert gone.endswith("makes it (once an [[input]] names it: none does)")
    assert fewer == "documents/4/3@2026-03-01T09:29:59Z: documents has no partition 4 any more, only 1"
    assert ours.endswith("`bellwether init` makes it")
    assert told == "2 dead letters put back, 3 stay dead"
    assert documents(logs) == [GOOD, GOOD]


def test_when_the_setting_was_wrong_letters_go_back_as_they_are(
    call: Caller, logs: EmbeddedLogs, tmp_path: Path
) -> None:
    bury(logs, 7, ZONELESS)
    bury(logs, 8, b"{torn", "not_json")
    refused = call("dead-letters", "replay", "--reason", "bad_time")
    assert (refused.code, documents(logs)) == (3, [])
    (tmp_path / "bellwether.toml").write_text('[[input]]\ntimezone = "UTC"\n')
    assert call("dead-letters", "replay", "--reason", "bad_time").code == 0
    assert [record.value for record in logs.scan("documents")] == [ZONELESS]
    assert "0 dead letters put back, 1 had been before" in call("dead-letters", "replay", "--reason", "bad_time").err


def test_bytes_that_are_no_text_survive_an_export(call: Caller, logs: EmbeddedLogs, tmp_path: Path) -> None:
    bury(logs, 1, b"\xff\x00", "undecodable", log="alerts-of-another")
    call("dead-letters", "export", "letters.jsonl")
    (line,) = exported(tmp_path)
    assert line["value_base64"] == "/wA="
    logs.ensure([Kept("alerts-of-another")])
    assert call("dead-letters", "replay", "letters.jsonl").code == 0
    assert [record.value for record in logs.scan("alerts-of-another")] == [b"\xff\x00"]


def test_a_letter_that_was_cut_goes_back_only_whole(call: Caller, logs: EmbeddedLogs, tmp_path: Path) -> None:
    bury(logs, 1, b'{"text": "' + b"x" * LETTER_BYTES, "too_large")
    call("dead-letters", "export", "letters.jsonl")
    (line,) = exported(tmp_path)
    assert line["cut"] == "only the first 900,000 of 900,010 bytes are here"
    done = call("dead-letters", "replay", "letters.jsonl")
    assert "only its beginning is kept" in done.err
    rewrite(tmp_path, [line | {"value": json.dumps(GOOD)}])
    assert call("dead-letters", "replay", "letters.jsonl").code == 0
    assert documents(logs) == [GOOD]


@pytest.mark.parametrize("which", [["--all"], ["--reason", "too_large"]])
def test_what_is_not_there_whole_stays_dead_and_is_told(
    call: Caller, logs: EmbeddedLogs, tmp_path: Path, which: list[str]
) -> None:
    bury(logs, 1, b'{"text": "' + b"x" * LETTER_BYTES, "too_large")
    bury(logs, 2, None, "too_large")
    done = call("dead-letters", "replay", *which)
    assert done.code == 3
    assert done.err.splitlines() == [
        "documents/0/1@2026-03-01T09:29:59Z: only its beginning is kept; put the whole record into `value`",
        "documents/0/2@2026-03-01T09:29:59Z: it has no value; put one into its line of an export",
        "0 dead letters put back, 2 stay dead",
    ]
    assert documents(logs) == []

    call("dead-letters", "export", "letters.jsonl")
    rewrite(tmp_path, [line | {"value": json.dumps(GOOD)} for line in exported(tmp_path)])
    assert call("dead-letters", "replay", "letters.jsonl").code == 0
    again = call("dead-letters", "replay", *which)
    assert (again.code, again.err) == (0, "0 dead letters put back, 2 had been before\n")


def test_lines_that_name_no_letter_are_told(call: Caller, logs: EmbeddedLogs, tmp_path: Path) -> None:
    bury(logs, 1, ZONELESS)
    (tmp_path / "letters.jsonl").write_text('{torn\n\n{"letter": "documents/0/99@x", "value": "{}"}\n{"value": "{}"}\n')
    done = call("dead-letters", "replay", "letters.jsonl")
    assert done.code == 3
    assert "letters.jsonl:1: is no line of an export any more" in done.err
    assert "letters.jsonl:4: is no line of an export any more" in done.err
    assert "documents/0/99@x: there is no such dead letter" in done.err


@pytest.mark.parametrize("value", ["é", "x", "/w"])
def test_a_value_that_is_no_base64_is_told(call: Caller, logs: EmbeddedLogs, tmp_path: Path, value: str) -> None:
    bury(logs, 1, ZONELESS)
    rewrite(tmp_path, [{"letter": "x", "value_base64": value}])
    done = call("dead-letters", "replay", "letters.jsonl")
    assert done.code == 3
    assert "letters.jsonl:1: is no line of an export any more" in done.err


@pytest.mark.parametrize("arguments", [[], ["--all", "--reason", "future"], ["letters.jsonl", "--all"]])
def test_a_replay_says_which_letters(call: Caller, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "letters.jsonl").touch()
    done = call("dead-letters", "replay", *arguments)
    assert done.code == 2
    assert "name a FILE of repaired letters, or --reason REASON, or --all" in done.err
