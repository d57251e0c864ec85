"""The webhook page says what a webhook receives: its example, its schema and its code are tried."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest
from msgspec import json as msgspec_json
from pydantic import SecretStr

from alerting.destinations.backoff import Patience
from alerting.destinations.payload import Payload, payload_schema
from alerting.destinations.posting import TIMEOUT_S, Address
from alerting.destinations.webhook import Webhook
from ingest.instants import SECOND
from tests.alerting.destinations.receiver import Request, receiving
from tests.alerting.told import OPENED, told

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "webhook.md").read_text("utf-8")
SENT_AT = OPENED // SECOND


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def is_genuine() -> Callable[..., bool]:
    names: dict[str, Callable[..., bool]] = {}
    exec(block("python"), names)
    return names["is_genuine"]


@pytest.fixture(scope="module")
def request_sent() -> Request:
    with receiving() as there:
        Webhook(Address("desk", SecretStr(there.url)), SecretStr("s3cret")).deliver(told(), OPENED)
    return there.requests[0]


def test_the_schema_beside_the_page_is_the_one_of_the_code() -> None:
    """Written anew by: python -m alerting.destinations.payload > docs/webhook.schema.json."""
    assert json.loads((DOCS / "webhook.schema.json").read_text("utf-8")) == payload_schema()


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(payload_schema())


def test_the_example_is_a_whole_payload() -> None:
    jsonschema.validate(json.loads(block("json")), payload_schema(), cls=jsonschema.Draft202012Validator)
    shown = msgspec_json.decode(block("json"), type=Payload)
    assert json.loads(msgspec_json.encode(shown)) == json.loads(block("json"))


def test_what_is_sent_fits_the_schema_and_what_lacks_a_field_does_not(request_sent: Request) -> None:
    body = json.loads(request_sent.body)
    jsonschema.validate(body, payload_schema(), cls=jsonschema.Draft202012Validator)
    del body["alert"]["severity"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, payload_schema(), cls=jsonschema.Draft202012Validator)


def test_the_headers_are_those_of_the_table(request_sent: Request) -> None:
    told_of = set(re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE))
    usual = {"Host", "User-Agent", "Content-Length"}
    assert set(request_sent.headers) - usual == told_of - {"Authorization"}


def test_the_code_takes_what_was_sent(request_sent: Request) -> None:
    check, header = is_genuine(), request_sent.headers["Bellwether-Signature"]
    assert check("s3cret", header, request_sent.body, SENT_AT + 299)


@pytest.mark.parametrize(
    "change",
    [
        {"secret": "another"},
        {"body": b"{}"},
        {"now": SENT_AT + 301},
        {"now": SENT_AT - 301},
        {"header": f"t={SENT_AT}"},
        {"header": f"t={SENT_AT},v1="},
        {"header": f"t={SENT_AT},v1=\xe9"},
        {"header": "v1=00"},
        {"header": "t=soon,v1=00"},
        {"header": ""},
        {"header": ",,=,t"},
    ],
)
def test_the_code_takes_nothing_else(request_sent: Request, change: dict[str, object]) -> None:
    sent: dict[str, object] = {
        "secret": "s3cret",
        "header": request_sent.headers["Bellwether-Signature"],
        "body": request_sent.body,
        "now": SENT_AT,
    }
    assert is_genuine()(**sent)
    assert not is_genuine()(**(sent | change))


def test_a_signature_for_another_moment_cannot_be_made_of_an_old_one(request_sent: Request) -> None:
    header = request_sent.headers["Bellwether-Signature"].replace(str(SENT_AT), str(SENT_AT + 600))
    assert not is_genuine()("s3cret", header, request_sent.body, SENT_AT + 600)


def test_the_waits_are_those_of_the_code() -> None:
    page, patience = " ".join(PAGE.split()), Patience()
    in_words = {60: "a minute", 3600: "an hour"}
    assert f"none within {TIMEOUT_S:g} seconds," in page
    assert f"at most {patience.base_s:g} second at first, twice that with each further failure," in page
    assert f"never more than {in_words[patience.longest_s]};" in page
    assert f"as long as `Retry-After` asks, up to {in_words[patience.longest_retry_after_s]}." in page
