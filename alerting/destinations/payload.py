"""What a webhook receives: docs/webhook.md describes it, docs/webhook.schema.json is `payload_schema()`."""

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, json

from alerting.alerts import Alert
from alerting.destinations.answers import Matter
from alerting.destinations.digest import Digest
from alerting.notices import Notice


class Payload(Struct, frozen=True):
    """The body of a webhook's request: one of the three. Receivers ignore what they do not know: more may come."""

    version: Literal["1"]
    alert: Alert | UnsetType = UNSET
    notice: Notice | UnsetType = UNSET
    digest: Digest | UnsetType = UNSET


_encoder = json.Encoder()


def payload(matter: Matter) -> bytes:
    """The body, as UTF-8 JSON. The same matter gives the same bytes."""
    match matter:
        case Alert():
            return _encoder.encode(Payload("1", alert=matter))
        case Notice():
            return _encoder.encode(Payload("1", notice=matter))
        case Digest():
            return _encoder.encode(Payload("1", digest=matter))


def payload_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the body."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Bellwether webhook"}
    whole: dict[str, Any] = json.decode(json.encode(dialect | json.schema(Payload)))  # tuples become lists
    return whole


if __name__ == "__main__":
    print(json.format(json.encode(payload_schema()), indent=2).decode())
