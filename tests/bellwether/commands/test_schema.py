import json
from pathlib import Path

from ingest.native import document_schema
from tests.bellwether.commands.calls import Caller


def test_the_schema_is_printed(call: Caller) -> None:
    assert json.loads(call("schema").out) == document_schema()


def test_the_schema_is_written(call: Caller, tmp_path: Path) -> None:
    assert call("schema", "--out", "s.json").code == 0
    assert json.loads((tmp_path / "s.json").read_text("utf-8")) == document_schema()


def test_a_place_that_cannot_be_written_is_one_sentence(call: Caller) -> None:
    done = call("schema", "--out", "nowhere/s.json")
    assert done.code == 1
    assert "nowhere/s.json cannot be written: No such file" in done.err
