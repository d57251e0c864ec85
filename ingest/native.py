"""The native format: a document as it is written in a documents log, in JSON and UTF-8.

`docs/document.schema.json` says it for machines.
Unknown keys are ignored, null means absent. Other formats are read through a `FieldMapping` (`ingest.decode`).
"""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

_WITH_WORDS = [{"required": ["text"]}, {"required": ["title"]}, {"required": ["body"]}]


_Name = Annotated[str, Meta(max_length=256)]
LONGEST_ID = 512  # characters, or digits


class NamedEntity(Struct, frozen=True):
    """An entity given as an object; keys beside `name` are ignored."""

    name: _Name


class NativeDocument(Struct, frozen=True, omit_defaults=True):
    """One text as its publisher gives it, before cleaning."""

    id: Annotated[str, Meta(min_length=1, max_length=LONGEST_ID, description="Names the text in alerts.")] | int
    source: Annotated[str, Meta(min_length=1, max_length=256, description="Who published it: a stable short name.")]
    published_at: Annotated[
        datetime, Meta(tz=True, description="RFC 3339 with its zone. Of a bare date: the start of that day.")
    ]
    text: Annotated[str, Meta(description="The whole text. With it, title and body are not read.")] | None = None
    title: Annotated[str, Meta(description="The headline, where it is kept apart from the body.")] | None = None
    body: str | None = None
    lang: (
        Annotated[str, Meta(max_length=64, description="`en-US`, `zh` and the like. Absent: told by the script.")]
        | None
    ) = None
    url: Annotated[str, Meta(max_length=4096)] | None = None
    kind: Literal["news", "comment"] | None = None
    entities: (
        Annotated[tuple[_Name | NamedEntity, ...], Meta(max_length=1000, description="Whom it is about.")] | None
    ) = None
    author: Annotated[str, Meta(max_length=512)] | None = None
    published_precision: (
        Annotated[Literal["day", "minute", "second"], Meta(description="`day`: only the date is known.")] | None
    ) = None


def document_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a native document."""
    (_,), components = msgspec.json.schema_components((NativeDocument,), ref_template="#/$defs/{name}")
    schema = components.pop("NativeDocument")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A document for Bellwether",
        "description": "One text. Unknown keys are ignored; null means absent.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
        "anyOf": _WITH_WORDS,
        "$defs": components,
    }
