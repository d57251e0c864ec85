"""Canaries: documents of our own that go the whole way with the others, so that it is known to be open.

They are recognised by their source, which is reserved, are scored like any text, and count nowhere: the range that they
are in only says when the newest of them was published.
"""

from collections.abc import Mapping

import msgspec

from ingest.decode import FieldMapping
from ingest.instants import rfc3339

SOURCE = "bellwether.canary"
_TEXTS = ("text", "title", "body")


def canary_keys(mapping: FieldMapping) -> dict[str, str]:
    """Under which key of an input each field of a canary goes. Raises `ValueError` saying why it cannot."""
    keys = mapping.keys
    words = next((field for field in _TEXTS if field in keys), "text")
    placed = {field: keys.get(field, "") for field in ("id", "source", "published_at", words)}
    if placed["id"] == "=hash":
        del placed["id"]
    for field, key in placed.items():
        if not key or key.startswith("="):
            raise ValueError(f"its {field} is not read from a key")
        if "." in key:
            raise ValueError(f"its {field} is read from a path, {key}")
    return placed


def canary(keys: Mapping[str, str], now: int) -> bytes:
    """The canary of the instant `now` as a record of an input with these `keys`. No two are scored as copies."""
    at = rfc3339(now)
    values = {"id": f"canary-{at}", "source": SOURCE, "published_at": at}
    words = f"A text of Bellwether's own, published at {at} to see that texts come through."
    return msgspec.json.encode({key: values.get(field, words) for field, key in keys.items()})
