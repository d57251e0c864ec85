import json
import logging
import ssl
import subprocess
import sys
from email.utils import format_datetime
from pathlib import Path

import jsonschema
import pytest
import trustme
from pydantic import SecretStr

from alerting.destinations.answers import Away, Delivered, Refused
from alerting.destinations.payload import payload_schema
from alerting.destinations.posting import Address
from alerting.destinations.signature import signature
from alerting.destinations.webhook import Webhook
from ingest.instants import SECOND, moment
from tests.alerting.destinations import receiver
from tests.alerting.destinations.receiver import Receiver, receiving
from tests.alerting.told import OPENED, told

NOW = OPENED + 3 * SECOND


def webhook(url: str, **changes: object) -> Webhook:
    secret = changes.pop("secret", SecretStr("s3cret"))
    assert isinstance(secret, SecretStr)
    return Webhook(Address(**({"name": "desk", "url": SecretStr(url)} | changes)), secret)  # type: ignore[arg-type]


def server_tls(authority: trustme.CA, host: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    return context


def authority_file(folder: Path) -> tuple[trustme.CA, Path]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    return authority, folder / "ca.pem"


def test_the_body_is_the_documented_json_with_the_whole_alert() -> None:
    with receiving() as there:
        assert isinstance(webhook(there.url).deliver(told(), NOW), Delivered)
    body = json.loads(there.requests[0].body)
    jsonschema.validate(body, payload_schema(), cls=jsonschema.Draft202012Validator)
    assert body["version"] == "1"
    assert body["alert"]["subject"] == {"kind": "topic", "name": "liquidity_run"}
    assert body["alert"]["opened_at"] == "2026-03-01T09:30:00Z"
    assert body["alert"]["top_documents"][0]["text"] == "青禾银行门前排起长队，储户要求提款"
    assert there.requests[0].headers["Content-Type"] == "application/json"


def test_every_request_is_signed_over_its_time_and_body() -> None:
    with receiving() as there:
        webhook(there.url).deliver(told(), NOW)
    request = there.requests[0]
    assert request.headers["Bellwether-Signature"] == signature("s3cret", request.body, NOW // SECOND)


def test_a_signature_is_what_it_always_was() -> None:
    """The value was computed with openssl: `printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac key`."""
    known = "a438e398bfafc57e4396bb7fc2304422f0f768e965d073ca313cb52e22e6ad03"
    assert signature("key", b'{"a":1}', 1_700_000_000) == f"t=1700000000,v1={known}"


def test_the_idempotency_key_is_id_and_revision_and_fits_a_header_whatever_the_id() -> None:
    with receiving() as there:
        webhook(there.url).deliver(told("topic:x", 3), NOW)
        webhook(there.url).deliver(told("银行\n", 1), NOW)
    assert there.keys == ["topic:x/3", "%E9%93%B6%E8%A1%8C%0A/1"]


def test_a_bearer_token_or_a_user_in_the_address_goes_out_as_authorization() -> None:
    with receiving() as there:
        webhook(there.url, token=SecretStr("t0ken")).deliver(told(), NOW)
        webhook(there.url.replace("//", "//anna:p%40ss@")).deliver(told(), NOW)
        webhook(there.url).deliver(told(), NOW)
    sent = [request.headers.get("Authorization") for request in there.requests]
    assert sent == ["Bearer t0ken", "Basic YW5uYTpwQHNz", None]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_two_hundreds_are_a_yes(status: int) -> None:
    with receiving(status) as there:
        assert isinstance(webhook(there.url).deliver(told(), NOW), Delivered)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with receiving(status) as there:
        answer = webhook(there.url).deliver(told(), NOW)
    assert isinstance(answer, Away)
    assert (answer.reason, answer.retry_after_s) == (f"http_{status}", None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413, 422])
def test_other_four_hundreds_are_refused_for_good(status: int) -> None:
    with receiving(status) as there:
        answer = webhook(there.url).deliver(told(), NOW)
    assert isinstance(answer, Refused)
    assert answer.reason == f"http_{status}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_refused_and_nothing_goes_to_its_target(status: int) -> None:
    with receiving() as elsewhere, receiving((status, {"Location": elsewhere.url})) as there:
        answer = webhook(there.url).deliver(told(), NOW)
    assert isinstance(answer, Refused)
    assert answer.reason == "redirected"
    assert (len(there.requests), len(elsewhere.requests)) == (1, 0)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        ("0", 0.0),
        (format_datetime(moment(NOW + 90 * SECOND), usegmt=True), 90.0),
        (format_datetime(moment(NOW - 90 * SECOND), usegmt=True), 0.0),
        ("soon", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", None),
        ("-5", None),
        ("9" * 400, 999_999_999_999.0),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str, seconds: float | None) -> None:
    with receiving((503, {"Retry-After": header})) as there:
        answer = webhook(there.url).deliver(told(), NOW)
    assert isinstance(answer, Away)
    assert answer.retry_after_s == seconds


@pytest.mark.parametrize("slow", [receiver.silence, receiver.drip])
def test_a_receiver_that_hangs_or_drips_is_given_up_after_the_timeout(slow: receiver.Answer) -> None:
    with receiving(slow) as there:
        answer = webhook(there.url, timeout_s=0.3).deliver(told(), NOW)
    assert isinstance(answer, Away)
    assert answer.reason == "timeout"
    assert answer.took_s >= 0.29


def test_a_yes_counts_though_its_body_never_ends() -> None:
    with receiving(receiver.endless) as there:
        assert isinstance(webhook(there.url).deliver(told(), NOW), Delivered)


@pytest.mark.parametrize(("bad", "reason"), [(receiver.garbage, "garbage"), (receiver.torn, "broken")])
def test_an_answer_that_is_none_is_tried_again(bad: receiver.Answer, reason: str) -> None:
    with receiving(bad) as there:
        answer = webhook(there.url).deliver(told(), NOW)
    assert isinstance(answer, Away)
    assert answer.reason == reason


def test_nobody_there_is_away() -> None:
    with receiver.nobody() as port:
        answer = webhook(f"http://127.0.0.1:{port}/").deliver(told(), NOW)
    assert isinstance(answer, Away)
    assert answer.reason == "unreachable"


def test_a_host_without_address_is_away() -> None:
    answer = webhook("http://no-such-host.invalid/").deliver(told(), NOW)
    assert isinstance(answer, Away)
    assert answer.reason == "unreachable"


def test_a_host_is_found_by_its_name() -> None:
    with receiving() as there:
        assert isinstance(webhook(there.url.replace("127.0.0.1", "localhost")).deliver(told(), NOW), Delivered)


LOOKING_UP = """
import socket, threading
socket.getaddrinfo = lambda *args, **hints: {}
from tests.alerting.destinations.test_webhook import NOW, told, webhook
answer = webhook("https://hooks.example/hush", timeout_s=2).deliver(told(), NOW)
print(answer.reason, answer.sentence)
"""


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ("threading.Event().wait()", "timeout https://hooks.example/... did not answer within 2 s"),
        ("[(2, 1, 6, '', (chr(0), 443))]", "broken the connection to https://hooks.example/... broke"),
    ],
)
def test_an_odd_name_server_holds_up_or_ends_neither_the_attempt_nor_the_process(found: str, said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOOKING_UP.format(found)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )
    assert (ended.stdout, ended.stderr, ended.returncode) == (f"{said}\n", "", 0)


