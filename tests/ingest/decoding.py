import json
from typing import Any

import pytest

from ingest.deadletters import REASONS
from ingest.decode import BadDocument, Decoder, FieldMapping, Limits
from ingest.document import Document
from ingest.instants import MINUTE, SECOND
from ingest.logs import Record

PUBLISHED = 1_772_357_400 * SECOND  # 2026-03-01T09:30:00Z
BOUND = 2 * MINUTE
GOOD = {
    "id": "a1",
    "source": "wire",
    "published_at": "2026-03-01T09:30:00Z",
    "text": "Northwind Bank halts withdrawals",
}


def decoder(mapping: FieldMapping | None = None, limits: Limits | None = None, **how: Any) -> Decoder:
    return Decoder(mapping, limits, bound_us=BOUND, **how)


def record(value: bytes | dict[str, Any] | None, appended_at: int = PUBLISHED + SECOND) -> Record:
    return Record(7, appended_at, b"key", json.dumps(value).encode() if isinstance(value, dict) else value)


def read(value: bytes | dict[str, Any], using: Decoder | None = None) -> Document:
    return (using or decoder()).decode(record(value))


def refusal(value: bytes | dict[str, Any] | None, using: Decoder | None = None) -> tuple[str, str]:
    with pytest.raises(BadDocument) as bad:
        (using or decoder()).decode(record(value))
    assert bad.value.reason in REASONS
    return bad.value.reason, bad.value.sentence
