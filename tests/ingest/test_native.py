import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ingest.decode import BadDocument, Decoder
from ingest.logs import Record
from ingest.native import document_schema

COMMITTED = Path(__file__).parents[2] / "docs" / "document.schema.json"
GOOD = {"id": "a", "source": "s", "published_at": "2026-03-01T09:30:00Z", "text": "t"}


def test_the_committed_schema_is_the_one_in_the_code() -> None:
    assert json.loads(COMMITTED.read_text("utf-8")) == document_schema(), (
        "run: bellwether schema --out docs/document.schema.json"
    )


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(document_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"id": 2**63}, {"id": 10**30},
        {}, {"id": 5}, {"id": None}, {"id": ""}, {"id": 1.5}, {"id": "x" * 600}, {"source": 5}, {"text": None, "body": "b"},
        {"text": 5}, {"kind": "news"}, {"kind": "tweet"}, {"lang": None}, {"lang": 1}, {"entities": []}, {"entities": ["a"]},
        {"entities": [{"name": "a", "x": 1}]}, {"entities": [{"x": 1}]}, {"entities": "a"}, {"entities": ["e" * 300]},
        {"published_at": 5}, {"published_at": None}, {"published_precision": "day"}, {"published_precision": "week"},
        {"unknown": [1]}, {"url": "u" * 5000}, {"author": ["a"]},
    ],
)  # fmt: skip
def test_schema_and_decoder_agree(change: dict[str, Any]) -> None:
    given = GOOD | change
    fits = jsonschema.Draft202012Validator(document_schema()).is_valid(given)
    try:
        Decoder(bound_us=0, replay=True).decode(Record(0, 0, None, json.dumps(given).encode()))
    except BadDocument:
        assert not fits
    else:
        assert fits