def test_tls_with_a_known_authority_is_delivered(tmp_path: Path) -> None:
    authority, file = authority_file(tmp_path)
    with receiving(tls=server_tls(authority)) as there:
        assert isinstance(webhook(there.url, ca_file=file).deliver(told(), NOW), Delivered)


@pytest.mark.parametrize("wrong", ["unknown authority", "another host"])
def test_a_wrong_certificate_gets_no_alert(tmp_path: Path, wrong: str) -> None:
    authority, file = authority_file(tmp_path)
    issuer, host = (trustme.CA(), "127.0.0.1") if wrong == "unknown authority" else (authority, "elsewhere.example")
    with receiving(tls=server_tls(issuer, host)) as there:
        answer = webhook(there.url, ca_file=file).deliver(told(), NOW)
    assert isinstance(answer, Away)
    assert answer.reason == "certificate"
    assert there.requests == []


def test_the_authorities_of_the_system_do_not_know_a_home_made_one(tmp_path: Path) -> None:
    authority, _ = authority_file(tmp_path)
    with receiving(tls=server_tls(authority)) as there:
        answer = webhook(there.url).deliver(told(), NOW)
    assert isinstance(answer, Away)
    assert answer.reason == "certificate"


def test_plain_http_behind_an_https_address_is_away() -> None:
    with receiving() as there:
        answer = webhook(there.url.replace("http:", "https:")).deliver(told(), NOW)
    assert isinstance(answer, Away)
    assert answer.reason == "tls"


def test_a_proxy_is_used_when_set_and_never_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as there, receiving() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        webhook(there.url).deliver(told(), NOW)
        assert (len(there.requests), len(proxy.requests)) == (1, 0)
        webhook("http://hooks.example/x", proxy=SecretStr(proxy.url)).deliver(told(), NOW)
        assert proxy.requests[0].path == "http://hooks.example/x"


def secret_answers(there: Receiver, folder: Path) -> list[str]:
    """Everything a webhook with secrets everywhere says of itself, of each thing that can go wrong."""
    url = there.url.replace("//", "//hush-user:hush-password@") + "/hush-path?token=hush-query"
    answers: list[receiver.Answer] = [200, 400, 302, 503, receiver.garbage, receiver.torn, receiver.silence]
    there.answers.extend(answers)
    address = Address("desk", SecretStr(url), timeout_s=0.3)
    destination = Webhook(address, SecretStr("hush-secret"))
    said = [repr(address), repr(destination)]
    said += [repr(destination.deliver(told(), NOW)) for _ in answers]
    said.append(repr(webhook(url.replace("http:", "https:")).deliver(told(), NOW)))
    with receiver.nobody() as port:
        down = f"http://127.0.0.1:{port}/hush-path"
        said.append(repr(webhook(down, token=SecretStr("hush-token")).deliver(told(), NOW)))
        away = webhook("http://hooks.example/hush-path", proxy=SecretStr(f"http://hush-user:hush@127.0.0.1:{port}"))
        said.append(repr(away.deliver(told(), NOW)))
    wrong: list[dict[str, object]] = [
        {"url": "ftp://hush"},
        {"url": "https://hush\x00"},
        {"token": SecretStr("hush\n")},
        {"url": url, "token": SecretStr("hush")},
        {"proxy": SecretStr("hush")},
    ]
    for changes in wrong:
        with pytest.raises(ValueError, match="desk") as caught:
            webhook(**({"url": "https://hooks.example"} | changes))  # type: ignore[arg-type]
        said.append(str(caught.value))
    return said


def test_nothing_secret_is_ever_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with receiving() as there:
        said = secret_answers(there, tmp_path)
    assert [sentence for sentence in [*said, caplog.text] if "hush" in sentence] == []
    assert f"127.0.0.1:{there.server_port}" in said[1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"url": "hooks.example/x"}, "must begin with https://"),
        ({"url": "file:///etc/passwd"}, "must begin with https://"),
        ({"url": "https://"}, "must begin with https://"),
        ({"url": "http://xn--a/"}, "must begin with https://"),
        ({"url": "https://hooks.example:99999/x"}, "port in the address of desk must be at most 65535"),
        ({"proxy": SecretStr("http://proxy.example:65536")}, "port in the proxy of desk must be at most 65535"),
        ({"secret": SecretStr("")}, "empty secret"),
        ({"token": SecretStr("")}, "printable ASCII"),
        ({"token": SecretStr("a b")}, "printable ASCII"),
        ({"ca_file": Path("no/such.pem")}, "cannot be read as PEM"),
        ({"timeout_s": 0}, "timeout"),
        ({"timeout_s": 5.5}, "timeout"),
    ],
)
def test_settings_that_cannot_work_are_said_at_the_start(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        webhook(**({"url": "https://hooks.example"} | changes))  # type: ignore[arg-type]
